/*
 * The isolation checklist.
 */
#ifndef HATCHERY_CONTAIN_H
#define HATCHERY_CONTAIN_H

#include <stdint.h>

#include "fault.h"
#include "making.h"

#define CONTAIN_MAX_STEPS 32

/* Runs in the new process, PID 1 of its pid namespace. Writes each step's time in microseconds; returns how many. */
int contain(struct making *making, uint32_t microseconds[CONTAIN_MAX_STEPS], struct fault *fault);

#endif
