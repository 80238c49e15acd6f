/* The steps of a teardown about what runs: seeing it, ending it, and being sure. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../owned.h"
#include "deadline.h"
#include "freezer.h"
#include "identity.h"
#include "remains.h"

/* How long a killed process may take before somebody's v1 freezer is thought of. */
#define SLICE_MS 50
#define LONGEST_REMOVAL_MS 2000
/* Between tries while a cgroup is empty already but its rmdir still says EBUSY: nothing sends an event then. */
#define RETRY_MS 5

static int list_v1(const struct remains *remains, struct pid_list *list, struct fault *fault) {
  for (size_t i = 1; i < remains->cgroup_count; i++)
    if (cgroup_list(&remains->cgroups[i], list, fault) < 0) return -1;
  pid_list_sort(list);
  return 0;
}

static int list_all(const struct remains *remains, struct pid_list *list, struct fault *fault) {
  return cgroup_list(&remains->cgroups[0], list, fault) < 0 ? -1 : list_v1(remains, list, fault);
}

int look_at_what_is_alive(struct remains *remains, struct fault *fault) {
  struct pid_list *list = &remains->seen;
  if (!remains->same_boot) return 0;
  struct fault refused = {0};
  /* Before the kill: a descriptor taken later could name another process. */
  remains->init_pidfd = identity_open_init(&remains->head, &refused);
  if (refused.text[0] != '\0') return *fault = refused, -1;
  if (cgroup_list(&remains->cgroups[0], list, fault) < 0) return -1;
  pid_list_sort(list);
  size_t in_v2 = list->count;
  if (list_v1(remains, list, fault) < 0) return -1;
  remains->has_looked = true;
  remains->has_strays = list->count > in_v2;
  remains->alive->count = list->count;
  remains->alive->listed = list->count < TEARDOWN_MAX_PIDS ? list->count : TEARDOWN_MAX_PIDS;
  if (list->count > 0) memcpy(remains->alive->pids, list->pids, remains->alive->listed * sizeof *list->pids);
  return 0;
}

/* cgroup.kill takes whoever is inside, so it is looked at who is. */
static int refuse_hosts(const struct remains *remains, const struct pid_list *list, struct fault *fault) {
  if (pid_list_has(list, 1)) return REFUSE(fault, EPERM, "process 1 is in %s, which is no sandbox then", remains->head.cgroup);
  if (pid_list_has(list, getpid()) || pid_list_has(list, getppid()))
    return REFUSE(fault, EPERM, "the process that would kill it is in %s itself", remains->head.cgroup);
  return 0;
}

int kill_every_process(struct remains *remains, struct fault *fault) {
  cleanup_pids struct pid_list list = {0};
  if (!remains->same_boot) return 0;
  /* The step before has just looked; whoever comes back here looks anew. */
  if (!remains->has_looked && list_all(remains, &list, fault) < 0) return -1;
  if (refuse_hosts(remains, remains->has_looked ? &remains->seen : &list, fault) < 0) return -1;
  /* Who is in v1 is in v2 as well, unless somebody moved it by hand. */
  size_t count = remains->has_looked && !remains->has_strays ? 1 : remains->cgroup_count;
  remains->has_looked = false;
  for (size_t i = 0; i < count; i++)
    if (cgroup_kill(&remains->cgroups[i], fault) < 0) return -1;
  return 0;
}

static int fail_alive(const struct remains *remains, const char *what, struct fault *fault) {
  cleanup_pids struct pid_list list = {0};
  char text[120];
  if (list_all(remains, &list, fault) < 0) return -1;
  pid_list_text(&list, text, sizeof text);
  return REFUSE(fault, ETIMEDOUT, "%s: killed, but %s", what, text);
}

/* Somebody outside may have frozen what was killed. */
static int let_frozen_die(const struct remains *remains, struct fault *fault) {
  cleanup_pids struct pid_list list = {0};
  if (list_all(remains, &list, fault) < 0) return -1;
  return freezer_let_die(&list, fault);
}

/* 1: the event came; 0: the deadline did. */
static int wait_event(const struct remains *remains, int fd, short events, int64_t deadline_ms, struct fault *fault) {
  struct pollfd event = {.fd = fd, .events = events};
  for (;;) {
    int left = deadline_left_ms(deadline_ms);
    int ready = poll(&event, 1, left < SLICE_MS ? left : SLICE_MS);
    if (ready > 0) return 1;
    if (ready < 0 && errno != EINTR) return FAIL(fault, "poll()");
    if (ready < 0) continue;
    if (left == 0) return 0;
    if (let_frozen_die(remains, fault) < 0) return -1;
  }
}

int wait_for_init(struct remains *remains, struct fault *fault) {
  if (!remains->same_boot) return 0;
  if (remains->init_pidfd < 0) {
    struct fault refused = {0};
    remains->init_pidfd = identity_open_init(&remains->head, &refused);
    if (refused.text[0] != '\0') return *fault = refused, -1;
  }
  if (remains->init_pidfd < 0) return 0;
  int exited = wait_event(remains, remains->init_pidfd, POLLIN, remains->deadline_ms, fault);
  if (exited < 0) return -1;
  if (exited == 0) return fail_alive(remains, "init has not exited", fault);
  cleanup_close_fd(&remains->init_pidfd);
  remains->init_pidfd = -1;
  return 0;
}

/* 1: empty; 0: the deadline came. */
static int wait_unpopulated(const struct remains *remains, int64_t deadline_ms, struct fault *fault) {
  const struct cgroup *unified = &remains->cgroups[0];
  bool gone;
  cleanup_close int events = cgroup_open_events(unified, &gone, fault);
  if (gone) return 1;
  if (events < 0) return -1;
  for (;;) {
    int populated = cgroup_populated(unified, events, fault);
    if (populated <= 0) return populated < 0 ? -1 : 1;
    int changed = wait_event(remains, events, POLLPRI, deadline_ms, fault);
    if (changed <= 0) return changed;
  }
}

/* In v1 nothing tells of the last exit; who is only there was moved by hand, and is killed until none is left. */
static int drain_v1(const struct cgroup *cgroup, int64_t deadline_ms, struct fault *fault) {
  for (;;) {
    cleanup_pids struct pid_list list = {0};
    if (cgroup_list(cgroup, &list, fault) < 0) return -1;
    if (list.count == 0) return 1;
    if (deadline_left_ms(deadline_ms) == 0) return 0;
    if (cgroup_kill(cgroup, fault) < 0 || freezer_let_die(&list, fault) < 0) return -1;
    (void)poll(NULL, 0, RETRY_MS);
  }
}

static int wait_all(const struct remains *remains, int64_t deadline_ms, struct fault *fault) {
  int result = wait_unpopulated(remains, deadline_ms, fault);
  for (size_t i = 1; i < remains->cgroup_count && result == 1; i++)
    result = drain_v1(&remains->cgroups[i], deadline_ms, fault);
  return result;
}

int wait_until_empty(struct remains *remains, struct fault *fault) {
  if (!remains->same_boot) return 0;
  int empty = wait_all(remains, remains->deadline_ms, fault);
  if (empty < 0) return -1;
  return empty == 1 ? 0 : fail_alive(remains, remains->head.cgroup, fault);
}

/* 0: all are gone; 1: the kernel says EBUSY of one. v2 goes last, because killing needs it. */
static int try_remove_all(const struct remains *remains, struct fault *fault) {
  for (size_t i = remains->cgroup_count; i-- > 0;) {
    int busy = cgroup_try_remove(&remains->cgroups[i], fault);
    if (busy != 0) return busy;
  }
  return 0;
}

static int fail_busy(const struct remains *remains, struct fault *fault) {
  cleanup_pids struct pid_list list = {0};
  char text[120];
  if (list_all(remains, &list, fault) < 0) return -1;
  pid_list_text(&list, text, sizeof text);
  const char *why = remains->same_boot ? "killed, but" : "of another boot, so not killed:";
  return REFUSE(fault, EBUSY, "rmdir(%s): %s %s", remains->head.cgroup, why, text);
}

int remove_cgroups(struct remains *remains, struct fault *fault) {
  int64_t deadline_ms = deadline_earlier(remains->deadline_ms, clock_now_ms() + LONGEST_REMOVAL_MS);
  for (;;) {
    int busy = try_remove_all(remains, fault);
    if (busy <= 0) return busy;
    /* Who lives in a cgroup of another boot's name was not started by this sandbox. */
    if (!remains->same_boot) return fail_busy(remains, fault);
    if (kill_every_process(remains, fault) < 0 || wait_all(remains, deadline_ms, fault) < 0) return -1;
    busy = try_remove_all(remains, fault);
    if (busy <= 0) return busy;
    if (deadline_left_ms(deadline_ms) == 0) return fail_busy(remains, fault);
    (void)poll(NULL, 0, RETRY_MS);
  }
}
