/*
 * The network of a sandbox without a slot: loopback and nothing else.
 */
#ifndef HATCHERY_NET_H
#define HATCHERY_NET_H

#include "fault.h"
#include "making.h"

int net_loopback_up(struct making *making, struct fault *fault);

#endif
