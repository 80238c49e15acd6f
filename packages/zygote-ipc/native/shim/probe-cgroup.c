#include "probe.h"

#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#define REMOVAL_MS 2000

/* The names of the cgroups that probes make below the given one. */
#define TARGET "probe-target"
#define CALLER "probe-caller"

static int make_cgroup(const struct probe_context *context, struct probe_result *result, const char *name) {
  if (context->cgroup_fd < 0) return probe_fail(result, 0, "no cgroup v2 directory to work in"), -1;
  if (mkdirat(context->cgroup_fd, name, 0755) < 0) return probe_fail(result, errno, "mkdir(cgroup %s)", name), -1;
  int fd = openat(context->cgroup_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) probe_fail(result, errno, "open(cgroup %s)", name);
  return fd;
}

static int write_pid(int cgroup, pid_t pid) {
  char text[16];
  (void)snprintf(text, sizeof text, "%d", pid);
  return probe_write(cgroup, "cgroup.procs", text);
}

/* A child that sleeps in the cgroup, put there by a write: these probes are about other things than clone3. */
static pid_t start_member(struct probe_result *result, int cgroup) {
  pid_t pid = probe_fork(0);
  if (pid < 0) return probe_fail(result, errno, "fork"), -1;
  if (pid == 0)
    for (;;) pause();
  if (write_pid(cgroup, pid) >= 0) return pid;
  probe_fail(result, errno, "write(cgroup.procs)");
  probe_end(pid);
  return -1;
}

/* Waits for a line of cgroup.events by the event that the kernel raises when the file changes. */
static bool wait_for_event(int cgroup, const char *line, int timeout_ms) {
  cleanup_close int events = openat(cgroup, "cgroup.events", O_RDONLY | O_CLOEXEC);
  for (;;) {
    char text[256] = "";
    if (events < 0 || pread(events, text, sizeof text - 1, 0) < 0) return false;
    if (strstr(text, line)) return true;
    struct pollfd wanted = {.fd = events, .events = POLLPRI};
    if (poll(&wanted, 1, timeout_ms) != 1) return false;
  }
}

static bool killed_by_cgroup(struct probe_result *result, int cgroup, pid_t pid) {
  if (probe_write(cgroup, "cgroup.kill", "1") < 0) return probe_fail(result, errno, "write(cgroup.kill)"), false;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFSIGNALED(status)) return probe_fail(result, 0, "a member of a killed cgroup exited by itself"), false;
  if (!wait_for_event(cgroup, "populated 0", REMOVAL_MS)) return probe_fail(result, errno, "cgroup.events never said \"populated 0\""), false;
  return true;
}

static void probe_kill(const struct probe_context *context, struct probe_result *result) {
  cleanup_close int cgroup = make_cgroup(context, result, TARGET);
  pid_t pid = cgroup < 0 ? -1 : start_member(result, cgroup);
  if (pid > 0 && killed_by_cgroup(result, cgroup, pid)) probe_pass(result, "one write killed the member, its end came as an event");
}

static void probe_freeze(const struct probe_context *context, struct probe_result *result) {
  cleanup_close int cgroup = make_cgroup(context, result, TARGET);
  pid_t pid = cgroup < 0 ? -1 : start_member(result, cgroup);
  if (pid < 0) return;
  if (probe_write(cgroup, "cgroup.freeze", "1") < 0) return probe_fail(result, errno, "write(cgroup.freeze)");
  if (!wait_for_event(cgroup, "frozen 1", REMOVAL_MS)) return probe_fail(result, errno, "cgroup.events never said \"frozen 1\"");
  if (killed_by_cgroup(result, cgroup, pid)) probe_pass(result, "a member was frozen, and killed while frozen");
}

static pid_t clone_into(int cgroup) {
  struct clone_args arguments = {.flags = CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD, .cgroup = (uint64_t)cgroup};
  return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

static void probe_clone_into(const struct probe_context *context, struct probe_result *result) {
  cleanup_close int cgroup = make_cgroup(context, result, TARGET);
  if (cgroup < 0) return;
  pid_t pid = clone_into(cgroup);
  if (pid < 0) return probe_fail(result, errno, "clone3(CLONE_INTO_CGROUP)");
  if (pid == 0)
    for (;;) pause();
  char members[64], expected[16];
  int length = probe_read(cgroup, "cgroup.procs", members, sizeof members);
  int error = errno;
  (void)snprintf(expected, sizeof expected, "%d\n", pid);
  probe_end(pid);
  if (length < 0) return probe_fail(result, error, "read(cgroup.procs)");
  if (strcmp(members, expected) != 0) return probe_fail(result, 0, "the child was not born in the cgroup");
  probe_pass(result, "a child was born in the cgroup");
}

/*
 * Kernels that remember the number of kills of a cgroup kill a child at birth when that number differs between its
 * parent's cgroup and the one it is cloned into. The parent's must be a fresh one for the answer to mean anything.
 */
static void probe_kill_count(const struct probe_context *context, struct probe_result *result) {
  cleanup_close int caller = make_cgroup(context, result, CALLER);
  cleanup_close int target = caller < 0 ? -1 : make_cgroup(context, result, TARGET);
  if (target < 0) return;
  if (write_pid(caller, getpid()) < 0) return probe_fail(result, errno, "write(cgroup.procs)");
  if (probe_write(target, "cgroup.kill", "1") < 0) return probe_fail(result, errno, "write(cgroup.kill)");
  pid_t pid = clone_into(target);
  if (pid < 0) return probe_fail(result, errno, "clone3(CLONE_INTO_CGROUP)");
  if (pid == 0) _exit(0);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) probe_pass(result, "this kernel kills a child born in a cgroup that was killed before; such cgroups are remade");
  else probe_pass(result, "a cgroup can be used again after a kill");
}

static void remove_cgroup(int parent, const char *name) {
  cleanup_close int cgroup = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (cgroup < 0) return; /* the probe did not make it */
  (void)probe_write(cgroup, "cgroup.kill", "1"); /* before Linux 5.14 there is none; the members' process group is dead already */
  (void)wait_for_event(cgroup, "populated 0", REMOVAL_MS); /* if not, rmdir fails and the runtime names the survivors */
  (void)unlinkat(parent, name, AT_REMOVEDIR);
}

void probe_remove_cgroups(const struct probe_context *context) {
  if (context->cgroup_fd < 0) return;
  remove_cgroup(context->cgroup_fd, TARGET);
  remove_cgroup(context->cgroup_fd, CALLER);
}

const struct probe cgroup_probes[] = {
    {"cgroup-kill", probe_kill}, {"cgroup-freeze", probe_freeze}, {"clone-into-cgroup", probe_clone_into}, {"cgroup-kill-count", probe_kill_count}, {NULL, NULL},
};
