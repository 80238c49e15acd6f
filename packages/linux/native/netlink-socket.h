/* One netlink socket: requests out, acknowledgements and dumps back, within a deadline (netlink(7)). */
#ifndef HATCHERY_NETLINK_SOCKET_H
#define HATCHERY_NETLINK_SOCKET_H

#include "network-thread.h"

/* What the kernel sent beside acknowledgements; grows up to a bound. */
struct netlink_reply {
  unsigned char *bytes; /* owned */
  size_t length;
};

/* A socket of the namespace that the thread is in; -1 after network_fail. */
int netlink_open(struct network_work *work, int protocol);
/* Sends whole messages and reads until each that asks for an acknowledgement or a dump has ended. reply may be NULL. */
int netlink_exchange(struct network_work *work, int socket, const void *messages, size_t length,
                     struct netlink_reply *reply, const char *what);

#endif
