/* inotify(7): what changes in a directory, named by a descriptor and never by a path. */
#include "addon.h"

#include <stdio.h>
#include <sys/inotify.h>

/* (): a queue of events that is read without waiting. */
static napi_value create_inotify(napi_env env, napi_callback_info info) {
  struct addon *addon = get_arguments(env, info, 0, NULL);
  if (addon == NULL) return NULL;
  int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd >= 0) return give_fd(addon, fd);
  return throw_linux_error(addon, errno, "inotify_init1", "%s",
                           errno == EMFILE ? "fs.inotify.max_user_instances or the limit of open files is reached"
                                           : "IN_NONBLOCK | IN_CLOEXEC");
}

/* (inotifyFd, fd, mask): the number of the watch on what fd has open, O_PATH included. */
static napi_value add_inotify_watch(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int inotify, fd;
  int64_t mask;
  char path[32];
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_fd(env, values[0], "inotifyFd", &inotify) || !get_fd(env, values[1], "fd", &fd) ||
      !get_integer(env, values[2], "mask", 1, UINT32_MAX, &mask))
    return NULL;
  /* The call takes a path only. This one leads to the very file that is open, whatever its name is by now. */
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int watch = inotify_add_watch(inotify, path, (uint32_t)mask);
  if (watch >= 0) return make_number(env, watch);
  return throw_linux_error(addon, errno, "inotify_add_watch", "%d, \"%s\", 0x%llx%s", inotify, path,
                           (unsigned long long)mask,
                           errno == ENOSPC ? "; fs.inotify.max_user_watches is reached" : "");
}

/* (inotifyFd, watch): false when the kernel has dropped it already, with the directory. */
static napi_value remove_inotify_watch(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int inotify;
  int64_t watch;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "inotifyFd", &inotify) ||
      !get_integer(env, values[1], "watch", 1, INT32_MAX, &watch))
    return NULL;
  if (inotify_rm_watch(inotify, (int)watch) == 0) return make_boolean(env, true);
  if (errno == EINVAL) return make_boolean(env, false);
  return throw_linux_error(addon, errno, "inotify_rm_watch", "%d, %lld", inotify, (long long)watch);
}

const struct export inotify_exports[] = {{"createInotify", create_inotify},
                                         {"addInotifyWatch", add_inotify_watch},
                                         {"removeInotifyWatch", remove_inotify_watch},
                                         {NULL, NULL}};
