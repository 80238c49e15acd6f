#include "remove-tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "../mount-point.h"
#include "../owned.h"
#include "entries.h"

/* Descriptors held on the way down. What lies higher is opened again from below, by `..`. */
#define OPEN_LEVELS 32
/* How often one directory is read again because entries came or were missed. Some filesystems miss half of them in a
   reading during which entries go. */
#define MAX_READINGS 64

/* One directory between the top and where the removal is. */
struct level {
  size_t name; /* of this directory in its parent: offset into names */
  uint64_t device, inode;
  int64_t next;
  bool progressed; /* something was removed since reading began */
  unsigned readings;
};

struct removal {
  enum tree_kind kind;
  int parent;
  size_t removed, most;
  struct level *levels; /* owned */
  size_t depth, level_room;
  char *names; /* owned; each ends with a NUL */
  size_t name_bytes, name_room;
  int open[OPEN_LEVELS]; /* of level i at i % OPEN_LEVELS; -1: not open */
};

static int grow(void *array, size_t *room, size_t wanted, size_t size, struct fault *fault) {
  if (wanted <= *room) return 0;
  size_t next = *room * 2 > wanted ? *room * 2 : wanted + 64;
  void *grown = realloc(*(void **)array, next * size);
  if (grown == NULL) return FAIL(fault, "realloc(%zu)", next * size);
  *(void **)array = grown;
  *room = next;
  return 0;
}

/* call(path) of `name` in the deepest level; only the end of a long path is told. */
static int fail_at(const struct removal *removal, const char *call, const char *name, struct fault *fault) {
  int error = errno;
  char path[180];
  size_t start = sizeof path - 1;
  path[start] = '\0';
  const char *part = name;
  for (size_t level = removal->depth;; level--) {
    size_t length = strlen(part);
    if (length + 4 > start) {
      start -= 3;
      memcpy(path + start, "...", 3);
      break;
    }
    start -= length;
    memcpy(path + start, part, length);
    if (level == 0) break;
    path[--start] = '/';
    part = removal->names + removal->levels[level - 1].name;
  }
  return REFUSE(fault, error, "%s(%s)", call, path + start);
}

static int *slot_of(struct removal *removal, size_t level) { return &removal->open[level % OPEN_LEVELS]; }

static void close_level(struct removal *removal, size_t level) {
  int *slot = slot_of(removal, level);
  if (*slot >= 0) close(*slot);
  *slot = -1;
}

/* A mount is not entered, not even one of the same filesystem. */
static int open_below(int directory, const char *name) {
  struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                         .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
  return (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
}

static int identify(int fd, uint64_t *device, uint64_t *inode) {
  struct statx facts;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_INO, &facts) < 0) return -1;
  *device = (uint64_t)facts.stx_dev_major << 32 | facts.stx_dev_minor;
  *inode = facts.stx_ino;
  return 0;
}

/* The directory in which level `depth` stands. */
static int containing(struct removal *removal) {
  return removal->depth == 0 ? removal->parent : *slot_of(removal, removal->depth - 1);
}

static int enter(struct removal *removal, const char *name, struct fault *fault) {
  cleanup_close int fd = open_below(containing(removal), name);
  if (fd < 0 && errno == ENOENT) return 0; /* removed meanwhile */
  if (fd < 0) return fail_at(removal, "openat2", name, fault);
  struct level level = {.name = removal->name_bytes};
  if (identify(fd, &level.device, &level.inode) < 0) return fail_at(removal, "statx", name, fault);
  size_t length = strlen(name) + 1;
  if (grow(&removal->names, &removal->name_room, removal->name_bytes + length, 1, fault) < 0 ||
      grow(&removal->levels, &removal->level_room, removal->depth + 1, sizeof level, fault) < 0)
    return -1;
  memcpy(removal->names + removal->name_bytes, name, length);
  removal->name_bytes += length;
  removal->levels[removal->depth] = level;
  close_level(removal, removal->depth);
  *slot_of(removal, removal->depth) = steal_fd(&fd);
  removal->depth++;
  return 0;
}

/* Opens the directory above the deepest one, if it was closed on the way down. */
static int reopen_above(struct removal *removal, struct fault *fault) {
  if (removal->depth < 2) return 0;
  size_t above = removal->depth - 2;
  /* The slot above shares its place with a level that is OPEN_LEVELS deeper, which is gone by now. */
  if (*slot_of(removal, above) >= 0) return 0;
  struct level *level = &removal->levels[above];
  cleanup_close int fd = openat(*slot_of(removal, above + 1), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_at(removal, "openat", "..", fault);
  uint64_t device, inode;
  if (identify(fd, &device, &inode) < 0) return fail_at(removal, "statx", "..", fault);
  if (device != level->device || inode != level->inode) {
    errno = ESTALE; /* somebody moved a directory of the tree while it was removed */
    return fail_at(removal, "openat", "..", fault);
  }
  /* Positions are the old descriptor's; what was read is removed anyway. */
  level->next = 0;
  *slot_of(removal, above) = steal_fd(&fd);
  return 0;
}

static int unlink_unmounted(const struct removal *removal, int directory, const char *name, int flags) {
  if (removal->kind == TREE_OF_FILES && is_mount_point(directory, name)) return errno = EBUSY, -1;
  return unlinkat(directory, name, flags);
}

/* 1: removed or gone; 0: it is a directory with something in it. */
static int remove_directory(struct removal *removal, int directory, const char *name, struct fault *fault) {
  if (unlink_unmounted(removal, directory, name, AT_REMOVEDIR) == 0) {
    removal->removed++;
    return 1;
  }
  if (errno == ENOENT) return 1;
  if (errno == ENOTEMPTY || errno == EEXIST || (errno == EBUSY && removal->kind == TREE_OF_CGROUPS)) return 0;
  return fail_at(removal, "rmdir", name, fault);
}

/* 1: removed, gone, or not to be removed; 0: a directory to enter. */
static int remove_entry(struct removal *removal, int directory, const char *name, unsigned char type, struct fault *fault) {
  if (type == DT_DIR) return remove_directory(removal, directory, name, fault);
  if (removal->kind == TREE_OF_CGROUPS) return 1;
  if (unlink_unmounted(removal, directory, name, 0) == 0) {
    removal->removed++;
    return 1;
  }
  if (errno == ENOENT) return 1;
  /* A filesystem that does not tell types. */
  if (errno == EISDIR) return remove_directory(removal, directory, name, fault);
  return fail_at(removal, "unlink", name, fault);
}

/* Removes what the deepest level holds, up to its end (1), or to a directory that had to be entered or the bound (0). */
static int empty_level(struct removal *removal, struct fault *fault) {
  ENTRY_BUFFER(entries);
  size_t here = removal->depth - 1;
  int fd = *slot_of(removal, here);
  /* tmpfs takes no place in a directory that somebody else has emptied meanwhile; what is left is found from its start. */
  if (lseek(fd, removal->levels[here].next, SEEK_SET) < 0 && (errno != EINVAL || lseek(fd, 0, SEEK_SET) < 0))
    return fail_at(removal, "lseek", ".", fault);
  for (;;) {
    long length = entries_read(fd, entries);
    /* ENOENT: somebody else has removed this very directory meanwhile. */
    if (length < 0 && errno != ENOENT) return fail_at(removal, "getdents64", ".", fault);
    if (length <= 0) return 1;
    for (long at = 0; at < length;) {
      const struct entry *entry = (const struct entry *)(entries + at);
      at += entry->length;
      if (entry_is_dots(entry)) continue;
      if (removal->removed >= removal->most) return 0;
      size_t before = removal->removed;
      int done = remove_entry(removal, fd, entry->name, entry->type, fault);
      if (done < 0) return -1;
      struct level *level = &removal->levels[here];
      level->next = entry->next;
      level->progressed |= removal->removed != before;
      if (done == 0) return enter(removal, entry->name, fault);
    }
  }
}

/* Removes the deepest level itself. It stays the deepest when entries came or were missed while it was read. */
static int leave(struct removal *removal, struct fault *fault) {
  if (reopen_above(removal, fault) < 0) return -1;
  size_t here = removal->depth - 1;
  struct level level = removal->levels[here];
  const char *name = removal->names + level.name;
  removal->depth = here;
  int done = remove_directory(removal, containing(removal), name, fault);
  if (done < 0) return -1;
  if (done == 0) {
    if (!level.progressed || level.readings == MAX_READINGS) {
      errno = removal->kind == TREE_OF_CGROUPS ? EBUSY : ENOTEMPTY;
      return fail_at(removal, "rmdir", name, fault);
    }
    removal->levels[here].next = 0;
    removal->levels[here].progressed = false;
    removal->levels[here].readings++;
    removal->depth = here + 1;
    return 0;
  }
  close_level(removal, here);
  removal->name_bytes = level.name;
  if (here > 0) removal->levels[here - 1].progressed = true;
  return 0;
}

static int remove_all(struct removal *removal, const char *name, struct fault *fault) {
  /* As if it had no type: what it is, the kernel says. */
  unsigned char type = removal->kind == TREE_OF_CGROUPS ? DT_DIR : DT_UNKNOWN;
  int done = remove_entry(removal, removal->parent, name, type, fault);
  if (done != 0) return done < 0 ? -1 : 0;
  if (enter(removal, name, fault) < 0) return -1;
  while (removal->depth > 0) {
    int at_end = empty_level(removal, fault);
    if (at_end < 0) return -1;
    if (removal->removed >= removal->most) return 1;
    if (at_end == 1 && leave(removal, fault) < 0) return -1;
  }
  return 0;
}

int remove_tree(int parent, const char *name, enum tree_kind kind, size_t *removed, struct fault *fault) {
  return remove_tree_part(parent, name, kind, SIZE_MAX, removed, fault);
}

int remove_tree_part(int parent, const char *name, enum tree_kind kind, size_t most, size_t *removed,
                     struct fault *fault) {
  if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strchr(name, '/') != NULL)
    return REFUSE(fault, EINVAL, "remove \"%.80s\": not the name of an entry", name);
  struct removal removal = {.kind = kind, .parent = parent, .most = most};
  for (size_t i = 0; i < OPEN_LEVELS; i++) removal.open[i] = -1;
  int result = remove_all(&removal, name, fault);
  for (size_t i = 0; i < OPEN_LEVELS; i++)
    if (removal.open[i] >= 0) close(removal.open[i]);
  free(removal.levels);
  free(removal.names);
  *removed = removal.removed;
  return result;
}
