/* The steps of a teardown about what lies around: the root, the directory with the record, the lease of ids. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../owned.h"
#include "entries.h"
#include "remains.h"
#include "remove-tree.h"

static const char record_name[] = "record";

/* The directory in which `path` stands; -1 with *gone: there is none. Refused: one that another user can change. */
static int open_parent_of(const char *path, bool *gone, struct fault *fault) {
  char parent[PATH_MAX];
  size_t length = (size_t)(path_base(path) - path);
  struct statx facts;
  *gone = false;
  if (length >= sizeof parent) return REFUSE(fault, ENAMETOOLONG, "\"%.80s...\" is too long", path);
  memcpy(parent, path, length);
  parent[length] = '\0';
  cleanup_close int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    *gone = errno == ENOENT;
    return *gone ? -1 : FAIL(fault, "open(%s)", parent);
  }
  if (statx(fd, "", AT_EMPTY_PATH, STATX_UID | STATX_MODE, &facts) < 0) return FAIL(fault, "statx(%s)", parent);
  if (facts.stx_uid != 0 || ((facts.stx_mode & (S_IWGRP | S_IWOTH)) != 0 && (facts.stx_mode & S_ISVTX) == 0))
    return REFUSE(fault, EPERM, "%s is of user %u with mode %o; only root may change what a teardown removes", parent,
                  facts.stx_uid, facts.stx_mode & 07777U);
  return steal_fd(&fd);
}

/* 1: it is a lease of a sandbox of this instance; 0: there is none any more, or it is somebody else's by now. */
static int holds_range(const struct remains *remains, int parent, struct fault *fault) {
  char target[PATH_MAX];
  const char *path = remains->head.range;
  ssize_t length = readlinkat(parent, path_base(path), target, sizeof target - 1);
  if (length < 0) return errno == ENOENT ? 0 : FAIL(fault, "readlink(%s)", path);
  target[length] = '\0';
  /* A lease may have passed from one sandbox of an instance to another: what counts is `…/sandboxes/`. */
  size_t ours = (size_t)(path_base(remains->directory) - remains->directory);
  return (size_t)(path_base(target) - target) == ours && memcmp(target, remains->directory, ours) == 0;
}

int check_files(const struct remains *remains, struct fault *fault) {
  const char *paths[] = {remains->directory, remains->head.root, remains->head.range};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    bool gone;
    if (paths[i] == NULL) continue;
    cleanup_close int parent = open_parent_of(paths[i], &gone, fault);
    if (parent < 0 && !gone) return -1;
    if (parent >= 0 && paths[i] == remains->head.range && holds_range(remains, parent, fault) < 0) return -1;
  }
  return 0;
}

int let_go_of_root(struct remains *remains, struct fault *fault) {
  (void)fault;
  /* Who holds the root last pays for its unmounting: 5 ms for a thousand files. A failing close() has closed, too. */
  cleanup_close_fd(&remains->root_fd);
  remains->root_fd = -1;
  return 0;
}

int remove_root(struct remains *remains, struct fault *fault) {
  bool gone;
  size_t removed;
  if (remains->head.root == NULL || remains->kept.root) return 0;
  cleanup_close int parent = open_parent_of(remains->head.root, &gone, fault);
  if (parent < 0) return gone ? 0 : -1;
  return remove_tree(parent, remains->head.id, TREE_OF_FILES, &removed, fault);
}

static int remove_file(const struct remains *remains, int directory, const char *name, unsigned char type, struct fault *fault) {
  int flags = type == DT_DIR ? AT_REMOVEDIR : 0;
  if (unlinkat(directory, name, flags) == 0 || errno == ENOENT) return 0;
  return FAIL(fault, "unlink(%s/%s)", remains->directory, name);
}

/* Never recursive: what it holds is flat and ours, and a mount left in it has to make this fail. */
static int empty_directory(const struct remains *remains, int directory, struct fault *fault) {
  ENTRY_BUFFER(entries);
  for (;;) {
    size_t removed = 0;
    if (lseek(directory, 0, SEEK_SET) < 0) return FAIL(fault, "lseek(%s)", remains->directory);
    for (;;) {
      long length = entries_read(directory, entries);
      /* ENOENT: another teardown has removed the directory meanwhile. */
      if (length < 0 && errno != ENOENT) return FAIL(fault, "getdents64(%s)", remains->directory);
      if (length <= 0) break;
      for (long at = 0; at < length;) {
        const struct entry *entry = (const struct entry *)(entries + at);
        at += entry->length;
        /* The record goes last, so that an interrupted removal is still found by it. */
        if (entry_is_dots(entry) || strcmp(entry->name, record_name) == 0) continue;
        if (remove_file(remains, directory, entry->name, entry->type, fault) < 0) return -1;
        removed++;
      }
    }
    if (removed > 0) continue;
    return remains->kept.directory ? 0 : remove_file(remains, directory, record_name, DT_REG, fault);
  }
}

int remove_directory(struct remains *remains, struct fault *fault) {
  bool gone;
  const char *name = remains->head.id;
  cleanup_close int parent = open_parent_of(remains->directory, &gone, fault);
  if (parent < 0) return gone ? 0 : -1;
  cleanup_close int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (directory < 0) return errno == ENOENT ? 0 : FAIL(fault, "open(%s)", remains->directory);
  if (empty_directory(remains, directory, fault) < 0) return -1;
  if (remains->kept.directory) return 0;
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
  return FAIL(fault, "rmdir(%s)", remains->directory);
}

int release_range(struct remains *remains, struct fault *fault) {
  bool gone;
  const char *path = remains->head.range;
  if (path == NULL || remains->kept.range) return 0;
  cleanup_close int parent = open_parent_of(path, &gone, fault);
  if (parent < 0) return gone ? 0 : -1;
  int held = holds_range(remains, parent, fault);
  if (held <= 0) return held;
  if (unlinkat(parent, path_base(path), 0) == 0 || errno == ENOENT) return 0;
  return FAIL(fault, "unlink(%s)", path);
}
