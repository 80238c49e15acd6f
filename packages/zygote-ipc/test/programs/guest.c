/* What the tests run in a sandbox: static, and alone in its image. Usage: guest exit N | wait | yes | report */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(int argc, char **argv, char **environment) {
  char buffer[4096] = "y\n";
  if (argc > 2 && strcmp(argv[1], "exit") == 0) return atoi(argv[2]);
  if (argc > 1 && strcmp(argv[1], "report") == 0) return report(environment);
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
