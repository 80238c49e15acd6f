/*
 * A terminal of the sandbox's own, for one execution.
 */
#ifndef HATCHERY_TERMINAL_H
#define HATCHERY_TERMINAL_H

#include <stdint.h>
#include <sys/types.h>

#include "fault.h"

/* From the sandbox's devpts, so that it has a name inside (`tty` says /dev/pts/0; a host's would have none). Both
   descriptors are the caller's; the master is non-blocking. */
int terminal_open(uid_t owner, uint16_t columns, uint16_t rows, int *master, int *slave, struct fault *fault);

#endif
