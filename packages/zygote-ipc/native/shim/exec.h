/*
 * From an EXEC message to a running command.
 */
#ifndef HATCHERY_EXEC_H
#define HATCHERY_EXEC_H

#include <sys/types.h>

#include "../wire/codec.generated.h"
#include "fault.h"

struct started {
  pid_t pid;
  int pidfd;    /* owned by the caller */
  int terminal; /* the master, likewise; -1: none was asked for */
};

/* Starts the command in the cgroup `work` and returns when execve has succeeded (or failed: then -1). The descriptors of
   the message stay the caller's. */
int exec_start(const struct wire_exec *request, int work, struct started *started, struct fault *fault);

#endif
