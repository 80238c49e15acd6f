/*
 * The root file system of a sandbox: overlays of read-only layers under one writable file system.
 */
#ifndef HATCHERY_ROOT_H
#define HATCHERY_ROOT_H

#include "fault.h"
#include "making.h"

/* As host root, before the user namespace: */
int root_idmap_layers(struct making *making, struct fault *fault);
int root_mount_overlays(struct making *making, struct fault *fault);

/* In the sandbox's own namespaces: */
int root_attach(struct making *making, struct fault *fault);
int root_pivot(struct making *making, struct fault *fault);

/* A directory of an untrusted root, made when missing; never through a symlink. Returns an O_PATH descriptor. */
int root_open_directory(int root, const char *name, struct fault *fault);

#endif
