#include "cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "../owned.h"
#include "entries.h"
#include "head.h"
#include "members.h"
#include "remove-tree.h"
#include "small-file.h"

/* Deeper than any tree of ours: the sandbox, `work`, the trees of executions. */
#define MAX_DEPTH 16

/* ENOENT: never was, or is removed; ENODEV: removed while its file was open. */
static bool is_gone(int error) { return error == ENOENT || error == ENODEV; }

static int open_parent(const char *path) {
  char parent[PATH_MAX];
  size_t length = (size_t)(path_base(path) - path);
  memcpy(parent, path, length); /* head_parse() has seen to the length */
  parent[length] = '\0';
  return open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int check_filesystem(const struct cgroup *cgroup, struct fault *fault) {
  struct statfs filesystem;
  struct statx facts;
  if (fstatfs(cgroup->directory, &filesystem) < 0) return FAIL(fault, "fstatfs(%s)", cgroup->path);
  long wanted = cgroup->hierarchy == HIERARCHY_V2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC;
  if ((uint32_t)filesystem.f_type != (uint32_t)wanted)
    return REFUSE(fault, EINVAL, "%s is on a filesystem of type 0x%x, not on cgroup %s", cgroup->path,
                  (unsigned)filesystem.f_type, cgroup->hierarchy == HIERARCHY_V2 ? "v2" : "v1");
  if (statx(cgroup->directory, "", AT_EMPTY_PATH, STATX_INO, &facts) < 0) return FAIL(fault, "statx(%s)", cgroup->path);
  if (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) return REFUSE(fault, EINVAL, "%s is a mount's root", cgroup->path);
  return 0;
}

int cgroup_open(struct cgroup *cgroup, const char *path, enum hierarchy hierarchy, struct fault *fault) {
  *cgroup = (struct cgroup){.path = path, .hierarchy = hierarchy, .parent = -1, .directory = -1};
  cgroup->parent = open_parent(path);
  if (cgroup->parent < 0) return is_gone(errno) ? 0 : FAIL(fault, "open(parent of %s)", path);
  cgroup->directory = openat(cgroup->parent, path_base(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (cgroup->directory < 0) return is_gone(errno) ? 0 : FAIL(fault, "open(%s)", path);
  return check_filesystem(cgroup, fault);
}

void cgroup_close(struct cgroup *cgroup) {
  cleanup_close_fd(&cgroup->directory);
  cleanup_close_fd(&cgroup->parent);
  cgroup->directory = cgroup->parent = -1;
}

static int list_children(const struct cgroup *cgroup, int directory, int depth, struct pid_list *list, struct fault *fault);

/* The kernel counts a cgroup's children as its links; reading its thirty files to find none takes ten times as long. */
static bool has_no_children(int directory) {
  struct statx facts;
  return statx(directory, "", AT_EMPTY_PATH, STATX_NLINK, &facts) == 0 && (facts.stx_mask & STATX_NLINK) != 0 && facts.stx_nlink == 2;
}

static int list_tree(const struct cgroup *cgroup, int directory, int depth, struct pid_list *list, struct fault *fault) {
  if (depth == MAX_DEPTH) return REFUSE(fault, ELOOP, "%s has cgroups %d deep", cgroup->path, MAX_DEPTH);
  if (members_list(directory, cgroup->path, list, fault) < 0) return -1;
  return has_no_children(directory) ? 0 : list_children(cgroup, directory, depth, list, fault);
}

static int list_children(const struct cgroup *cgroup, int directory, int depth, struct pid_list *list, struct fault *fault) {
  ENTRY_BUFFER(entries);
  if (lseek(directory, 0, SEEK_SET) < 0) return FAIL(fault, "lseek(%s)", cgroup->path);
  for (;;) {
    long length = entries_read(directory, entries);
    if (length < 0 && is_gone(errno)) return 0;
    if (length < 0) return FAIL(fault, "getdents64(%s)", cgroup->path);
    if (length == 0) return 0;
    for (long at = 0; at < length;) {
      const struct entry *entry = (const struct entry *)(entries + at);
      at += entry->length;
      if (entry->type != DT_DIR || entry_is_dots(entry)) continue;
      cleanup_close int child = openat(directory, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      /* Seen a moment ago: removed since, which the kernel allows only to an empty cgroup. */
      if (child < 0 && is_gone(errno)) continue;
      if (child < 0) return FAIL(fault, "open(%s/%s)", cgroup->path, entry->name);
      if (list_tree(cgroup, child, depth + 1, list, fault) < 0) return -1;
    }
  }
}

int cgroup_list(const struct cgroup *cgroup, struct pid_list *list, struct fault *fault) {
  return cgroup->directory < 0 ? 0 : list_tree(cgroup, cgroup->directory, 0, list, fault);
}

int cgroup_kill(const struct cgroup *cgroup, struct fault *fault) {
  if (cgroup->directory < 0) return 0;
  if (cgroup->hierarchy == HIERARCHY_V1) return members_kill(cgroup, fault);
  if (small_file_write(cgroup->directory, "cgroup.kill", "1") == 0) return 0;
  if (!is_gone(errno)) return FAIL(fault, "write(%s/cgroup.kill)", cgroup->path);
  if (faccessat(cgroup->directory, "cgroup.procs", F_OK, 0) < 0) return 0;
  return REFUSE(fault, ENOTSUP, "%s has no cgroup.kill: the kernel is older than 5.14", cgroup->path);
}

int cgroup_open_events(const struct cgroup *cgroup, bool *gone, struct fault *fault) {
  int fd = cgroup->directory < 0 ? -1 : openat(cgroup->directory, "cgroup.events", O_RDONLY | O_CLOEXEC);
  *gone = cgroup->directory < 0 || (fd < 0 && is_gone(errno));
  return fd >= 0 || *gone ? fd : FAIL(fault, "open(%s/cgroup.events)", cgroup->path);
}

int cgroup_populated(const struct cgroup *cgroup, int events, struct fault *fault) {
  char text[256];
  ssize_t length = pread(events, text, sizeof text - 1, 0);
  if (length < 0 && is_gone(errno)) return 0;
  if (length < 0) return FAIL(fault, "read(%s/cgroup.events)", cgroup->path);
  text[length] = '\0';
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (strncmp(line, "populated ", 10) == 0 && (line[10] == '0' || line[10] == '1') && line[11] == '\n') return line[10] == '1';
  }
  /* Anything but a clear 0 or 1: a wrong "empty" would let go what is still in use. */
  return REFUSE(fault, EINVAL, "%s/cgroup.events has no line \"populated 0\" or \"populated 1\"", cgroup->path);
}

int cgroup_try_remove(const struct cgroup *cgroup, struct fault *fault) {
  if (cgroup->parent < 0) return 0;
  struct fault failed = {0};
  size_t removed;
  if (remove_tree(cgroup->parent, path_base(cgroup->path), TREE_OF_CGROUPS, &removed, &failed) == 0) return 0;
  if (failed.code == EBUSY) return 1;
  return REFUSE(fault, failed.code, "remove %s: %s", cgroup->path, failed.text);
}
