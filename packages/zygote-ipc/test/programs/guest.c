/* What the tests run in a sandbox: static, and alone in its image.
   Usage: guest exit N | wait | hold | yes | count N | report | terminal | inject | cat FILE | spoil FILE | fill FILE | change FILE
   | bomb | daemonise | files N DIRECTORY | hunt | strike all|softly | exchange FILE FILE */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Its signal state, descriptors and environment, one fact a line. */
static int report(char **environment) {
  char line[256];
  FILE *status = fopen("/proc/self/status", "re");
  while (status != NULL && fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, "Sig", 3) == 0 || strncmp(line, "Shd", 3) == 0) (void)fputs(line, stdout);
  if (status != NULL) (void)fclose(status);
  for (int fd = 0; fd < 4096; fd++)
    if (fcntl(fd, F_GETFD) >= 0) (void)printf("descriptor %d\n", fd);
  for (; *environment != NULL; environment++) (void)printf("variable %s\n", *environment);
  return 0;
}

/* The terminal that it runs on. */
static int terminal(void) {
  struct winsize size;
  struct stat file;
  if (ioctl(0, TIOCGWINSZ, &size) < 0 || fstat(0, &file) < 0) return 1;
  (void)printf("%s %ux%u owner %u:%u mode %o\n", ttyname(0), size.ws_col, size.ws_row, file.st_uid, file.st_gid, file.st_mode & 07777);
  (void)printf("own %d foreground %d\n", getsid(0) == getpid(), tcgetpgrp(0) == getpgrp());
  return 0;
}

/* Types a character into its own terminal, as the kernel knows the command and with bits that it does not look at. */
static int inject(void) {
  const unsigned long commands[] = {TIOCSTI, TIOCSTI | 1UL << 32, TIOCSTI | 1UL << 63};
  for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
    (void)printf("%lx %s\n", commands[i], syscall(SYS_ioctl, 0, commands[i], "x") < 0 ? strerrorname_np(errno) : "typed");
  return 0;
}

/* What a file holds. */
static int cat(const char *path) {
  char bytes[4096];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
  return got >= 0 && write(1, bytes, (size_t)got) == got ? 0 : 1;
}

/* Writes as much as a file can take: how many MiB that was, and the error that ended it. */
static int fill(const char *path) {
  static char mebibyte[1 << 20];
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) return printf("open %s\n", strerrorname_np(errno)) < 0;
  ssize_t written;
  int whole = -1;
  do {
    written = write(fd, mebibyte, sizeof mebibyte);
    whole++;
  } while (written == (ssize_t)sizeof mebibyte);
  /* A short write ended it: the next one tells why. */
  while (written > 0) written = write(fd, mebibyte, sizeof mebibyte);
  return printf("%d MiB, %s\n", whole, strerrorname_np(errno)) < 0;
}

/* What a program does with a file of an image: a line more, a name in a directory of its own, and away with it. */
static int change(const char *path) {
  int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0 || write(fd, "more", 4) != 4) return 1;
  if (mkdir("/directory", 0755) < 0 || rename(path, "/directory/renamed") < 0) return 2;
  if (setxattr("/directory/renamed", "user.a", "b", 1, 0) < 0 || chown("/directory/renamed", 1000, 1000) < 0) return 3;
  if (unlink("/directory/renamed") < 0 || rmdir("/directory") < 0) return 4;
  return puts("changed, renamed, removed") < 0;
}

/* Every way to make a file show something else: the name of the error of each, or `done`. */
static int spoil(const char *path) {
  const char *what[] = {"write", "truncate", "chmod", "chown", "unlink", "rename", "umount", "remount", "bind"};
  for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
    int done = -1;
    if (i == 0) done = open(path, O_WRONLY | O_CLOEXEC);
    if (i == 1) done = truncate(path, 0);
    if (i == 2) done = chmod(path, 0666);
    if (i == 3) done = chown(path, 0, 0);
    if (i == 4) done = unlink(path);
    if (i == 5) done = rename(path, "/renamed");
    if (i == 6) done = umount2(path, MNT_DETACH);
    if (i == 7) done = mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
    if (i == 8) done = mount("/bin/guest", path, NULL, MS_BIND, NULL);
    (void)printf("%s %s\n", what[i], done < 0 ? strerrorname_np(errno) : "done");
  }
  return 0;
}

/* Numbered lines, as fast as they are read. */
static int count(int lines) {
  for (int line = 0; line < lines; line++)
    if (printf("%d\n", line) < 0) return 1;
  return fflush(stdout) == 0 ? 0 : 1;
}

/* Forks for ever, once it has read a byte; the first fork that a limit refuses is told. */
static void bomb(void) {
  char go;
  if (read(0, &go, 1) != 1) _exit(91);
  for (bool told = false;;) {
    pid_t pid = fork();
    if (pid == 0) (void)setsid();
    else if (pid < 0 && !told && write(1, "full\n", 5) < 0) _exit(90);
    told |= pid <= 0;
  }
}

/* Leaves a grandchild in a session of its own, whose parent is gone, and tells its pid. */
static int daemonise(void) {
  if (fork() != 0) return 0;
  (void)setsid();
  pid_t child = fork();
  if (child != 0) return printf("%d\n", child) < 0;
  for (;;) pause();
}

static int files(int count, const char *directory) {
  if (chdir(directory) < 0) return 1;
  for (int i = 0; i < count; i++) {
    char name[16];
    (void)snprintf(name, sizeof name, "f%d", i);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return 2;
    close(fd);
  }
  return 0;
}

/* Whether the process is init's or a child of it that has not become another program: the name is init's or a write's. */
static bool is_prey(const char *pid) {
  char path[64], name[16] = "";
  (void)snprintf(path, sizeof path, "/proc/%s/comm", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t got = read(fd, name, sizeof name - 1);
  close(fd);
  return got > 0 && (strncmp(name, "init", 4) == 0 || strncmp(name, "write", 5) == 0);
}

static bool opens(const char *pid, const char *file, int flags) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
  int fd = open(path, flags | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

/* Tries to get hold of init and its children until standard input ends: how often it found one, and what it got. */
static int hunt(void) {
  long seen = 0, got = 0;
  if (fcntl(0, F_SETFL, O_NONBLOCK) < 0 || write(1, "hunting\n", 8) != 8) return 1;
  char byte;
  do {
    DIR *all = opendir("/proc");
    for (struct dirent *one; all != NULL && (one = readdir(all)) != NULL;) {
      if (atoi(one->d_name) == 0 || !is_prey(one->d_name)) continue;
      seen += atoi(one->d_name) > 1;
      got += ptrace(PTRACE_SEIZE, atoi(one->d_name), NULL, NULL) == 0;
      got += opens(one->d_name, "mem", O_RDWR) + opens(one->d_name, "fd/3", O_RDONLY) + opens(one->d_name, "environ", O_RDONLY);
    }
    if (all != NULL) (void)closedir(all);
  } while (read(0, &byte, 1) < 0);
  return printf("seen %d got %ld\n", seen > 0, got) < 0;
}

/* Sends each write every signal that a process can hold back, and with `all` the one that it cannot; how many there were. */
static int strike(const char *how) {
  DIR *all = opendir("/proc");
  int struck = 0;
  for (struct dirent *one; all != NULL && (one = readdir(all)) != NULL;) {
    if (atoi(one->d_name) <= 1 || !is_prey(one->d_name)) continue;
    for (int signal = 1; signal < 32; signal++)
      if (signal != SIGKILL && signal != SIGSTOP) (void)kill(atoi(one->d_name), signal);
    if (strcmp(how, "all") == 0) struck += kill(atoi(one->d_name), SIGKILL) == 0;
    else struck++;
  }
  return all == NULL || printf("%d\n", struck) < 0;
}

/* Each gets the other's name, over and over. */
static int exchange(const char *one, const char *other) {
  if (puts("exchanging") < 0 || fflush(stdout) != 0) return 1;
  while (renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0) {
  }
  return 2;
}

int main(int argc, char **argv, char **environment) {
  char buffer[4096] = "y\n";
  if (argc > 2 && strcmp(argv[1], "exit") == 0) return atoi(argv[2]);
  if (argc > 2 && strcmp(argv[1], "count") == 0) return count(atoi(argv[2]));
  if (argc > 2 && strcmp(argv[1], "cat") == 0) return cat(argv[2]);
  if (argc > 2 && strcmp(argv[1], "fill") == 0) return fill(argv[2]);
  if (argc > 2 && strcmp(argv[1], "change") == 0) return change(argv[2]);
  if (argc > 2 && strcmp(argv[1], "spoil") == 0) return spoil(argv[2]);
  if (argc > 1 && strcmp(argv[1], "report") == 0) return report(environment);
  if (argc > 1 && strcmp(argv[1], "terminal") == 0) return terminal();
  if (argc > 1 && strcmp(argv[1], "inject") == 0) return inject();
  if (argc > 1 && strcmp(argv[1], "bomb") == 0) bomb();
  if (argc > 1 && strcmp(argv[1], "daemonise") == 0) return daemonise();
  if (argc > 3 && strcmp(argv[1], "files") == 0) return files(atoi(argv[2]), argv[3]);
  if (argc > 1 && strcmp(argv[1], "hunt") == 0) return hunt();
  if (argc > 2 && strcmp(argv[1], "strike") == 0) return strike(argv[2]);
  if (argc > 3 && strcmp(argv[1], "exchange") == 0) return exchange(argv[2], argv[3]);
  if (argc > 1 && strcmp(argv[1], "hold") == 0)
    for (;;) pause();
  if (argc > 1 && strcmp(argv[1], "wait") == 0) {
    while (read(0, buffer, sizeof buffer) > 0) {
    }
    return 0;
  }
  if (argc > 1 && strcmp(argv[1], "yes") == 0)
    while (write(1, buffer, sizeof buffer) > 0) {
    }
  return 99;
}
