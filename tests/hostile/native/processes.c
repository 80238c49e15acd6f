/* P01 to P04: acts against the sandbox's own PID 1, which holds the descriptors that drive it. */
#include "missing-defs.h"
#include "sp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

/* P01. The probe's child ends right after the attach: on a peer this froze init with a lost exit. */
static struct outcome attach_init(const void *argument) {
  long request = *(const int *)argument;
  return syscall(SYS_ptrace, request, 1, 0, 0) < 0 ? refused("ptrace") : harm("attached to init");
}

static int run_ptrace_init(int argc, char **argv) {
  (void)argc, (void)argv;
  static const int attach = PTRACE_ATTACH, seize = PTRACE_SEIZE;
  attempt("attach", attach_init, &attach);
  attempt("seize", attach_init, &seize);
  return 0;
}

/* P02. */
static struct outcome steal_fd(const void *argument) {
  int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
  if (pidfd < 0) return refused("pidfd_open");
  int stolen = (int)syscall(SYS_pidfd_getfd, pidfd, *(const int *)argument, 0);
  return stolen < 0 ? refused("pidfd_getfd") : harm("took descriptor %d of init", *(const int *)argument);
}

static int run_steal_fd(int argc, char **argv) {
  (void)argc, (void)argv;
  for (int fd = 0; fd < 16; fd++) {
    char name[32];
    snprintf(name, sizeof name, "init-fd-%d", fd);
    attempt(name, steal_fd, &fd);
  }
  return 0;
}

/* P03. */
static struct outcome open_path(const void *argument) {
  const char *path = argument;
  int flags = strcmp(path, "/proc/1/mem") == 0 ? O_RDWR : O_RDONLY;
  return open(path, flags) < 0 ? refused("open") : harm("opened %s", path);
}

static struct outcome read_memory(const void *argument) {
  int writing = argument != NULL;
  char bytes[16];
  struct iovec here = {bytes, sizeof bytes}, there = {(void *)0x400000, sizeof bytes};
  ssize_t size = writing ? process_vm_writev(1, &here, 1, &there, 1, 0) : process_vm_readv(1, &here, 1, &there, 1, 0);
  return size < 0 ? refused(writing ? "process_vm_writev" : "process_vm_readv") : harm("moved %zd bytes", size);
}

static struct outcome kill_init(const void *argument) {
  /* From inside its namespace, PID 1 takes only signals that it handles: the call may succeed, init must live. */
  return kill(1, *(const int *)argument) < 0 ? refused("kill") : observed("sent", "signal %d", *(const int *)argument);
}

static struct outcome kill_init_by_pidfd(const void *argument) {
  int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
  if (pidfd < 0) return refused("pidfd_open");
  return syscall(SYS_pidfd_send_signal, pidfd, *(const int *)argument, NULL, 0) < 0 ? refused("pidfd_send_signal") : observed("sent", "%s", "");
}

/* The uid of init is that of the sandbox's root, which is all that prlimit asks for. */
static struct outcome limit_init(const void *argument) {
  struct rlimit none = {0, 0};
  return prlimit(1, (enum __rlimit_resource)(*(const int *)argument), &none, NULL) < 0 ? refused("prlimit") : harm("took a resource from init");
}

static int run_limit_init(int argc, char **argv) {
  (void)argc, (void)argv;
  static const int files = RLIMIT_NOFILE, memory = RLIMIT_AS, time = RLIMIT_CPU;
  attempt("nofile", limit_init, &files);
  attempt("as", limit_init, &memory);
  attempt("cpu", limit_init, &time);
  return 0;
}

/* Asks init, the parent, to be its tracer, and stops at a signal and at an exec as a tracee does. */
static int run_trace_me(int argc, char **argv) {
  (void)argc, (void)argv;
  if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) {
    report("traceme", refused("ptrace"));
    return 0;
  }
  raise(SIGURG);
  report("traceme", observed("lives", "%s", ""));
  char *const arguments[] = {"/sp", "hostname", NULL};
  execve("/sp", arguments, NULL);
  return 1;
}

/* Orphans that stop for init as fast as it lets them go. */
static int run_trace_storm(int argc, char **argv) {
  (void)argc, (void)argv;
  for (int index = 0; index < 40; index++) {
    pid_t middle = fork();
    if (middle == 0) {
      if (fork() > 0) _exit(0);
      alarm(LIFETIME_SECONDS);
      while (getppid() != 1) usleep(1000);
      for (;;) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGURG);
      }
    }
  }
  report("trace-storm", observed("raging", "%s", ""));
  fflush(stdout);
  for (;;) pause();
}

static int run_init_memory(int argc, char **argv) {
  (void)argc, (void)argv;
  static const char *const paths[] = {"/proc/1/mem", "/proc/1/maps", "/proc/1/root/etc/passwd", "/proc/1/cwd/etc/passwd", "/proc/1/exe",
                                      "/proc/1/fd/0", "/proc/1/fd/3", "/proc/1/ns/mnt", "/proc/1/stack", "/proc/1/auxv", "/proc/1/syscall"};
  for (size_t index = 0; index < sizeof paths / sizeof paths[0]; index++) attempt(paths[index], open_path, paths[index]);
  attempt("process_vm_readv", read_memory, NULL);
  attempt("process_vm_writev", read_memory, "write");
  return 0;
}

static int run_kill_init(int argc, char **argv) {
  (void)argc, (void)argv;
  for (int number = 1; number < NSIG; number++) {
    char name[32];
    snprintf(name, sizeof name, "kill-%d", number);
    attempt(name, kill_init, &number);
    snprintf(name, sizeof name, "pidfd-%d", number);
    attempt(name, kill_init_by_pidfd, &number);
  }
  return 0;
}

/* P04: every environment and command line in sight, searched for a secret of the runner's. */
static ssize_t read_all(const char *path, char *bytes, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t total = 0;
  for (ssize_t got; total < size && (got = read(fd, bytes + total, size - total)) > 0;) total += (size_t)got;
  close(fd);
  return (ssize_t)total;
}

static int run_secrets(int argc, char **argv) {
  static char bytes[1 << 20];
  if (argc < 1) return 2;
  ssize_t size = read_all("/proc/1/environ", bytes, sizeof bytes);
  report("init-environ", size < 0 ? refused("open") : size == 0 ? observed("empty", "%s", "") : harm("%zd bytes", size));
  DIR *directory = opendir("/proc");
  if (directory == NULL) {
    report("canary", refused("opendir"));
    return 0;
  }
  struct outcome found = observed("absent", "%s", "");
  int self = (int)getpid();
  static const char *const files[] = {"environ", "cmdline"};
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    int pid = atoi(entry->d_name);
    /* Our own command line holds the canary because the test put it there. */
    for (int file = 0; pid > 0 && file < (pid == self ? 1 : 2); file++) {
      char path[64];
      snprintf(path, sizeof path, "/proc/%d/%s", pid, files[file]);
      size = read_all(path, bytes, sizeof bytes);
      if (size > 0 && memmem(bytes, (size_t)size, argv[0], strlen(argv[0])) != NULL) found = harm("found in %s", path);
    }
  }
  closedir(directory);
  report("canary", found);
  return 0;
}

/* Every process in sight, so that a test can say that no stranger is among them. */
static int run_ps(int argc, char **argv) {
  (void)argc, (void)argv;
  DIR *directory = opendir("/proc");
  if (directory == NULL) return 1;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    int pid = atoi(entry->d_name);
    if (pid <= 0) continue;
    char path[64], name[32], bytes[160] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    snprintf(name, sizeof name, "pid-%d", pid);
    ssize_t size = read_all(path, bytes, sizeof bytes - 1);
    if (size > 0) bytes[size - 1] = '\0';
    report(name, observed("is", "%s", bytes));
  }
  closedir(directory);
  return 0;
}

const struct command process_commands[] = {
    {"ptrace-init", run_ptrace_init}, {"steal-fd", run_steal_fd}, {"init-memory", run_init_memory},
    {"kill-init", run_kill_init},     {"secrets", run_secrets},   {"ps", run_ps},
    {"limit-init", run_limit_init},   {"traceme", run_trace_me},  {"trace-storm", run_trace_storm},
    {NULL, NULL},
};
