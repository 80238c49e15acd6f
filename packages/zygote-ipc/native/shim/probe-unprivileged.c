#include "probe.h"

#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* What a user without root could do on this host. Nothing here is needed by a runner that is root. */

static bool become_nobody(struct probe_result *result) {
  if (geteuid() != 0) return true; /* already without rights: then it is this user who is asked about */
  if (setgroups(0, NULL) < 0) return probe_fail(result, errno, "setgroups(none)"), false;
  if (setresgid(PROBE_NOBODY, PROBE_NOBODY, PROBE_NOBODY) < 0 || setresuid(PROBE_NOBODY, PROBE_NOBODY, PROBE_NOBODY) < 0)
    return probe_fail(result, errno, "setresuid(%u)", PROBE_NOBODY), false;
  /* The change of uid made us non-dumpable, which would give our /proc files to root. */
  (void)prctl(PR_SET_DUMPABLE, 1);
  return true;
}

static bool enter_own_namespaces(struct probe_result *result) {
  char uids[32], gids[32];
  (void)snprintf(uids, sizeof uids, "0 %u 1", geteuid());
  (void)snprintf(gids, sizeof gids, "0 %u 1", getegid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return probe_fail(result, errno, "unshare(CLONE_NEWUSER | CLONE_NEWNS)"), false;
  if (probe_write(AT_FDCWD, "/proc/self/setgroups", "deny") < 0) return probe_fail(result, errno, "write(/proc/self/setgroups)"), false;
  if (probe_write(AT_FDCWD, "/proc/self/uid_map", uids) < 0) return probe_fail(result, errno, "write(/proc/self/uid_map)"), false;
  if (probe_write(AT_FDCWD, "/proc/self/gid_map", gids) < 0) return probe_fail(result, errno, "write(/proc/self/gid_map)"), false;
  /* Some distributions let the namespace be made and refuse what it is for: the mount shows it. */
  if (mount("none", "/proc", "tmpfs", 0, "size=64k") < 0) return probe_fail(result, errno, "mount(tmpfs) in the user's own namespaces"), false;
  return true;
}

static void probe_userns(const struct probe_context *context, struct probe_result *result) {
  (void)context;
  if (become_nobody(result) && enter_own_namespaces(result)) probe_pass(result, "a user without root can make user and mount namespaces");
}

static void probe_overlay(const struct probe_context *context, struct probe_result *result) {
  if (!become_nobody(result) || !enter_own_namespaces(result)) return;
  char options[512];
  if (mkdir("/proc/upper", 0755) < 0 || mkdir("/proc/work", 0755) < 0) return probe_fail(result, errno, "mkdir in a tmpfs");
  (void)snprintf(options, sizeof options, "lowerdir=%s,upperdir=/proc/upper,workdir=/proc/work,userxattr", context->lower);
  if (mount("overlay", "/proc", "overlay", 0, options) < 0) return probe_fail(result, errno, "mount(overlay) in the user's own namespaces");
  probe_pass(result, "a user without root can mount an overlay over %s", context->lower);
}

static void probe_cgroup(const struct probe_context *context, struct probe_result *result) {
  if (context->cgroup_fd < 0) return probe_fail(result, 0, "no cgroup v2 directory to work in");
  if (!become_nobody(result)) return;
  if (mkdirat(context->cgroup_fd, "probe-unprivileged", 0755) < 0) return probe_fail(result, errno, "mkdir(cgroup)");
  (void)unlinkat(context->cgroup_fd, "probe-unprivileged", AT_REMOVEDIR);
  probe_pass(result, "a user without root can make cgroups here");
}

const struct probe unprivileged_probes[] = {
    {"unprivileged-userns", probe_userns}, {"unprivileged-overlay", probe_overlay}, {"unprivileged-cgroup", probe_cgroup}, {NULL, NULL},
};
