#include "boot-id.h"

#include <string.h>

#include "cell.h"
#include "sys.h"
#include "writable.h"

#define SHOWN_AT "sys/kernel/random/boot_id"

int boot_id_write(struct making *making, struct fault *fault) {
  /* Not on a kept upper: one that is full must still start. */
  making->scratch = making->kept_upper ? writable_new_tmpfs(4096, 2, fault) : making->upper;
  if (making->scratch < 0) return -1;
  /* Root inside owns neither the file nor its directory: both belong to an id that its user namespace does not have. */
  cleanup_close int fd = openat(making->scratch, "boot_id", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
  if (fd < 0) return FAIL(fault, "open(boot_id)");
  char line[64] = {0};
  size_t length = strlen(making->boot_id);
  memcpy(line, making->boot_id, length); /* 36 bytes: checked before */
  line[length++] = '\n';
  return write(fd, line, length) == (ssize_t)length ? 0 : FAIL(fault, "write(boot_id)");
}

/* Kernels before 6.15 copy attached mounts only. What is attached here goes with the rest of the cell. */
static int attach_scratch(const struct making *making, struct fault *fault) {
  if (!making->kept_upper && !making->layers_by_descriptor) return 0; /* as a layer, before */
  cleanup_close int place = open(CELL_UPPER, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (place < 0 || sys_move_mount(making->scratch, place) < 0) return FAIL(fault, "move_mount(%s)", CELL_UPPER);
  return 0;
}

int boot_id_show(struct making *making, struct fault *fault) {
  cleanup_close int target = openat(making->proc, SHOWN_AT, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (target < 0) return errno == ENOENT ? 0 : FAIL(fault, "open(/proc/" SHOWN_AT ")");
  if (attach_scratch(making, fault) < 0) return -1;
  cleanup_close int file = sys_open_tree_clone(AT_FDCWD, CELL_UPPER "/boot_id");
  if (file < 0) return FAIL(fault, "open_tree(%s/boot_id)", CELL_UPPER);
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
  if (sys_mount_setattr(file, &attributes) < 0) return FAIL(fault, "mount_setattr(boot_id, read-only)");
  return sys_move_mount(file, target) < 0 ? FAIL(fault, "move_mount(/proc/" SHOWN_AT ")") : 0;
}
