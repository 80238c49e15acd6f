/* The cgroups of one sandbox by descriptor: who is in them, killing them, waiting until they are empty, removing them. */
#ifndef HATCHERY_TEARDOWN_CGROUP_H
#define HATCHERY_TEARDOWN_CGROUP_H

#include <stdbool.h>

#include "pid-list.h"

enum hierarchy { HIERARCHY_V2, HIERARCHY_V1 };

struct cgroup {
  const char *path; /* for messages */
  enum hierarchy hierarchy;
  int parent, directory; /* owned; -1: it is gone */
};

/* Fine when it is not there. Refused: a path that is on no cgroup filesystem of that kind, or is its root. */
int cgroup_open(struct cgroup *cgroup, const char *path, enum hierarchy hierarchy, struct fault *fault);
void cgroup_close(struct cgroup *cgroup);

/* Adds the processes of the whole tree. A read that fails is a fault, never an empty list. */
int cgroup_list(const struct cgroup *cgroup, struct pid_list *list, struct fault *fault);

/* SIGKILL to all: in v2 by cgroup.kill, in v1, which has none, to each member by a descriptor that names it for good. */
int cgroup_kill(const struct cgroup *cgroup, struct fault *fault);

/* 1: processes are in it, 0: none, or it is gone. `events` (v2 only) is cgroup.events, open since cgroup_open_events(). */
int cgroup_populated(const struct cgroup *cgroup, int events, struct fault *fault);
/* -1 without a fault set: the cgroup is gone. */
int cgroup_open_events(const struct cgroup *cgroup, bool *gone, struct fault *fault);

/* By plain rmdir, children first: 0, or 1 when the kernel says EBUSY. */
int cgroup_try_remove(const struct cgroup *cgroup, struct fault *fault);

#endif
