/* See network-thread.h. */
#include "network-thread.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>

int network_fail(struct network_work *work, const char *syscall, const char *format, ...) {
  int error = errno;
  if (work->error != 0) return -1;
  va_list arguments;
  work->error = error;
  (void)snprintf(work->syscall, sizeof work->syscall, "%s", syscall);
  va_start(arguments, format);
  (void)vsnprintf(work->detail, sizeof work->detail, format, arguments);
  va_end(arguments);
  return -1;
}

static void thread_main(void *data) {
  struct network_work *work = data;
  if (work->netns >= 0 && setns(work->netns, CLONE_NEWNET) != 0)
    network_fail(work, "setns", "%d, CLONE_NEWNET", work->netns);
  else if (work->run(work) != 0 && work->error == 0) {
    errno = EIO;
    network_fail(work, "network", "a step failed and told nothing");
  }
}

static void execute(napi_env env, void *data) {
  struct network_work *work = data;
  uv_thread_t thread;
  (void)env;
  if (work->enters_none) {
    thread_main(work);
    return;
  }
  int refused = uv_thread_create(&thread, thread_main, work);
  if (refused != 0) {
    errno = -refused;
    network_fail(work, "pthread_create", "thread for a network namespace");
  } else {
    uv_thread_join(&thread);
  }
}

static void complete(napi_env env, napi_status status, void *data) {
  struct network_work *work = data;
  if (status == napi_cancelled) {
    errno = ECANCELED;
    network_fail(work, "network", "the environment ended first");
  }
  napi_value value = NULL;
  if (work->error == 0) value = work->result(work);
  if (value != NULL) {
    napi_resolve_deferred(env, work->deferred, value);
  } else {
    bool pending = false;
    if (work->error == 0 && napi_is_exception_pending(env, &pending) == napi_ok && pending)
      napi_get_and_clear_last_exception(env, &value);
    else value = make_linux_error(work->addon, work->error, work->syscall, work->detail);
    if (value != NULL) napi_reject_deferred(env, work->deferred, value);
  }
  napi_delete_async_work(env, work->work);
  network_discard(work);
}

bool network_take_netns(struct addon *addon, napi_value value, struct network_work *work) {
  int fd;
  if (is_nullish(addon->env, value)) return true;
  if (!get_fd(addon->env, value, "netns", &fd)) return false;
  /* The owner may close its own while the call runs, and the number may be another file's by then. */
  work->netns = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (work->netns < 0) throw_linux_error(addon, errno, "fcntl", "%d, F_DUPFD_CLOEXEC", fd);
  return work->netns >= 0;
}

void network_discard(struct network_work *work) {
  if (work->netns >= 0) close(work->netns);
  if (work->release != NULL) work->release(work);
  free(work);
}

napi_value network_start(struct addon *addon, struct network_work *work) {
  napi_value promise, name;
  napi_env env = addon->env;
  work->addon = addon;
  if (napi_create_string_utf8(env, "HATCHERYNETWORK", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(env, NULL, name, execute, complete, work, &work->work) != napi_ok) {
    network_discard(work);
    return NULL;
  }
  if (napi_create_promise(env, &work->deferred, &promise) != napi_ok || napi_queue_async_work(env, work->work) != napi_ok) {
    napi_delete_async_work(env, work->work);
    network_discard(work);
    return NULL;
  }
  return promise;
}
