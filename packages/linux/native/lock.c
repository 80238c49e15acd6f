/* flock(2), never waiting. */
#include "addon.h"

#include <sys/file.h>

static napi_value lock_file(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int fd;
  bool exclusive;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd)) return NULL;
  if (napi_get_value_bool(env, values[1], &exclusive) != napi_ok)
    return throw_type_error(env, "exclusive must be a boolean");
  if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return make_boolean(env, true);
  if (errno == EWOULDBLOCK) return make_boolean(env, false);
  return throw_linux_error(addon, errno, "flock", "%d, %s", fd, exclusive ? "LOCK_EX | LOCK_NB" : "LOCK_SH | LOCK_NB");
}

const struct export lock_exports[] = {{"lockFile", lock_file}, {NULL, NULL}};
