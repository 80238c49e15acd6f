/*
 * MAKE: a sandbox's cgroups, its user namespace, its init.
 */
#ifndef HATCHERY_MAKE_H
#define HATCHERY_MAKE_H

#include <sys/types.h>

#include "../wire/codec.generated.h"
#include "fault.h"
#include "making.h"

/* Directories of the instance in each hierarchy; -1: the controller lives in v2 or nowhere. */
struct hierarchies {
  int unified;
  int v1[MAX_V1_HIERARCHIES];
};

struct made {
  pid_t pid;
  int pidfd; /* owned by the caller */
};

/* Whatever was made before a failing step is removed again. The descriptors of the message stay the caller's. */
int make_sandbox(const struct wire_make *request, const struct hierarchies *hierarchies, bool layers_by_descriptor, int zygote_socket, struct made *made,
                 struct fault *fault);

#endif
