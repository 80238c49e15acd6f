/* What the tests run in a sandbox: static, and alone in its image.
   Usage: guest exit N | wait | hold | yes | count N | report | terminal | inject */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/* Numbered lines, as fast as they are read. */
static int count(int lines) {
  for (int line = 0; line < lines; line++)
    if (printf("%d\n", line) < 0) return 1;
  return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv, char **environment) {
  char buffer[4096] = "y\n";
  if (argc > 2 && strcmp(argv[1], "exit") == 0) return atoi(argv[2]);
  if (argc > 2 && strcmp(argv[1], "count") == 0) return count(atoi(argv[2]));
  if (argc > 1 && strcmp(argv[1], "report") == 0) return report(environment);
  if (argc > 1 && strcmp(argv[1], "terminal") == 0) return terminal();
  if (argc > 1 && strcmp(argv[1], "inject") == 0) return inject();
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
