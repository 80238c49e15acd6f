/*
 * Namespaces of a sandbox, in the order that leaves each owned by the right user namespace.
 */
#ifndef HATCHERY_NS_H
#define HATCHERY_NS_H

#include "fault.h"
#include "making.h"

/* What the zygote's clone3 makes; owned by the host's user namespace, so that root inside has no rights over it. */
#define NS_AT_CLONE (CLONE_NEWPID)

/* From here on root is root of the leased range only. */
int ns_enter_user(struct making *making, struct fault *fault);

/* Mount, uts and ipc: owned by the sandbox's user namespace. */
int ns_unshare(struct making *making, struct fault *fault);

#endif
