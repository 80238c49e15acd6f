/* Error contract: a step that fails writes itself and errno into the sandbox's report and the caller gives up. */
#pragma once
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct report {
  int number; /* 0: nothing failed */
  char step[192];
};

/* First writer wins: what follows a failure is only its consequence. */
static inline int failed(struct report *report, const char *step) {
  if (report->number == 0) {
    report->number = errno != 0 ? errno : EIO;
    snprintf(report->step, sizeof report->step, "%s", step);
  }
  return -1;
}

#define TRY(report, expression)                                       \
  do {                                                                \
    if ((expression) < 0) return failed((report), #expression);       \
  } while (0)

static inline void close_owned(int *fd) {
  if (*fd >= 0) close(*fd);
}
#define cleanup_close __attribute__((cleanup(close_owned)))

static inline int steal_fd(int *fd) {
  int stolen = *fd;
  *fd = -1;
  return stolen;
}
