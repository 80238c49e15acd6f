/*
 * Extended attributes of an open file, values and names as bytes. By /proc/self/fd, because the calls for descriptors take
 * none that was opened with O_PATH, and any other open has side effects on what is no regular file.
 */
#include "addon.h"

#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#define FD_PATH_BYTES 32
/* The kernel's own bounds: XATTR_SIZE_MAX and XATTR_LIST_MAX. */
#define MOST_BYTES 65536

static void fd_path(char path[FD_PATH_BYTES], int fd) { snprintf(path, FD_PATH_BYTES, "/proc/self/fd/%d", fd); }

static napi_value throw_attribute_error(struct addon *addon, int error, const char *call, int fd, const char *name,
                                        size_t length) {
  struct detail detail = {.length = 0};
  detail_quote(&detail, name, length);
  return throw_linux_error(addon, error, call, "%d, %s", fd, detail.text);
}

static napi_value copy_of(napi_env env, const char *bytes, size_t length) {
  napi_value buffer = NULL;
  napi_create_buffer_copy(env, length, bytes, NULL, &buffer);
  return buffer;
}

/* (fd): the names, each followed by a NUL. */
static napi_value list_attributes(napi_env env, napi_callback_info info) {
  napi_value value;
  int fd;
  char path[FD_PATH_BYTES];
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "fd", &fd)) return NULL;
  cleanup_free char *names = malloc(MOST_BYTES);
  if (names == NULL) return throw_linux_error(addon, ENOMEM, "listxattr", "%d", fd);
  fd_path(path, fd);
  ssize_t length = listxattr(path, names, MOST_BYTES);
  return length < 0 ? throw_linux_error(addon, errno, "listxattr", "%d", fd) : copy_of(env, names, (size_t)length);
}

/* (fd, name): the value. */
static napi_value get_attribute(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int fd;
  char path[FD_PATH_BYTES];
  cleanup_free char *name = NULL;
  size_t name_length;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd) ||
      !get_c_string(addon, values[1], "getxattr", &name, &name_length))
    return NULL;
  cleanup_free char *bytes = malloc(MOST_BYTES);
  if (bytes == NULL) return throw_linux_error(addon, ENOMEM, "getxattr", "%d", fd);
  fd_path(path, fd);
  ssize_t length = getxattr(path, name, bytes, MOST_BYTES);
  if (length < 0) return throw_attribute_error(addon, errno, "getxattr", fd, name, name_length);
  return copy_of(env, bytes, (size_t)length);
}

/* (fd, name, value) */
static napi_value set_attribute(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int fd;
  char path[FD_PATH_BYTES];
  const unsigned char *bytes;
  cleanup_free char *name = NULL;
  size_t name_length, length;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd) ||
      !get_c_string(addon, values[1], "setxattr", &name, &name_length) ||
      !get_bytes(env, values[2], "value", &bytes, &length))
    return NULL;
  fd_path(path, fd);
  if (setxattr(path, name, bytes, length, 0) == 0) return NULL;
  return throw_attribute_error(addon, errno, "setxattr", fd, name, name_length);
}

/* (fd, name) */
static napi_value remove_attribute(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int fd;
  char path[FD_PATH_BYTES];
  cleanup_free char *name = NULL;
  size_t name_length;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd) ||
      !get_c_string(addon, values[1], "removexattr", &name, &name_length))
    return NULL;
  fd_path(path, fd);
  if (removexattr(path, name) == 0) return NULL;
  return throw_attribute_error(addon, errno, "removexattr", fd, name, name_length);
}

const struct export xattr_exports[] = {{"listAttributes", list_attributes},
                                       {"getAttribute", get_attribute},
                                       {"setAttribute", set_attribute},
                                       {"removeAttribute", remove_attribute},
                                       {NULL, NULL}};
