/* The processes of one cgroup directory, one by one. */
#ifndef HATCHERY_TEARDOWN_MEMBERS_H
#define HATCHERY_TEARDOWN_MEMBERS_H

#include "cgroup.h"

/* Adds those of `directory` itself. Fine when it is gone. Refused: a process that this pid namespace cannot name. */
int members_list(int directory, const char *path, struct pid_list *list, struct fault *fault);

/* SIGKILL to every process in the tree of `cgroup`. That one has ended already is fine, any other failure is a fault. */
int members_kill(const struct cgroup *cgroup, struct fault *fault);

#endif
