/* The table of contents of sp: finds the named command in its family's table and runs it. */
#include "sp.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command *const families[] = {
    kernel_commands, namespace_commands, process_commands, resource_commands, life_commands, network_commands, swap_commands, file_commands,
    volume_commands,
};
enum { FAMILIES = sizeof families / sizeof families[0] };

static const struct command *find(const char *name) {
  for (size_t family = 0; family < FAMILIES; family++)
    for (const struct command *command = families[family]; command->name != NULL; command++)
      if (strcmp(command->name, name) == 0) return command;
  return NULL;
}

static int usage(void) {
  fputs("usage: sp NAME [ARGUMENT...]\n", stderr);
  for (size_t family = 0; family < FAMILIES; family++)
    for (const struct command *command = families[family]; command->name != NULL; command++)
      fprintf(stderr, "  %s\n", command->name);
  return 2;
}

int main(int argc, char **argv) {
  const struct command *command = argc < 2 ? NULL : find(argv[1]);
  if (command == NULL) return usage();
  /* Line by line, so that a probe which kills sp itself does not take the earlier answers along. */
  setvbuf(stdout, NULL, _IOLBF, 0);
  /* A prober that hangs must not outlive its test. */
  alarm(LIFETIME_SECONDS);
  return command->run(argc - 2, argv + 2);
}
