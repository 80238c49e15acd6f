#include "probe.h"

#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

bool probe_private_mounts(struct probe_result *result) {
  if (unshare(CLONE_NEWNS) < 0) return probe_fail(result, errno, "unshare(CLONE_NEWNS)"), false;
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return probe_fail(result, errno, "mount(/, MS_REC | MS_PRIVATE)"), false;
  return true;
}

void probe_fail_context(struct probe_result *result, int error, int context, const char *what) {
  /* The kernel queues its explanation on the descriptor, one message a read, as "e text". */
  char message[256];
  ssize_t length = context < 0 ? -1 : read(context, message, sizeof message - 1);
  message[length < 0 ? 0 : length] = 0;
  message[strcspn(message, "\n")] = 0;
  probe_fail(result, error, length > 2 ? "%s (%s)" : "%s", what, message + (length > 2 ? 2 : 0));
}

int probe_detached(struct probe_result *result, const char *type, const char *const *options, unsigned attributes) {
  char what[128];
  cleanup_close int context = sys_fsopen(type);
  if (context < 0) return probe_fail(result, errno, "fsopen(%s)", type), -1;
  for (; options && options[0]; options += 2) {
    if (sys_fsconfig(context, FSCONFIG_SET_STRING, options[0], options[1], 0) == 0) continue;
    (void)snprintf(what, sizeof what, "fsconfig(%s, %s=%s)", type, options[0], options[1]); /* a long one is cut */
    return probe_fail_context(result, errno, context, what), -1;
  }
  (void)snprintf(what, sizeof what, "fsconfig(%s, create)", type);
  if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return probe_fail_context(result, errno, context, what), -1;
  int fd = sys_fsmount(context, attributes);
  if (fd < 0) probe_fail(result, errno, "fsmount(%s)", type);
  return fd;
}

static void probe_tmpfs_limits(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  static const char *const options[] = {"size", "64k", "nr_inodes", "8", NULL};
  cleanup_close int root = probe_detached(result, "tmpfs", options, 0);
  if (root < 0) return;
  int files = 0;
  for (int i = 0; i < 64; i++) {
    char name[16];
    (void)snprintf(name, sizeof name, "%d", i);
    cleanup_close int fd = openat(root, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) break;
    files++;
  }
  if (files >= 8) return probe_fail(result, 0, "tmpfs with nr_inodes=8 held %d files", files);
  cleanup_close int fd = openat(root, "0", O_WRONLY | O_CLOEXEC);
  char block[4096] = {0};
  int blocks = 0;
  while (blocks < 64 && write(fd, block, sizeof block) == (ssize_t)sizeof block) blocks++;
  if (blocks > 16) return probe_fail(result, 0, "tmpfs with size=64k took %d kB", blocks * 4);
  probe_pass(result, "size and number of files are enforced");
}

static void probe_move_mount(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  if (!probe_private_mounts(result)) return;
  cleanup_close int root = probe_detached(result, "tmpfs", NULL, 0);
  if (root < 0) return;
  cleanup_close int target = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (sys_move_mount(root, target) < 0) return probe_fail(result, errno, "move_mount(detached tmpfs, /proc)");
  struct statfs now;
  if (statfs("/proc", &now) < 0) return probe_fail(result, errno, "statfs(attached tmpfs)");
  if (now.f_type != TMPFS_MAGIC) return probe_fail(result, 0, "the attached mount does not show");
  probe_pass(result, "a detached tmpfs was attached by descriptor");
}

static void probe_open_tree(const struct probe_context *context, struct probe_result *result) {
  cleanup_close int tree = sys_open_tree_clone(AT_FDCWD, context->lower);
  if (tree < 0) return probe_fail(result, errno, "open_tree(%s, OPEN_TREE_CLONE)", context->lower);
  struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
  if (sys_mount_setattr(tree, &read_only) < 0) return probe_fail(result, errno, "mount_setattr(copy of %s, read-only)", context->lower);
  if (mkdirat(tree, ".hatchery-probe", 0700) == 0) {
    (void)unlinkat(tree, ".hatchery-probe", AT_REMOVEDIR);
    return probe_fail(result, 0, "a read-only copy of %s was writable", context->lower);
  }
  if (errno != EROFS) return probe_fail(result, errno, "mkdir in a read-only copy of %s", context->lower);
  probe_pass(result, "a detached read-only copy of %s", context->lower);
}

static void probe_pivot_root(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  if (!probe_private_mounts(result)) return;
  cleanup_close int root = probe_detached(result, "tmpfs", NULL, 0);
  if (root < 0) return;
  cleanup_close int target = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (sys_move_mount(root, target) < 0) return probe_fail(result, errno, "move_mount(tmpfs, /proc)");
  if (fchdir(root) < 0) return probe_fail(result, errno, "fchdir(tmpfs)");
  if (sys_pivot_root(".", ".") < 0) return probe_fail(result, errno, "pivot_root(tmpfs)");
  if (umount2(".", MNT_DETACH) < 0) return probe_fail(result, errno, "umount2(old root, MNT_DETACH)");
  if (chdir("/") < 0) return probe_fail(result, errno, "chdir(/)");
  if (access("/proc", F_OK) == 0) return probe_fail(result, 0, "the old root still shows");
  probe_pass(result, "the old root is gone from sight");
}

static void probe_proc(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  /* The mounter's pid namespace is the one that proc shows: it takes a child. */
  pid_t pid = probe_fork(CLONE_NEWPID | CLONE_NEWNS);
  if (pid < 0) return probe_fail(result, errno, "clone(CLONE_NEWPID | CLONE_NEWNS)");
  if (pid == 0) {
    cleanup_close int proc = probe_detached(result, "proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (proc < 0) _exit(0);
    char self[16] = "";
    if (readlinkat(proc, "self", self, sizeof self - 1) < 0 || strcmp(self, "1") != 0) probe_fail(result, 0, "self is \"%s\", not 1", self);
    else probe_pass(result, "a fresh proc shows its own processes only");
    _exit(0);
  }
  probe_join(result, pid);
}

static void probe_devices(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  cleanup_close int dev = probe_detached(result, "tmpfs", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (dev < 0) return;
  if (mknodat(dev, "null", S_IFCHR | 0666, makedev(1, 3)) < 0) return probe_fail(result, errno, "mknod(null, c 1 3)");
  cleanup_close int fd = openat(dev, "null", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return probe_fail(result, errno, "open(null)");
  if (write(fd, "x", 1) != 1) return probe_fail(result, errno, "write(null)");
  probe_pass(result, "a device node was made and written to");
}

static void probe_terminals(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  static const char *const options[] = {"ptmxmode", "0666", "mode", "0620", NULL};
  cleanup_close int pts = probe_detached(result, "devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (pts < 0) return;
  cleanup_close int master = openat(pts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0) return probe_fail(result, errno, "open(ptmx)");
  unsigned number = ~0u;
  if (ioctl(master, TIOCGPTN, &number) < 0) return probe_fail(result, errno, "ioctl(ptmx, TIOCGPTN)");
  if (number != 0) return probe_fail(result, 0, "the first terminal of a new devpts is number %u", number);
  probe_pass(result, "terminals of its own");
}

const struct probe mount_probes[] = {
    {"tmpfs-limits", probe_tmpfs_limits}, {"move-mount", probe_move_mount}, {"open-tree", probe_open_tree},
    {"pivot-root", probe_pivot_root},     {"proc", probe_proc},             {"device-nodes", probe_devices},
    {"devpts", probe_terminals},          {NULL, NULL},
};
