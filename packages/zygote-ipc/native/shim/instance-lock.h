/* The lock of an instance, as runners take it (flock(2), given back by the kernel however its owner dies). */
#ifndef HATCHERY_INSTANCE_LOCK_H
#define HATCHERY_INSTANCE_LOCK_H

#include <sys/types.h>

#include "fault.h"

/* A descriptor that holds the lock in `instance`; -1 with *holder: somebody has it (0: who has not written its pid),
   -1 with a fault otherwise. */
int instance_lock(int instance, pid_t *holder, struct fault *fault);

#endif
