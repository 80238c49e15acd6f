#include "dev.h"

#include <stdio.h>

#include "cell.h"
#include "root.h"
#include "sys.h"

int dev_copy_template(struct making *making, struct fault *fault) {
  making->dev = sys_open_tree_clone(AT_FDCWD, CELL_DEV);
  return making->dev < 0 ? FAIL(fault, "open_tree(%s)", CELL_DEV) : 0;
}

int dev_attach(struct making *making, struct fault *fault) {
  cleanup_close int target = root_open_directory(making->overlays[0], "dev", fault);
  if (target < 0) return -1;
  return sys_move_mount(making->dev, target) < 0 ? FAIL(fault, "move_mount(/dev)") : 0;
}

static int mount_at(int context, unsigned attributes, int dev, const char *name, struct fault *fault) {
  if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return FAIL(fault, "fsconfig(/dev/%s, create)", name);
  cleanup_close int mount = sys_fsmount(context, attributes);
  if (mount < 0) return FAIL(fault, "fsmount(/dev/%s)", name);
  cleanup_close int target = openat(dev, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (target < 0) return FAIL(fault, "open(/dev/%s)", name);
  return sys_move_mount(mount, target) < 0 ? FAIL(fault, "move_mount(/dev/%s)", name) : 0;
}

int dev_mount_terminals(struct making *making, struct fault *fault) {
  cleanup_close int context = sys_fsopen("devpts");
  if (context < 0) return FAIL(fault, "fsopen(devpts)");
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "ptmxmode", "0666", 0) < 0) return FAIL(fault, "fsconfig(devpts, ptmxmode)");
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", "0620", 0) < 0) return FAIL(fault, "fsconfig(devpts, mode)");
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "gid", "5", 0) < 0) return FAIL(fault, "fsconfig(devpts, gid)");
  /* The kernel's own bound is for the whole machine, so one sandbox could leave the others without terminals. */
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "max", "64", 0) < 0) return FAIL(fault, "fsconfig(devpts, max)");
  return mount_at(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, making->dev, "pts", fault);
}

int dev_mount_shared_memory(struct making *making, struct fault *fault) {
  char size[32];
  (void)snprintf(size, sizeof size, "%llu", (unsigned long long)making->shm_bytes); /* fits: 20 digits */
  cleanup_close int context = sys_fsopen("tmpfs");
  if (context < 0) return FAIL(fault, "fsopen(tmpfs for /dev/shm)");
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "size", size, 0) < 0) return FAIL(fault, "fsconfig(/dev/shm, size=%s)", size);
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "nr_inodes", "4096", 0) < 0) return FAIL(fault, "fsconfig(/dev/shm, nr_inodes)");
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", "1777", 0) < 0) return FAIL(fault, "fsconfig(/dev/shm, mode)");
  return mount_at(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, making->dev, "shm", fault);
}
