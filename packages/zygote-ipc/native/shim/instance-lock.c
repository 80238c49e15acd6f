#include "instance-lock.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sys.h"

static pid_t read_holder(int fd) {
  char text[32];
  ssize_t length = pread(fd, text, sizeof text - 1, 0);
  text[length < 0 ? 0 : length] = '\0';
  long pid = strtol(text, NULL, 10);
  return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

/* An owner and a sweeper of one directory may race: a locked file that is no longer the one there locks nothing. */
static bool is_lock_of(int fd, int instance) {
  struct stat held, found;
  return fstat(fd, &held) == 0 && fstatat(instance, "lock", &found, AT_SYMLINK_NOFOLLOW) == 0 && held.st_dev == found.st_dev &&
         held.st_ino == found.st_ino;
}

int instance_lock(int instance, pid_t *holder, struct fault *fault) {
  for (int tries = 0; tries < 16; tries++) {
    cleanup_close int fd = openat(instance, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return FAIL(fault, "open(lock)");
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
      if (errno != EWOULDBLOCK) return FAIL(fault, "flock(lock)");
      *holder = read_holder(fd);
      return -1;
    }
    if (!is_lock_of(fd, instance)) continue;
    /* For the message that a runner gets meanwhile, and for nothing else. */
    (void)!ftruncate(fd, 0);
    (void)dprintf(fd, "%d\n", getpid());
    return steal_fd(&fd);
  }
  return REFUSE(fault, EBUSY, "flock(lock): the file is replaced again and again");
}
