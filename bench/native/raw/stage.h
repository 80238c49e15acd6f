/* The driver's own mount namespace, pruned to what the sandboxes need: every mount left in it is copied on each create.
 *   /lower   the payload root, read-only        /mapped  the same, owned by the mapped range (naive)
 *   /new     where a sandbox assembles its root /upper   where naive mounts its tmpfs
 *   /proc    the host's processes               /dev     the host's devices (naive binds them)     */
#pragma once
#include "failure.h"

struct stage {
  int lower;  /* owned; the payload root */
  int device; /* owned; read-only /dev made once, attached by clone (lean) */
};

int stage_enter(struct stage *stage, const char *place, const char *payload_root, struct report *report);
/* /mapped needs a user namespace to read the map from. */
int stage_map_lower(const struct stage *stage, int user_namespace, struct report *report);
