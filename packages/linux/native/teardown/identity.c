#include "identity.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "../owned.h"
#include "small-file.h"

int identity_same_boot(const struct head *head, bool *same, struct fault *fault) {
  char boot[64];
  ssize_t length = small_file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof boot);
  if (length < 0) return FAIL(fault, "read(/proc/sys/kernel/random/boot_id)");
  boot[strcspn(boot, "\n")] = '\0';
  *same = strcmp(boot, head->boot) == 0;
  return 0;
}

/* 1: it is the process that started then; 0: another one, or none. */
static int started_at(pid_t pid, uint64_t start, struct fault *fault) {
  char path[64], text[1024];
  (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
  ssize_t length = small_file_read(AT_FDCWD, path, text, sizeof text);
  if (length < 0) return errno == ENOENT || errno == ESRCH ? 0 : FAIL(fault, "read(%s)", path);
  /* The second field is a name in parentheses that may hold spaces and parentheses; no later field can. */
  const char *field = strrchr(text, ')');
  for (int number = 2; field != NULL && number < 22; number++) {
    field = strchr(field, ' ');
    if (field != NULL) field++;
  }
  if (field == NULL || *field < '0' || *field > '9') return REFUSE(fault, EINVAL, "%s has no field 22", path);
  return strtoull(field, NULL, 10) == start;
}

/* Whether `path` goes through `…/<parent>/<id>`, the last two components of the record's cgroup. */
static bool goes_through(const char *path, const char *cgroup) {
  const char *ending = path_base(cgroup) - 1;
  while (ending > cgroup && ending[-1] != '/') ending--;
  if (ending > cgroup) ending--;
  size_t length = strlen(ending);
  for (const char *at = strstr(path, ending); at != NULL; at = strstr(at + 1, ending))
    /* A dying process's cgroup may be removed already: " (deleted)". */
    if (at[length] == '\0' || at[length] == '/' || at[length] == ' ') return true;
  return false;
}

/* 1: its v2 cgroup is the record's or one below; 0: it is not. */
static int lives_in_cgroup(pid_t pid, const char *cgroup, struct fault *fault) {
  char path[64], text[16384];
  (void)snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
  ssize_t length = small_file_read(AT_FDCWD, path, text, sizeof text);
  if (length < 0) return errno == ENOENT || errno == ESRCH ? 0 : FAIL(fault, "read(%s)", path);
  char *rest, *line = strtok_r(text, "\n", &rest);
  for (; line != NULL; line = strtok_r(NULL, "\n", &rest))
    if (strncmp(line, "0::", 3) == 0) return goes_through(line + 3, cgroup);
  return REFUSE(fault, EINVAL, "%s has no line of cgroup v2", path);
}

/* While a process has not exited its pid is its own: what was read of that pid before was of it. */
static bool has_exited(int pidfd) {
  struct pollfd exit = {.fd = pidfd, .events = POLLIN};
  return poll(&exit, 1, 0) == 1;
}

int identity_open_init(const struct head *head, struct fault *fault) {
  pid_t pid = head->init_pid;
  if (pid <= 1) return -1;
  cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) {
    /* EINVAL, ENOENT: now the number of a thread of another process. */
    if (errno == ESRCH || errno == EINVAL || errno == ENOENT) return -1;
    return FAIL(fault, "pidfd_open(%d)", pid);
  }
  int same = started_at(pid, head->init_start, fault);
  if (same <= 0) return -1;
  int inside = lives_in_cgroup(pid, head->cgroup, fault);
  if (has_exited(pidfd)) {
    *fault = (struct fault){0}; /* what was found out was not about it */
    return -1;
  }
  if (inside < 0) return -1;
  if (inside == 0)
    return REFUSE(fault, EPERM, "process %d is init, started at %" PRIu64 ", but does not live in %s", pid, head->init_start, head->cgroup);
  return steal_fd(&pidfd);
}
