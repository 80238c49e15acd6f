#define _GNU_SOURCE
#include "burst.h"

#include <pthread.h>

#include "clock.h"

enum { MOST_IN_FLIGHT = 64 };

struct work {
  struct driver *driver;
  enum burst_kind kind;
  const char *command;
  size_t length;
  int count, next;
  struct report *report;
  pthread_mutex_t lock;
};

static struct sandbox sandboxes[STOCK_LARGEST];
static int parked;

static int do_one(const struct work *work, struct sandbox *sandbox, struct times *times) {
  if (work->kind == BURST_PARKED) return sandbox_exec(sandbox, work->command, work->length, 0, times);
  if (sandbox_run(work->driver, sandbox, work->command, work->length, 0, times) < 0) return -1;
  return work->kind == BURST_CYCLE ? sandbox_forget(work->driver, sandbox) : 0;
}

static void *work_on(void *argument) {
  struct work *work = argument;
  for (;;) {
    int at = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED);
    if (at >= work->count) return NULL;
    struct times times = {0};
    if (do_one(work, &sandboxes[at], &times) == 0 && times.status == 0) continue;
    pthread_mutex_lock(&work->lock);
    if (work->report->number == 0) *work->report = *sandboxes[at].report;
    if (work->report->number == 0) errno = EIO, failed(work->report, "a payload ended with a failure");
    pthread_mutex_unlock(&work->lock);
  }
}

/* Also of a count that failed half-way. */
static void remove_all(struct driver *driver, int count, struct report *report) {
  for (int at = 0; at < count; at++) {
    struct sandbox *sandbox = &sandboxes[at];
    int removed = at < parked ? sandbox_destroy(driver, sandbox) : sandbox->slot < 0 ? 0 : sandbox_forget(driver, sandbox);
    if (removed < 0 && report->number == 0) *report = *sandbox->report;
  }
  parked = 0;
}

int burst(struct driver *driver, enum burst_kind kind, int count, int in_flight, const char *command, size_t length,
          long long *ns, struct report *report) {
  if (count < 1 || count > STOCK_LARGEST || in_flight < 1 || in_flight > MOST_IN_FLIGHT) {
    errno = EINVAL;
    return failed(report, "burst of 1 to 256, 1 to 64 in flight");
  }
  if (parked != (kind == BURST_PARKED ? count : 0)) {
    errno = EINVAL;
    return failed(report, "a burst of others than are parked");
  }
  for (int at = parked; at < count; at++) sandboxes[at] = (struct sandbox){.slot = -1};
  struct work work = {driver, kind, command, length, count, 0, report, PTHREAD_MUTEX_INITIALIZER};
  pthread_t threads[MOST_IN_FLIGHT];
  int started = 0;
  long long began = now_ns();
  for (; started < in_flight; started++)
    if ((errno = pthread_create(&threads[started], NULL, work_on, &work)) != 0) break;
  if (started < in_flight) failed(report, "pthread_create");
  for (int at = 0; at < started; at++) pthread_join(threads[at], NULL);
  *ns = now_ns() - began;
  remove_all(driver, count, report);
  return report->number == 0 ? 0 : -1;
}

int burst_park(struct driver *driver, int count, struct report *report) {
  if (count < 1 || count > STOCK_LARGEST || parked > 0) {
    errno = EINVAL;
    return failed(report, "park 1 to 256, once");
  }
  while (parked < count) {
    struct sandbox *sandbox = &sandboxes[parked++];
    if (sandbox_create(driver, sandbox) == 0) continue;
    *report = *sandbox->report;
    remove_all(driver, parked, report);
    return -1;
  }
  return 0;
}
