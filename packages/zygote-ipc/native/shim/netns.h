/*
 * Network namespaces. One with a slot comes from the runtime; those without have loopback up and nothing else. These belong to the host's user namespace, so that root
 * inside has no rights over them, and are made ahead, because one takes half a millisecond.
 */
#ifndef HATCHERY_NETNS_H
#define HATCHERY_NETNS_H

#include <stdbool.h>

#include "fault.h"
#include "making.h"

/* Makes a fresh one and enters it with the calling thread. The host's /proc must have been handed to netns_use_proc(). */
int netns_enter_new(struct fault *fault);

/* Where sysctls are written: a descriptor of the host's /proc that stays open. */
int netns_use_proc(int host_proc, struct fault *fault);

/* One from the pool, now the caller's; -1: the pool is empty. */
int netns_take(void);

/* Makes one more, unless the pool is full; false: nothing was done. */
bool netns_refill(void);

/* One that the runtime hands over: a network namespace, and not the one that the zygote, and so the host, is in. */
int netns_check(int fd, struct fault *fault);

/* A step of the checklist: the one that came with `making`, or a new one. */
int netns_enter(struct making *making, struct fault *fault);

#endif
