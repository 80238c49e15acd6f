/* open_tree(2): a private copy of a mount, attached nowhere. */
#include "addon.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>

static napi_value clone_tree(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int64_t directory;
  cleanup_free char *path = NULL;
  size_t length;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_integer(env, values[0], "directoryFd", AT_FDCWD, INT32_MAX, &directory) ||
      !get_c_string(addon, values[1], "cloneTree", &path, &length))
    return NULL;
  long fd = syscall(SYS_open_tree, (int)directory, path,
                    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT);
  if (fd >= 0) return give_fd(addon, (int)fd);
  int error = errno;
  struct detail detail = {.length = 0};
  detail_format(&detail, "%lld, ", (long long)directory);
  detail_quote(&detail, path, length);
  return throw_linux_error(addon, error, "open_tree", "%s", detail.text);
}

const struct export tree_exports[] = {{"cloneTree", clone_tree}, {NULL, NULL}};
