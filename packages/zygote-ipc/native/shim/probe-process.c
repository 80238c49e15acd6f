#include "probe.h"

#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/memfd.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "x86-64 and arm64 only"
#endif

static void probe_pidfd(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  pid_t pid = probe_fork(0);
  if (pid < 0) return probe_fail(result, errno, "fork");
  if (pid == 0)
    for (;;) pause();
  cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return probe_fail(result, errno, "pidfd_open");
  struct pollfd wanted = {.fd = pidfd, .events = POLLIN};
  if (poll(&wanted, 1, 0) != 0) return probe_fail(result, 0, "the pidfd of a living process is readable");
  if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0) return probe_fail(result, errno, "pidfd_send_signal");
  if (poll(&wanted, 1, -1) != 1) return probe_fail(result, errno, "poll(pidfd)");
  siginfo_t info;
  if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0) return probe_fail(result, errno, "waitid(P_PIDFD)");
  if (info.si_status != SIGKILL) return probe_fail(result, 0, "waitid reports %d, not SIGKILL", info.si_status);
  probe_pass(result, "open, signal, poll and wait");
}

static void probe_clone3(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  int pidfd = -1;
  struct clone_args arguments = {.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
  pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return probe_fail(result, errno, "clone3(CLONE_PIDFD | CLONE_CLEAR_SIGHAND)");
  if (pid == 0) _exit(0);
  cleanup_close int owned = pidfd;
  siginfo_t info;
  if (waitid(P_PIDFD, (id_t)owned, &info, WEXITED) < 0) return probe_fail(result, errno, "waitid(P_PIDFD)");
  probe_pass(result, "a child with its pidfd");
}

static int sealed_copy_of_self(struct probe_result *result) {
  cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat size;
  if (self < 0 || fstat(self, &size) < 0) return probe_fail(result, errno, "open(/proc/self/exe)"), -1;
  cleanup_close int copy = memfd_create("hatchery-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (copy < 0 && errno == EINVAL) copy = memfd_create("hatchery-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING); /* before Linux 6.3 */
  if (copy < 0) return probe_fail(result, errno, "memfd_create(MFD_ALLOW_SEALING | MFD_EXEC)"), -1;
  for (off_t done = 0; done < size.st_size;)
    if (sendfile(copy, self, &done, (size_t)(size.st_size - done)) <= 0) return probe_fail(result, errno, "sendfile(shim to memfd)"), -1;
  if (fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
    return probe_fail(result, errno, "fcntl(memfd, F_ADD_SEALS)"), -1;
  return steal_fd(&copy);
}

static void probe_memfd_exec(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  cleanup_close int copy = sealed_copy_of_self(result);
  if (copy < 0) return;
  if (write(copy, "x", 1) >= 0 || errno != EPERM) return probe_fail(result, 0, "a sealed memfd could be written");
  pid_t pid = probe_fork(0);
  if (pid < 0) return probe_fail(result, errno, "fork");
  if (pid == 0) {
    /* A name that no probe has: the executed copy starts, finds nothing to do and exits with 0. */
    char *const argv[] = {"hatchery-shim", "probe", "--only", "-", NULL};
    char *const environment[] = {NULL};
    (void)syscall(SYS_execveat, copy, "", argv, environment, AT_EMPTY_PATH);
    probe_fail(result, errno, "execveat(sealed memfd)");
    _exit(1);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (result->done) return;
  if (status != 0) return probe_fail(result, 0, "the executed memfd ended with wait status %d", status);
  probe_pass(result, "a sealed copy of the shim was executed");
}

#if defined(__x86_64__)
/* getpid as a 32-bit program would call it: it must not get past a filter for 64-bit numbers. */
static bool foreign_call_is_killed(void) {
  pid_t pid = probe_fork(0);
  if (pid == 0) {
    long number = 20;
    __asm__ volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
    _exit(0);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status);
}
#else
static bool foreign_call_is_killed(void) { return true; } /* 32-bit entry needs a 32-bit program there */
#endif

static void probe_seccomp(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getpriority, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EUCLEAN),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
  (void)prctl(PR_SET_DUMPABLE, 0); /* the kill below is wanted, a core file is not */
  /* Without no_new_privs, as init does it: that takes CAP_SYS_ADMIN. */
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0) return probe_fail(result, errno, "seccomp(SECCOMP_SET_MODE_FILTER)");
  errno = 0;
  (void)getpriority(PRIO_PROCESS, 0);
  if (errno != EUCLEAN) return probe_fail(result, 0, "a filtered call was not refused");
  if (!foreign_call_is_killed()) return probe_fail(result, 0, "a 32-bit system call got past the filter");
  probe_pass(result, "a filter refuses calls and kills foreign architectures");
}

static void probe_openat2(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  cleanup_close int root = probe_detached(result, "tmpfs", NULL, 0);
  if (root < 0) return;
  if (mkdirat(root, "etc", 0755) < 0 || symlinkat("/../etc/inside", root, "link") < 0) return probe_fail(result, errno, "symlink in a tmpfs");
  cleanup_close int inside = openat(root, "etc/inside", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (inside < 0) return probe_fail(result, errno, "create in a tmpfs");
  cleanup_close int found = sys_openat2(root, "link", O_RDONLY, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  if (found < 0) return probe_fail(result, errno, "openat2(link to /../etc/inside, RESOLVE_IN_ROOT)");
  struct stat wanted, got;
  if (fstat(inside, &wanted) < 0 || fstat(found, &got) < 0) return probe_fail(result, errno, "fstat");
  if (wanted.st_dev != got.st_dev || wanted.st_ino != got.st_ino) return probe_fail(result, 0, "an absolute link led out of the root");
  probe_pass(result, "absolute links and .. stay inside a root");
}

static void probe_close_range(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  cleanup_close int fd = dup(0);
  if (fd < 0) return probe_fail(result, errno, "dup");
  if (sys_close_range((unsigned)fd, ~0u, CLOSE_RANGE_CLOEXEC) < 0) return probe_fail(result, errno, "close_range(CLOSE_RANGE_CLOEXEC)");
  if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC)) return probe_fail(result, 0, "close_range left a descriptor inheritable");
  probe_pass(result, "descriptors are marked close-on-exec in one call");
}

const struct probe process_probes[] = {
    {"clone3", probe_clone3},   {"pidfd", probe_pidfd},             {"memfd-exec", probe_memfd_exec}, {"seccomp", probe_seccomp},
    {"openat2", probe_openat2}, {"close-range", probe_close_range}, {NULL, NULL},
};
