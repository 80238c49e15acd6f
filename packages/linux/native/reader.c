/* A readable descriptor of our own, a pipe or a terminal, read when the event loop says that it is readable. */
#include "poll-handle.h"

#include <fcntl.h>
#include <sys/ioctl.h>

struct reader {
  struct poll_handle handle; /* first: the two share their address */
  bool flowing;
};

/* status is ignored: POLLERR arrives as UV_EBADF, and what is wrong shows when JavaScript reads. */
static void on_readable(uv_poll_t *poll, int status, int events) {
  struct reader *reader = poll->data;
  napi_handle_scope scope;
  (void)status;
  (void)events;
  if (napi_open_handle_scope(reader->handle.addon->env, &scope) != napi_ok) return;
  poll_handle_call(&reader->handle, 0, 0, NULL);
  napi_close_handle_scope(reader->handle.addon->env, scope);
}

/* (fd, callback): an external that holds the reader, stopped. The descriptor is the reader's from then on. */
static napi_value open_reader(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int fd;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd)) return NULL;
  if (!registry_has(addon, fd))
    return throw_linux_error(addon, EBADF, "openReader",
                             "%d, which this thread does not own (closed or released before?)", fd);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return throw_linux_error(addon, errno, "fcntl", "%d, F_SETFL, O_NONBLOCK", fd);
  struct reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL) return throw_linux_error(addon, ENOMEM, "calloc", "reader of %d", fd);
  napi_value external = poll_handle_open(addon, &reader->handle, fd, "HATCHERYREADER", 1, &values[1]);
  if (external != NULL) registry_remove(addon, fd);
  return external;
}

static struct reader *get_open_reader(struct addon *addon, napi_value value, const char *syscall) {
  struct poll_handle *handle = get_poll_handle(addon->env, value);
  if (handle == NULL) return NULL;
  if (handle->closed) {
    throw_linux_error(addon, EBADF, syscall, "a reader that is closed");
    return NULL;
  }
  return (struct reader *)handle;
}

/* (reader, boolean): whether the callback is called while there is something to read. */
static napi_value set_flowing(napi_env env, napi_callback_info info) {
  napi_value values[2];
  bool flowing;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL) return NULL;
  struct poll_handle *handle = get_poll_handle(env, values[0]);
  if (handle == NULL || napi_get_value_bool(env, values[1], &flowing) != napi_ok || handle->closed) return NULL;
  struct reader *reader = (struct reader *)handle;
  if (flowing == reader->flowing) return NULL;
  reader->flowing = flowing;
  if (flowing) uv_poll_start(&handle->poll, UV_READABLE, on_readable);
  else uv_poll_stop(&handle->poll);
  return NULL;
}

/* (reader, buffer): bytes read, 0 at the end, -1 when there is nothing now. */
static napi_value read_into(napi_env env, napi_callback_info info) {
  napi_value values[2];
  void *bytes;
  size_t length;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL) return NULL;
  if (napi_get_buffer_info(env, values[1], &bytes, &length) != napi_ok || length == 0)
    return throw_type_error(env, "buffer must be a Buffer that is not empty");
  struct reader *reader = get_open_reader(addon, values[0], "read");
  if (reader == NULL) return NULL;
  ssize_t got = read(reader->handle.fd, bytes, length);
  /* EIO: the last process that had this terminal open has closed it. */
  if (got < 0 && errno == EIO) got = 0;
  if (got < 0 && errno != EAGAIN && errno != EINTR)
    return throw_linux_error(addon, errno, "read", "%d, %zu", reader->handle.fd, length);
  return make_number(env, (double)got);
}

/* (reader): bytes that a read would find now; 0 for a closed one. */
static napi_value reader_pending(napi_env env, napi_callback_info info) {
  napi_value value;
  int bytes = 0;
  struct addon *addon = get_arguments(env, info, 1, &value);
  struct poll_handle *handle = addon == NULL ? NULL : get_poll_handle(env, value);
  if (handle == NULL) return NULL;
  if (!handle->closed && ioctl(handle->fd, FIONREAD, &bytes) < 0)
    return throw_linux_error(addon, errno, "ioctl", "%d, FIONREAD", handle->fd);
  return make_number(env, bytes);
}

/* (reader, bytes): asks for a larger pipe; false where it is none, or the kernel grants no more. */
static napi_value reader_widen(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int64_t bytes;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_integer(env, values[1], "bytes", 1, INT32_MAX, &bytes)) return NULL;
  struct reader *reader = get_open_reader(addon, values[0], "fcntl");
  if (reader == NULL) return NULL;
  return make_boolean(env, fcntl(reader->handle.fd, F_SETPIPE_SZ, (int)bytes) >= 0);
}

const struct export reader_exports[] = {{"openReader", open_reader},       {"setFlowing", set_flowing},
                                        {"readInto", read_into},           {"readerPending", reader_pending},
                                        {"widenReader", reader_widen},     {NULL, NULL}};
