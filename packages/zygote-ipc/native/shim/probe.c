#include "probe.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Generous: a cold machine with a slow disk answers each in a few milliseconds. */
#define DEADLINE_MS 5000

static void record(struct probe_result *result, bool ok, int error, const char *format, va_list arguments) {
  (void)vsnprintf(result->detail, sizeof result->detail, format, arguments); /* a long detail is cut */
  result->error = error;
  result->ok = ok;
  result->done = true;
}

void probe_pass(struct probe_result *result, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  record(result, true, 0, format, arguments);
  va_end(arguments);
}

void probe_fail(struct probe_result *result, int error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  record(result, false, error, format, arguments);
  va_end(arguments);
}

pid_t probe_fork(unsigned long namespaces) {
  pid_t parent = getpid();
  /* The raw call behaves like fork; its other arguments are zero, so their order per architecture does not matter. */
  pid_t pid = (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The parent may have died before prctl; in a new pid namespace it shows as 0 either way. */
    if (getppid() != parent && getppid() != 0) _exit(1);
  }
  return pid;
}

static int reap(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR) {
  }
  return status;
}

void probe_join(struct probe_result *result, pid_t pid) {
  int status = reap(pid);
  if (WIFSIGNALED(status)) return probe_fail(result, 0, "the probe's process was killed by signal %d", WTERMSIG(status));
  if (!result->done) probe_fail(result, 0, "the probe's process exited with %d and no result", WEXITSTATUS(status));
}

void probe_end(pid_t pid) {
  (void)kill(pid, SIGKILL); /* our own unreaped child: the pid cannot be anybody else's */
  (void)reap(pid);
}

int probe_write(int directory, const char *path, const char *text) {
  cleanup_close int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
  return fd < 0 ? -1 : (int)write(fd, text, strlen(text));
}

int probe_read(int directory, const char *path, char *text, size_t size) {
  cleanup_close int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);
  text[length < 0 ? 0 : length] = 0;
  return (int)length;
}

static void print_string(const char *text) {
  putchar('"');
  for (; *text; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte == '"' || byte == '\\') putchar('\\');
    if (byte < 0x20 || byte == 0x7f)
      printf("\\u%04x", byte);
    else
      putchar(byte);
  }
  putchar('"');
}

static void print_result(const char *name, const struct probe_result *result) {
  printf("{\"name\":");
  print_string(name);
  printf(",\"ok\":%s,\"errno\":%d,\"detail\":", result->ok ? "true" : "false", result->error);
  print_string(result->detail);
  printf("}\n");
  fflush(stdout);
}

static bool wait_until_deadline(pid_t pid) {
  cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) {
    /* No pidfd here, and a probe says so: a timer that interrupts waitpid does the same for this one wait. */
    (void)alarm(DEADLINE_MS / 1000);
    bool ended = waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT) == 0;
    (void)alarm(0);
    return ended;
  }
  struct pollfd wanted = {.fd = pidfd, .events = POLLIN};
  return poll(&wanted, 1, DEADLINE_MS) == 1;
}

static void run(const struct probe *probe, const struct probe_context *context, struct probe_result *result) {
  memset(result, 0, sizeof *result);
  pid_t pid = probe_fork(0);
  if (pid < 0) return probe_fail(result, errno, "fork");
  if (pid == 0) {
    (void)setpgid(0, 0); /* cannot fail for a new child; one signal then ends the whole probe */
    probe->run(context, result);
    _exit(0);
  }
  if (!wait_until_deadline(pid)) {
    (void)kill(pid, SIGKILL);
    (void)reap(pid);
    probe_fail(result, 0, "no answer within %d s", DEADLINE_MS / 1000);
  } else {
    probe_join(result, pid);
  }
  /* Its helpers, if it left any: they have our subreaper as their parent now. */
  (void)kill(-pid, SIGKILL);
  while (waitpid(-pid, NULL, __WALL) > 0 || errno == EINTR) {
  }
  probe_remove_cgroups(context);
}

static void run_table(const struct probe *table, const char *only, const struct probe_context *context, struct probe_result *result) {
  for (const struct probe *probe = table; probe->name; probe++) {
    if (only && strcmp(only, probe->name) != 0) continue;
    run(probe, context, result);
    print_result(probe->name, result);
  }
}

static void on_alarm(int signal) { (void)signal; /* its arrival interrupts waitid, that is all */ }

int probe_main(int argc, char **argv) {
  struct probe_context context = {.lower = "/usr", .data = "/", .cgroup_fd = -1};
  const char *only = NULL;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--lower") == 0) context.lower = argv[i + 1];
    else if (strcmp(argv[i], "--data") == 0) context.data = argv[i + 1];
    else if (strcmp(argv[i], "--cgroup-fd") == 0) context.cgroup_fd = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--only") == 0) only = argv[i + 1];
    else return fprintf(stderr, "probe: unknown option %s\n", argv[i]), 2;
  }
  struct sigaction interrupt = {.sa_handler = on_alarm};
  (void)sigaction(SIGALRM, &interrupt, NULL);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct probe_result *result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (result == MAP_FAILED) return perror("probe: mmap"), 1;
  const struct probe *const tables[] = {process_probes, namespace_probes, mount_probes, overlay_probes, cgroup_probes, unprivileged_probes};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) run_table(tables[i], only, &context, result);
  return 0;
}
