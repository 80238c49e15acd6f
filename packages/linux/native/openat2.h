/* openat2(2), which glibc has no wrapper for. */
#ifndef HATCHERY_OPENAT2_H
#define HATCHERY_OPENAT2_H

#include <errno.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

/* IN_ROOT and BENEATH answer EAGAIN when a rename or mount anywhere on the host raced the walk. */
#define OPENAT2_ATTEMPTS 128

static inline int openat2_retried(int directory, const char *path, struct open_how *how) {
  int fd = -1;
  for (int attempt = 0; attempt < OPENAT2_ATTEMPTS; attempt++) {
    fd = (int)syscall(SYS_openat2, directory, path, how, sizeof *how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return fd;
}

#endif
