#include "writable.h"

#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "sys.h"

static int set_number(int context, const char *key, uint64_t value, struct fault *fault) {
  char text[32];
  (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value); /* fits: 20 digits */
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, key, text, 0) < 0) return FAIL(fault, "fsconfig(tmpfs, %s=%s)", key, text);
  return 0;
}

int writable_new_tmpfs(uint64_t bytes, uint64_t inodes, struct fault *fault) {
  cleanup_close int context = sys_fsopen("tmpfs");
  if (context < 0) return FAIL(fault, "fsopen(tmpfs)");
  if (set_number(context, "size", bytes, fault) < 0) return -1;
  if (set_number(context, "nr_inodes", inodes, fault) < 0) return -1;
  /* Searchable: root inside passes through it, on the way to its boot id, before it pivots away. */
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", "0711", 0) < 0) return FAIL(fault, "fsconfig(tmpfs, mode)");
  if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return FAIL(fault, "fsconfig(tmpfs, create)");
  int mount = sys_fsmount(context, MOUNT_ATTR_NODEV);
  return mount < 0 ? FAIL(fault, "fsmount(tmpfs)") : mount;
}

int writable_mount(struct making *making, struct fault *fault) {
  if (making->kept_upper) return 0;
  making->upper = writable_new_tmpfs(making->root_bytes, making->root_inodes, fault);
  return making->upper < 0 ? -1 : 0;
}

struct owner {
  uint32_t uid, gid;
};

/* The merged directory shows the upper's owner and mode, so it takes the lower's. What is kept is not mapped yet, and has
   ids from 0, whatever range the sandbox has this time. */
static struct owner owner_of_upper(const struct making *making, const struct stat *lower) {
  uint32_t base = making->kept_upper ? 0 : making->first_id;
  bool mapped = lower->st_uid >= making->first_id && lower->st_uid - making->first_id < IDS_PER_SANDBOX &&
                lower->st_gid >= making->first_id && lower->st_gid - making->first_id < IDS_PER_SANDBOX;
  if (!mapped) return (struct owner){base, base};
  return (struct owner){base + (lower->st_uid - making->first_id), base + (lower->st_gid - making->first_id)};
}

/* One that is there is as the sandbox left it. It gets its name once it is whole: a kept upper survives being cut short. */
static int make_directory(int upper, const char *name, struct owner owner, mode_t mode, struct fault *fault) {
  char fresh[24];
  (void)snprintf(fresh, sizeof fresh, "%s.new", name);
  if (faccessat(upper, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) return 0;
  if (mkdirat(upper, fresh, 0700) < 0 && errno != EEXIST) return FAIL(fault, "mkdir(%s)", fresh);
  if (fchownat(upper, fresh, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) < 0) return FAIL(fault, "fchown(%s)", fresh);
  if (fchmodat(upper, fresh, mode, 0) < 0) return FAIL(fault, "fchmod(%s)", fresh);
  return renameat(upper, fresh, upper, name) < 0 ? FAIL(fault, "rename(%s, %s)", fresh, name) : 0;
}

static int make_directories(struct making *making, uint32_t index, struct fault *fault) {
  char upper[16], work[16];
  struct stat lower;
  struct owner root = owner_of_upper(making, &(struct stat){0});
  (void)snprintf(upper, sizeof upper, "u%u", index);
  (void)snprintf(work, sizeof work, "w%u", index);
  if (fstatat(making->layers[index], "", &lower, AT_EMPTY_PATH) < 0) return FAIL(fault, "fstat(layer for %s)", making->targets[index]);
  if (make_directory(making->upper, upper, owner_of_upper(making, &lower), lower.st_mode & 07777, fault) < 0) return -1;
  return make_directory(making->upper, work, root, 0700, fault);
}

int writable_prepare(struct making *making, struct fault *fault) {
  for (uint32_t i = 0; i < making->layer_count; i++)
    if (make_directories(making, i, fault) < 0) return -1;
  if (!making->kept_upper) return 0;
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)making->userns};
  return sys_mount_setattr(making->upper, &attributes) < 0 ? FAIL(fault, "mount_setattr(upper, MOUNT_ATTR_IDMAP)") : 0;
}
