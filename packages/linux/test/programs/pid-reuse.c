/* Process 1 of a pid namespace with a dozen numbers, in which a teardown runs while every number means another process a
   moment later. Usage: pid-reuse V2-DIRECTORY V1-DIRECTORY SANDBOX-DIRECTORY. Compiled with the teardown's sources, and
   linked with --wrap=syscall. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../native/teardown/teardown.h"

#define ID "abc"
#define RECYCLED 100
#define TEARDOWNS 1000
/* More forks than there are free numbers. */
#define ROUND_OF_PIDS 16

static struct {
  atomic_long bystanders, members, killed;
  atomic_bool churning, stop;
} *shared;
static char boot[64];
static const char *v2, *v1, *directory;

static void fail(const char *what) {
  perror(what);
  _exit(1);
}

static void put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) fail(path);
  close(fd);
}

static pid_t spawn(void) {
  pid_t pid;
  while ((pid = fork()) < 0) sched_yield(); /* all numbers are taken for the moment */
  return pid;
}

static unsigned long long start_time(pid_t pid) {
  char path[64], text[1024];
  unsigned long long start = 0;
  (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "re");
  if (file == NULL || fgets(text, sizeof text, file) == NULL) fail(path);
  (void)fclose(file);
  char *rest = strrchr(text, ')');
  if (sscanf(rest + 1, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &start) != 1) fail("stat");
  return start;
}

static long forks(void) { return shared->bystanders + shared->members; }

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

/* Between reading a pid and taking hold of it, all numbers come round once. */
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_pidfd_open && shared->churning)
    for (long before = forks(); forks() < before + ROUND_OF_PIDS;) sched_yield();
  return __real_syscall(number, a, b, c, d, e, f);
}

static int tear_down(pid_t pid, unsigned long long start, int wait_ms, struct fault *fault) {
  char head[1024];
  struct teardown_alive alive;
  int length = snprintf(head, sizeof head, "hatchery-record 2\nid " ID "\nboot %s\ninit %d %llu\ncgroup %s\ncgroup-v1 %s\n", boot, pid, start, v2, v1);
  return teardown_end(&(struct teardown_request){directory, head, (size_t)length, wait_ms}, &alive, fault);
}

/* A record of a dead init, whose number a bystander has by now. */
static long meet_recycled(void) {
  long refused = 0;
  char procs[512], number[16];
  (void)snprintf(procs, sizeof procs, "%s/cgroup.procs", v2);
  for (int round = 0; round < RECYCLED; round++) {
    pid_t victim = spawn(), pid;
    if (victim == 0) for (;;) pause();
    (void)snprintf(number, sizeof number, "%d", victim);
    put(procs, number);
    unsigned long long start = start_time(victim);
    (void)kill(victim, SIGKILL);
    (void)waitpid(victim, NULL, 0);
    while ((pid = spawn()) != victim) {
      if (pid == 0 && getpid() != victim) _exit(0);
      if (pid == 0) for (;;) pause();
      (void)waitpid(pid, NULL, 0);
    }
    struct fault fault = {0};
    /* Within one tick the start times are the same, and only the cgroup tells them apart: that is refused. */
    if (tear_down(victim, start, 1000, &fault) < 0) {
      if (strstr(fault.text, "does not live in") == NULL) fail(fault.text);
      refused++;
    }
    int status;
    if (waitpid(victim, &status, WNOHANG) != 0) shared->killed++;
    (void)kill(victim, SIGKILL);
    (void)waitpid(victim, NULL, 0);
    shared->bystanders++;
  }
  return refused;
}

static void live_a_little(void) {
  for (volatile int i = 0; i < 50000; i++) {
  }
  _exit(0);
}

static void churn_bystanders(void) {
  while (!shared->stop) {
    pid_t pid = spawn();
    if (pid == 0) live_a_little();
    int status;
    (void)waitpid(pid, &status, 0);
    shared->bystanders++;
    if (WIFSIGNALED(status)) shared->killed++;
  }
  _exit(0);
}

static void churn_members(void) {
  char path[512];
  (void)snprintf(path, sizeof path, "%s/tasks", v1);
  int tasks = open(path, O_WRONLY | O_CLOEXEC);
  if (tasks < 0) fail(path);
  while (!shared->stop) {
    pid_t pid = spawn();
    if (pid == 0) {
      (void)!write(tasks, "0", 1);
      live_a_little();
    }
    (void)waitpid(pid, NULL, 0);
    shared->members++;
  }
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  v2 = argv[1], v1 = argv[2], directory = argv[3];
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (shared == MAP_FAILED || fd < 0 || read(fd, boot, 36) != 36) fail("set-up");
  close(fd);
  put("/proc/sys/kernel/pid_max", "312");
  for (int i = 0; i < 300; i++) {
    pid_t pid = spawn();
    if (pid == 0) _exit(0);
    (void)waitpid(pid, NULL, 0);
  }

  long refused = meet_recycled();
  pid_t churners[3] = {spawn()};
  if (churners[0] == 0) churn_members();
  for (int i = 1; i < 3; i++)
    if ((churners[i] = spawn()) == 0) churn_bystanders();
  shared->churning = true;
  for (int i = 0; i < TEARDOWNS; i++) {
    struct fault fault = {0};
    /* It may well not come to an end: members come as fast as they are killed. */
    (void)tear_down(churners[1], 1, 0, &fault);
    if (fault.code != 0 && fault.code != 110) fail(fault.text);
  }
  shared->churning = false;
  shared->stop = true;
  for (int i = 0; i < 3; i++) (void)waitpid(churners[i], NULL, 0);
  (void)printf("{\"bystanders\":%ld,\"members\":%ld,\"refused\":%ld,\"killed\":%ld}\n", shared->bystanders, shared->members, refused, shared->killed);
  return 0;
}
