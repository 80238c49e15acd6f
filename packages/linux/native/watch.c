/* Readiness of a descriptor that Node has no stream for: a pidfd, a cgroup's events file, a socket that connects. */
#include "poll-handle.h"

#include <fcntl.h>

static void call_back(struct poll_handle *handle) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(handle->addon->env, &scope) != napi_ok) return;
  poll_handle_call(handle, 0, 0, NULL);
  napi_close_handle_scope(handle->addon->env, scope);
}

/* status is ignored: POLLERR arrives as UV_EBADF, and what is wrong shows when the owner reads. */
static void on_ready(uv_poll_t *poll, int status, int events) {
  struct poll_handle *handle = poll->data;
  (void)status;
  (void)events;
  /* A pidfd stays readable for ever, so the watch ends first; the callback may start another. */
  poll_handle_close(handle);
  call_back(handle);
}

static void on_priority(uv_poll_t *poll, int status, int events) {
  struct poll_handle *handle = poll->data;
  char discarded[512];
  (void)status;
  (void)events;
  /* A cgroup or sysfs file reports its change until it is read through this open file: without this
     read, a callback that does not read would be called for ever. A change between this read and the
     callback's own costs one more callback, never a lost one. Nothing is read when the watch starts:
     that would swallow a change which the owner has not seen. */
  ssize_t ignored = pread(handle->fd, discarded, sizeof discarded, 0);
  (void)ignored;
  call_back(handle);
}

/* In the order of WatchKind in watch.ts. */
static const struct {
  int events;
  uv_poll_cb act;
} kinds[] = {{UV_READABLE, on_ready}, {UV_WRITABLE, on_ready}, {UV_PRIORITIZED, on_priority}};

/* (fd, callback, kind): an external that holds the watch. */
static napi_value watch_fd(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int fd;
  int64_t kind;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd)) return NULL;
  if (!get_integer(env, values[2], "kind", 0, (int64_t)(sizeof kinds / sizeof *kinds) - 1, &kind)) return NULL;

  /* A duplicate: the owner may close or hand on its descriptor while the watch lasts, and a recycled
     number is never watched by mistake. */
  cleanup_close int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return throw_linux_error(addon, errno, "fcntl", "%d, F_DUPFD_CLOEXEC", fd);
  struct poll_handle *handle = calloc(1, sizeof *handle);
  if (handle == NULL) return throw_linux_error(addon, ENOMEM, "calloc", "watch of %d", fd);
  napi_value external = poll_handle_open(addon, handle, own, "HATCHERYWATCH", 1, &values[1]);
  if (external == NULL) return NULL;
  steal_fd(&own);
  uv_poll_start(&handle->poll, kinds[kind].events, kinds[kind].act);
  return external;
}

static napi_value close_watch(napi_env env, napi_callback_info info) {
  napi_value value;
  if (get_arguments(env, info, 1, &value) == NULL) return NULL;
  struct poll_handle *handle = get_poll_handle(env, value);
  if (handle != NULL) poll_handle_close(handle);
  return NULL;
}

const struct export watch_exports[] = {
    {"watchFd", watch_fd}, {"closeWatch", close_watch}, {"setReferenced", set_referenced}, {NULL, NULL}};
