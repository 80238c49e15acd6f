/* Whether a process is still the one that a record means. */
#ifndef HATCHERY_TEARDOWN_IDENTITY_H
#define HATCHERY_TEARDOWN_IDENTITY_H

#include <stdbool.h>

#include "head.h"

/* Whether the record is of this boot of the kernel: pids and start times mean nothing beyond it. */
int identity_same_boot(const struct head *head, bool *same, struct fault *fault);

/*
 * A pidfd of the record's init while it has not exited; -1 with `fault` empty: it has, and its pid may be anybody's.
 * Pid, start time and cgroup have to agree. Refused: a process with init's pid and start time in another cgroup, of
 * which nobody can say whether killing the sandbox's cgroup ends it.
 */
int identity_open_init(const struct head *head, struct fault *fault);

#endif
