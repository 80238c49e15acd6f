#include "executions.h"

#include <stddef.h>

#include "sys.h"

/* Of init's own: what it waits for, the largest message that comes, the one that waits to go, a few in passing. */
enum { RESERVED_DESCRIPTORS = 128 };

struct execution executions[MAX_EXECUTIONS];
unsigned execution_count;
static unsigned kept_count;

struct execution *execution_find(uint64_t number) {
  for (unsigned i = 0; i < execution_count; i++)
    if (executions[i].number == number) return &executions[i];
  return NULL;
}

static unsigned count_kept(const struct keepsake *keepsake) {
  const int fds[] = {keepsake->terminal, keepsake->stdout_kept, keepsake->stderr_kept, keepsake->ring};
  unsigned count = 0;
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) count += fds[i] >= 0;
  return count;
}

struct execution *execution_add(uint64_t number, pid_t pid, const struct keepsake *keepsake) {
  if (execution_count == MAX_EXECUTIONS) return NULL;
  struct execution *execution = &executions[execution_count++];
  *execution = (struct execution){.number = number, .pid = pid, .listed = true, .keepsake = *keepsake};
  kept_count += count_kept(keepsake);
  return execution;
}

static void let_go(int *fd) {
  if (*fd < 0) return;
  close(steal_fd(fd));
  kept_count--;
}

void execution_release(struct execution *execution, bool of_stdout, bool of_stderr) {
  if (of_stdout) let_go(&execution->keepsake.terminal);
  if (of_stdout) let_go(&execution->keepsake.stdout_kept);
  if (of_stderr) let_go(&execution->keepsake.stderr_kept);
}

void execution_forget(struct execution *execution) {
  execution_release(execution, true, true);
  let_go(&execution->keepsake.ring);
  *execution = executions[--execution_count];
}

bool executions_may_keep(unsigned descriptors) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return false;
  return (rlim_t)kept_count + descriptors + RESERVED_DESCRIPTORS <= limit.rlim_cur;
}

static uint64_t microseconds(struct timeval time) { return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec; }

void execution_ended(pid_t pid, int wait_status, const struct rusage *usage) {
  for (unsigned i = 0; i < execution_count; i++) {
    struct execution *execution = &executions[i];
    /* `ended`: the pid is free again once reaped, and may already belong to a later one. */
    if (execution->ended || execution->pid != pid) continue;
    execution->ended = true;
    execution->wait_status = wait_status;
    execution->user_microseconds = microseconds(usage->ru_utime);
    execution->system_microseconds = microseconds(usage->ru_stime);
    execution->max_rss_kilobytes = (uint64_t)usage->ru_maxrss;
    return;
  }
}

void executions_untell(void) {
  for (unsigned i = 0; i < execution_count; i++) executions[i].listed = executions[i].told = false;
}
