/* inv-55: every way to change what is in a volume, or to get at it through a mount that can be changed. */
#include "missing-defs.h"
#include "sp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef SYS_fspick
#define SYS_fspick 433
#endif

/* Of the volume: a directory with `file` and `sub/` in it. */
static char volume[64];

static const char *in_volume(const char *name) {
  static char paths[4][128];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", volume, name);
  return path;
}

static struct outcome told(long result, const char *call) { return result < 0 ? refused(call) : harm("%s worked", call); }

/* The way to a file that leads round the volume's own name, or straight there. */
static struct outcome write_by(const void *argument) {
  char path[256];
  snprintf(path, sizeof path, "%s%s", (const char *)argument, in_volume("file"));
  int fd = open(path, O_WRONLY | O_APPEND);
  return fd < 0 ? refused("open") : told(write(fd, "x", 1), "write");
}

static struct outcome reopen(const void *argument) {
  (void)argument;
  char path[64];
  int fd = open(in_volume("file"), O_RDONLY);
  if (fd < 0) return refused("open to read");
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return told(open(path, O_RDWR), "open through /proc/self/fd");
}

static struct outcome map_shared(const void *argument) {
  (void)argument;
  int fd = open(in_volume("file"), O_RDWR);
  if (fd < 0) fd = open(in_volume("file"), O_RDONLY);
  if (fd < 0) return refused("open");
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) return refused("mmap");
  *(volatile char *)page = 'X';
  return harm("wrote through a mapping");
}

static struct outcome write_in_chroot(const void *argument) {
  (void)argument;
  if (chroot(volume) != 0) return refused("chroot");
  return told(open("/file", O_WRONLY), "open in a chroot");
}

static struct outcome set_flags(const void *argument) {
  (void)argument;
  int flags = 0, fd = open(in_volume("file"), O_RDONLY);
  if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) return refused("FS_IOC_GETFLAGS");
  flags ^= FS_NODUMP_FL;
  return told(ioctl(fd, FS_IOC_SETFLAGS, &flags), "FS_IOC_SETFLAGS");
}

static struct outcome make_socket(const void *argument) {
  (void)argument;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/s", volume);
  return told(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address), "bind");
}

static struct outcome unnamed(const void *argument) {
  (void)argument;
  return told(open(volume, O_TMPFILE | O_RDWR, 0600), "open(O_TMPFILE)");
}

#define ACT(name, call) \
  static struct outcome name(const void *argument) { \
    (void)argument; \
    return told(call, #name); \
  }
ACT(do_touch, utimensat(AT_FDCWD, in_volume("file"), NULL, 0))
ACT(do_attribute, setxattr(in_volume("file"), "user.sp", "x", 1, 0))
ACT(do_chmod, chmod(in_volume("file"), 0777))
ACT(do_chown, chown(in_volume("file"), 0, 0))
ACT(do_create, open(in_volume("made"), O_CREAT | O_EXCL | O_WRONLY, 0600))
ACT(do_mkdir, mkdir(in_volume("directory"), 0700))
ACT(do_mkfifo, mkfifo(in_volume("fifo"), 0600))
ACT(do_symlink, symlink("/etc", in_volume("symlink")))
ACT(do_link, link(in_volume("file"), in_volume("link")))
ACT(do_rename, rename(in_volume("file"), in_volume("renamed")))
ACT(do_truncate, truncate(in_volume(access(in_volume("file"), F_OK) == 0 ? "file" : "renamed"), 0))
ACT(do_rmdir, rmdir(in_volume("sub")))
ACT(do_unlink, unlink(in_volume(access(in_volume("file"), F_OK) == 0 ? "file" : "renamed")))

static struct outcome by_own_namespaces(const void *argument) {
  (void)argument;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return refused("unshare");
  return told(mount(NULL, volume, NULL, MS_REMOUNT | MS_BIND, NULL), "remount in namespaces of one's own");
}

static struct outcome pick(const void *argument) {
  (void)argument;
  int context = (int)syscall(SYS_fspick, AT_FDCWD, volume, 0);
  return context < 0 ? refused("fspick") : harm("reconfigures the file system");
}

static struct outcome clone_tree(const void *argument) {
  (void)argument;
  return told(syscall(SYS_open_tree, AT_FDCWD, volume, 1 /* OPEN_TREE_CLONE */), "open_tree");
}

static struct outcome move_away(const void *argument) {
  (void)argument;
  return told(syscall(SYS_move_mount, AT_FDCWD, volume, AT_FDCWD, "/tmp", 0), "move_mount");
}

static struct outcome make_writable(const void *argument) {
  (void)argument;
  uint64_t attributes[4] = {[1] = 1 /* clear MOUNT_ATTR_RDONLY */};
  return told(syscall(SYS_mount_setattr, AT_FDCWD, volume, 0, attributes, sizeof attributes), "mount_setattr");
}

ACT(do_remount, mount(NULL, volume, NULL, MS_REMOUNT | MS_BIND, NULL))
ACT(do_remount_all, mount(NULL, volume, NULL, MS_REMOUNT, NULL))
ACT(do_bind, mount(volume, "/tmp", NULL, MS_BIND, NULL))
ACT(do_bind_above, mount("/", "/tmp", NULL, MS_BIND | MS_REC, NULL))
ACT(do_move, mount(volume, "/tmp", NULL, MS_MOVE, NULL))
ACT(do_cover, mount("sp", volume, "tmpfs", 0, NULL))
ACT(do_share, mount(NULL, volume, NULL, MS_SHARED, NULL))
ACT(do_umount, umount2(volume, MNT_DETACH))
ACT(do_umount_busy, umount2(volume, 0))
ACT(do_rename_place, rename(volume, "/tmp/elsewhere"))
ACT(do_remove_place, rmdir(volume))

struct act {
  const char *name;
  probe_fn *probe;
  const void *argument;
};

static int run_all(const struct act *acts, size_t count, int argc, char **argv) {
  if (argc != 1) return 2;
  snprintf(volume, sizeof volume, "%s", argv[0]);
  for (size_t i = 0; i < count; i++) attempt(acts[i].name, acts[i].probe, acts[i].argument);
  return 0;
}

/* (VOLUME): what anybody may do who may write there. The last ones take away what the others need. */
static int run_change(int argc, char **argv) {
  static const struct act acts[] = {
      {"write", write_by, ""},           {"write-by-root", write_by, "/proc/self/root"},
      {"write-by-init", write_by, "/proc/1/root"}, {"write-by-cwd", write_by, "/proc/self/cwd/.."},
      {"reopen", reopen, NULL},          {"map", map_shared, NULL},
      {"chroot", write_in_chroot, NULL}, {"touch", do_touch, NULL},
      {"attribute", do_attribute, NULL}, {"chmod", do_chmod, NULL},
      {"chown", do_chown, NULL},         {"flags", set_flags, NULL},
      {"create", do_create, NULL},       {"unnamed", unnamed, NULL},
      {"mkdir", do_mkdir, NULL},         {"mkfifo", do_mkfifo, NULL},
      {"symlink", do_symlink, NULL},     {"link", do_link, NULL},
      {"socket", make_socket, NULL},     {"rename", do_rename, NULL},
      {"truncate", do_truncate, NULL},   {"rmdir", do_rmdir, NULL},
      {"unlink", do_unlink, NULL},
  };
  return run_all(acts, sizeof acts / sizeof *acts, argc, argv);
}

/* (VOLUME): what is done to its mount. */
static int run_unlock(int argc, char **argv) {
  static const struct act acts[] = {
      {"remount", do_remount, NULL},         {"remount-all", do_remount_all, NULL},
      {"bind", do_bind, NULL},               {"bind-above", do_bind_above, NULL},
      {"move", do_move, NULL},               {"cover", do_cover, NULL},
      {"share", do_share, NULL},             {"umount", do_umount, NULL},
      {"umount-busy", do_umount_busy, NULL}, {"mount_setattr", make_writable, NULL},
      {"open_tree", clone_tree, NULL},       {"move_mount", move_away, NULL},
      {"fspick", pick, NULL},                {"own-namespaces", by_own_namespaces, NULL},
      {"rename-place", do_rename_place, NULL}, {"remove-place", do_remove_place, NULL},
  };
  return run_all(acts, sizeof acts / sizeof *acts, argc, argv);
}

const struct command volume_commands[] = {{"volume-change", run_change}, {"volume-unlock", run_unlock}, {NULL, NULL}};
