/* N01 to N15: acts against the walls of the sandbox: its mounts, its /proc and /dev, and descriptors left open. */
#include "missing-defs.h"
#include "sp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* N01. */
struct mount_call {
  const char *name, *type, *target;
  unsigned long flags;
};

static struct outcome try_mount(const void *argument) {
  const struct mount_call *call = argument;
  return mount("sp", call->target, call->type, call->flags, NULL) < 0 ? refused("mount") : harm("mounted on %s", call->target);
}

static struct outcome try_bind(const void *argument) {
  (void)argument;
  return mount("/", "/tmp", NULL, MS_BIND | MS_REC, NULL) < 0 ? refused("mount") : harm("bound / on /tmp");
}

static struct outcome try_umount(const void *argument) {
  return umount2(argument, MNT_DETACH) < 0 ? refused("umount2") : harm("took away %s", (const char *)argument);
}

static struct outcome try_fsopen(const void *argument) {
  return syscall(SYS_fsopen, argument, 0) < 0 ? refused("fsopen") : harm("fsopen gave a context");
}

static struct outcome try_open_tree(const void *argument) {
  (void)argument;
  /* OPEN_TREE_CLONE | AT_RECURSIVE */
  return syscall(SYS_open_tree, AT_FDCWD, "/", 1 | 0x8000) < 0 ? refused("open_tree") : harm("cloned the mount tree");
}

static struct outcome try_pivot(const void *argument) {
  (void)argument;
  return syscall(SYS_pivot_root, "/tmp", "/tmp") < 0 ? refused("pivot_root") : harm("pivoted");
}

static struct outcome try_setattr(const void *argument) {
  (void)argument;
  uint64_t attributes[4] = {[1] = 1 /* clear MOUNT_ATTR_RDONLY */};
  return syscall(SYS_mount_setattr, AT_FDCWD, "/proc/sys", 0, attributes, sizeof attributes) < 0 ? refused("mount_setattr")
                                                                                                   : harm("made /proc/sys writable");
}

/* Every filesystem that this kernel knows, through both mount interfaces; /proc/filesystems names them. */
static struct outcome mount_any(const void *argument) {
  const char *type = argument;
  if (mount("sp", "/tmp", type, 0, NULL) == 0) return harm("mounted %s", type);
  if (errno != EPERM) return refused("mount");
  return syscall(SYS_fsopen, type, 0) < 0 ? refused("fsopen") : harm("fsopen gave a context for %s", type);
}

static int run_filesystems(int argc, char **argv) {
  (void)argc, (void)argv;
  FILE *table = fopen("/proc/filesystems", "re");
  char line[128];
  if (table == NULL) return 1;
  while (fgets(line, sizeof line, table) != NULL) {
    char *type = strrchr(line, '\t');
    if (type == NULL) continue;
    type[strcspn(type, "\n")] = '\0';
    attempt(type + 1, mount_any, type + 1);
  }
  fclose(table);
  return 0;
}

static struct outcome enter(const void *argument) {
  const char *path = argument;
  int fd = path != NULL ? open(path, O_RDONLY) : (int)syscall(SYS_pidfd_open, 1, 0);
  if (fd < 0) return refused("open");
  return setns(fd, path != NULL ? 0 : CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) < 0 ? refused("setns") : harm("entered %s", path != NULL ? path : "init's");
}

static int run_setns(int argc, char **argv) {
  (void)argc, (void)argv;
  static const char *const paths[] = {"/proc/1/ns/mnt",  "/proc/1/ns/pid",  "/proc/1/ns/user",    "/proc/1/ns/cgroup",
                                      "/proc/self/ns/net", "/proc/self/ns/user", "/proc/self/ns/mnt", "/proc/self/ns/time"};
  for (size_t index = 0; index < sizeof paths / sizeof paths[0]; index++) attempt(paths[index], enter, paths[index]);
  attempt("pidfd-of-init", enter, NULL);
  return 0;
}

static int run_mounts(int argc, char **argv) {
  (void)argc, (void)argv;
  static const struct mount_call calls[] = {
      {"mount-tmpfs", "tmpfs", "/tmp", 0},
      {"mount-proc", "proc", "/proc", 0},
      {"mount-sysfs", "sysfs", "/tmp", 0},
      {"mount-cgroup", "cgroup", "/tmp", 0},
      {"mount-cgroup2", "cgroup2", "/tmp", 0},
      {"remount-root", NULL, "/", MS_REMOUNT},
      {"remount-proc", NULL, "/proc", MS_REMOUNT},
      {"remount-proc-sys", NULL, "/proc/sys", MS_REMOUNT | MS_BIND},
      {"propagate-root", NULL, "/", MS_REC | MS_SHARED},
  };
  for (size_t index = 0; index < sizeof calls / sizeof calls[0]; index++) attempt(calls[index].name, try_mount, &calls[index]);
  attempt("bind-root", try_bind, NULL);
  attempt("umount-keys", try_umount, "/proc/keys");
  attempt("umount-kcore", try_umount, "/proc/kcore");
  attempt("umount-proc-sys", try_umount, "/proc/sys");
  attempt("umount-proc", try_umount, "/proc");
  attempt("fsopen-tmpfs", try_fsopen, "tmpfs");
  attempt("fsopen-cgroup2", try_fsopen, "cgroup2");
  attempt("open_tree-clone", try_open_tree, NULL);
  attempt("pivot_root", try_pivot, NULL);
  attempt("mount_setattr", try_setattr, NULL);
  return 0;
}

/* N02, N04: opened for writing, never written: on a broken sandbox this would be the host's own switch. */
static struct outcome open_for_writing(const void *argument) {
  const char *path = argument;
  return open(path, O_WRONLY) < 0 ? refused("open") : harm("%s opened for writing", path);
}

static int run_cgroup_write(int argc, char **argv) {
  (void)argc, (void)argv;
  static const char *const paths[] = {
      "/sys/fs/cgroup/cgroup.procs",        "/sys/fs/cgroup/cgroup.subtree_control",
      "/sys/fs/cgroup/memory.max",          "/sys/fs/cgroup/unified/cgroup.procs",
      "/sys/fs/cgroup/unified/cgroup.kill", "/sys/fs/cgroup/memory/cgroup.procs",
      "/sys/fs/cgroup/memory/tasks",        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
      "/sys/fs/cgroup/pids/pids.max",       "/sys/fs/cgroup/devices/devices.allow",
      "/sys/fs/cgroup/memory/release_agent",
  };
  for (size_t index = 0; index < sizeof paths / sizeof paths[0]; index++) attempt(paths[index], open_for_writing, paths[index]);
  return 0;
}

static int run_kernel_switches(int argc, char **argv) {
  (void)argc, (void)argv;
  static const char *const paths[] = {
      "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",      "/proc/sys/vm/panic_on_oom",
      "/proc/sys/kernel/panic",        "/proc/sys/kernel/hostname",      "/proc/sys/kernel/randomize_va_space",
      "/proc/sys/vm/drop_caches",      "/proc/sys/fs/file-max",          "/proc/sys/fs/binfmt_misc/register",
      "/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger",            "/proc/irq/default_smp_affinity",
      "/proc/bus/pci/devices",         "/sys/kernel/uevent_helper",      "/sys/kernel/mm/transparent_hugepage/enabled",
      "/sys/power/state",              "/sys/class/net/lo/ifalias",      "/proc/1/oom_score_adj",
      "/proc/pressure/cpu",            "/proc/pressure/memory",          "/proc/pressure/io",
      "/proc/1/comm",                  "/proc/1/uid_map",                "/proc/1/timens_offsets",
  };
  for (size_t index = 0; index < sizeof paths / sizeof paths[0]; index++) attempt(paths[index], open_for_writing, paths[index]);
  return 0;
}

/* N03. */
static struct outcome cgroup_by_userns(const void *argument) {
  (void)argument;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) != 0) return refused("unshare");
  mkdir("/tmp/c", 0700);
  if (mount("c", "/tmp//c", "cgroup", 0, "memory") != 0) return harm("own namespaces, though mount failed with %d", errno);
  int limit = open("/tmp/c/memory.limit_in_bytes", O_WRONLY);
  int agent = open("/tmp/c/release_agent", O_WRONLY);
  return harm("mounted the memory hierarchy: limit %s, release_agent %s", limit < 0 ? "closed" : "open", agent < 0 ? "closed" : "open");
}

static struct outcome cgroup_namespace(const void *argument) {
  (void)argument;
  return unshare(CLONE_NEWCGROUP) < 0 ? refused("unshare") : harm("own cgroup namespace");
}

static int run_uns2(int argc, char **argv) {
  (void)argc, (void)argv;
  attempt("uns2", cgroup_by_userns, NULL);
  attempt("unshare-cgroup", cgroup_namespace, NULL);
  return 0;
}

/* N05: the value written is the one that is there, so that even a success changes nothing. */
static struct outcome rewrite(const void *argument) {
  const char *path = argument;
  char value[64];
  int reader = open(path, O_RDONLY);
  ssize_t size = reader < 0 ? -1 : read(reader, value, sizeof value);
  if (size <= 0) return refused("read");
  int writer = open(path, O_WRONLY);
  if (writer < 0) return refused("open");
  return write(writer, value, (size_t)size) < 0 ? refused("write") : harm("wrote %s", path);
}

static int run_pid_max(int argc, char **argv) {
  (void)argc, (void)argv;
  attempt("pid_max", rewrite, "/proc/sys/kernel/pid_max");
  attempt("ns_last_pid", rewrite, "/proc/sys/kernel/ns_last_pid");
  return 0;
}

/* N06. */
struct node {
  const char *name, *path;
  mode_t kind;
  unsigned major, minor;
};

static struct outcome make_node(const void *argument) {
  const struct node *node = argument;
  unlink(node->path);
  if (mknod(node->path, node->kind | 0600, makedev(node->major, node->minor)) != 0) return refused("mknod");
  int fd = open(node->path, O_RDONLY | O_NONBLOCK);
  struct outcome outcome = fd < 0 ? refused("open") : harm("opened device %u:%u", node->major, node->minor);
  unlink(node->path);
  return outcome;
}

static int run_mknod(int argc, char **argv) {
  (void)argc, (void)argv;
  static const struct node nodes[] = {
      {"kmsg-in-tmp", "/tmp/k", S_IFCHR, 1, 11},  {"disk-in-tmp", "/tmp/b", S_IFBLK, 254, 0},
      {"mem-in-tmp", "/tmp/m", S_IFCHR, 1, 1},    {"disk-in-shm", "/dev/shm/b", S_IFBLK, 254, 0},
      {"disk-in-root", "/b", S_IFBLK, 254, 0},    {"fuse-in-tmp", "/tmp/f", S_IFCHR, 10, 229},
  };
  for (size_t index = 0; index < sizeof nodes / sizeof nodes[0]; index++) attempt(nodes[index].name, make_node, &nodes[index]);
  return 0;
}

/* N08: what descriptors there are, and what a directory among them leads to. */
static int run_fds(int argc, char **argv) {
  const char *canary = argc > 0 ? argv[0] : "canary";
  DIR *directory = opendir("/proc/self/fd");
  if (directory == NULL) {
    report("fds", refused("opendir"));
    return 0;
  }
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    int fd = atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == dirfd(directory)) continue;
    char path[64], name[32], target[150] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    snprintf(name, sizeof name, "fd-%d", fd);
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size > 0) target[size] = '\0';
    struct stat about;
    int leads_out = fstat(fd, &about) == 0 && S_ISDIR(about.st_mode) && faccessat(fd, canary, F_OK, 0) == 0;
    report(name, leads_out ? harm("%s leads to the canary", target) : observed("open", "%s", target));
  }
  closedir(directory);
  return 0;
}

/* The launcher of N08: runs a command with one extra descriptor, a directory, left open over exec. */
static int run_with_fd(int argc, char **argv) {
  if (argc < 3) return 2;
  int fd = open(argv[1], O_RDONLY | O_DIRECTORY);
  if (fd < 0 || dup2(fd, atoi(argv[0])) < 0) return 1;
  close(fd);
  alarm(0);
  execvp(argv[2], argv + 2);
  return 127;
}

/* N09: where a working directory is, and whether the way up from it leaves the root. */
static int run_cwd(int argc, char **argv) {
  const char *canary = argc > 0 ? argv[0] : "canary";
  char path[256] = "", up[400];
  if (getcwd(path, sizeof path) == NULL) {
    report("cwd", refused("getcwd"));
    return 0;
  }
  if (path[0] != '/') {
    report("cwd", harm("the working directory is outside the root: %s", path));
    return 0;
  }
  snprintf(up, sizeof up, "../../../../../../../../%s", canary[0] == '/' ? canary + 1 : canary);
  report("cwd", access(up, F_OK) == 0 ? harm("the canary is reachable upwards of %s", path) : observed("inside", "%s", path));
  return 0;
}

/* N14. */
static struct outcome open_and_read(const void *argument) {
  const char *path = argument;
  int fd = open(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return refused("open");
  char bytes[4096];
  ssize_t size = read(fd, bytes, sizeof bytes);
  if (size < 0) return harm("opened %s, read failed with %d", path, errno);
  return size == 0 ? observed("empty", "%s", path) : harm("read %zd bytes of %s", size, path);
}

static int run_open(int argc, char **argv) {
  for (int index = 0; index < argc; index++) attempt(argv[index], open_and_read, argv[index]);
  return 0;
}

/* A file's bytes, for tests that judge the text themselves. */
static int run_cat(int argc, char **argv) {
  for (int index = 0; index < argc; index++) {
    FILE *file = fopen(argv[index], "re");
    if (file == NULL) {
      fprintf(stderr, "%s: %s\n", argv[index], strerrorname_np(errno));
      return 1;
    }
    char bytes[8192];
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, file)) > 0;) fwrite(bytes, 1, size, stdout);
    fclose(file);
  }
  return 0;
}

static int run_list(int argc, char **argv) {
  for (int index = 0; index < argc; index++) {
    DIR *directory = opendir(argv[index]);
    if (directory == NULL) {
      report(argv[index], refused("opendir"));
      continue;
    }
    int entries = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
      if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) entries++;
    report(argv[index], entries == 0 ? observed("empty", "%s", "") : observed("entries", "%d", entries));
    closedir(directory);
  }
  return 0;
}

static int run_hostname(int argc, char **argv) {
  (void)argc, (void)argv;
  char name[200] = "";
  if (gethostname(name, sizeof name - 1) != 0)
    report("hostname", refused("gethostname"));
  else
    report("hostname", observed("is", "%s", name));
  return 0;
}

const struct command namespace_commands[] = {
    {"mounts", run_mounts},   {"cgroup-write", run_cgroup_write}, {"kernel-switches", run_kernel_switches},
    {"uns2", run_uns2},       {"pid-max", run_pid_max},           {"mknod", run_mknod},
    {"fds", run_fds},         {"with-fd", run_with_fd},           {"cwd", run_cwd},
    {"open", run_open},       {"cat", run_cat},                   {"list", run_list},
    {"hostname", run_hostname}, {"filesystems", run_filesystems}, {"setns", run_setns},
    {NULL, NULL},
};
