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

#define MAX_LABEL_BYTES 512

/* What init holds of a durable execution for the next runner, and never looks at; -1: nothing. */
struct keepsake {
  int terminal, stdout_kept, stderr_kept, ring;
  uint32_t label_length;
  uint8_t label[MAX_LABEL_BYTES];
};

struct execution {
  uint64_t number;
  pid_t pid;
  int wait_status;
  bool ended;
  bool listed; /* on the present connection, by `execed` or `execution` */
  bool told;   /* its exit, likewise */
  uint64_t user_microseconds, system_microseconds, max_rss_kilobytes;
  struct keepsake keepsake;
};

extern struct execution executions[MAX_EXECUTIONS];
extern unsigned execution_count;

struct execution *execution_find(uint64_t number);
/* NULL: the table is full. The descriptors of the keepsake are the table's from then on. */
struct execution *execution_add(uint64_t number, pid_t pid, const struct keepsake *keepsake);
/* Closes what is kept of the streams named, so that who writes there notices that nobody reads any more. */
void execution_release(struct execution *execution, bool of_stdout, bool of_stderr);
void execution_forget(struct execution *execution); /* and closes everything that is kept */

/* Whether so many descriptors more leave init enough of its own. */
bool executions_may_keep(unsigned descriptors);

/* Of the live one with this pid, if it is one of ours; orphans are reaped and forgotten. */
void execution_ended(pid_t pid, int wait_status, const struct rusage *usage);

/* A new client has been told nothing. */
void executions_untell(void);

#endif
