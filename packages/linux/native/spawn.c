/*
 * Starting a program that inherits nothing: no environment, no descriptor but the given ones, no
 * signal mask, no ignored signal. The memory of this process is not copied for it, so the time does
 * not grow with the heap.
 */
#include "addon.h"
#include "clone3.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SIGNALS 64         /* of the kernel; libc hides two of them from its own calls */
#define SIGNAL_SET_BYTES 8 /* the kernel's sigset, not libc's */
#define WAIT_BY_PIDFD 3    /* P_PIDFD */

/* The kernel's own struct; libc's is laid out differently and its sigaction refuses signals 32 and 33. */
struct kernel_action {
  void (*handler)(int);
  unsigned long flags;
  void *restorer;
  uint64_t mask;
};

struct plan {
  int executable;
  char **argv;
  const int *fds;
  int *parked; /* room for as many */
  size_t count;
  const char *failed_step; /* written by the child, read by the parent: they share memory */
  int error;
};

/* In the child, on shared memory: system calls only, nothing that allocates, locks or remembers. */
static int fail(struct plan *plan, const char *step) {
  plan->failed_step = step;
  plan->error = errno;
  return 127;
}

/* First up out of the way of the targets, then down: a source may itself be a target number. */
static const char *place_descriptors(struct plan *plan, int *executable) {
  int count = (int)plan->count;
  *executable = fcntl(plan->executable, F_DUPFD_CLOEXEC, count);
  if (*executable < 0) return "fcntl(F_DUPFD_CLOEXEC) of the executable";
  for (int i = 0; i < count; i++) {
    plan->parked[i] = fcntl(plan->fds[i], F_DUPFD_CLOEXEC, count);
    if (plan->parked[i] < 0) return "fcntl(F_DUPFD_CLOEXEC)";
  }
  for (int i = 0; i < count; i++)
    if (dup3(plan->parked[i], i, 0) < 0) return "dup3";
  /* Not close-on-exec but closed: the child must hold no reference while it waits in execve. */
  if (*executable > count && syscall(SYS_close_range, count, *executable - 1, 0) < 0) return "close_range";
  if (syscall(SYS_close_range, *executable + 1, ~0U, 0) < 0) return "close_range";
  return NULL;
}

static int run_child(void *data) {
  struct plan *plan = data;
  const struct kernel_action default_action = {.handler = SIG_DFL};
  char *const empty_environment[] = {NULL};
  const uint64_t no_signals = 0;
  int executable;
  /* CLONE_CLEAR_SIGHAND leaves ignored signals ignored, and Node ignores SIGPIPE. */
  for (int number = 1; number <= SIGNALS; number++)
    if (number != SIGKILL && number != SIGSTOP &&
        syscall(SYS_rt_sigaction, number, &default_action, NULL, SIGNAL_SET_BYTES) < 0)
      return fail(plan, "rt_sigaction");
  const char *step = place_descriptors(plan, &executable);
  if (step != NULL) return fail(plan, step);
  if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, SIGNAL_SET_BYTES) < 0)
    return fail(plan, "rt_sigprocmask");
  syscall(SYS_execveat, executable, "", plan->argv, empty_environment, AT_EMPTY_PATH);
  return fail(plan, "execveat");
}

/* 0 or a negative errno of clone3. */
static long start(struct plan *plan, int64_t cgroup, int *pidfd) {
  struct clone_args arguments = {.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
                                 .pidfd = (uint64_t)(uintptr_t)pidfd,
                                 .exit_signal = SIGCHLD};
  if (cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (uint64_t)cgroup;
  }
  /* A handler of this process must not run in the child, on the memory of both. The raw call: libc's
     leaves its two internal signals open. */
  const uint64_t all_signals = ~UINT64_C(0);
  uint64_t previous;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all_signals, &previous, SIGNAL_SET_BYTES);
  long pid = hatchery_clone3_vm(&arguments, sizeof arguments, run_child, plan);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &previous, NULL, SIGNAL_SET_BYTES);
  return pid;
}

static void free_strings(char ***strings) {
  if (*strings == NULL) return;
  for (char **string = *strings; *string != NULL; string++) free(*string);
  free(*strings);
}

static bool get_argv(struct addon *addon, napi_value value, char ***out) {
  __attribute__((cleanup(free_strings))) char **argv = NULL;
  uint32_t count = 0;
  if (napi_get_array_length(addon->env, value, &count) != napi_ok || count == 0) {
    throw_type_error(addon->env, "argv must be an array of at least one string");
    return false;
  }
  argv = calloc((size_t)count + 1, sizeof *argv);
  if (argv == NULL) {
    throw_linux_error(addon, ENOMEM, "calloc", "argv of %u strings", count);
    return false;
  }
  for (uint32_t i = 0; i < count; i++) {
    napi_value element;
    size_t length;
    if (napi_get_element(addon->env, value, i, &element) != napi_ok ||
        !get_c_string(addon, element, "execveat", &argv[i], &length))
      return false;
  }
  *out = argv;
  argv = NULL;
  return true;
}

static napi_value throw_failed_step(struct addon *addon, const struct plan *plan) {
  struct detail detail = {.length = 0};
  detail_format(&detail, "%d, ", plan->executable);
  detail_quote(&detail, plan->argv[0], strlen(plan->argv[0]));
  detail_format(&detail, ", %zu descriptors", plan->count);
  return throw_linux_error(addon, plan->error, plan->failed_step, "%s", detail.text);
}

/* (executableFd, argv, fds, cgroupFd or -1): [pid, pidfd]. */
static napi_value spawn_isolated(napi_env env, napi_callback_info info) {
  napi_value values[4];
  __attribute__((cleanup(free_strings))) char **argv = NULL;
  cleanup_free int *fds = NULL;
  int64_t cgroup;
  struct plan plan = {.error = 0};
  struct addon *addon = get_arguments(env, info, 4, values);
  if (addon == NULL || !get_fd(env, values[0], "executableFd", &plan.executable) ||
      !get_argv(addon, values[1], &argv) || !get_fd_list(env, values[2], "fds", &fds, &plan.count) ||
      !get_integer(env, values[3], "cgroupFd", -1, INT32_MAX, &cgroup))
    return NULL;
  cleanup_free int *parked = calloc(plan.count + 1, sizeof *parked);
  if (parked == NULL) return throw_linux_error(addon, ENOMEM, "calloc", "%zu descriptors", plan.count);
  plan.argv = argv;
  plan.fds = fds;
  plan.parked = parked;

  cleanup_close int pidfd = -1;
  long pid = start(&plan, cgroup, &pidfd);
  if (pid < 0) return throw_linux_error(addon, (int)-pid, "clone3", "CLONE_PIDFD, cgroup %lld", (long long)cgroup);
  if (plan.failed_step != NULL) {
    siginfo_t gone;
    /* It has exited, so this does not wait; without it a zombie would stay. */
    while (waitid((idtype_t)WAIT_BY_PIDFD, (id_t)pidfd, &gone, WEXITED | __WALL) < 0 && errno == EINTR) continue;
    return throw_failed_step(addon, &plan);
  }
  napi_value result;
  napi_value registered = give_fd(addon, steal_fd(&pidfd));
  if (registered == NULL || napi_create_array_with_length(env, 2, &result) != napi_ok) return NULL;
  napi_set_element(env, result, 0, make_number(env, (double)pid));
  napi_set_element(env, result, 1, registered);
  return result;
}

const struct export spawn_exports[] = {{"spawnIsolated", spawn_isolated}, {NULL, NULL}};
