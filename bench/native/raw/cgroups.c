#define _GNU_SOURCE
#include "cgroups.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const controller_names[CONTROLLERS] = {"memory", "cpu", "pids"};

static int write_at(int directory, const char *file, const char *text) {
  cleanup_close int fd = openat(directory, file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  return write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

static int has_option(const char *options, const char *wanted) {
  size_t length = strlen(wanted);
  for (const char *at = options; at != NULL; at = strchr(at, ',')) {
    if (*at == ',') at++;
    if (strncmp(at, wanted, length) == 0 && (at[length] == ',' || at[length] == '\0')) return 1;
  }
  return 0;
}

static int find_mounts(char unified[256], char v1[CONTROLLERS][256]) {
  FILE *mounts = fopen("/proc/self/mounts", "re");
  if (mounts == NULL) return -1;
  char type[64], path[256], options[512];
  while (fscanf(mounts, "%*s %255s %63s %511s %*d %*d", path, type, options) == 3) {
    if (strcmp(type, "cgroup2") == 0) strcpy(unified, path);
    if (strcmp(type, "cgroup") != 0) continue;
    for (int at = 0; at < CONTROLLERS; at++)
      if (has_option(options, controller_names[at])) strcpy(v1[at], path);
  }
  fclose(mounts);
  return 0;
}

static int open_directory(int parent, const char *name) {
  return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int make_directory(int parent, const char *name) {
  if (mkdirat(parent, name, 0755) < 0) return -1;
  return open_directory(parent, name);
}

int cgroup_base_open(struct cgroup_base *base, const char *name, struct report *report) {
  char unified[256] = "", v1[CONTROLLERS][256] = {"", "", ""};
  snprintf(base->name, sizeof base->name, "%s", name);
  base->unified = base->parent_unified = -1;
  for (int at = 0; at < CONTROLLERS; at++) base->v1[at] = base->parent_v1[at] = -1;
  TRY(report, find_mounts(unified, v1));
  if (unified[0] == '\0') {
    errno = ENOTSUP;
    return failed(report, "find a mounted cgroup2");
  }
  TRY(report, base->parent_unified = open_directory(AT_FDCWD, unified));
  for (int at = 0; at < CONTROLLERS; at++) {
    if (v1[at][0] == '\0') {
      /* Unified host: the controller has to be handed down twice. Refusal shows when the limit is written. */
      char enable[16];
      snprintf(enable, sizeof enable, "+%s", controller_names[at]);
      write_at(base->parent_unified, "cgroup.subtree_control", enable);
      continue;
    }
    TRY(report, base->parent_v1[at] = open_directory(AT_FDCWD, v1[at]));
    TRY(report, base->v1[at] = make_directory(base->parent_v1[at], base->name));
  }
  TRY(report, base->unified = make_directory(base->parent_unified, base->name));
  for (int at = 0; at < CONTROLLERS; at++) {
    char enable[16];
    snprintf(enable, sizeof enable, "+%s", controller_names[at]);
    if (base->v1[at] < 0) write_at(base->unified, "cgroup.subtree_control", enable);
  }
  /* CLONE_INTO_CGROUP kills the child at birth when the caller's cgroup was ever killed: stand in a fresh leaf. */
  cleanup_close int leaf = make_directory(base->unified, "driver");
  TRY(report, leaf);
  TRY(report, write_at(leaf, "cgroup.procs", "0"));
  return 0;
}

void cgroup_base_remove(struct cgroup_base *base) {
  if (base->parent_unified >= 0 && write_at(base->parent_unified, "cgroup.procs", "0") < 0)
    fprintf(stderr, "raw: leaving %s: %s\n", base->name, strerror(errno));
  if (base->unified >= 0 && unlinkat(base->unified, "driver", AT_REMOVEDIR) < 0)
    fprintf(stderr, "raw: rmdir %s/driver: %s\n", base->name, strerror(errno));
  if (base->unified >= 0 && unlinkat(base->parent_unified, base->name, AT_REMOVEDIR) < 0)
    fprintf(stderr, "raw: rmdir %s: %s\n", base->name, strerror(errno));
  for (int at = 0; at < CONTROLLERS; at++)
    if (base->v1[at] >= 0 && unlinkat(base->parent_v1[at], base->name, AT_REMOVEDIR) < 0)
      fprintf(stderr, "raw: rmdir %s (%s): %s\n", base->name, controller_names[at], strerror(errno));
}

int cgroup_make(const struct cgroup_base *base, const char *id, struct cgroup_set *set, struct report *report) {
  set->unified = -1;
  for (int at = 0; at < CONTROLLERS; at++) set->v1[at] = -1;
  TRY(report, set->unified = make_directory(base->unified, id));
  for (int at = 0; at < CONTROLLERS; at++)
    if (base->v1[at] >= 0) TRY(report, set->v1[at] = make_directory(base->v1[at], id));
  return 0;
}

int cgroup_limit(const struct cgroup_set *set, struct report *report) {
  if (set->v1[MEMORY] >= 0) TRY(report, write_at(set->v1[MEMORY], "memory.limit_in_bytes", "536870912"));
  else TRY(report, write_at(set->unified, "memory.max", "536870912"));
  if (set->v1[CPU] >= 0) TRY(report, write_at(set->v1[CPU], "cpu.cfs_quota_us", "100000"));
  else TRY(report, write_at(set->unified, "cpu.max", "100000 100000"));
  if (set->v1[PIDS] >= 0) TRY(report, write_at(set->v1[PIDS], "pids.max", "256"));
  else TRY(report, write_at(set->unified, "pids.max", "256"));
  return 0;
}

int cgroup_enter_tasks(const struct cgroup_set *set, struct report *report) {
  for (int at = 0; at < CONTROLLERS; at++)
    if (set->v1[at] >= 0) TRY(report, write_at(set->v1[at], "tasks", "0"));
  return 0;
}

int cgroup_attach_procs(const struct cgroup_set *set, int pid, struct report *report) {
  char text[16];
  snprintf(text, sizeof text, "%d", pid);
  for (int at = 0; at < CONTROLLERS; at++)
    if (set->v1[at] >= 0) TRY(report, write_at(set->v1[at], "cgroup.procs", text));
  return 0;
}

int cgroup_kill(const struct cgroup_set *set, struct report *report) {
  TRY(report, write_at(set->unified, "cgroup.kill", "1"));
  return 0;
}

void cgroup_close(struct cgroup_set *set) {
  close_owned(&set->unified);
  set->unified = -1;
  for (int at = 0; at < CONTROLLERS; at++) {
    close_owned(&set->v1[at]);
    set->v1[at] = -1;
  }
}

int cgroup_remove(const struct cgroup_base *base, const char *id, struct report *report) {
  for (int at = 0; at < CONTROLLERS; at++)
    if (base->v1[at] >= 0) TRY(report, unlinkat(base->v1[at], id, AT_REMOVEDIR));
  TRY(report, unlinkat(base->unified, id, AT_REMOVEDIR));
  return 0;
}
