/* What a teardown works on: what the record says, checked, and the descriptors by which it is reached. */
#ifndef HATCHERY_TEARDOWN_REMAINS_H
#define HATCHERY_TEARDOWN_REMAINS_H

#include "cgroup.h"
#include "head.h"
#include "teardown.h"

struct remains {
  const char *directory; /* of the sandbox */
  struct head head;
  bool same_boot; /* false: nothing of it is alive */
  struct cgroup cgroups[1 + HEAD_MAX_V1]; /* owned: v2, then v1 */
  size_t cgroup_count;
  int init_pidfd; /* owned; -1: it has exited */
  struct pid_list seen; /* owned: who was alive a moment ago */
  bool has_looked, has_strays; /* strays: in a v1 cgroup alone */
  int64_t deadline_ms;
  struct teardown_alive *alive; /* of the phase `end` */
  int root_fd;                  /* of the phase `release`, owned */
  struct teardown_kept kept;
};

/* remains.c */
int remains_open(struct remains *remains, const struct teardown_request *request, struct fault *fault);
void remains_close(struct remains *remains);

/* processes.c: the steps about what runs */
int look_at_what_is_alive(struct remains *remains, struct fault *fault);
int kill_every_process(struct remains *remains, struct fault *fault);
int wait_for_init(struct remains *remains, struct fault *fault);
int wait_until_empty(struct remains *remains, struct fault *fault);
int remove_cgroups(struct remains *remains, struct fault *fault);

/* files.c: the steps about what lies around */
int let_go_of_root(struct remains *remains, struct fault *fault);
int remove_root(struct remains *remains, struct fault *fault);
int remove_directory(struct remains *remains, struct fault *fault);
int release_range(struct remains *remains, struct fault *fault);
/* Before anything is done: that what would be removed stands where only root can have put it. */
int check_files(const struct remains *remains, struct fault *fault);

#endif
