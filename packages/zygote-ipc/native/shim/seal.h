/*
 * The second half of the isolation checklist, at START: from here on nothing in the sandbox gains anything.
 */
#ifndef HATCHERY_SEAL_H
#define HATCHERY_SEAL_H

#include "fault.h"

int seal(const char *hostname, struct fault *fault);

#endif
