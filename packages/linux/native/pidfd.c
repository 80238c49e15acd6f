/* Processes by descriptor: the only name of a process that cannot come to mean another one. */
#include "addon.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define WAIT_BY_PIDFD 3 /* P_PIDFD, which libc's headers know since 2.36 only */
#define GET_USER_NAMESPACE _IO(0xFF, 9) /* PIDFD_GET_USER_NAMESPACE, Linux 6.11 */

static napi_value open_pidfd(napi_env env, napi_callback_info info) {
  napi_value value;
  int64_t pid;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_integer(env, value, "pid", INT32_MIN, INT32_MAX, &pid)) return NULL;
  long fd = syscall(SYS_pidfd_open, (pid_t)pid, 0);
  if (fd < 0) return throw_linux_error(addon, errno, "pidfd_open", "%lld", (long long)pid);
  return give_fd(addon, (int)fd);
}

static napi_value send_signal(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int pidfd;
  int64_t number;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "pidfd", &pidfd) ||
      !get_integer(env, values[1], "signal", 0, 64, &number))
    return NULL;
  if (syscall(SYS_pidfd_send_signal, pidfd, (int)number, NULL, 0) == 0) return make_boolean(env, true);
  if (errno == ESRCH) return make_boolean(env, false);
  return throw_linux_error(addon, errno, "pidfd_send_signal", "%d, %lld", pidfd, (long long)number);
}

/* undefined: nothing to reap; [true, code] or [false, signal] otherwise. */
static napi_value reap(napi_env env, napi_callback_info info) {
  napi_value value, result, exited;
  int pidfd;
  siginfo_t child;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "pidfd", &pidfd)) return NULL;
  memset(&child, 0, sizeof child);
  if (waitid((idtype_t)WAIT_BY_PIDFD, (id_t)pidfd, &child, WEXITED | WNOHANG | __WALL) < 0) {
    /* ECHILD: somebody else's child, or reaped before. */
    if (errno == ECHILD) return NULL;
    return throw_linux_error(addon, errno, "waitid", "P_PIDFD, %d, WEXITED | WNOHANG", pidfd);
  }
  if (child.si_pid == 0) return NULL;
  if (napi_create_array_with_length(env, 2, &result) != napi_ok) return NULL;
  exited = make_boolean(env, child.si_code == CLD_EXITED);
  napi_set_element(env, result, 0, exited);
  napi_set_element(env, result, 1, make_number(env, child.si_status));
  return result;
}

/* Blocks this thread: for workers only. */
static napi_value await_exit(napi_env env, napi_callback_info info) {
  napi_value value;
  struct pollfd process = {.events = POLLIN};
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "pidfd", &process.fd)) return NULL;
  while (poll(&process, 1, -1) < 0)
    if (errno != EINTR) return throw_linux_error(addon, errno, "poll", "%d, POLLIN", process.fd);
  return NULL;
}

static napi_value user_namespace_of(napi_env env, napi_callback_info info) {
  napi_value value;
  int pidfd;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "pidfd", &pidfd)) return NULL;
  int fd = ioctl(pidfd, GET_USER_NAMESPACE, 0); /* close-on-exec, as the kernel gives it */
  if (fd < 0) return throw_linux_error(addon, errno, "ioctl", "%d, PIDFD_GET_USER_NAMESPACE", pidfd);
  return give_fd(addon, fd);
}

const struct export pidfd_exports[] = {{"openPidfd", open_pidfd},
                                       {"sendSignal", send_signal},
                                       {"reap", reap},
                                       {"awaitExit", await_exit},
                                       {"userNamespaceOf", user_namespace_of},
                                       {NULL, NULL}};
