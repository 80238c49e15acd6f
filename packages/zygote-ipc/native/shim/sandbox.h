/*
 * Whose this sandbox is: what START said, and the end of it all.
 */
#ifndef HATCHERY_SANDBOX_H
#define HATCHERY_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_TOKEN_BYTES 32

struct sandbox {
  bool started;
  bool paused; /* no command is started, and nobody needs to be there */
  int work; /* cgroup that executions are born in */
  uint8_t token[MAX_TOKEN_BYTES];
  uint32_t token_length;
  uint64_t epoch; /* of the youngest runner that has had it */
  uint32_t orphan_ms;
};

extern struct sandbox sandbox;

/* The kernel ends the pid namespace, and with it everything inside, when its PID 1 exits. */
_Noreturn void sandbox_end(void);

#endif
