/* The mount calls of 5.2 to 5.12 as plain functions: Debian 12's glibc has most of them, older ones do not. */
#pragma once
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int open_filesystem(const char *type) { return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC); }

static inline int set_option(int filesystem, const char *key, const char *value) {
  return (int)syscall(SYS_fsconfig, filesystem, FSCONFIG_SET_STRING, key, value, 0);
}

static inline int set_flag(int filesystem, const char *key) {
  return (int)syscall(SYS_fsconfig, filesystem, FSCONFIG_SET_FLAG, key, NULL, 0);
}

static inline int make_mount(int filesystem, unsigned attributes) {
  if (syscall(SYS_fsconfig, filesystem, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return -1;
  return (int)syscall(SYS_fsmount, filesystem, FSMOUNT_CLOEXEC, attributes);
}

static inline int clone_tree(int directory, const char *path) {
  return (int)syscall(SYS_open_tree, directory, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH));
}

static inline int set_attributes(int mount, struct mount_attr attributes) {
  return (int)syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
}

static inline int attach(int mount, const char *path) {
  return (int)syscall(SYS_move_mount, mount, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}
