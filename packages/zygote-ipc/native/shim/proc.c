#include "proc.h"

#include "cell.h"
#include "root.h"
#include "sys.h"

/* What the kernel was built without is skipped. Root inside can write none of them (they belong to the host's user
   namespace), and read only what is open to everybody; the masks are for what then still tells of the host: its keys, its
   devices, its command line, its activity. /proc/pressure is open to everybody for writing, and each trigger that is set
   there costs the host memory and time that no limit counts. Each mask costs 15 us of a create. */
static const char *const masked_files[] = {"kcore", "keys", "key-users", "interrupts", "cmdline", "sched_debug", "latency_stats"};
static const char *const masked_directories[] = {"acpi", "scsi", "asound", "bus", "driver", "fs", "pressure"};
static const char *const read_only[] = {"sys"};

int proc_mount(struct making *making, struct fault *fault) {
  cleanup_close int context = sys_fsopen("proc");
  if (context < 0) return FAIL(fault, "fsopen(proc)");
  if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return FAIL(fault, "fsconfig(proc, create)");
  making->proc = sys_fsmount(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  return making->proc < 0 ? FAIL(fault, "fsmount(proc)") : 0;
}

int proc_attach(struct making *making, struct fault *fault) {
  cleanup_close int target = root_open_directory(making->overlays[0], "proc", fault);
  if (target < 0) return -1;
  return sys_move_mount(making->proc, target) < 0 ? FAIL(fault, "move_mount(/proc)") : 0;
}

static int cover(int proc, const char *name, const char *with, struct fault *fault) {
  cleanup_close int target = openat(proc, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (target < 0) return errno == ENOENT ? 0 : FAIL(fault, "open(/proc/%s)", name);
  cleanup_close int mask = sys_open_tree_clone(AT_FDCWD, with);
  if (mask < 0) return FAIL(fault, "open_tree(%s)", with);
  return sys_move_mount(mask, target) < 0 ? FAIL(fault, "move_mount(/proc/%s)", name) : 0;
}

static int protect(int proc, const char *name, struct fault *fault) {
  cleanup_close int target = openat(proc, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (target < 0) return errno == ENOENT ? 0 : FAIL(fault, "open(/proc/%s)", name);
  cleanup_close int copy = sys_open_tree_clone(target, "");
  if (copy < 0) return FAIL(fault, "open_tree(/proc/%s)", name);
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  if (sys_mount_setattr(copy, &attributes) < 0) return FAIL(fault, "mount_setattr(/proc/%s, read-only)", name);
  return sys_move_mount(copy, target) < 0 ? FAIL(fault, "move_mount(/proc/%s)", name) : 0;
}

int proc_mask(struct making *making, struct fault *fault) {
  for (size_t i = 0; i < sizeof masked_files / sizeof *masked_files; i++)
    if (cover(making->proc, masked_files[i], CELL_EMPTY_FILE, fault) < 0) return -1;
  for (size_t i = 0; i < sizeof masked_directories / sizeof *masked_directories; i++)
    if (cover(making->proc, masked_directories[i], CELL_EMPTY_DIRECTORY, fault) < 0) return -1;
  for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++)
    if (protect(making->proc, read_only[i], fault) < 0) return -1;
  return 0;
}
