/*
 * The writes that are under way: a child of init each, in init's own cgroups, so that the sandbox is charged for what is
 * written, also while its work is frozen. PID 1 is their parent: they end with it. Nothing here waits for one.
 */
#ifndef HATCHERY_WRITES_H
#define HATCHERY_WRITES_H

#include <stdbool.h>
#include <sys/types.h>

#include "../wire/codec.generated.h"
#include "fault.h"

#define MAX_WRITES 64

/* The descriptors stay the caller's. */
int writes_start(const struct wire_write *request, struct fault *fault);

/* False: the pid was not that of a write. */
bool writes_ended(pid_t pid, int wait_status);

/* The answer to one that has ended, which is forgotten with that; false: there is none. What it points to lasts until the
   next call. */
bool writes_take_answer(struct wire_message *message);

/* Nobody waits for an answer any more. Who wrote into the pipe is gone, too, or closes it: the children end by that. */
void writes_disown(void);

#endif
