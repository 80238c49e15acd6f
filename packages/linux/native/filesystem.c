/* What is done to a mounted filesystem as a whole. */
#include "addon.h"

#include <sys/mount.h>

/* (path): detaches the mount there from the tree; what still uses it keeps it alive. */
static napi_value unmount_detached(napi_env env, napi_callback_info info) {
  napi_value value;
  cleanup_free char *path = NULL;
  size_t length;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_c_string(addon, value, "umount2", &path, &length)) return NULL;
  if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return NULL;
  int error = errno;
  struct detail detail = {.length = 0};
  detail_quote(&detail, path, length);
  return throw_linux_error(addon, error, "umount2", "%s, MNT_DETACH", detail.text);
}

/* (fd): returns when everything written to the filesystem that `fd` is on is on its disk. */
static napi_value sync_file_system(napi_env env, napi_callback_info info) {
  napi_value value;
  int fd;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "fd", &fd)) return NULL;
  if (syncfs(fd) == 0) return NULL;
  return throw_linux_error(addon, errno, "syncfs", "%d", fd);
}

const struct export filesystem_exports[] = {
    {"unmountDetached", unmount_detached}, {"syncFileSystem", sync_file_system}, {NULL, NULL}};
