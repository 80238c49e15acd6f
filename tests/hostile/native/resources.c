/* R01 to R09: bombs. Each stops at a ceiling of its own, so that a missing limit fails a test and not the machine. */
#include "sp.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  MOST_TASKS = 2000,
  MOST_BYTES_MIB = 1024,
  MOST_FDS = 100000,
  MOST_SEGMENTS = 10000,
};

struct bomb {
  atomic_int made;
  atomic_int error; /* of the first fork that was refused */
};

/* R01: every child goes on forking, as the shell's bomb does, until one fork fails; then all wait for the parent's end. */
static _Noreturn void burn(struct bomb *bomb, int hold) {
  while (atomic_load(&bomb->error) == 0 && atomic_load(&bomb->made) < MOST_TASKS) {
    pid_t child = fork();
    if (child > 0) atomic_fetch_add(&bomb->made, 1);
    if (child < 0) {
      int none = 0;
      atomic_compare_exchange_strong(&bomb->error, &none, errno);
    }
  }
  char byte;
  while (read(hold, &byte, 1) < 0 && errno == EINTR) continue;
  _exit(0);
}

static int run_forkbomb(int argc, char **argv) {
  (void)argc, (void)argv;
  struct bomb *bomb = mmap(NULL, sizeof *bomb, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int hold[2];
  if (bomb == MAP_FAILED || pipe(hold) != 0) return 1;
  pid_t first = fork();
  if (first == 0) {
    close(hold[1]);
    burn(bomb, hold[0]);
  }
  close(hold[0]);
  while (first > 0 && atomic_load(&bomb->error) == 0 && atomic_load(&bomb->made) < MOST_TASKS) usleep(1000);
  int error = atomic_load(&bomb->error), made = atomic_load(&bomb->made) + 1;
  errno = error;
  struct outcome outcome = error != 0 ? refused("") : harm("%d processes and no limit met", made);
  if (error != 0) snprintf(outcome.detail, sizeof outcome.detail, "%d", made);
  report("forkbomb", outcome);
  close(hold[1]);
  while (waitpid(first, NULL, 0) < 0 && errno == EINTR) continue;
  return 0;
}

/* R02. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *wait_at_gate(void *argument) {
  pthread_mutex_lock(&gate);
  pthread_mutex_unlock(&gate);
  return argument;
}

static int run_threadbomb(int argc, char **argv) {
  (void)argc, (void)argv;
  static pthread_t threads[MOST_TASKS];
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  pthread_mutex_lock(&gate);
  int made = 0, error = 0;
  while (made < MOST_TASKS && (error = pthread_create(&threads[made], &attributes, wait_at_gate, NULL)) == 0) made++;
  pthread_mutex_unlock(&gate);
  for (int index = 0; index < made; index++) pthread_join(threads[index], NULL);
  errno = error;
  struct outcome outcome = error != 0 ? refused("") : harm("%d threads and no limit met", made);
  if (error != 0) snprintf(outcome.detail, sizeof outcome.detail, "%d", made);
  report("threadbomb", outcome);
  return 0;
}

/* R03: the memory is touched page by page; the answer that is wanted is no answer at all. */
static int run_membomb(int argc, char **argv) {
  (void)argc, (void)argv;
  for (int mebibyte = 0; mebibyte < MOST_BYTES_MIB; mebibyte++) {
    char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) {
      report("membomb", refused("mmap"));
      return 0;
    }
    memset(block, 1, 1 << 20);
  }
  report("membomb", harm("took %d MiB and no limit met", MOST_BYTES_MIB));
  return 0;
}

/* R07: after raising its limits as far as they go. */
static int run_dup(int argc, char **argv) {
  (void)argc, (void)argv;
  struct rlimit limit = {MOST_FDS, MOST_FDS};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  int highest = -1, fd;
  while (highest < MOST_FDS && (fd = dup(0)) >= 0) highest = fd;
  struct outcome outcome = highest >= MOST_FDS - 1 ? harm("%d descriptors", highest) : refused("");
  snprintf(outcome.detail, sizeof outcome.detail, "%d", highest + 1);
  report("dup", outcome);
  return 0;
}

/* R09. The segments stay until standard input ends, for whoever looks from outside. */
static int run_shm(int argc, char **argv) {
  (void)argc, (void)argv;
  static int segments[MOST_SEGMENTS];
  int made = 0;
  while (made < MOST_SEGMENTS && (segments[made] = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600)) >= 0) made++;
  struct outcome outcome = made >= MOST_SEGMENTS ? harm("%d segments and no limit met", made) : refused("");
  if (made < MOST_SEGMENTS) snprintf(outcome.detail, sizeof outcome.detail, "%d", made);
  report("shm", outcome);
  char byte;
  while (read(0, &byte, 1) < 0 && errno == EINTR) continue;
  for (int index = 0; index < made; index++) shmctl(segments[index], IPC_RMID, NULL);
  return 0;
}

const struct command resource_commands[] = {
    {"forkbomb", run_forkbomb}, {"threadbomb", run_threadbomb}, {"membomb", run_membomb},
    {"dup", run_dup},           {"shm", run_shm},               {NULL, NULL},
};
