/*
 * The one message that init is busy with, whoever sent it.
 */
#ifndef HATCHERY_INBOX_H
#define HATCHERY_INBOX_H

#include "../wire/codec.generated.h"
#include "fault.h"

enum inbox { INBOX_EMPTY, INBOX_MESSAGE, INBOX_NONSENSE, INBOX_CLOSED };

/* NONSENSE fills in the fault; the connection stays usable, since datagrams keep their bounds. What a message points to
   lasts until inbox_clear(). */
enum inbox inbox_receive(int socket, struct wire_message *message, struct fault *fault);

/* A descriptor that came with the message is somebody else's from now on; -1: nothing. */
void inbox_give(int descriptor);

/* Closes the descriptors that nobody took over, after MESSAGE and NONSENSE. */
void inbox_clear(void);

#endif
