#include "volumes.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "sys.h"

/* What is missing may vanish again, in a volume that others write to: made so many times, then given up. */
#define TRIES 16

static const char *const reserved[] = {"/proc", "/dev", "/sys"};

static bool is_reserved(const char *target) {
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
    size_t length = strlen(reserved[i]);
    if (strncmp(target, reserved[i], length) == 0 && (target[length] == '/' || target[length] == '\0')) return true;
  }
  return false;
}

/* One name of the path, and what comes after it; nothing that means another directory than the one before it. */
static int next_name(const char **path, char name[NAME_MAX + 1]) {
  size_t length = strcspn(*path + 1, "/");
  if (**path != '/' || length == 0 || length > NAME_MAX) return -1;
  memcpy(name, *path + 1, length);
  name[length] = '\0';
  *path += 1 + length;
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? -1 : 0;
}

static int check(const struct wire_start *request, struct fault *fault) {
  if (request->volumes_count != request->volume_targets_count)
    return REFUSE(fault, EINVAL, "%u volumes, %u targets", request->volumes_count, request->volume_targets_count);
  for (uint32_t i = 0; i < request->volume_targets_count; i++) {
    char name[NAME_MAX + 1];
    const char *target = request->volume_targets[i].data, *rest = target;
    do
      if (next_name(&rest, name) < 0) return REFUSE(fault, EINVAL, "volume target \"%s\", not absolute and plain", target);
    while (*rest != '\0');
    if (is_reserved(target)) return REFUSE(fault, EINVAL, "volume target \"%s\", which is the sandbox's own", target);
  }
  return 0;
}

/* A descriptor of the place itself, however its name is used from now on. ELOOP: a symlink, which is not followed. */
static int open_or_make(int parent, const char *name, bool directory, const char *target, struct fault *fault) {
  const uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0; tries < TRIES; tries++) {
    int fd = sys_openat2(parent, name, O_PATH | (directory ? O_DIRECTORY : 0), resolve);
    if (fd >= 0) return fd;
    if (errno != ENOENT) return FAIL(fault, "open(\"%s\" on the way to volume target \"%s\", no symlink%s)", name, target, directory ? ", directory" : "");
    int made = directory ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0);
    if (made < 0 && errno != EEXIST) return FAIL(fault, "%s(\"%s\" on the way to volume target \"%s\")", directory ? "mkdir" : "mknod", name, target);
  }
  return REFUSE(fault, EAGAIN, "open(\"%s\" on the way to volume target \"%s\"), removed %d times", name, target, TRIES);
}

static int open_place(const char *target, bool directory, struct fault *fault) {
  cleanup_close int place = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (place < 0) return FAIL(fault, "open(/)");
  for (const char *rest = target; *rest != '\0';) {
    char name[NAME_MAX + 1];
    (void)next_name(&rest, name); /* checked before */
    int next = open_or_make(place, name, *rest != '\0' || directory, target, fault);
    if (next < 0) return -1;
    close(place);
    place = next;
  }
  return steal_fd(&place);
}

static int mount_one(int volume, const char *target, struct fault *fault) {
  struct stat source, found;
  if (fstat(volume, &source) < 0) return FAIL(fault, "fstat(volume for \"%s\")", target);
  bool directory = S_ISDIR(source.st_mode);
  if (!directory && !S_ISREG(source.st_mode)) return REFUSE(fault, EINVAL, "volume for \"%s\", neither directory nor regular file", target);
  cleanup_close int place = open_place(target, directory, fault);
  if (place < 0) return -1;
  if (fstat(place, &found) < 0) return FAIL(fault, "fstat(volume target \"%s\")", target);
  /* Of what is mounted on, and not of what the name led to before. */
  if (directory ? !S_ISDIR(found.st_mode) : !S_ISREG(found.st_mode))
    return REFUSE(fault, directory ? ENOTDIR : EISDIR, "volume target \"%s\", no %s", target, directory ? "directory" : "regular file");
  return sys_move_mount(volume, place) < 0 ? FAIL(fault, "move_mount(volume, \"%s\")", target) : 0;
}

int volumes_mount(const struct wire_start *request, struct fault *fault) {
  int result = check(request, fault);
  for (uint32_t i = 0; result == 0 && i < request->volumes_count; i++)
    result = mount_one(request->volumes[i], request->volume_targets[i].data, fault);
  if (result < 0) fault_name_step(fault, "mount the volumes");
  return result;
}
