/* What the kernel tests put into a cgroup. It waits for a byte on stdin, so that it is moved before it does anything. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void say(const char *line) {
  if (write(1, line, strlen(line)) < 0) _exit(90);
}

/* Forks for ever; the first fork that the pids limit refuses says so. */
static void bomb(void) {
  for (int told = 0;;) {
    pid_t pid = fork();
    if (pid == 0) {
      setsid();
      told = 1;
    } else if (pid < 0 && errno == EAGAIN && !told) {
      say("full\n");
      told = 1;
    }
  }
}

/* Leaves a grandchild in a session of its own, whose parent is gone. */
static void daemonise(void) {
  if (fork() != 0) _exit(0);
  setsid();
  pid_t parent = getpid();
  if (fork() != 0) _exit(0);
  /* Whoever reads the line may count on being told of the last one left. */
  while (getppid() == parent) sched_yield();
  char line[32];
  snprintf(line, sizeof line, "%d\n", getpid());
  say(line);
  for (;;) pause();
}

/* Returns NULL never: without memory it ends. */
static void *touch_memory(size_t bytes) {
  char *block = malloc(bytes);
  if (block == NULL) _exit(91);
  for (size_t i = 0; i < bytes; i += 4096) ((volatile char *)block)[i] = 1;
  return block;
}

static void hold(size_t bytes) {
  void *block = touch_memory(bytes);
  say("held\n");
  for (;;) pause();
  free(block);
}

static void burn(long milliseconds) {
  struct timespec used;
  do {
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  } while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < milliseconds);
}

int main(int argc, char **argv) {
  char go;
  const char *mode = argc > 1 ? argv[1] : "exit";
  if (strcmp(mode, "exit") == 0) return 0;
  if (read(0, &go, 1) != 1) return 92;
  if (strcmp(mode, "bomb") == 0) bomb();
  else if (strcmp(mode, "daemonise") == 0) daemonise();
  else if (strcmp(mode, "touch") == 0) free(touch_memory(strtoul(argv[2], NULL, 10)));
  else if (strcmp(mode, "hold") == 0) hold(strtoul(argv[2], NULL, 10));
  else if (strcmp(mode, "burn") == 0) burn(strtol(argv[2], NULL, 10));
  else if (strcmp(mode, "say") == 0) say(argv[2]);
  else if (strcmp(mode, "fork") == 0) return fork() < 0 ? errno : 0;
  else for (;;) pause();
  return 0;
}
