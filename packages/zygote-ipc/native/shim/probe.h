/*
 * Executed probes of what this host's kernel lets hatchery do: the shim's mode `probe`.
 *
 * Contract: every probe is one function. It runs in a forked child of its own with a deadline, so it may
 * enter namespaces, drop rights or be killed without harm to the next one, and it leaves nothing behind but
 * what dies with its processes (mounts in private namespaces, detached mounts, memory). It ends by calling
 * probe_pass or probe_fail exactly once, itself or in a child that it waits for; the last call counts.
 */
#ifndef HATCHERY_PROBE_H
#define HATCHERY_PROBE_H

#include "sys.h"

/* The first of the 65536 ids that probes map into their user namespaces: no host account has it. */
#define PROBE_FIRST_ID 0x70000000u
#define PROBE_NOBODY 65534u

struct probe_context {
  const char *lower; /* directory that the image `host` uses as a lower */
  const char *data;  /* directory on the filesystem of the data directory */
  int cgroup_fd;     /* v2 directory in which cgroups may be made; -1: the host has none */
};

/* Lives in memory shared by all processes of one probe. */
struct probe_result {
  bool done;
  bool ok;
  int error; /* errno of the failing call, 0 where no call failed */
  char detail[512];
};

typedef void (*probe_function)(const struct probe_context *context, struct probe_result *result);

struct probe {
  const char *name;
  probe_function run;
};

/* One table a facility, each ended by an entry without a name. */
extern const struct probe namespace_probes[];
extern const struct probe mount_probes[];
extern const struct probe overlay_probes[];
extern const struct probe process_probes[];
extern const struct probe cgroup_probes[];
extern const struct probe unprivileged_probes[];

/* Removes the cgroups that a probe left, with their members; safe when it left none. */
void probe_remove_cgroups(const struct probe_context *context);

/* argv[0] is "probe". Options: --lower DIR, --data DIR, --cgroup-fd N, --only NAME. Prints one JSON line a probe; 0 when all were run. */
int probe_main(int argc, char **argv);

/* Record an outcome. The failing form takes errno as its argument, so that clean-up cannot change it. */
__attribute__((format(printf, 2, 3))) void probe_pass(struct probe_result *result, const char *format, ...);
__attribute__((format(printf, 3, 4))) void probe_fail(struct probe_result *result, int error, const char *format, ...);

/* fork, optionally into new namespaces; the child dies with its parent. -1 and errno on failure. */
pid_t probe_fork(unsigned long namespaces);
/* Waits for a child that reports through `result`; a child that ended without a report is reported as such. */
void probe_join(struct probe_result *result, pid_t pid);
/* Kills and reaps a helper child that reports nothing. */
void probe_end(pid_t pid);

/* Writes or reads a whole small file, relative to a directory fd or AT_FDCWD; what is read ends with a NUL.
   The number of bytes, or -1 and errno. */
int probe_write(int directory, const char *path, const char *text);
int probe_read(int directory, const char *path, char *text, size_t size);

/* A user namespace in which 0..65535 are PROBE_FIRST_ID..+65535. Its fd, or -1 with the failure recorded. */
int probe_user_namespace(struct probe_result *result);

/* Unshares the mount namespace and stops propagation to the host. false: the failure is recorded. */
bool probe_private_mounts(struct probe_result *result);

/* A detached mount of a new filesystem; options are pairs of strings ended by NULL. Its fd, or -1 with the failure recorded. */
int probe_detached(struct probe_result *result, const char *type, const char *const *options, unsigned attributes);

/* Adds what the kernel says about a failed fsconfig to the recorded failure. */
void probe_fail_context(struct probe_result *result, int error, int context, const char *what);

#endif
