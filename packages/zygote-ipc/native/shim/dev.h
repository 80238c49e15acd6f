/*
 * /dev of a sandbox: the shared read-only template, its own terminals, its own shared memory.
 */
#ifndef HATCHERY_DEV_H
#define HATCHERY_DEV_H

#include "fault.h"
#include "making.h"

/* As host root: a copy of the template's mount. */
int dev_copy_template(struct making *making, struct fault *fault);

/* In the sandbox's own namespaces. */
int dev_attach(struct making *making, struct fault *fault);
int dev_mount_terminals(struct making *making, struct fault *fault);
int dev_mount_shared_memory(struct making *making, struct fault *fault);

#endif
