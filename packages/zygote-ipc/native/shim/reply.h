/*
 * Encoded messages on their way out.
 */
#ifndef HATCHERY_REPLY_H
#define HATCHERY_REPLY_H

#include <stdbool.h>

#include "../wire/codec.generated.h"
#include "fault.h"

/* 0, or -1 with errno: EAGAIN when `wait` is false and the socket is full. Descriptors stay the caller's. */
int reply_send(int socket, const struct wire_message *message, bool wait);

/* The fault as a `failed` message that points into it. */
struct wire_message reply_failed(uint32_t request, const struct fault *fault);

#endif
