/*
 * F01, F12, N17: things that change places under whoever walks past them. In the arena, which this program makes and mends:
 *   d/ {f, a, sub/g}   a directory   <->   l     a link to the target
 *   x                  a file        <->   y     a link to the target's f
 *   t/u/ {f}           a directory   <->   t/v   a link to the target
 */
#include "sp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A million exchanges on a machine that others use, too. */
enum { LONGEST_SECONDS = 1800 };

static const struct pair {
  const char *one, *other;
  bool is_directory;
} pairs[] = {{"d", "l", true}, {"x", "y", false}, {"t/u", "t/v", true}};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static void make_file(int arena, const char *name) {
  int fd = openat(arena, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return;
  if (write(fd, "inside", 6) != 6) perror(name);
  close(fd);
}

static bool is_link(int arena, const char *name, bool *is_there) {
  struct stat facts;
  *is_there = fstatat(arena, name, &facts, AT_SYMLINK_NOFOLLOW) == 0;
  return *is_there && S_ISLNK(facts.st_mode);
}

static void make_thing(int arena, const struct pair *pair, const char *name) {
  if (!pair->is_directory) make_file(arena, name);
  else mkdirat(arena, name, 0755);
}

/* One of the two is the link again and the other is none, whatever was removed, renamed or made in their places. */
static void mend_pair(int arena, const struct pair *pair, const char *target) {
  char to[4096], aside[64];
  static int junk;
  bool has_one, has_other, one_links = is_link(arena, pair->one, &has_one);
  bool other_links = is_link(arena, pair->other, &has_other);
  snprintf(to, sizeof to, "%s%s", target, pair->is_directory ? "" : "/f");
  if (has_one && has_other && one_links == other_links) {
    snprintf(aside, sizeof aside, "junk-%d", junk++);
    if (renameat(arena, pair->other, arena, aside) != 0) return;
    has_other = false;
  }
  if (!has_one && !(has_other && !other_links)) make_thing(arena, pair, pair->one);
  else if (!has_one) symlinkat(to, arena, pair->one);
  if (has_other) return;
  if (one_links) make_thing(arena, pair, pair->other);
  else symlinkat(to, arena, pair->other);
}

static void mend(int arena, const char *target) {
  static const char *const files[] = {"d/f", "d/a", "d/sub/g", "l/f", "l/a", "l/sub/g", "t/u/f", "t/v/f"};
  mkdirat(arena, "t", 0755);
  for (size_t i = 0; i < PAIRS; i++) mend_pair(arena, &pairs[i], target);
  mkdirat(arena, "d/sub", 0755);
  mkdirat(arena, "l/sub", 0755);
  /* Through the link there is nothing: the target is a path of the host. */
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (faccessat(arena, files[i], F_OK, AT_SYMLINK_NOFOLLOW) != 0) make_file(arena, files[i]);
}

/* (ARENA, TARGET, COUNT): exchanges until there were COUNT, and says so; 0: until it is killed. */
static int run_swap(int argc, char **argv) {
  if (argc != 3) return 2;
  unsigned long wanted = strtoul(argv[2], NULL, 10), made = 0;
  alarm(LONGEST_SECONDS);
  if (mkdir(argv[0], 0755) != 0 && errno != EEXIST) return perror(argv[0]), 1;
  int arena = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (arena < 0) return perror(argv[0]), 1;
  mend(arena, argv[1]);
  report("swap", observed("running", "%s", ""));
  for (unsigned long i = 0; wanted == 0 || made < wanted; i++) {
    const struct pair *pair = &pairs[i % PAIRS];
    if (renameat2(arena, pair->one, arena, pair->other, RENAME_EXCHANGE) == 0) made++;
    else if (errno == ENOENT) mend(arena, argv[1]);
    else if (errno != EBUSY && errno != ENOTEMPTY) return perror("renameat2"), 1;
    if (i % 256 == 0) mend(arena, argv[1]);
  }
  report("swap", observed("done", "%lu", made));
  return 0;
}

/* More levels than a removal holds open on its way down (OPEN_LEVELS of remove-tree.c): it comes back by `..`. */
enum { LEVELS = 40 };

static void make_chain(const char *top) {
  char path[4096];
  int length = snprintf(path, sizeof path, "%s", top);
  for (int level = 0; level < LEVELS && length < 4000; level++) {
    mkdir(path, 0755);
    length += snprintf(path + length, sizeof path - (size_t)length, "/d");
  }
  make_file(AT_FDCWD, path);
}

/* (PARENT, NAME, TO): moves the deep directory PARENT/NAME there and back until it is killed, and makes anew what is gone. */
static int run_shuttle(int argc, char **argv) {
  char from[4096];
  if (argc != 3) return 2;
  snprintf(from, sizeof from, "%s/%s", argv[0], argv[1]);
  report("shuttle", observed("running", "%s", ""));
  for (;;) {
    /* Where nobody removes it, or it would never be deep. */
    make_chain(argv[2]);
    mkdir(argv[0], 0755);
    while (rename(argv[2], from) == 0 && rename(from, argv[2]) == 0) continue;
    rename(from, argv[2]);
  }
}

const struct command swap_commands[] = {{"swap", run_swap}, {"shuttle", run_shuttle}, {NULL, NULL}};
