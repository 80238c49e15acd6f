/*
 * The one way in which a sandbox goes, for the addon (workers of the runner) and for the shim's mode `delete`.
 *
 * It asks nothing of the sandbox, blocks the calling thread, and has two phases with a table of steps (steps.c). A step
 * that finds nothing to do has worked; one that fails stops the phase, so that nothing is released while something may
 * still use it, and the record stays.
 */
#ifndef HATCHERY_TEARDOWN_H
#define HATCHERY_TEARDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../fault.h"

#define TEARDOWN_MAX_PIDS 64

/* What lived when the teardown began. */
struct teardown_alive {
  size_t count; /* processes */
  size_t listed;
  pid_t pids[TEARDOWN_MAX_PIDS]; /* the first of them, as this pid namespace names them */
};

struct teardown_request {
  const char *directory; /* of the sandbox, absolute, `…/sandboxes/<id>` */
  const char *head;      /* of its record, see head.h */
  size_t head_length;
  int wait_ms; /* all waiting of the phase together */
};

/* Phase one: when it has worked, no process of the sandbox is left. */
int teardown_end(const struct teardown_request *request, struct teardown_alive *alive, struct fault *fault);

struct teardown_kept {
  bool root, directory, range;
};

/* Phase two: removes what is left of a sandbox. `root_fd` (-1: none) is closed in any case. */
int teardown_release(const struct teardown_request *request, int root_fd, struct teardown_kept kept, struct fault *fault);

#endif
