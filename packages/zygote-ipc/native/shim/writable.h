/*
 * What a sandbox writes to, below its overlays: a tmpfs of its own, or a file system that the caller keeps.
 */
#ifndef HATCHERY_WRITABLE_H
#define HATCHERY_WRITABLE_H

#include <stdint.h>

#include "fault.h"
#include "making.h"

/* As host root, before the user namespace: */
int writable_mount(struct making *making, struct fault *fault);
int writable_prepare(struct making *making, struct fault *fault); /* once the layers are mapped */

/* A tmpfs that nothing is attached to yet; host root's. */
int writable_new_tmpfs(uint64_t bytes, uint64_t inodes, struct fault *fault);

#endif
