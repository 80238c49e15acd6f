/*
 * Mount points of namespaces that this process is not in. The kernel says EBUSY of those of the caller's own namespace
 * alone; any other it moves with its directory or takes away from those who see it (rename(2), unlink(2), rmdir(2)).
 */
#ifndef HATCHERY_MOUNT_POINT_H
#define HATCHERY_MOUNT_POINT_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

/* What is missing or cannot be looked at is none: the call that follows tells why. */
static inline bool is_mount_point(int directory, const char *name) {
  struct statx facts;
  return statx(directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &facts) == 0 &&
         (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static inline int rename_unmounted(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
  if (is_mount_point(from_fd, from) || is_mount_point(to_fd, to)) return errno = EBUSY, -1;
  /* glibc has a wrapper since 2.28 only. */
  return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

#endif
