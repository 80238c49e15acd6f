/*
 * The zygote's own mount namespace: a read-only tmpfs with what sandboxes are made from, and nothing of the host's.
 */
#ifndef HATCHERY_CELL_H
#define HATCHERY_CELL_H

#include "fault.h"

/* Paths in it; a sandbox's child still sees them until it pivots. */
#define CELL_DEV "/dev"              /* template of a sandbox's /dev */
#define CELL_EMPTY_FILE "/empty"     /* what masked files show */
#define CELL_EMPTY_DIRECTORY "/void" /* what masked directories show */
#define CELL_NEW_ROOT "/root"        /* where a child attaches its root before it pivots */
#define CELL_UPPER "/upper"          /* where kernels that take no layers by descriptor get them: */
#define CELL_LAYERS "/layers"        /* /layers/0 … */

/* Leaves the host's mount namespace for good. The caller must be single-threaded root. */
int cell_enter(struct fault *fault);

#endif
