/* A SEQPACKET channel and the messages that wait for room in the socket. */
#ifndef HATCHERY_CHANNEL_H
#define HATCHERY_CHANNEL_H

#include "poll-handle.h"

#define LARGEST_FD_COUNT 253 /* SCM_MAX_FD of the kernel */

struct queued_message {
  struct queued_message *next;
  size_t length;
  size_t fd_count;
  int *fds; /* owned duplicates, stored behind the struct */
  unsigned char *bytes;
};

struct channel {
  struct poll_handle handle; /* first: the two share their address */
  size_t max_bytes;
  size_t max_fds;
  unsigned char *control; /* owned */
  size_t control_bytes;
  struct queued_message *first; /* owned list */
  struct queued_message *last;
  size_t queued;
  int events;
  int broken; /* the errno that onClose will tell once everything the peer had sent is read */
};

/* send-queue.c: results are 0 or a positive errno. */
int send_now(int fd, const unsigned char *bytes, size_t length, const int *fds, size_t count);
int enqueue(struct channel *channel, const unsigned char *bytes, size_t length, const int *fds, size_t count);
/* 0: everything was sent, or the socket is full again. */
int flush_queue(struct channel *channel);
void drop_queue(struct channel *channel);

#endif
