#include "executions.h"

#include <stddef.h>

struct execution executions[MAX_EXECUTIONS];
unsigned execution_count;

struct execution *execution_find(uint64_t number) {
  for (unsigned i = 0; i < execution_count; i++)
    if (executions[i].number == number) return &executions[i];
  return NULL;
}

struct execution *execution_add(uint64_t number, pid_t pid) {
  if (execution_count == MAX_EXECUTIONS) return NULL;
  struct execution *execution = &executions[execution_count++];
  *execution = (struct execution){.number = number, .pid = pid, .listed = true};
  return execution;
}

void execution_forget(struct execution *execution) { *execution = executions[--execution_count]; }

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
