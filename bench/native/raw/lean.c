/* The cheapest order found: detached mounts as the host's root, user namespace from stock entered after them, everything else inside it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "contain.h"
#include "kernel-mounts.h"
#include "privileges.h"
#include "stock.h"

/* Only the pid namespace: /proc has to be made in it before the user namespace is entered. The rest is owned by that one. */
unsigned long long lean_namespaces(void) { return CLONE_NEWPID; }

static int set_layer(int overlay, const char *key, int directory) {
  /* By fd from 6.13 on; before that by a path that names the fd. */
  if (syscall(SYS_fsconfig, overlay, FSCONFIG_SET_FD, key, NULL, directory) == 0) return 0;
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", directory);
  return set_option(overlay, key, path);
}

static int make_tmpfs(const char *size, const char *inodes, const char *mode, struct report *report) {
  cleanup_close int filesystem = open_filesystem("tmpfs");
  TRY(report, filesystem);
  TRY(report, set_option(filesystem, "size", size));
  TRY(report, set_option(filesystem, "nr_inodes", inodes));
  TRY(report, set_option(filesystem, "mode", mode));
  int mount = make_mount(filesystem, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  TRY(report, mount);
  return mount;
}

static int make_directory(int parent, const char *name, int owner, struct report *report) {
  TRY(report, mkdirat(parent, name, 0755));
  TRY(report, fchownat(parent, name, (uid_t)owner, (gid_t)owner, 0));
  int directory = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  TRY(report, directory);
  return directory;
}

/* The upper's fd stays open until exec closes it: closing the only reference here would cost its teardown twice. */
static int make_root(const struct plan *plan) {
  struct report *report = plan->report;
  int tmpfs = make_tmpfs(UPPER_SIZE, UPPER_INODES, "0755", report);
  if (tmpfs < 0) return -1;
  cleanup_close int upper = make_directory(tmpfs, "u", plan->first_id, report);
  cleanup_close int work = make_directory(tmpfs, "w", plan->first_id, report);
  if (upper < 0 || work < 0) return -1;
  cleanup_close int overlay = open_filesystem("overlay");
  TRY(report, overlay);
  TRY(report, set_layer(overlay, "lowerdir+", plan->mapped_lower));
  TRY(report, set_layer(overlay, "upperdir", upper));
  TRY(report, set_layer(overlay, "workdir", work));
  TRY(report, set_flag(overlay, "volatile"));
  int mount = make_mount(overlay, 0);
  TRY(report, mount);
  return mount;
}

static int make_simple(const char *type, unsigned attributes, struct report *report) {
  cleanup_close int filesystem = open_filesystem(type);
  TRY(report, filesystem);
  int mount = make_mount(filesystem, attributes);
  TRY(report, mount);
  return mount;
}

static int cover(int proc, int source, const char *source_path, const char *name, struct report *report) {
  char target[64];
  /* Looked up first: closing a clone that found no place waits for an RCU grace period, 100 us and more. */
  if (faccessat(proc, name, F_OK, 0) < 0) return errno == ENOENT ? 0 : failed(report, name);
  snprintf(target, sizeof target, "/new/proc/%s", name);
  cleanup_close int mount = clone_tree(source, source_path);
  TRY(report, mount);
  TRY(report, attach(mount, target));
  return 0;
}

static int protect(int proc, const char *name, struct report *report) {
  char target[64];
  snprintf(target, sizeof target, "/new/proc/%s", name);
  cleanup_close int mount = clone_tree(proc, name);
  if (mount < 0) return errno == ENOENT ? 0 : failed(report, target);
  TRY(report, set_attributes(mount, (struct mount_attr){.attr_set = MOUNT_ATTR_RDONLY}));
  TRY(report, attach(mount, target));
  return 0;
}

static int mask_proc(int proc, int device, struct report *report) {
  static const char *const files[] = MASKED_FILES, *const directories[] = MASKED_DIRECTORIES, *const read_only[] = READ_ONLY;
  for (size_t at = 0; at < sizeof files / sizeof files[0]; at++)
    if (cover(proc, device, "null", files[at], report) < 0) return -1;
  for (size_t at = 0; at < sizeof directories / sizeof directories[0]; at++)
    if (cover(proc, device, "empty", directories[at], report) < 0) return -1;
  for (size_t at = 0; at < sizeof read_only / sizeof read_only[0]; at++)
    if (protect(proc, read_only[at], report) < 0) return -1;
  return 0;
}

static int enter_namespaces(const struct plan *plan) {
  struct report *report = plan->report;
  /* Raw calls: libc's setns is fine, but its setresuid signals every thread of the memory this child borrows. */
  if (plan->network >= 0) TRY(report, setns(plan->network, CLONE_NEWNET));
  TRY(report, setns(plan->user_namespace, CLONE_NEWUSER));
  TRY(report, syscall(SYS_setresgid, 0, 0, 0));
  TRY(report, syscall(SYS_setresuid, 0, 0, 0));
  int fresh_network = plan->network < 0 ? CLONE_NEWNET : 0;
  TRY(report, unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | fresh_network));
  if (fresh_network && raise_loopback(report) < 0) return -1;
  return 0;
}

static int make_terminals(struct report *report) {
  cleanup_close int filesystem = open_filesystem("devpts");
  TRY(report, filesystem);
  TRY(report, set_option(filesystem, "ptmxmode", "0666"));
  TRY(report, set_option(filesystem, "mode", "0620"));
  TRY(report, set_option(filesystem, "gid", "5"));
  cleanup_close int mount = make_mount(filesystem, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  TRY(report, mount);
  TRY(report, attach(mount, "/new/dev/pts"));
  return 0;
}

int contain_lean(const struct plan *plan) {
  struct report *report = plan->report;
  if (cgroup_enter_tasks(plan->cgroups, report) < 0) return -1;
  cleanup_close int root = make_root(plan);
  cleanup_close int proc = make_simple("proc", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, report);
  cleanup_close int device = clone_tree(plan->stage->device, "");
  cleanup_close int memory = make_tmpfs(SHARED_MEMORY_SIZE, UPPER_INODES, "1777", report);
  if (root < 0 || proc < 0 || memory < 0) return -1;
  TRY(report, device);
  if (enter_namespaces(plan) < 0) return -1;
  TRY(report, attach(root, "/new"));
  TRY(report, attach(proc, "/new/proc"));
  TRY(report, attach(device, "/new/dev"));
  TRY(report, attach(memory, "/new/dev/shm"));
  if (make_terminals(report) < 0) return -1;
  if (mask_proc(proc, device, report) < 0) return -1;
  TRY(report, fchdir(root));
  TRY(report, syscall(SYS_pivot_root, ".", "."));
  TRY(report, umount2(".", MNT_DETACH));
  TRY(report, chdir("/"));
  TRY(report, sethostname("bench", 5));
  if (drop_capabilities(report) < 0) return -1;
  return install_short_filter(report);
}
