/*
 * Init's one client: what it is told, in order and without loss, however slowly it reads.
 */
#ifndef HATCHERY_CLIENT_H
#define HATCHERY_CLIENT_H

#include <stdbool.h>

#include "../wire/codec.generated.h"
#include "fault.h"

/* The connection; -1: none. Requests are read only while `client_writable()`. */
extern int client_socket;

/* Takes over a connected socket; the earlier one is closed. The table and exits not yet acknowledged are told again. */
void client_take(int socket);
void client_drop(void);

/* Sends, or keeps it (with duplicates of its descriptors) until the socket takes it. */
void client_tell(const struct wire_message *message);
void client_tell_fault(uint32_t request, const struct fault *fault);

/* Nothing is kept: another request may be read. */
bool client_writable(void);

/* Sends what is kept, then each execution and each exit that this client has not been told, and what its writes have come
   to. Call after every event. */
void client_flush(void);

#endif
