/*
 * Directories and files of the host inside a sandbox: mounts that the runtime has opened, put into the root before init
 * gives up the right to mount.
 */
#ifndef HATCHERY_VOLUMES_H
#define HATCHERY_VOLUMES_H

#include "../wire/codec.generated.h"
#include "fault.h"

/* Attaches each volume of the request to its target, in the order given. */
int volumes_mount(const struct wire_start *request, struct fault *fault);

#endif
