/* Ownership in the declaration: closed or freed when the variable goes out of scope, unless taken over with steal_fd(). */
#ifndef HATCHERY_OWNED_H
#define HATCHERY_OWNED_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close_fd(const int *fd) {
  if (*fd >= 0) {
    int saved = errno;
    close(*fd);
    errno = saved;
  }
}
static inline void cleanup_free_pointer(void *pointer) { free(*(void **)pointer); }
#define cleanup_close __attribute__((cleanup(cleanup_close_fd)))
#define cleanup_free __attribute__((cleanup(cleanup_free_pointer)))

static inline int steal_fd(int *fd) {
  int taken = *fd;
  *fd = -1;
  return taken;
}

#endif
