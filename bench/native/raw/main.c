/* raw <naive|lean|lean-fresh-network> <empty directory> <payload root> <cgroup name>
 *
 * The kernel steps of a sandbox with no runtime around them, timed inside the process that performs them. One request a line
 * on stdin, one answer a line on stdout, times in nanoseconds of CLOCK_MONOTONIC:
 *   stock <users> <networks>      ok                        namespaces made ahead
 *   run <exit|first> <word>...    ok <first> <exit>         create, the program as PID 1, its end; then removed off the clock
 *   create                        ok <ready> <pid>          one sandbox with an init
 *   exec <exit|first> <word>...   ok <first> <exit>         through that init
 *   destroy                       ok <removed>              kill, wait, remove
 *   burst <count> <in flight> <word>...   ok <last exit>
 *   cycles <count> <in flight> <word>...  ok <last removal> as burst, with the removal of each
 *   park <count>                  ok                        sandboxes with an init, made ahead
 *   parked <count> <in flight> <word>...  ok <last exit>    in those
 * A failure answers `err <step>: <errno text>`. End of input removes everything. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "burst.h"
#include "clock.h"
#include "init.h"
#include "privileges.h"
#include "sandbox.h"

static struct driver driver;
static struct sandbox current;
static int has_current;

static int answer_failure(const struct report *report) {
  printf("err %s: %s\n", report->step, strerror(report->number));
  return -1;
}

/* Words joined by NUL, as execve will want them. */
static size_t join_words(char *rest, char *command) {
  size_t length = 0;
  for (char *word = strtok(rest, " "); word != NULL; word = strtok(NULL, " ")) {
    size_t size = strlen(word) + 1;
    if (length + size > COMMAND_LARGEST) break;
    memcpy(command + length, word, size);
    length += size;
  }
  return length;
}

static int answer_times(const struct times *times) {
  if (times->status == 0) return printf("ok %lld %lld\n", times->first_ns, times->exit_ns);
  return printf("err the payload: exit status %d\n", times->status);
}

static int do_run(char *rest) {
  char command[COMMAND_LARGEST];
  int watch_first = strncmp(rest, "first ", 6) == 0;
  size_t length = join_words(rest + (watch_first ? 6 : 5), command);
  struct sandbox sandbox;
  struct times times = {0};
  if (sandbox_run(&driver, &sandbox, command, length, watch_first, &times) < 0) {
    answer_failure(sandbox.report);
    return sandbox_destroy(&driver, &sandbox);
  }
  if (sandbox_forget(&driver, &sandbox) < 0) return answer_failure(sandbox.report);
  return answer_times(&times);
}

static int do_create(void) {
  if (has_current) return printf("err create: a sandbox is already there\n");
  long long began = now_ns();
  int result = sandbox_create(&driver, &current);
  long long took = now_ns() - began;
  if (result < 0) {
    answer_failure(current.report);
    return sandbox_destroy(&driver, &current);
  }
  has_current = 1;
  return printf("ok %lld %d\n", took, current.pid);
}

static int do_exec(char *rest) {
  if (!has_current) return printf("err exec: no sandbox\n");
  char command[COMMAND_LARGEST];
  int watch_first = strncmp(rest, "first ", 6) == 0;
  size_t length = join_words(rest + (watch_first ? 6 : 5), command);
  struct times times = {0};
  if (sandbox_exec(&current, command, length, watch_first, &times) < 0) return answer_failure(current.report);
  return answer_times(&times);
}

static int do_destroy(void) {
  if (!has_current) return printf("err destroy: no sandbox\n");
  long long began = now_ns();
  int result = sandbox_destroy(&driver, &current);
  long long took = now_ns() - began;
  has_current = 0;
  return result < 0 ? answer_failure(current.report) : printf("ok %lld\n", took);
}

static int do_burst(enum burst_kind kind, char *rest) {
  char command[COMMAND_LARGEST], *words;
  int count = (int)strtol(rest, &words, 10), in_flight = (int)strtol(words, &words, 10);
  size_t length = join_words(words, command);
  struct report report = {0};
  long long ns = 0;
  if (burst(&driver, kind, count, in_flight, command, length, &ns, &report) < 0) return answer_failure(&report);
  return printf("ok %lld\n", ns);
}

static int do_park(const char *rest) {
  struct report report = {0};
  if (burst_park(&driver, (int)strtol(rest, NULL, 10), &report) < 0) return answer_failure(&report);
  return printf("ok\n");
}

static int do_stock(char *rest) {
  char *second;
  int users = (int)strtol(rest, &second, 10), networks = (int)strtol(second, NULL, 10);
  struct report report = {0};
  if (stock_fill(&driver.stock, &driver.stage, users, networks, &report) < 0) return answer_failure(&report);
  return printf("ok\n");
}

static void answer(char *line) {
  line[strcspn(line, "\n")] = '\0';
  char *rest = strchr(line, ' ');
  rest = rest == NULL ? line + strlen(line) : rest + 1;
  if (strncmp(line, "stock ", 6) == 0) do_stock(rest);
  else if (strncmp(line, "run ", 4) == 0) do_run(rest);
  else if (strcmp(line, "create") == 0) do_create();
  else if (strncmp(line, "exec ", 5) == 0) do_exec(rest);
  else if (strcmp(line, "destroy") == 0) do_destroy();
  else if (strncmp(line, "burst ", 6) == 0) do_burst(BURST_RUN, rest);
  else if (strncmp(line, "cycles ", 7) == 0) do_burst(BURST_CYCLE, rest);
  else if (strncmp(line, "park ", 5) == 0) do_park(rest);
  else if (strncmp(line, "parked ", 7) == 0) do_burst(BURST_PARKED, rest);
  else printf("err request not known: %s\n", line);
  fflush(stdout);
}

static int parse_order(const char *name) {
  if (strcmp(name, "naive") == 0) return NAIVE;
  if (strcmp(name, "lean") == 0) return LEAN;
  return strcmp(name, "lean-fresh-network") == 0 ? LEAN_FRESH_NETWORK : -1;
}

static int prepare(char **arguments, struct report *report) {
  driver.reports = mmap(NULL, STOCK_LARGEST * sizeof(struct report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (driver.reports == MAP_FAILED) return failed(report, "mmap");
  compile_filters();
  stock_open(&driver.stock);
  if (cgroup_base_open(&driver.base, arguments[4], report) < 0) return -1;
  if (stage_enter(&driver.stage, arguments[2], arguments[3], report) < 0) return -1;
  if (stock_fill(&driver.stock, &driver.stage, 1, 0, report) < 0) return -1;
  return driver.order == NAIVE ? stage_map_lower(&driver.stage, driver.stock.users[0].user_namespace, report) : 0;
}

int main(int count, char **arguments) {
  struct report report = {0};
  int order = count == 5 ? parse_order(arguments[1]) : -1;
  if (order < 0) {
    fprintf(stderr, "usage: raw <naive|lean|lean-fresh-network> <empty directory> <payload root> <cgroup name>\n");
    return 2;
  }
  driver.order = (enum order)order;
  /* Interrupts reach the whole foreground group; the bench ends this process by closing its stdin, and then it can clean up. */
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  int prepared = prepare(arguments, &report);
  if (prepared < 0) answer_failure(&report);
  else printf("ok ready\n");
  fflush(stdout);
  char line[COMMAND_LARGEST + 64];
  while (prepared == 0 && fgets(line, sizeof line, stdin) != NULL) answer(line);
  if (has_current) sandbox_destroy(&driver, &current);
  cgroup_base_remove(&driver.base);
  return prepared == 0 ? 0 : 1;
}
