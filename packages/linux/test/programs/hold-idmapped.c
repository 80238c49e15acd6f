/* Mounts an idmapped copy of argv[1] at argv[2]: its ids 0 to 999 are argv[3] and the following here. Works until stdin ends. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(long result, const char *call) {
  if (result >= 0) return;
  perror(call);
  exit(1);
}

/* A child that has a user namespace with that map, and lends it. */
static int user_namespace(const char *first, pid_t *child) {
  int ready[2];
  char path[64], map[64], byte;
  check(pipe(ready), "pipe");
  check(*child = fork(), "fork");
  if (*child == 0) {
    check(unshare(CLONE_NEWUSER), "unshare");
    check(write(ready[1], "", 1), "write");
    for (;;) pause();
  }
  check(read(ready[0], &byte, 1), "read");
  int length = snprintf(map, sizeof map, "0 %s 1000", first);
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "/proc/%d/%cid_map", *child, "ug"[i]);
    int fd = open(path, O_WRONLY);
    check(fd, path);
    check(write(fd, map, length), path);
    close(fd);
  }
  snprintf(path, sizeof path, "/proc/%d/ns/user", *child);
  int fd = open(path, O_RDONLY);
  check(fd, path);
  return fd;
}

int main(int argc, char **argv) {
  pid_t child;
  char byte;
  if (argc != 4) return 2;
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP};
  attributes.userns_fd = user_namespace(argv[3], &child);
  int tree = syscall(SYS_open_tree, AT_FDCWD, argv[1], OPEN_TREE_CLONE);
  check(tree, "open_tree");
  check(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes), "mount_setattr");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  check(syscall(SYS_move_mount, tree, "", AT_FDCWD, argv[2], MOVE_MOUNT_F_EMPTY_PATH), "move_mount");
  check(write(1, "mounted\n", 8), "write");
  while (read(0, &byte, 1) > 0) continue;
  check(umount2(argv[2], MNT_DETACH), "umount2");
  return 0;
}
