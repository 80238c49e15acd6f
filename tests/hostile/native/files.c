/* Files of every kind that a files API could stumble over, and floods of them. */
#include "sp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int answer(const char *name, int result) {
  report(name, result == 0 ? observed("made", "%s", "") : refused(name));
  return 0;
}

/* F04. */
static int run_fifo(int argc, char **argv) {
  return argc != 1 ? 2 : answer("fifo", mkfifo(argv[0], 0644));
}

/* F04: a socket's file. */
static int run_unix_socket(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (argc != 1 || strlen(argv[0]) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, argv[0]);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return answer("unix-socket", fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof address));
}

/* Holds a write lease, so that whoever opens the file waits for it, until standard input ends. */
static int run_lease(int argc, char **argv) {
  if (argc != 1) return 2;
  int fd = open(argv[0], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  char byte;
  /* What asks for the lease back, and would kill who does not listen. */
  signal(SIGIO, SIG_IGN);
  answer("lease", fd < 0 ? -1 : fcntl(fd, F_SETLEASE, F_WRLCK));
  while (read(0, &byte, 1) < 0 && errno == EINTR) continue;
  return 0;
}

/* F06: grows for as long as somebody could read it. */
static int run_grow(int argc, char **argv) {
  static char block[1 << 16];
  if (argc != 1) return 2;
  memset(block, 'g', sizeof block);
  int fd = open(argv[0], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return answer("grow", -1);
  answer("grow", 0);
  for (;;)
    if (write(fd, block, sizeof block) < 0) usleep(1000);
}

/* F02: COUNT links in a row, the last one to a file. */
static int run_chain(int argc, char **argv) {
  char name[300], next[300];
  if (argc != 2) return 2;
  int count = atoi(argv[1]), result = mkdir(argv[0], 0755);
  for (int i = 0; i < count && result == 0; i++) {
    snprintf(name, sizeof name, "%s/%d", argv[0], i);
    snprintf(next, sizeof next, i == count - 1 ? "file" : "%d", i + 1);
    result = symlink(next, name);
  }
  return answer("chain", result);
}

/* F08: (DIRECTORY, COUNT) of empty files. */
static int run_many(int argc, char **argv) {
  if (argc != 2) return 2;
  long count = atol(argv[1]), made = 0;
  mkdir(argv[0], 0755);
  int directory = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (; made < count; made++) {
    char name[32];
    snprintf(name, sizeof name, "%07ld", made);
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) break;
    close(fd);
  }
  report("many", made == count ? observed("made", "%ld", made) : refused("open"));
  return 0;
}

/* F08: (DIRECTORY, COUNT) of files made and removed at once. */
static int run_churn(int argc, char **argv) {
  if (argc != 2) return 2;
  int directory = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (long i = 0, count = atol(argv[1]); i < count; i++) {
    char name[32];
    snprintf(name, sizeof name, "c%ld", i % 64);
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || close(fd) != 0 || unlinkat(directory, name, 0) != 0) return answer("churn", -1);
  }
  return answer("churn", 0);
}

/* R16: (FILE) writes until something stops it. */
static int run_fill(int argc, char **argv) {
  static char block[1 << 18];
  if (argc != 1) return 2;
  memset(block, 'f', sizeof block);
  int fd = open(argv[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  long blocks = 0;
  /* 8 GiB: a missing limit fails a test and not the machine. */
  while (blocks < 1 << 15 && write(fd, block, sizeof block) == (ssize_t)sizeof block) blocks++;
  struct outcome outcome = blocks < 1 << 15 ? refused("") : harm("%s", "");
  snprintf(outcome.detail, sizeof outcome.detail, "%ld", blocks * (long)sizeof block);
  report("fill", outcome);
  return 0;
}

/* R16: (FILE) one block written and synced again and again, until it is killed. */
static int run_fsync_storm(int argc, char **argv) {
  if (argc != 1) return 2;
  int fd = open(argv[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  while (pwrite(fd, argv[0], strlen(argv[0]), 0) > 0 && fsync(fd) == 0) continue;
  return answer("fsync-storm", -1);
}

static int run_symlink(int argc, char **argv) {
  return argc != 2 ? 2 : answer("symlink", symlink(argv[0], argv[1]));
}

/* Until standard input ends. */
static int run_wait(int argc, char **argv) {
  (void)argc, (void)argv;
  char byte;
  while (read(0, &byte, 1) < 0 && errno == EINTR) continue;
  return 0;
}

static int run_unlink(int argc, char **argv) {
  if (argc == 1 && unlink(argv[0]) == 0) return 0;
  return perror("unlink"), 1;
}

/* R12: sizes that are no blocks. */
static int run_sparse(int argc, char **argv) {
  if (argc != 1) return 2;
  int fd = open(argv[0], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  int result = ftruncate(fd, (off_t)1 << 40);
  report("truncate", result == 0 ? observed("made", "%s", "") : refused("ftruncate"));
  result = fallocate(fd, 0, 0, (off_t)10 << 30);
  report("fallocate", result == 0 ? harm("10 GiB allocated") : refused("fallocate"));
  return 0;
}

const struct command file_commands[] = {
    {"fifo", run_fifo}, {"unix-socket", run_unix_socket}, {"lease", run_lease}, {"grow", run_grow},
    {"chain", run_chain}, {"many", run_many}, {"churn", run_churn}, {"fill", run_fill},
    {"sparse", run_sparse}, {"fsync-storm", run_fsync_storm}, {"unlink", run_unlink}, {"symlink", run_symlink}, {"wait", run_wait}, {NULL, NULL},
};
