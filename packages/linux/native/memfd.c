/* Memory files: sealed ones, whose bytes can no longer change, so that what was checked is what is used, and plain ones. */
#include "addon.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* Kernels before 6.3 know neither flag and answer EINVAL; there every memfd may be executed. */
static int create_memfd(const char *name, bool executable) {
  const unsigned base = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  long fd = syscall(SYS_memfd_create, name, base | (executable ? MFD_EXEC : MFD_NOEXEC_SEAL));
  if (fd < 0 && errno == EINVAL) fd = syscall(SYS_memfd_create, name, base);
  return (int)fd;
}

static bool write_all(int fd, const unsigned char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes += written;
    length -= (size_t)written;
  }
  return true;
}

static napi_value throw_create_error(struct addon *addon, const char *name, size_t name_length) {
  int error = errno;
  struct detail detail = {.length = 0};
  detail_quote(&detail, name, name_length);
  return throw_linux_error(addon, error, "memfd_create", "%s", detail.text);
}

/* (name): an empty file in memory. */
static napi_value create_plain_memfd(napi_env env, napi_callback_info info) {
  napi_value value;
  size_t name_length;
  cleanup_free char *name = NULL;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_c_string(addon, value, "memfd_create", &name, &name_length)) return NULL;
  int fd = create_memfd(name, false);
  return fd < 0 ? throw_create_error(addon, name, name_length) : give_fd(addon, fd);
}

static napi_value create_sealed_memfd(napi_env env, napi_callback_info info) {
  napi_value values[3];
  const unsigned char *bytes;
  size_t name_length, length;
  bool executable;
  cleanup_free char *name = NULL;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_c_string(addon, values[0], "memfd_create", &name, &name_length) ||
      !get_bytes(env, values[1], "bytes", &bytes, &length))
    return NULL;
  if (napi_get_value_bool(env, values[2], &executable) != napi_ok)
    return throw_type_error(env, "executable must be a boolean");

  cleanup_close int fd = create_memfd(name, executable);
  if (fd < 0) return throw_create_error(addon, name, name_length);
  if (!write_all(fd, bytes, length)) return throw_linux_error(addon, errno, "write", "%d, %zu bytes", fd, length);
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
    return throw_linux_error(addon, errno, "fcntl", "%d, F_ADD_SEALS", fd);
  return give_fd(addon, steal_fd(&fd));
}

const struct export memfd_exports[] = {{"createSealedMemfd", create_sealed_memfd},
                                       {"createMemfd", create_plain_memfd},
                                       {NULL, NULL}};
