/*
 * The boot id of a sandbox, in the place of the host's: each start is a boot of its own to what runs inside, and the host's
 * id would tell sandboxes of one machine that they are neighbours.
 */
#ifndef HATCHERY_BOOT_ID_H
#define HATCHERY_BOOT_ID_H

#include "fault.h"
#include "making.h"

/* As host root, once the writable layer is there: */
int boot_id_write(struct making *making, struct fault *fault);

/* In the sandbox's own namespaces, once /proc is masked: */
int boot_id_show(struct making *making, struct fault *fault);

#endif
