/* openat2(2): opening a path that somebody else may be changing, without leaving a directory. */
#include "addon.h"
#include "openat2.h"

#include <fcntl.h>

static napi_value open_at2(napi_env env, napi_callback_info info) {
  napi_value values[5];
  int64_t directory, flags, mode, resolve;
  cleanup_free char *path = NULL;
  size_t length;
  struct addon *addon = get_arguments(env, info, 5, values);
  if (addon == NULL || !get_integer(env, values[0], "directoryFd", AT_FDCWD, INT32_MAX, &directory) ||
      !get_c_string(addon, values[1], "openat2", &path, &length) ||
      !get_integer(env, values[2], "flags", 0, UINT32_MAX, &flags) ||
      !get_integer(env, values[3], "mode", 0, 07777, &mode) ||
      !get_integer(env, values[4], "resolve", 0, UINT32_MAX, &resolve))
    return NULL;
  /* No descriptor of ours is ever meant for a child by accident. */
  struct open_how how = {
      .flags = (uint64_t)flags | O_CLOEXEC, .mode = (uint64_t)mode, .resolve = (uint64_t)resolve};
  int fd = openat2_retried((int)directory, path, &how);
  if (fd >= 0) return give_fd(addon, fd);
  int error = errno;
  struct detail detail = {.length = 0};
  detail_format(&detail, "%lld, ", (long long)directory);
  detail_quote(&detail, path, length);
  return throw_linux_error(addon, error, "openat2", "%s", detail.text);
}

const struct export open_exports[] = {{"openat2", open_at2}, {NULL, NULL}};
