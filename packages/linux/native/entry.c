/* One entry of an open directory, never followed where it is a symlink: what node:fs does by path only. */
#include "addon.h"
#include "mount-point.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

static napi_value throw_entry_error(struct addon *addon, int error, const char *call, int fd, const char *name,
                                    size_t length) {
  struct detail detail = {.length = 0};
  detail_quote(&detail, name, length);
  return throw_linux_error(addon, error, call, "%d, %s", fd, detail.text);
}

/* (fd, name): [mode, size, uid, gid, mtime in milliseconds]; the empty name is the descriptor itself. */
static napi_value stat_entry(napi_env env, napi_callback_info info) {
  napi_value values[2], facts;
  int fd;
  struct statx status;
  cleanup_free char *name = NULL;
  size_t length;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd) || !get_c_string(addon, values[1], "statx", &name, &length))
    return NULL;
  /* Not fstatat(3), a symbol that glibc has since 2.33 only. */
  if (statx(fd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &status) < 0)
    return throw_entry_error(addon, errno, "statx", fd, name, length);
  const double modified = (double)status.stx_mtime.tv_sec * 1e3 + status.stx_mtime.tv_nsec / 1e6;
  const double numbers[] = {status.stx_mode, (double)status.stx_size, status.stx_uid, status.stx_gid, modified};
  const uint32_t count = sizeof numbers / sizeof *numbers;
  if (napi_create_array_with_length(env, count, &facts) != napi_ok) return NULL;
  for (uint32_t i = 0; i < count; i++) napi_set_element(env, facts, i, make_number(env, numbers[i]));
  return facts;
}

/* (fd, name): the target; the empty name is the descriptor itself, a symlink opened with O_PATH. */
static napi_value read_link_entry(napi_env env, napi_callback_info info) {
  napi_value values[2], target = NULL;
  int fd;
  char bytes[PATH_MAX];
  cleanup_free char *name = NULL;
  size_t length;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd) ||
      !get_c_string(addon, values[1], "readlinkat", &name, &length))
    return NULL;
  ssize_t read = readlinkat(fd, name, bytes, sizeof bytes);
  if (read < 0) return throw_entry_error(addon, errno, "readlinkat", fd, name, length);
  napi_create_buffer_copy(env, (size_t)read, bytes, NULL, &target);
  return target;
}

/* (fromFd, from, toFd, to, flags): renameat2(2) */
static napi_value rename_entry(napi_env env, napi_callback_info info) {
  napi_value values[5];
  int from_fd, to_fd;
  int64_t flags;
  cleanup_free char *from = NULL, *to = NULL;
  size_t from_length, to_length;
  struct addon *addon = get_arguments(env, info, 5, values);
  if (addon == NULL || !get_fd(env, values[0], "fromFd", &from_fd) ||
      !get_entry_name(addon, values[1], "renameat2", &from, &from_length) ||
      !get_fd(env, values[2], "toFd", &to_fd) || !get_entry_name(addon, values[3], "renameat2", &to, &to_length) ||
      !get_integer(env, values[4], "flags", 0, UINT32_MAX, &flags))
    return NULL;
  if (rename_unmounted(from_fd, from, to_fd, to, (unsigned)flags) == 0) return NULL;
  int error = errno;
  struct detail detail = {.length = 0};
  detail_format(&detail, "%d, ", from_fd);
  detail_quote(&detail, from, from_length);
  detail_format(&detail, ", %d, ", to_fd);
  detail_quote(&detail, to, to_length);
  return throw_linux_error(addon, error, "renameat2", "%s", detail.text);
}

/* (fd, name, seconds, nanoseconds): when it was changed; when it was read is left as it is. */
static napi_value set_modified(napi_env env, napi_callback_info info) {
  napi_value values[4];
  int fd;
  int64_t seconds, nanoseconds;
  cleanup_free char *name = NULL;
  size_t length;
  struct addon *addon = get_arguments(env, info, 4, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd) ||
      !get_entry_name(addon, values[1], "utimensat", &name, &length) ||
      !get_integer(env, values[2], "seconds", -(1LL << 53), 1LL << 53, &seconds) ||
      !get_integer(env, values[3], "nanoseconds", 0, 999999999, &nanoseconds))
    return NULL;
  const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds, .tv_nsec = nanoseconds}};
  if (utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW) == 0) return NULL;
  return throw_entry_error(addon, errno, "utimensat", fd, name, length);
}

const struct export entry_exports[] = {{"statEntry", stat_entry},
                                       {"readLinkEntry", read_link_entry},
                                       {"renameEntry", rename_entry},
                                       {"setModified", set_modified},
                                       {NULL, NULL}};
