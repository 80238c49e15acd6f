/* The order an OCI runtime goes: all namespaces at birth, maps and cgroups written by the parent, then mounts by path from inside. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "contain.h"
#include "privileges.h"
#include "stock.h"

unsigned long long naive_namespaces(void) {
  return CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
}

static int mount_root(struct report *report) {
  TRY(report, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
  TRY(report, mount("tmpfs", "/upper", "tmpfs", 0, "mode=0755,size=" UPPER_SIZE ",nr_inodes=" UPPER_INODES));
  TRY(report, mkdir("/upper/u", 0755));
  TRY(report, mkdir("/upper/w", 0755));
  TRY(report, mount("overlay", "/new", "overlay", 0,
                    "lowerdir=/mapped,upperdir=/upper/u,workdir=/upper/w,volatile,userxattr"));
  TRY(report, mount("proc", "/new/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
  return 0;
}

static int mount_device(const char *name, struct report *report) {
  char source[32], target[32];
  snprintf(source, sizeof source, "/dev/%s", name);
  snprintf(target, sizeof target, "/new/dev/%s", name);
  cleanup_close int file = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
  TRY(report, file);
  TRY(report, mount(source, target, NULL, MS_BIND, NULL));
  return 0;
}

static int mount_devices(struct report *report) {
  static const char *const names[] = {"null", "zero", "full", "random", "urandom", "tty"};
  TRY(report, mount("tmpfs", "/new/dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=0755,size=65536"));
  for (size_t at = 0; at < sizeof names / sizeof names[0]; at++)
    if (mount_device(names[at], report) < 0) return -1;
  TRY(report, mkdir("/new/dev/pts", 0755));
  TRY(report, mount("devpts", "/new/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"));
  TRY(report, symlink("pts/ptmx", "/new/dev/ptmx"));
  TRY(report, symlink("/proc/self/fd", "/new/dev/fd"));
  TRY(report, symlink("/proc/self/fd/0", "/new/dev/stdin"));
  TRY(report, symlink("/proc/self/fd/1", "/new/dev/stdout"));
  TRY(report, symlink("/proc/self/fd/2", "/new/dev/stderr"));
  TRY(report, mkdir("/new/dev/shm", 01777));
  TRY(report, mount("shm", "/new/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=" SHARED_MEMORY_SIZE));
  return 0;
}

/* A path this kernel does not have needs no mask. */
static int cover(const char *source, const char *type, const char *name, unsigned long flags, struct report *report) {
  char target[64];
  snprintf(target, sizeof target, "/new/proc/%s", name);
  if (mount(source == NULL ? target : source, target, type, flags, NULL) == 0) return 1;
  return errno == ENOENT ? 0 : failed(report, target);
}

static int mask_proc(struct report *report) {
  static const char *const files[] = MASKED_FILES, *const directories[] = MASKED_DIRECTORIES, *const read_only[] = READ_ONLY;
  for (size_t at = 0; at < sizeof files / sizeof files[0]; at++)
    if (cover("/dev/null", NULL, files[at], MS_BIND, report) < 0) return -1;
  for (size_t at = 0; at < sizeof directories / sizeof directories[0]; at++)
    if (cover("tmpfs", "tmpfs", directories[at], MS_RDONLY, report) < 0) return -1;
  for (size_t at = 0; at < sizeof read_only / sizeof read_only[0]; at++) {
    int covered = cover(NULL, NULL, read_only[at], MS_BIND, report);
    if (covered < 0) return -1;
    unsigned long kept = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (covered && cover(NULL, NULL, read_only[at], MS_REMOUNT | MS_BIND | MS_RDONLY | kept, report) < 0) return -1;
  }
  return 0;
}

int contain_naive(const struct plan *plan) {
  struct report *report = plan->report;
  TRY(report, syscall(SYS_setresgid, 0, 0, 0));
  TRY(report, syscall(SYS_setresuid, 0, 0, 0));
  if (mount_root(report) < 0) return -1;
  if (mount_devices(report) < 0) return -1;
  if (mask_proc(report) < 0) return -1;
  TRY(report, chdir("/new"));
  TRY(report, syscall(SYS_pivot_root, ".", "."));
  TRY(report, umount2(".", MNT_DETACH));
  TRY(report, chdir("/"));
  TRY(report, unshare(CLONE_NEWCGROUP));
  TRY(report, sethostname("bench", 5));
  if (raise_loopback(report) < 0) return -1;
  if (drop_capabilities(report) < 0) return -1;
  return install_long_filter(report);
}
