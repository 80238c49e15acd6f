/* cgroup v1's freezer, which somebody outside may have used: a process held by it ignores SIGKILL until it is thawed. */
#ifndef HATCHERY_TEARDOWN_FREEZER_H
#define HATCHERY_TEARDOWN_FREEZER_H

#include "pid-list.h"

/* Moves those processes that a v1 freezer holds, and that have been killed already, to the nearest thawed cgroup above:
   they die there without running an instruction. Nobody else is thawed. */
int freezer_let_die(const struct pid_list *killed, struct fault *fault);

#endif
