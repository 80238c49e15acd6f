/*
 * /proc of a sandbox: its own processes; what tells of the host is masked or read-only.
 */
#ifndef HATCHERY_PROC_H
#define HATCHERY_PROC_H

#include "fault.h"
#include "making.h"

/* As host root, inside the new pid namespace: the file system then belongs to the host's user namespace, so that root
   inside is nobody to its global files. */
int proc_mount(struct making *making, struct fault *fault);

/* In the sandbox's own mount namespace. */
int proc_attach(struct making *making, struct fault *fault);
int proc_mask(struct making *making, struct fault *fault);

#endif
