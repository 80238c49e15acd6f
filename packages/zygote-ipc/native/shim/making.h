/*
 * One sandbox being made: what was asked for, and what the steps hand to each other.
 */
#ifndef HATCHERY_MAKING_H
#define HATCHERY_MAKING_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_LAYERS 16
#define MAX_V1_HIERARCHIES 3
#define IDS_PER_SANDBOX 65536

struct making {
  /* asked for; descriptors are owned by the process that runs the steps and go with it */
  uint32_t first_id; /* host id of the sandbox's root */
  uint64_t root_bytes;
  uint64_t root_inodes;
  uint64_t shm_bytes;
  const char *boot_id;
  uint32_t layer_count;
  const char *targets[MAX_LAYERS];
  int layers[MAX_LAYERS]; /* detached mounts, not idmapped yet */
  int upper; /* of the writable layers: detached mount of the caller's, not idmapped yet; -1: becomes a tmpfs */
  bool kept_upper; /* the caller's; it outlives the sandbox */
  int sandbox_directory;
  int connection;
  int tasks[MAX_V1_HIERARCHIES]; /* open `tasks` files of the v1 cgroups, -1: none */
  int userns;
  int netns; /* handed over or made ahead; -1: none was ready */
  int zygote_socket; /* inherited; must not outlive the first step */
  bool layers_by_descriptor;

  /* made on the way */
  int listener;
  int scratch; /* tmpfs that the sandbox cannot reach: the writable one, or one of its own beside a kept upper */
  int overlays[MAX_LAYERS]; /* overlays[0] becomes the root */
  int proc;
  int dev;
};

#endif
