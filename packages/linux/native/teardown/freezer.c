#include "freezer.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../owned.h"
#include "small-file.h"

#define LINE_BYTES (2 * PATH_MAX)

static void close_file(FILE **file) {
  if (*file != NULL) (void)fclose(*file);
}

/* Undoes the escapes of mountinfo: a backslash and three octal digits. */
static void unescape(char *text) {
  char *to = text;
  for (const char *from = text; *from != '\0'; to++) {
    if (from[0] == '\\' && from[1] != '\0' && from[2] != '\0' && from[3] != '\0') {
      *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 4;
    } else {
      *to = *from++;
    }
  }
  *to = '\0';
}

static bool names_freezer(const char *options) {
  for (const char *at = strstr(options, "freezer"); at != NULL; at = strstr(at + 1, "freezer"))
    if ((at == options || at[-1] == ',') && strchr(",\n", at[7]) != NULL) return true;
  return false;
}

/* Where the freezer is mounted whole; empty: nowhere. */
static int find_mount(char *mount, struct fault *fault) {
  __attribute__((cleanup(close_file))) FILE *file = fopen("/proc/self/mountinfo", "re");
  if (file == NULL) return FAIL(fault, "open(/proc/self/mountinfo)");
  char line[LINE_BYTES], root[PATH_MAX], options[PATH_MAX];
  mount[0] = '\0';
  while (fgets(line, sizeof line, file) != NULL) {
    const char *type = strstr(line, " - cgroup ");
    if (type == NULL || sscanf(type, " - cgroup %*s %4095s", options) != 1 || !names_freezer(options)) continue;
    if (sscanf(line, "%*s %*s %*s %4095s %4095s", root, mount) != 2 || strcmp(root, "/") != 0) continue;
    unescape(mount);
    return 0;
  }
  mount[0] = '\0';
  return 0;
}

/* The freezer cgroup of a process, below the mount; empty: it is gone. */
static int freezer_cgroup(pid_t pid, char *path, struct fault *fault) {
  char name[64], line[LINE_BYTES];
  path[0] = '\0';
  (void)snprintf(name, sizeof name, "/proc/%d/cgroup", pid);
  __attribute__((cleanup(close_file))) FILE *file = fopen(name, "re");
  if (file == NULL) return errno == ENOENT ? 0 : FAIL(fault, "open(%s)", name);
  while (fgets(line, sizeof line, file) != NULL) {
    char *controllers = strchr(line, ':');
    char *place = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (place == NULL) continue;
    *place = '\0';
    if (!names_freezer(controllers + 1)) continue;
    place[1 + strcspn(place + 1, "\n")] = '\0';
    (void)snprintf(path, PATH_MAX, "%.4000s", place + 1);
    return 0;
  }
  return 0;
}

static bool is_thawed(const char *directory) {
  char state[32], file[PATH_MAX + 16];
  (void)snprintf(file, sizeof file, "%s/freezer.state", directory);
  /* The hierarchy's root has no such file and is never frozen. */
  return small_file_read(AT_FDCWD, file, state, sizeof state) < 0 || strcmp(state, "THAWED\n") == 0;
}

static int let_one_die(const char *mount, pid_t pid, struct fault *fault) {
  char below[PATH_MAX], directory[2 * PATH_MAX], file[2 * PATH_MAX + 16], number[16];
  if (freezer_cgroup(pid, below, fault) < 0) return -1;
  (void)snprintf(directory, sizeof directory, "%s%s", mount, below);
  size_t shortest = strlen(mount);
  if (below[0] != '/' || is_thawed(directory)) return 0;
  do {
    *strrchr(directory, '/') = '\0';
  } while (strlen(directory) > shortest && !is_thawed(directory));
  (void)snprintf(file, sizeof file, "%s/cgroup.procs", directory);
  (void)snprintf(number, sizeof number, "%d", pid);
  if (small_file_write(AT_FDCWD, file, number) == 0 || errno == ESRCH) return 0;
  return FAIL(fault, "write(%s, %d)", file, pid);
}

int freezer_let_die(const struct pid_list *killed, struct fault *fault) {
  char mount[PATH_MAX];
  if (killed->count == 0) return 0;
  if (find_mount(mount, fault) < 0) return -1;
  if (mount[0] == '\0') return 0;
  for (size_t i = 0; i < killed->count; i++)
    if (let_one_die(mount, killed->pids[i], fault) < 0) return -1;
  return 0;
}
