#include "probe.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/socket.h>

typedef void (*check_function)(struct probe_result *result);

/* What a namespace is for must work inside it: that clone accepts the flag proves little. */
static void check_inside(struct probe_result *result, unsigned long flag, const char *name, check_function check) {
  pid_t pid = probe_fork(flag);
  if (pid < 0) return probe_fail(result, errno, "clone(%s)", name);
  if (pid == 0) {
    check(result);
    _exit(0);
  }
  probe_join(result, pid);
}

static int write_map(pid_t pid, const char *file) {
  char path[64], map[64];
  (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, file); /* fits: a pid has at most 10 digits */
  (void)snprintf(map, sizeof map, "0 %u 65536", PROBE_FIRST_ID);
  return probe_write(AT_FDCWD, path, map);
}

int probe_user_namespace(struct probe_result *result) {
  pid_t pid = probe_fork(CLONE_NEWUSER);
  if (pid < 0) return probe_fail(result, errno, "clone(CLONE_NEWUSER)"), -1;
  if (pid == 0)
    for (;;) pause();
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
  int fd = -1;
  if (write_map(pid, "uid_map") < 0) probe_fail(result, errno, "write(/proc/<child>/uid_map, \"0 %u 65536\")", PROBE_FIRST_ID);
  else if (write_map(pid, "gid_map") < 0) probe_fail(result, errno, "write(/proc/<child>/gid_map, \"0 %u 65536\")", PROBE_FIRST_ID);
  else if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) probe_fail(result, errno, "open(/proc/<child>/ns/user)");
  probe_end(pid);
  return fd;
}

static void probe_user(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  cleanup_close int namespace = probe_user_namespace(result);
  if (namespace < 0) return;
  if (setns(namespace, CLONE_NEWUSER) < 0) return probe_fail(result, errno, "setns(user namespace)");
  if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) return probe_fail(result, errno, "setresuid(0) in the user namespace");
  if (setresuid(65535, 65535, 65535) < 0) return probe_fail(result, errno, "setresuid(65535) in the user namespace");
  probe_pass(result, "65536 ids mapped, root inside is %u outside", PROBE_FIRST_ID);
}

static void check_mount(struct probe_result *result) {
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return probe_fail(result, errno, "mount(/, MS_REC | MS_PRIVATE)");
  if (mount("none", "/proc", "tmpfs", 0, "size=4k") < 0) return probe_fail(result, errno, "mount(tmpfs) in the new namespace");
  probe_pass(result, "a private tmpfs was mounted");
}

static void probe_mount(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  check_inside(result, CLONE_NEWNS, "CLONE_NEWNS", check_mount);
}

static void check_pid(struct probe_result *result) {
  if (getpid() != 1) return probe_fail(result, 0, "getpid() is %d in a new pid namespace", getpid());
  probe_pass(result, "the child is PID 1");
}

static void probe_pid(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  check_inside(result, CLONE_NEWPID, "CLONE_NEWPID", check_pid);
}

static void check_ipc(struct probe_result *result) {
  /* Goes with the namespace. */
  if (shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600) < 0 && errno != ENOSYS) return probe_fail(result, errno, "shmget in a new ipc namespace");
  probe_pass(result, "shared memory of its own");
}

static void probe_ipc(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  check_inside(result, CLONE_NEWIPC, "CLONE_NEWIPC", check_ipc);
}

static void check_uts(struct probe_result *result) {
  if (sethostname("probe", 5) < 0) return probe_fail(result, errno, "sethostname in a new uts namespace");
  probe_pass(result, "a host name of its own");
}

static void probe_uts(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  check_inside(result, CLONE_NEWUTS, "CLONE_NEWUTS", check_uts);
}

static void check_net(struct probe_result *result) {
  cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return probe_fail(result, errno, "socket(AF_INET)");
  struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  if (ioctl(fd, SIOCSIFFLAGS, &up) < 0) return probe_fail(result, errno, "ioctl(lo, SIOCSIFFLAGS, up)");
  struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(fd, (struct sockaddr *)&loopback, sizeof loopback) < 0) return probe_fail(result, errno, "bind(127.0.0.1)");
  probe_pass(result, "loopback is up, nothing else");
}

static void probe_net(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  check_inside(result, CLONE_NEWNET, "CLONE_NEWNET", check_net);
}

static void check_cgroup(struct probe_result *result) {
  char membership[4096];
  if (probe_read(AT_FDCWD, "/proc/self/cgroup", membership, sizeof membership) < 0) return probe_fail(result, errno, "read(/proc/self/cgroup)");
  for (const char *line = strtok(membership, "\n"); line; line = strtok(NULL, "\n"))
    if (strlen(line) < 2 || strcmp(line + strlen(line) - 2, ":/") != 0) return probe_fail(result, 0, "the path outside shows inside: %s", line);
  probe_pass(result, "the child sees itself at the root of every hierarchy");
}

static void probe_cgroup(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  check_inside(result, CLONE_NEWCGROUP, "CLONE_NEWCGROUP", check_cgroup);
}

const struct probe namespace_probes[] = {
    {"namespace-user", probe_user}, {"namespace-mount", probe_mount}, {"namespace-pid", probe_pid},       {"namespace-ipc", probe_ipc},
    {"namespace-uts", probe_uts},   {"namespace-net", probe_net},     {"namespace-cgroup", probe_cgroup}, {NULL, NULL},
};
