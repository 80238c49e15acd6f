#include "members.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "../owned.h"

/* Descriptors held at once. */
#define BATCH 64

static int take_member(struct pid_list *list, int64_t pid, const char *path, struct fault *fault) {
  /* The kernel prints 0 for a process outside of our pid namespace; as a pid it would mean ourselves. */
  if (pid == 0) return REFUSE(fault, EPERM, "%s holds a process that this pid namespace cannot name", path);
  return pid_list_add(list, (pid_t)pid, fault);
}

int members_list(int directory, const char *path, struct pid_list *list, struct fault *fault) {
  cleanup_close int fd = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == ENODEV ? 0 : FAIL(fault, "open(cgroup.procs of %s)", path);
  int64_t pid = -1; /* no digit yet */
  for (;;) {
    char text[4096];
    ssize_t length = read(fd, text, sizeof text);
    if (length < 0) return errno == ENODEV ? 0 : FAIL(fault, "read(cgroup.procs of %s)", path);
    if (length == 0) break;
    for (ssize_t i = 0; i < length; i++) {
      if (text[i] == '\n' && pid >= 0) {
        if (take_member(list, pid, path, fault) < 0) return -1;
        pid = -1;
      } else if (isdigit((unsigned char)text[i]) && pid < INT32_MAX / 10) {
        pid = (pid < 0 ? 0 : pid) * 10 + (text[i] - '0');
      } else {
        return REFUSE(fault, EINVAL, "cgroup.procs of %s holds something that is no pid", path);
      }
    }
  }
  return pid < 0 ? 0 : REFUSE(fault, EINVAL, "cgroup.procs of %s ends within a line", path);
}

/* The pids may have been recycled before the descriptors were taken. A process that its descriptor says is alive has its
   pid to itself: when the pid is listed after that, the process is the member. */
static int kill_batch(const struct cgroup *cgroup, const int *pidfds, const pid_t *pids, size_t count, struct fault *fault) {
  cleanup_pids struct pid_list now = {0};
  if (cgroup_list(cgroup, &now, fault) < 0) return -1;
  pid_list_sort(&now);
  for (size_t i = 0; i < count; i++) {
    if (pidfds[i] < 0 || !pid_list_has(&now, pids[i])) continue;
    if (syscall(SYS_pidfd_send_signal, pidfds[i], SIGKILL, NULL, 0) < 0 && errno != ESRCH)
      return FAIL(fault, "pidfd_send_signal(%d of %s, SIGKILL)", pids[i], cgroup->path);
  }
  return 0;
}

static int open_batch(int *pidfds, const pid_t *pids, size_t count, struct fault *fault) {
  for (size_t i = 0; i < count; i++) {
    pidfds[i] = (int)syscall(SYS_pidfd_open, pids[i], 0);
    /* ESRCH: it has ended. */
    if (pidfds[i] < 0 && errno != ESRCH) return FAIL(fault, "pidfd_open(%d)", pids[i]);
  }
  return 0;
}

int members_kill(const struct cgroup *cgroup, struct fault *fault) {
  cleanup_pids struct pid_list list = {0};
  if (cgroup_list(cgroup, &list, fault) < 0) return -1;
  for (size_t first = 0; first < list.count; first += BATCH) {
    size_t count = list.count - first < BATCH ? list.count - first : BATCH;
    int pidfds[BATCH];
    for (size_t i = 0; i < BATCH; i++) pidfds[i] = -1;
    int result = open_batch(pidfds, list.pids + first, count, fault);
    if (result == 0) result = kill_batch(cgroup, pidfds, list.pids + first, count, fault);
    for (size_t i = 0; i < count; i++) cleanup_close_fd(&pidfds[i]);
    if (result < 0) return -1;
  }
  return 0;
}
