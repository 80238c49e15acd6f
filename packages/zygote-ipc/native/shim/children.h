/*
 * Processes that end or stop: PID 1 is the parent of every orphan inside.
 */
#ifndef HATCHERY_CHILDREN_H
#define HATCHERY_CHILDREN_H

#include <stdbool.h>

/* Blocks what signalfd reads; the descriptor to watch, -1 with errno. */
int children_watch(void);

/* The descriptor is readable. */
void children_signalled(void);

/* Some may have ended or stopped, and wait to be reaped. */
bool children_left(void);
void children_reap(void);

#endif
