#include "probe.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* `scratch` is the mount that upper and work are in: a detached mount falls apart with its last descriptor. */
struct layers {
  int lower, scratch, upper, work;
};

static void close_layers(struct layers *layers) {
  cleanup_close_fd(&layers->lower);
  cleanup_close_fd(&layers->scratch);
  cleanup_close_fd(&layers->upper);
  cleanup_close_fd(&layers->work);
}
#define cleanup_layers __attribute__((cleanup(close_layers)))

/* A detached copy of the lower, idmapped if a user namespace is given, and an upper and work directory owned by `owner`. */
static bool open_layers(struct probe_result *result, struct layers *layers, const char *lower, int userns, uid_t owner) {
  layers->lower = sys_open_tree_clone(AT_FDCWD, lower);
  if (layers->lower < 0) return probe_fail(result, errno, "open_tree(%s, OPEN_TREE_CLONE)", lower), false;
  if (userns >= 0) {
    struct mount_attr idmap = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
    if (sys_mount_setattr(layers->lower, &idmap) < 0) return probe_fail(result, errno, "mount_setattr(copy of %s, MOUNT_ATTR_IDMAP)", lower), false;
  }
  int scratch = layers->scratch = probe_detached(result, "tmpfs", NULL, MOUNT_ATTR_NODEV);
  if (scratch < 0) return false;
  if (mkdirat(scratch, "upper", 0755) < 0 || mkdirat(scratch, "work", 0700) < 0) return probe_fail(result, errno, "mkdir in a tmpfs"), false;
  if (fchownat(scratch, "upper", owner, owner, 0) < 0 || fchownat(scratch, "work", owner, owner, 0) < 0)
    return probe_fail(result, errno, "chown(upper, %u)", owner), false;
  layers->upper = openat(scratch, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
  layers->work = openat(scratch, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return true;
}

static int set_layer(int context, const char *key, int fd, bool by_descriptor) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return by_descriptor ? sys_fsconfig(context, FSCONFIG_SET_FD, key, NULL, fd) : sys_fsconfig(context, FSCONFIG_SET_STRING, key, path, 0);
}

/* The detached overlay, or -1 with the failure recorded. */
static int mount_overlay(struct probe_result *result, const struct layers *layers, bool by_descriptor, bool is_volatile) {
  cleanup_close int context = sys_fsopen("overlay");
  if (context < 0) return probe_fail(result, errno, "fsopen(overlay)"), -1;
  const char *failed = NULL;
  if (set_layer(context, by_descriptor ? "lowerdir+" : "lowerdir", layers->lower, by_descriptor) < 0) failed = "lowerdir";
  else if (set_layer(context, "upperdir", layers->upper, by_descriptor) < 0) failed = "upperdir";
  else if (set_layer(context, "workdir", layers->work, by_descriptor) < 0) failed = "workdir";
  else if (is_volatile && sys_fsconfig(context, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0) failed = "volatile";
  else if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) failed = "create";
  if (failed) {
    char what[96];
    (void)snprintf(what, sizeof what, "fsconfig(overlay, %s%s)", failed, by_descriptor ? " by descriptor" : "");
    return probe_fail_context(result, errno, context, what), -1;
  }
  int overlay = sys_fsmount(context, MOUNT_ATTR_NODEV);
  if (overlay < 0) probe_fail(result, errno, "fsmount(overlay)");
  return overlay;
}

static bool write_through(struct probe_result *result, int overlay, const struct layers *layers) {
  cleanup_close int fd = openat(overlay, "hatchery-probe", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return probe_fail(result, errno, "create a file in the overlay"), false;
  if (faccessat(layers->upper, "hatchery-probe", F_OK, 0) < 0) return probe_fail(result, errno, "the new file is not in the upper directory"), false;
  return true;
}

static void check_plain(const struct probe_context *context, struct probe_result *result, bool by_descriptor, bool is_volatile) {
  cleanup_layers struct layers layers = {-1, -1, -1, -1};
  if (!open_layers(result, &layers, context->lower, -1, 0)) return;
  cleanup_close int overlay = mount_overlay(result, &layers, by_descriptor, is_volatile);
  if (overlay >= 0 && write_through(result, overlay, &layers)) probe_pass(result, "over %s", context->lower);
}

/* The form with the fewest demands: layers that are attached nowhere are named through /proc. */
static void probe_plain(const struct probe_context *context, struct probe_result *result) { check_plain(context, result, false, false); }

static void probe_by_descriptor(const struct probe_context *context, struct probe_result *result) { check_plain(context, result, true, false); }

static void probe_volatile(const struct probe_context *context, struct probe_result *result) { check_plain(context, result, false, true); }

static void check_idmap(struct probe_result *result, const char *path) {
  cleanup_close int userns = probe_user_namespace(result);
  if (userns < 0) return;
  cleanup_layers struct layers layers = {-1, -1, -1, -1};
  if (!open_layers(result, &layers, path, userns, 0)) return;
  struct stat plain, mapped;
  if (stat(path, &plain) < 0 || fstatat(layers.lower, "", &mapped, AT_EMPTY_PATH) < 0) return probe_fail(result, errno, "stat(%s)", path);
  if (mapped.st_uid != plain.st_uid + PROBE_FIRST_ID) return probe_fail(result, 0, "owner %u of %s shows as %u", plain.st_uid, path, mapped.st_uid);
  probe_pass(result, "%s: owner %u shows as %u", path, plain.st_uid, mapped.st_uid);
}

static void probe_idmap_lower(const struct probe_context *context, struct probe_result *result) { check_idmap(result, context->lower); }

static void probe_idmap_data(const struct probe_context *context, struct probe_result *result) { check_idmap(result, context->data); }

/* The root of a sandbox in small: the mounts made as host root, used by a root that is nobody outside. */
static void probe_sandbox_root(const struct probe_context *context, struct probe_result *result) {
  cleanup_close int userns = probe_user_namespace(result);
  if (userns < 0 || !probe_private_mounts(result)) return;
  cleanup_layers struct layers layers = {-1, -1, -1, -1};
  if (!open_layers(result, &layers, context->lower, userns, PROBE_FIRST_ID)) return;
  cleanup_close int overlay = mount_overlay(result, &layers, true, false);
  if (overlay < 0 && result->error == EINVAL) overlay = mount_overlay(result, &layers, false, false); /* before Linux 6.13 */
  if (overlay < 0) return;
  if (setns(userns, CLONE_NEWUSER) < 0) return probe_fail(result, errno, "setns(user namespace)");
  if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) return probe_fail(result, errno, "setresuid(0) in the user namespace");
  if (unshare(CLONE_NEWNS) < 0) return probe_fail(result, errno, "unshare(CLONE_NEWNS) in the user namespace");
  cleanup_close int target = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (sys_move_mount(overlay, target) < 0) return probe_fail(result, errno, "move_mount(overlay) in the user namespace");
  struct stat root;
  if (fstatat(overlay, "", &root, AT_EMPTY_PATH) < 0) return probe_fail(result, errno, "stat(overlay)");
  if (root.st_uid != 0) return probe_fail(result, 0, "root's directory shows as owned by %u inside", root.st_uid);
  if (write_through(result, overlay, &layers)) probe_pass(result, "root inside, %u outside, wrote over %s", PROBE_FIRST_ID, context->lower);
}

const struct probe overlay_probes[] = {
    {"overlay", probe_plain},          {"overlay-by-descriptor", probe_by_descriptor}, {"overlay-volatile", probe_volatile}, {"idmap-lower", probe_idmap_lower},
    {"idmap-data", probe_idmap_data}, {"overlay-idmapped", probe_sandbox_root},       {NULL, NULL},
};
