#include "root.h"

#include <sched.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "caps.h"
#include "cell.h"
#include "sys.h"

int root_idmap_layers(struct making *making, struct fault *fault) {
  struct mount_attr attributes = {
      .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_IDMAP,
      .userns_fd = (uint64_t)making->userns,
  };
  for (uint32_t i = 0; i < making->layer_count; i++)
    if (sys_mount_setattr(making->layers[i], &attributes) < 0)
      return FAIL(fault, "mount_setattr(layer for %s, MOUNT_ATTR_IDMAP)", making->targets[i]);
  return 0;
}

/* Kernels before 6.13 resolve layers by path in the caller's mount namespace: attach them in the cell. */
static int attach_layers(struct making *making, struct fault *fault) {
  if (unshare(CLONE_NEWNS) < 0) return FAIL(fault, "unshare(CLONE_NEWNS)");
  cleanup_close int upper = open(CELL_UPPER, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (upper < 0 || sys_move_mount(making->upper, upper) < 0) return FAIL(fault, "move_mount(%s)", CELL_UPPER);
  for (uint32_t i = 0; i < making->layer_count; i++) {
    char path[32];
    (void)snprintf(path, sizeof path, CELL_LAYERS "/%u", i);
    cleanup_close int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (target < 0 || sys_move_mount(making->layers[i], target) < 0) return FAIL(fault, "move_mount(%s)", path);
  }
  return 0;
}

static int set_layer(int context, const char *key, int fd, const char *path, bool by_descriptor, struct fault *fault) {
  int done = by_descriptor ? sys_fsconfig(context, FSCONFIG_SET_FD, key, NULL, fd) : sys_fsconfig(context, FSCONFIG_SET_STRING, key, path, 0);
  return done < 0 ? FAIL(fault, "fsconfig(overlay, %s)", key) : 0;
}

static int set_layers(struct making *making, uint32_t index, int context, const char *upper_name, const char *work_name, struct fault *fault) {
  bool by_descriptor = making->layers_by_descriptor;
  char lower_path[64], upper_path[64], work_path[64];
  (void)snprintf(lower_path, sizeof lower_path, CELL_LAYERS "/%u", index);
  (void)snprintf(upper_path, sizeof upper_path, CELL_UPPER "/%s", upper_name);
  (void)snprintf(work_path, sizeof work_path, CELL_UPPER "/%s", work_name);
  cleanup_close int upper = openat(making->upper, upper_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  cleanup_close int work = openat(making->upper, work_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (upper < 0 || work < 0) return FAIL(fault, "open(%s, %s)", upper_name, work_name);
  if (set_layer(context, by_descriptor ? "lowerdir+" : "lowerdir", making->layers[index], lower_path, by_descriptor, fault) < 0) return -1;
  if (set_layer(context, "upperdir", upper, upper_path, by_descriptor, fault) < 0) return -1;
  return set_layer(context, "workdir", work, work_path, by_descriptor, fault);
}

/* Neither call tells a failure, and of host root none fails. */
static void own_new_files(uint32_t id) {
  (void)setfsgid(id);
  (void)setfsuid(id);
}

/* Overlayfs acts on its layers as who mounts it, and an idmapped upper takes new files of mapped ids only: it would refuse
   those of host root. */
static int create_mapped(int context, const struct making *making, struct fault *fault) {
  own_new_files(making->first_id);
  int done = caps_raise(fault);
  if (done == 0 && sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) done = FAIL(fault, "fsconfig(overlay on a kept upper, create)");
  own_new_files(0);
  return done;
}

/* What overlayfs makes of an upper that takes no work directory, and says in the kernel's log only. */
static int refuse_read_only(int overlay, const char *target, struct fault *fault) {
  struct statfs facts;
  if (fstatfs(overlay, &facts) < 0) return FAIL(fault, "fstatfs(overlay for %s)", target);
  return (facts.f_flags & MS_RDONLY) == 0 ? 0 : REFUSE(fault, EROFS, "overlay for %s on a kept upper that cannot be written", target);
}

static int create_overlay(int context, const struct making *making, uint32_t index, struct fault *fault) {
  if (making->kept_upper) return create_mapped(context, making, fault);
  /* Without it a destroy waits for the writable layer to be synced: 13 ms instead of 1.4 with a dirty one. */
  if (sys_fsconfig(context, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0) return FAIL(fault, "fsconfig(overlay, volatile)");
  if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
    return FAIL(fault, "fsconfig(overlay for %s, create)", making->targets[index]);
  return 0;
}

static int mount_overlay(struct making *making, uint32_t index, struct fault *fault) {
  char upper[16], work[16];
  (void)snprintf(upper, sizeof upper, "u%u", index);
  (void)snprintf(work, sizeof work, "w%u", index);
  cleanup_close int context = sys_fsopen("overlay");
  if (context < 0) return FAIL(fault, "fsopen(overlay)");
  if (set_layers(making, index, context, upper, work, fault) < 0) return -1;
  if (create_overlay(context, making, index, fault) < 0) return -1;
  making->overlays[index] = sys_fsmount(context, MOUNT_ATTR_NODEV);
  if (making->overlays[index] < 0) return FAIL(fault, "fsmount(overlay for %s)", making->targets[index]);
  return making->kept_upper ? refuse_read_only(making->overlays[index], making->targets[index], fault) : 0;
}

int root_mount_overlays(struct making *making, struct fault *fault) {
  if (!making->layers_by_descriptor && attach_layers(making, fault) < 0) return -1;
  for (uint32_t i = 0; i < making->layer_count; i++)
    if (mount_overlay(making, i, fault) < 0) return -1;
  return 0;
}

int root_open_directory(int root, const char *name, struct fault *fault) {
  while (*name == '/') name++;
  const uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  int fd = sys_openat2(root, name, O_PATH | O_DIRECTORY, resolve);
  if (fd < 0 && errno == ENOENT && mkdirat(root, name, 0755) == 0) fd = sys_openat2(root, name, O_PATH | O_DIRECTORY, resolve);
  /* ELOOP: the image has a symlink there. Following it would mount outside what was meant. */
  return fd < 0 ? FAIL(fault, "open(/%s of the image, directory, no symlink)", name) : fd;
}

int root_attach(struct making *making, struct fault *fault) {
  cleanup_close int target = open(CELL_NEW_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (target < 0 || sys_move_mount(making->overlays[0], target) < 0) return FAIL(fault, "move_mount(%s)", CELL_NEW_ROOT);
  for (uint32_t i = 1; i < making->layer_count; i++) {
    cleanup_close int place = root_open_directory(making->overlays[0], making->targets[i], fault);
    if (place < 0) return -1;
    if (sys_move_mount(making->overlays[i], place) < 0) return FAIL(fault, "move_mount(%s)", making->targets[i]);
  }
  return 0;
}

int root_pivot(struct making *making, struct fault *fault) {
  if (fchdir(making->overlays[0]) < 0) return FAIL(fault, "fchdir(root)");
  if (sys_pivot_root(".", ".") < 0) return FAIL(fault, "pivot_root(root)");
  if (umount2(".", MNT_DETACH) < 0) return FAIL(fault, "umount2(cell, MNT_DETACH)");
  return chdir("/") < 0 ? FAIL(fault, "chdir(/)") : 0;
}
