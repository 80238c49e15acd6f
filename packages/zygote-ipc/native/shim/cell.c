#include "cell.h"

#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "making.h"
#include "sys.h"

static const struct {
  const char *name;
  unsigned major, minor;
} devices[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

static const struct {
  const char *name, *target;
} links[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
             {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},         {"core", "/proc/kcore"}};

/* A tmpfs that nothing is attached to yet. */
static int new_tmpfs(const char *size, const char *inodes, struct fault *fault) {
  cleanup_close int context = sys_fsopen("tmpfs");
  if (context < 0) return FAIL(fault, "fsopen(tmpfs)");
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "size", size, 0) < 0) return FAIL(fault, "fsconfig(tmpfs, size=%s)", size);
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "nr_inodes", inodes, 0) < 0) return FAIL(fault, "fsconfig(tmpfs, nr_inodes=%s)", inodes);
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0) return FAIL(fault, "fsconfig(tmpfs, mode)");
  if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return FAIL(fault, "fsconfig(tmpfs, create)");
  int mount = sys_fsmount(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  return mount < 0 ? FAIL(fault, "fsmount(tmpfs)") : mount;
}

static int make_read_only(int mount, struct fault *fault) {
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  return sys_mount_setattr(mount, &attributes) < 0 ? FAIL(fault, "mount_setattr(read-only)") : 0;
}

/* Device nodes of a sandbox: on a file system of the host's user namespace, so that they work inside; the mount is
   read-only, which stops new names but not writes to devices. */
static int make_device_template(struct fault *fault) {
  cleanup_close int dev = new_tmpfs("64k", "64", fault);
  if (dev < 0) return -1;
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
    if (mknodat(dev, devices[i].name, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)) < 0)
      return FAIL(fault, "mknod(/dev/%s)", devices[i].name);
  for (size_t i = 0; i < sizeof links / sizeof *links; i++)
    if (symlinkat(links[i].target, dev, links[i].name) < 0) return FAIL(fault, "symlink(/dev/%s)", links[i].name);
  if (mkdirat(dev, "pts", 0755) < 0 || mkdirat(dev, "shm", 0755) < 0) return FAIL(fault, "mkdir(/dev/pts, /dev/shm)");
  if (make_read_only(dev, fault) < 0) return -1;
  cleanup_close int target = open(CELL_DEV, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (target < 0 || sys_move_mount(dev, target) < 0) return FAIL(fault, "move_mount(%s)", CELL_DEV);
  return 0;
}

static int make_directories(int cell, struct fault *fault) {
  static const char *const names[] = {"dev", "void", "root", "upper", "layers"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (mkdirat(cell, names[i], 0755) < 0) return FAIL(fault, "mkdir(cell, %s)", names[i]);
  for (int i = 0; i < MAX_LAYERS; i++) {
    char name[32];
    (void)snprintf(name, sizeof name, "layers/%d", i); /* cannot be cut: i has two digits */
    if (mkdirat(cell, name, 0755) < 0) return FAIL(fault, "mkdir(cell, %s)", name);
  }
  cleanup_close int empty = openat(cell, "empty", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);
  return empty < 0 ? FAIL(fault, "open(cell, empty)") : 0;
}

int cell_enter(struct fault *fault) {
  umask(0);
  if (unshare(CLONE_NEWNS) < 0) return FAIL(fault, "unshare(CLONE_NEWNS)");
  /* Private: neither do the host's later mounts come in, nor does a mount made here go out. */
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return FAIL(fault, "mount(/, MS_REC | MS_PRIVATE)");
  cleanup_close int cell = new_tmpfs("64k", "64", fault);
  if (cell < 0 || make_directories(cell, fault) < 0) return -1;
  /* Any directory will do to attach it: everything that is there now goes away two calls later. */
  cleanup_close int host_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  cleanup_close int target = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (host_root < 0 || target < 0) return FAIL(fault, "open(/, /proc)");
  if (sys_move_mount(cell, target) < 0) return FAIL(fault, "move_mount(cell)");
  if (fchdir(cell) < 0) return FAIL(fault, "fchdir(cell)");
  if (sys_pivot_root(".", ".") < 0) return FAIL(fault, "pivot_root(cell)");
  /* 500 mounts of the host's would cost each create 1.6 ms: clone3 copies them all. */
  if (umount2(".", MNT_DETACH) < 0) return FAIL(fault, "umount2(host root, MNT_DETACH)");
  if (chdir("/") < 0) return FAIL(fault, "chdir(/)");
  if (make_device_template(fault) < 0) return -1;
  umask(022);
  return make_read_only(cell, fault);
}
