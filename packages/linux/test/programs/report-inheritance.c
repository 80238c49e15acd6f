/* Prints what it was given by whoever started it: descriptors, environment, signals. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

int main(int argc, char **argv) {
  char line[256];
  int variables = 0;
  while (environ[variables] != NULL) variables++;
  DIR *list = opendir("/proc/self/fd");
  printf("fds");
  for (struct dirent *entry; (entry = readdir(list)) != NULL;)
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(list)) printf(" %s", entry->d_name);
  printf("\nenvironment %d\nargv", variables);
  for (int i = 0; i < argc; i++) printf(" %s", argv[i]);
  printf("\n");
  FILE *status = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0 || strncmp(line, "SigCgt", 6) == 0)
      fputs(line, stdout);
  return argc > 2 ? atoi(argv[2]) : 0;
}
