/* Removal of a directory with everything in it, by descriptors: it follows no symlink, enters no mount, and neither depth
   nor width of the tree costs stack or descriptors. */
#ifndef HATCHERY_TEARDOWN_REMOVE_TREE_H
#define HATCHERY_TEARDOWN_REMOVE_TREE_H

#include <stddef.h>

#include "../fault.h"

enum tree_kind {
  TREE_OF_FILES,
  TREE_OF_CGROUPS, /* only directories are removed: the kernel takes a cgroup's files along */
};

/* Removes `name`, one component below `parent`; nothing there is fine. Files and symlinks are removed as such. `removed`
   counts, also when it fails: EXDEV or EBUSY on a mount, EBUSY on a cgroup in use. */
int remove_tree(int parent, const char *name, enum tree_kind kind, size_t *removed, struct fault *fault);

/* The same, which stops after `most` entries; 1: there is more to remove. A later call goes on. */
int remove_tree_part(int parent, const char *name, enum tree_kind kind, size_t most, size_t *removed,
                     struct fault *fault);

#endif
