#define _GNU_SOURCE
#include "stage.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kernel-mounts.h"

static const struct {
  const char *name;
  int major, minor;
} devices[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

static const struct {
  const char *name, *target;
} links[] = {{"fd", "/proc/self/fd"},         {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
             {"stderr", "/proc/self/fd/2"},   {"ptmx", "pts/ptmx"}};

static int make_device_template(struct report *report) {
  cleanup_close int filesystem = open_filesystem("tmpfs");
  TRY(report, filesystem);
  TRY(report, set_option(filesystem, "mode", "0755"));
  cleanup_close int mount = make_mount(filesystem, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  TRY(report, mount);
  for (size_t at = 0; at < sizeof devices / sizeof devices[0]; at++) {
    TRY(report, mknodat(mount, devices[at].name, S_IFCHR | 0666, makedev(devices[at].major, devices[at].minor)));
    TRY(report, fchmodat(mount, devices[at].name, 0666, 0));
  }
  for (size_t at = 0; at < sizeof links / sizeof links[0]; at++)
    TRY(report, symlinkat(links[at].target, mount, links[at].name));
  TRY(report, mkdirat(mount, "pts", 0755));
  TRY(report, mkdirat(mount, "shm", 0755));
  TRY(report, mkdirat(mount, "empty", 0555));
  TRY(report, set_attributes(mount, (struct mount_attr){.attr_set = MOUNT_ATTR_RDONLY}));
  return steal_fd(&mount);
}

int stage_enter(struct stage *stage, const char *place, const char *payload_root, struct report *report) {
  static const char *const directories[] = {"lower", "mapped", "new", "upper", "proc", "dev"};
  TRY(report, unshare(CLONE_NEWNS));
  TRY(report, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
  TRY(report, mount("tmpfs", place, "tmpfs", 0, "mode=0755"));
  cleanup_close int lower = clone_tree(AT_FDCWD, payload_root);
  TRY(report, lower);
  TRY(report, set_attributes(lower, (struct mount_attr){.attr_set = MOUNT_ATTR_RDONLY}));
  TRY(report, chdir(place));
  for (size_t at = 0; at < sizeof directories / sizeof directories[0]; at++)
    TRY(report, mkdir(directories[at], 0755));
  TRY(report, attach(lower, "lower"));
  TRY(report, mount("/dev", "dev", NULL, MS_BIND, NULL));
  TRY(report, mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
  TRY(report, syscall(SYS_pivot_root, ".", "."));
  TRY(report, umount2(".", MNT_DETACH));
  TRY(report, chdir("/"));
  TRY(report, stage->device = make_device_template(report));
  stage->lower = steal_fd(&lower);
  return 0;
}

int stage_map_lower(const struct stage *stage, int user_namespace, struct report *report) {
  cleanup_close int mapped = clone_tree(stage->lower, "");
  TRY(report, mapped);
  TRY(report, set_attributes(mapped, (struct mount_attr){.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY,
                                                         .userns_fd = (unsigned long long)user_namespace}));
  TRY(report, attach(mapped, "/mapped"));
  return 0;
}
