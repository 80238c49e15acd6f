/*
 * PID 1 of a sandbox: starts its executions, reaps everything, keeps exits until they are acknowledged.
 */
#ifndef HATCHERY_INIT_H
#define HATCHERY_INIT_H

#include "making.h"

/* Contains this process and serves its clients; never returns. */
_Noreturn void init_run(struct making *making);

#endif
