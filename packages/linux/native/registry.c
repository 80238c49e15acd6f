/*
 * The descriptors that this environment owns. A worker thread that ends, or is terminated in the
 * middle of anything, runs no JavaScript: without this table its descriptors would stay open for
 * the life of the process.
 */
#include "addon.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

bool registry_has(const struct addon *addon, int fd) {
  size_t byte = (size_t)fd / CHAR_BIT;
  return byte < addon->registry_bytes && (addon->registry[byte] & (1u << (fd % CHAR_BIT))) != 0;
}

bool registry_add(struct addon *addon, int fd) {
  size_t byte = (size_t)fd / CHAR_BIT;
  if (byte >= addon->registry_bytes) {
    size_t bytes = (byte + 1) * 2;
    unsigned char *grown = realloc(addon->registry, bytes);
    if (grown == NULL) return false;
    memset(grown + addon->registry_bytes, 0, bytes - addon->registry_bytes);
    addon->registry = grown;
    addon->registry_bytes = bytes;
  }
  addon->registry[byte] |= (unsigned char)(1u << (fd % CHAR_BIT));
  return true;
}

void registry_remove(struct addon *addon, int fd) {
  if (registry_has(addon, fd)) addon->registry[fd / CHAR_BIT] &= (unsigned char)~(1u << (fd % CHAR_BIT));
}

void registry_close_all(struct addon *addon) {
  for (size_t i = 0; i < addon->registry_bytes * CHAR_BIT; i++)
    if (registry_has(addon, (int)i)) close((int)i);
  free(addon->registry);
  addon->registry = NULL;
  addon->registry_bytes = 0;
}

napi_value give_fd(struct addon *addon, int fd) {
  if (!registry_add(addon, fd)) {
    close(fd);
    return throw_linux_error(addon, ENOMEM, "realloc", "table of descriptors, for %d", fd);
  }
  return make_number(addon->env, fd);
}

napi_value give_fd_pair(struct addon *addon, const int ends[2]) {
  napi_value pair;
  if (!registry_add(addon, ends[0]) || !registry_add(addon, ends[1])) {
    registry_remove(addon, ends[0]);
    close(ends[0]);
    close(ends[1]);
    return throw_linux_error(addon, ENOMEM, "realloc", "table of descriptors, for %d and %d", ends[0], ends[1]);
  }
  if (napi_create_array_with_length(addon->env, 2, &pair) != napi_ok) return NULL;
  for (uint32_t i = 0; i < 2; i++) napi_set_element(addon->env, pair, i, make_number(addon->env, ends[i]));
  return pair;
}

static napi_value close_fd(napi_env env, napi_callback_info info) {
  napi_value value;
  int fd;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "fd", &fd)) return NULL;
  if (!registry_has(addon, fd))
    return throw_linux_error(addon, EBADF, "close", "%d, which this thread does not own (closed or released before?)",
                             fd);
  registry_remove(addon, fd);
  /* EINTR and EIO still free the number on Linux; only EBADF says that somebody else closed it. */
  if (close(fd) < 0 && errno == EBADF) return throw_linux_error(addon, errno, "close", "%d", fd);
  return NULL;
}

static napi_value release_fd(napi_env env, napi_callback_info info) {
  napi_value value;
  int fd;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "fd", &fd)) return NULL;
  if (!registry_has(addon, fd))
    return throw_linux_error(addon, EBADF, "releaseFd",
                             "%d, which this thread does not own (closed or released before?)", fd);
  registry_remove(addon, fd);
  return value;
}

static napi_value adopt_fd(napi_env env, napi_callback_info info) {
  napi_value value;
  int fd;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "fd", &fd)) return NULL;
  if (registry_has(addon, fd)) return throw_linux_error(addon, EEXIST, "adoptFd", "%d, which this thread owns", fd);
  if (fcntl(fd, F_GETFD) < 0) return throw_linux_error(addon, errno, "fcntl", "%d, F_GETFD", fd);
  if (!registry_add(addon, fd))
    return throw_linux_error(addon, ENOMEM, "realloc", "table of descriptors, for %d", fd);
  return value;
}

static napi_value registered_fds(napi_env env, napi_callback_info info) {
  struct addon *addon = get_arguments(env, info, 0, NULL);
  napi_value list;
  uint32_t count = 0;
  if (addon == NULL || napi_create_array(env, &list) != napi_ok) return NULL;
  for (size_t i = 0; i < addon->registry_bytes * CHAR_BIT; i++)
    if (registry_has(addon, (int)i)) napi_set_element(env, list, count++, make_number(env, (double)i));
  return list;
}

const struct export registry_exports[] = {{"closeFd", close_fd},
                                          {"releaseFd", release_fd},
                                          {"adoptFd", adopt_fd},
                                          {"registeredFds", registered_fds},
                                          {NULL, NULL}};
