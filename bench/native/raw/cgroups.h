/* Hierarchies found once; one directory a sandbox in v2 and in each v1 hierarchy that carries a limit. */
#pragma once
#include "failure.h"

enum { MEMORY, CPU, PIDS, CONTROLLERS };

struct cgroup_base {
  char name[64];
  int unified;                 /* owned; '<base>' in v2 */
  int parent_unified;          /* owned; what '<base>' stands in */
  int v1[CONTROLLERS];         /* owned; '<base>' in v1, -1 where v2 carries the controller */
  int parent_v1[CONTROLLERS];  /* owned */
};

struct cgroup_set {
  int unified;           /* owned */
  int v1[CONTROLLERS];   /* owned, -1 where v2 carries the controller */
};

int cgroup_base_open(struct cgroup_base *base, const char *name, struct report *report);
void cgroup_base_remove(struct cgroup_base *base);
int cgroup_make(const struct cgroup_base *base, const char *id, struct cgroup_set *set, struct report *report);
int cgroup_limit(const struct cgroup_set *set, struct report *report);
/* Of the calling thread, into v1: `tasks` costs 16 us a hierarchy where `cgroup.procs` waits for an RCU grace period on an idle machine. */
int cgroup_enter_tasks(const struct cgroup_set *set, struct report *report);
/* What OCI runtimes do: the parent writes the child's pid into cgroup.procs. */
int cgroup_attach_procs(const struct cgroup_set *set, int pid, struct report *report);
int cgroup_kill(const struct cgroup_set *set, struct report *report);
void cgroup_close(struct cgroup_set *set);
int cgroup_remove(const struct cgroup_base *base, const char *id, struct report *report);
