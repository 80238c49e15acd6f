/* Facts about an open descriptor that Node has no call for. */
#include "addon.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

static napi_value bytes_readable(napi_env env, napi_callback_info info) {
  napi_value value;
  int fd, bytes = 0;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "fd", &fd)) return NULL;
  if (ioctl(fd, FIONREAD, &bytes) < 0) return throw_linux_error(addon, errno, "ioctl", "%d, FIONREAD", fd);
  return make_number(env, bytes);
}

static napi_value filesystem_type(napi_env env, napi_callback_info info) {
  napi_value value;
  int fd;
  struct statfs facts;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "fd", &fd)) return NULL;
  if (fstatfs(fd, &facts) < 0) return throw_linux_error(addon, errno, "fstatfs", "%d", fd);
  /* f_type is signed on some architectures; the magic numbers of linux/magic.h are 32 bits, unsigned. */
  return make_number(env, (uint32_t)facts.f_type);
}

static napi_value change_owner(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int fd;
  int64_t uid, gid;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd) ||
      !get_integer(env, values[1], "uid", -1, UINT32_MAX - 1, &uid) ||
      !get_integer(env, values[2], "gid", -1, UINT32_MAX - 1, &gid))
    return NULL;
  if (fchown(fd, (uid_t)uid, (gid_t)gid) < 0)
    return throw_linux_error(addon, errno, "fchown", "%d, %lld, %lld", fd, (long long)uid, (long long)gid);
  return NULL;
}

/* (fd): another descriptor of the same open file. */
static napi_value duplicate_fd(napi_env env, napi_callback_info info) {
  napi_value value;
  int fd;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "fd", &fd)) return NULL;
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return throw_linux_error(addon, errno, "fcntl", "%d, F_DUPFD_CLOEXEC", fd);
  return give_fd(addon, copy);
}

const struct export fd_exports[] = {{"bytesReadable", bytes_readable},
                                    {"duplicateFd", duplicate_fd},
                                    {"filesystemType", filesystem_type},
                                    {"changeOwner", change_owner},
                                    {NULL, NULL}};
