/*
 * Making files as their owner. On an idmapped mount a file that root makes belongs to nobody there, and the kernel refuses
 * it (EOVERFLOW); a chown afterwards would come too late, and would follow whoever is fastest.
 *
 * setfsuid(2) and capset(2) are of the calling thread alone, as long as libc does not call them: these are the raw calls.
 */
#include "addon.h"
#include "dumpable.h"
#include "mount-point.h"
#include "openat2.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct owner {
  uid_t uid;
  gid_t gid;
};

/* What the thread was before, until owner_leave(). */
struct own_self {
  struct owner owner;
  struct __user_cap_data_struct capabilities[_LINUX_CAPABILITY_U32S_3];
  bool left; /* nothing is to be restored */
};

/* Both calls return the value before, whether they worked or not; an id that cannot be only asks. */
static uid_t set_fs_uid(uid_t uid) { return (uid_t)syscall(SYS_setfsuid, uid); }
static gid_t set_fs_gid(gid_t gid) { return (gid_t)syscall(SYS_setfsgid, gid); }

static int capabilities(int call, struct __user_cap_data_struct *data) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  return (int)syscall(call, &header, data);
}

static void owner_leave(struct own_self *self) {
  if (self->left) return;
  self->left = true;
  int saved = errno;
  /* Back to the thread's own ids needs no right, and its own capabilities cannot be refused. */
  (void)set_fs_uid(self->owner.uid);
  (void)set_fs_gid(self->owner.gid);
  (void)capabilities(SYS_capset, self->capabilities);
  dumpable_leave();
  errno = saved;
}

/* Makes the thread act as `owner` in filesystems with all the capabilities that it has. -1: nothing has changed. */
static int owner_enter(struct own_self *self, struct owner owner) {
  self->left = true;
  if (capabilities(SYS_capget, self->capabilities) < 0) return -1;
  if (set_fs_uid((uid_t)-1) == owner.uid && set_fs_gid((gid_t)-1) == owner.gid) return 0;
  dumpable_enter();
  self->owner.gid = set_fs_gid(owner.gid);
  self->owner.uid = set_fs_uid(owner.uid);
  self->left = false;
  if (set_fs_uid((uid_t)-1) == owner.uid && set_fs_gid((gid_t)-1) == owner.gid) {
    /* Leaving uid 0 takes CAP_DAC_OVERRIDE and its like out of the effective set. */
    if (capabilities(SYS_capset, self->capabilities) == 0) return 0;
  } else {
    errno = EPERM; /* no CAP_SETUID or CAP_SETGID */
  }
  owner_leave(self);
  return -1;
}
#define cleanup_owner __attribute__((cleanup(owner_leave)))

static bool get_owner(napi_env env, const napi_value *values, struct owner *owner) {
  int64_t uid, gid;
  if (!get_integer(env, values[0], "uid", 0, UINT32_MAX - 1, &uid) ||
      !get_integer(env, values[1], "gid", 0, UINT32_MAX - 1, &gid))
    return false;
  *owner = (struct owner){.uid = (uid_t)uid, .gid = (gid_t)gid};
  return true;
}

static napi_value throw_made(struct addon *addon, int error, const char *call, int64_t directory, const char *name,
                             size_t length, struct owner owner) {
  struct detail detail = {.length = 0};
  detail_format(&detail, "%lld, ", (long long)directory);
  detail_quote(&detail, name, length);
  return throw_linux_error(addon, error, call, "%s, as %u:%u", detail.text, owner.uid, owner.gid);
}

/* (directoryFd, path, flags, mode, resolve, uid, gid): openat2(2), in which O_CREAT makes the owner's file. */
static napi_value open_as(napi_env env, napi_callback_info info) {
  napi_value values[7];
  int64_t directory, flags, mode, resolve;
  struct owner owner;
  cleanup_free char *path = NULL;
  size_t length;
  struct addon *addon = get_arguments(env, info, 7, values);
  if (addon == NULL || !get_integer(env, values[0], "directoryFd", AT_FDCWD, INT32_MAX, &directory) ||
      !get_c_string(addon, values[1], "openat2", &path, &length) ||
      !get_integer(env, values[2], "flags", 0, UINT32_MAX, &flags) ||
      !get_integer(env, values[3], "mode", 0, 07777, &mode) ||
      !get_integer(env, values[4], "resolve", 0, UINT32_MAX, &resolve) || !get_owner(env, &values[5], &owner))
    return NULL;
  struct open_how how = {
      .flags = (uint64_t)flags | O_CLOEXEC, .mode = (uint64_t)mode, .resolve = (uint64_t)resolve};
  cleanup_owner struct own_self self;
  if (owner_enter(&self, owner) < 0) return throw_made(addon, errno, "setfsuid", directory, path, length, owner);
  int fd = openat2_retried((int)directory, path, &how);
  owner_leave(&self); /* before anything of JavaScript's runs */
  return fd >= 0 ? give_fd(addon, fd) : throw_made(addon, errno, "openat2", directory, path, length, owner);
}

/* (directoryFd, name, mode, uid, gid) */
static napi_value make_directory_as(napi_env env, napi_callback_info info) {
  napi_value values[5];
  int directory;
  int64_t mode;
  struct owner owner;
  cleanup_free char *name = NULL;
  size_t length;
  struct addon *addon = get_arguments(env, info, 5, values);
  if (addon == NULL || !get_fd(env, values[0], "directoryFd", &directory) ||
      !get_entry_name(addon, values[1], "mkdirat", &name, &length) ||
      !get_integer(env, values[2], "mode", 0, 07777, &mode) || !get_owner(env, &values[3], &owner))
    return NULL;
  cleanup_owner struct own_self self;
  if (owner_enter(&self, owner) < 0) return throw_made(addon, errno, "setfsuid", directory, name, length, owner);
  int made = mkdirat(directory, name, (mode_t)mode);
  owner_leave(&self);
  return made == 0 ? NULL : throw_made(addon, errno, "mkdirat", directory, name, length, owner);
}

/* (target, directoryFd, name, uid, gid) */
static napi_value make_symlink_as(napi_env env, napi_callback_info info) {
  napi_value values[5];
  int directory;
  struct owner owner;
  cleanup_free char *target = NULL, *name = NULL;
  size_t target_length, length;
  struct addon *addon = get_arguments(env, info, 5, values);
  if (addon == NULL || !get_c_string(addon, values[0], "symlinkat", &target, &target_length) ||
      !get_fd(env, values[1], "directoryFd", &directory) ||
      !get_entry_name(addon, values[2], "symlinkat", &name, &length) || !get_owner(env, &values[3], &owner))
    return NULL;
  cleanup_owner struct own_self self;
  if (owner_enter(&self, owner) < 0) return throw_made(addon, errno, "setfsuid", directory, name, length, owner);
  int made = symlinkat(target, directory, name);
  owner_leave(&self);
  return made == 0 ? NULL : throw_made(addon, errno, "symlinkat", directory, name, length, owner);
}

/* (fromFd, from, toFd, to, uid, gid): renameat2(2), which makes a name and so is refused to whom the mount does not map. */
static napi_value rename_as(napi_env env, napi_callback_info info) {
  napi_value values[6];
  int from_fd, to_fd;
  struct owner owner;
  cleanup_free char *from = NULL, *to = NULL;
  size_t from_length, to_length;
  struct addon *addon = get_arguments(env, info, 6, values);
  if (addon == NULL || !get_fd(env, values[0], "fromFd", &from_fd) ||
      !get_entry_name(addon, values[1], "renameat2", &from, &from_length) ||
      !get_fd(env, values[2], "toFd", &to_fd) || !get_entry_name(addon, values[3], "renameat2", &to, &to_length) ||
      !get_owner(env, &values[4], &owner))
    return NULL;
  cleanup_owner struct own_self self;
  if (owner_enter(&self, owner) < 0) return throw_made(addon, errno, "setfsuid", to_fd, to, to_length, owner);
  int renamed = rename_unmounted(from_fd, from, to_fd, to, 0);
  owner_leave(&self);
  return renamed == 0 ? NULL : throw_made(addon, errno, "renameat2", to_fd, to, to_length, owner);
}

/* (fd, directoryFd, name, uid, gid): one more name for an open file. The link of /proc is what linkat(2) takes without
 * CAP_DAC_READ_SEARCH in the file's own user namespace, and it names the very file that was looked at. */
static napi_value link_as(napi_env env, napi_callback_info info) {
  napi_value values[5];
  int fd, directory;
  char path[32];
  struct owner owner;
  cleanup_free char *name = NULL;
  size_t length;
  struct addon *addon = get_arguments(env, info, 5, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd) || !get_fd(env, values[1], "directoryFd", &directory) ||
      !get_entry_name(addon, values[2], "linkat", &name, &length) || !get_owner(env, &values[3], &owner))
    return NULL;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  cleanup_owner struct own_self self;
  if (owner_enter(&self, owner) < 0) return throw_made(addon, errno, "setfsuid", directory, name, length, owner);
  int linked = linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW);
  owner_leave(&self);
  return linked == 0 ? NULL : throw_made(addon, errno, "linkat", directory, name, length, owner);
}

const struct export owner_exports[] = {{"openAs", open_as},
                                       {"makeDirectoryAs", make_directory_as},
                                       {"makeSymlinkAs", make_symlink_as},
                                       {"renameAs", rename_as},
                                       {"linkAs", link_as},
                                       {NULL, NULL}};
