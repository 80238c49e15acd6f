/* A writable descriptor of our own, a pipe or a terminal, told when the event loop says that it takes bytes again. */
#include "poll-handle.h"

#include <fcntl.h>

/* status is ignored: POLLERR (nobody reads any more) arrives as UV_EBADF, and the next write says EPIPE. */
static void on_writable(uv_poll_t *poll, int status, int events) {
  struct poll_handle *handle = poll->data;
  napi_handle_scope scope;
  (void)status;
  (void)events;
  uv_poll_stop(poll); /* once for each wait: a pipe with room stays writable for ever */
  if (napi_open_handle_scope(handle->addon->env, &scope) != napi_ok) return;
  poll_handle_call(handle, 0, 0, NULL);
  napi_close_handle_scope(handle->addon->env, scope);
}

/* (fd, callback): an external that holds the writer. The descriptor is the writer's from then on. */
static napi_value open_writer(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int fd;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd)) return NULL;
  if (!registry_has(addon, fd))
    return throw_linux_error(addon, EBADF, "openWriter",
                             "%d, which this thread does not own (closed or released before?)", fd);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return throw_linux_error(addon, errno, "fcntl", "%d, F_SETFL, O_NONBLOCK", fd);
  struct poll_handle *handle = calloc(1, sizeof *handle);
  if (handle == NULL) return throw_linux_error(addon, ENOMEM, "calloc", "writer of %d", fd);
  napi_value external = poll_handle_open(addon, handle, fd, "HATCHERYWRITER", 1, &values[1]);
  if (external != NULL) registry_remove(addon, fd);
  return external;
}

static struct poll_handle *get_open_writer(struct addon *addon, napi_value value, const char *syscall) {
  struct poll_handle *handle = get_poll_handle(addon->env, value);
  if (handle == NULL || !handle->closed) return handle;
  throw_linux_error(addon, EBADF, syscall, "a writer that is closed");
  return NULL;
}

/* (writer, bytes): how many the kernel took; -1 when it takes none now. Node ignores SIGPIPE, so EPIPE is an error. */
static napi_value write_from(napi_env env, napi_callback_info info) {
  napi_value values[2];
  const unsigned char *bytes;
  size_t length;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_bytes(env, values[1], "bytes", &bytes, &length)) return NULL;
  struct poll_handle *handle = get_open_writer(addon, values[0], "write");
  if (handle == NULL) return NULL;
  ssize_t written = write(handle->fd, bytes, length);
  if (written < 0 && errno != EAGAIN && errno != EINTR)
    return throw_linux_error(addon, errno, "write", "%d, %zu", handle->fd, length);
  return make_number(env, (double)written);
}

/* (writer): calls back once when a write would be taken, or when nobody reads any more. */
static napi_value await_writable(napi_env env, napi_callback_info info) {
  napi_value value;
  struct addon *addon = get_arguments(env, info, 1, &value);
  struct poll_handle *handle = addon == NULL ? NULL : get_poll_handle(env, value);
  if (handle != NULL && !handle->closed) uv_poll_start(&handle->poll, UV_WRITABLE, on_writable);
  return NULL;
}

const struct export writer_exports[] = {{"openWriter", open_writer},
                                        {"writeFrom", write_from},
                                        {"awaitWritable", await_writable},
                                        {NULL, NULL}};
