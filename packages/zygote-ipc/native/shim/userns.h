/*
 * User namespaces, one for each leased range of ids, kept for the next lease of the same range.
 */
#ifndef HATCHERY_USERNS_H
#define HATCHERY_USERNS_H

#include <stdint.h>

#include "fault.h"

/* A descriptor of the host's /proc that stays open. */
void userns_use_proc(int host_proc);

/* A descriptor of the namespace that maps 0..65535 to first_id..; it stays the pool's. -1: fault. */
int userns_for(uint32_t first_id, struct fault *fault);

#endif
