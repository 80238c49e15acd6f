/*
 * Capabilities: what root of a sandbox keeps, within its own user namespace.
 */
#ifndef HATCHERY_CAPS_H
#define HATCHERY_CAPS_H

#include "fault.h"

/* Whatever is permitted becomes effective: leaving user 0 has cleared it, and what is permitted stays while the real user
   is still 0. */
int caps_raise(struct fault *fault);

/* Drops everything else from the bounding set, so that no execution can have it, whatever it execs. Init itself keeps
   its own for what it does for its executions. */
int caps_seal_bounding_set(struct fault *fault);

#endif
