/*
 * Compiled with -D_GNU_SOURCE. What Debian 12's headers do not have yet, raw system calls without a libc wrapper.
 */
#ifndef HATCHERY_SYS_H
#define HATCHERY_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "owned.h"

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
/* Runs in a vfork-like child, on memory that the parent goes on to use. The sanitizer would mark the child's stack frames
   there and never unmark them, since execve does not return. */
#define SHARES_MEMORY __attribute__((no_sanitize("address", "undefined")))

static inline int sys_fsopen(const char *type) { return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC); }

static inline int sys_fsconfig(int context, unsigned command, const char *key, const void *value, int aux) {
  return (int)syscall(SYS_fsconfig, context, command, key, value, aux);
}

static inline int sys_fsmount(int context, unsigned attributes) {
  return (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
}

static inline int sys_open_tree_clone(int directory, const char *path) {
  return (int)syscall(SYS_open_tree, directory, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
}

/* Both ends by descriptor, so that no name is resolved a second time. */
static inline int sys_move_mount(int mount, int target) {
  return (int)syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static inline int sys_mount_setattr(int mount, const struct mount_attr *attributes) {
  return (int)syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, attributes, sizeof *attributes);
}

static inline int sys_openat2(int directory, const char *path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
  int fd;
  /* EAGAIN: a rename raced the lookup; the kernel could not prove that it stayed beneath. */
  for (int tries = 0; (fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof how)) < 0 && errno == EAGAIN && tries < 128; tries++) {
  }
  return fd;
}

static inline int sys_pivot_root(const char *new_root, const char *put_old) {
  return (int)syscall(SYS_pivot_root, new_root, put_old);
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags) {
  return (int)syscall(SYS_close_range, first, last, flags);
}

#endif
