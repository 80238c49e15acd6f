/*
 * The table of a sandbox's executions: each until its exit has been acknowledged.
 */
#ifndef HATCHERY_EXECUTIONS_H
#define HATCHERY_EXECUTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define MAX_EXECUTIONS 2048

struct execution {
  uint64_t number;
  pid_t pid;
  int wait_status;
  bool ended;
  bool listed; /* on the present connection, by `execed` or `execution` */
  bool told;   /* its exit, likewise */
  uint64_t user_microseconds, system_microseconds, max_rss_kilobytes;
};

extern struct execution executions[MAX_EXECUTIONS];
extern unsigned execution_count;

struct execution *execution_find(uint64_t number);
struct execution *execution_add(uint64_t number, pid_t pid); /* NULL: the table is full */
void execution_forget(struct execution *execution);

/* Of the live one with this pid, if it is one of ours; orphans are reaped and forgotten. */
void execution_ended(pid_t pid, int wait_status, const struct rusage *usage);

/* A new client has been told nothing. */
void executions_untell(void);

#endif
