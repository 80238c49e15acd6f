/* L03, L04: processes that do not want to die with their sandbox. */
#include "sp.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ORPHANS = 500, STORM_LINES = 24 };

static time_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec;
}

/* Deaf to what can be ignored, no descriptors, a session of its own, the parent gone; ends by its alarm at last. */
static _Noreturn void linger(int ready) {
  static const int ignored[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
  for (size_t index = 0; index < sizeof ignored / sizeof ignored[0]; index++) signal(ignored[index], SIG_IGN);
  setsid();
  alarm(LIFETIME_SECONDS);
  if (write(ready, "x", 1) != 1) _exit(1);
  for (int fd = 0; fd < 64; fd++) close(fd);
  for (;;) pause();
}

static int run_orphans(int argc, char **argv) {
  int wanted = argc > 0 ? atoi(argv[0]) : 40, made = 0, ready[2];
  if (wanted > MOST_ORPHANS || pipe(ready) != 0) return 1;
  for (int index = 0; index < wanted; index++) {
    pid_t middle = fork();
    if (middle == 0) {
      setsid();
      pid_t orphan = fork();
      if (orphan == 0) linger(ready[1]);
      _exit(orphan < 0);
    }
    while (middle > 0 && waitpid(middle, NULL, 0) < 0 && errno == EINTR) continue;
  }
  close(ready[1]);
  for (char byte; read(ready[0], &byte, 1) == 1;) made++;
  report("orphans", observed("made", "%d", made));
  return 0;
}

/*
 * Each process forks a successor and ends, so whoever kills pid by pid is always one generation behind. The number
 * of lines of descent is fixed: outside a sandbox this would be a nuisance and no bomb.
 */
static _Noreturn void hop(atomic_int *generations, time_t end) {
  while (now() < end) {
    pid_t successor = fork();
    if (successor > 0) _exit(0);
    if (successor < 0) {
      sched_yield();
      continue;
    }
    if (atomic_fetch_add(generations, 1) % 2 == 0) setsid();
  }
  _exit(0);
}

static int run_forkstorm(int argc, char **argv) {
  (void)argc, (void)argv;
  atomic_int *generations = mmap(NULL, sizeof *generations, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (generations == MAP_FAILED) return 1;
  time_t end = now() + LIFETIME_SECONDS;
  for (int line = 0; line < STORM_LINES; line++)
    if (fork() == 0) hop(generations, end);
  while (atomic_load(generations) < 4 * STORM_LINES && now() < end) usleep(1000);
  report("forkstorm", observed("raging", "%s", ""));
  for (;;) pause();
}

const struct command life_commands[] = {
    {"orphans", run_orphans},
    {"forkstorm", run_forkstorm},
    {NULL, NULL},
};
