#define _GNU_SOURCE
#include "burst.h"

#include <pthread.h>

#include "clock.h"

enum { MOST_IN_FLIGHT = 64 };

struct work {
  struct driver *driver;
  struct sandbox *sandboxes;
  const char *command;
  size_t length;
  int count, next;
  struct report *report;
  pthread_mutex_t lock;
};

static void *make_sandboxes(void *argument) {
  struct work *work = argument;
  for (;;) {
    int at = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED);
    if (at >= work->count) return NULL;
    struct sandbox *sandbox = &work->sandboxes[at];
    struct times times = {0};
    int result = sandbox_run(work->driver, sandbox, work->command, work->length, 0, &times);
    if (result == 0 && times.status == 0) continue;
    pthread_mutex_lock(&work->lock);
    if (work->report->number == 0) *work->report = *sandbox->report;
    if (work->report->number == 0) errno = EIO, failed(work->report, "a payload ended with a failure");
    pthread_mutex_unlock(&work->lock);
  }
}

int burst(struct driver *driver, int count, int in_flight, const char *command, size_t length, long long *ns,
          struct report *report) {
  static struct sandbox sandboxes[STOCK_LARGEST];
  if (count < 1 || count > STOCK_LARGEST || in_flight < 1 || in_flight > MOST_IN_FLIGHT) {
    errno = EINVAL;
    return failed(report, "burst of 1 to 256, 1 to 64 in flight");
  }
  for (int at = 0; at < count; at++) sandboxes[at] = (struct sandbox){.slot = -1};
  struct work work = {driver, sandboxes, command, length, count, 0, report, PTHREAD_MUTEX_INITIALIZER};
  pthread_t threads[MOST_IN_FLIGHT];
  int started = 0;
  long long began = now_ns();
  for (; started < in_flight; started++)
    if ((errno = pthread_create(&threads[started], NULL, make_sandboxes, &work)) != 0) break;
  if (started < in_flight) failed(report, "pthread_create");
  for (int at = 0; at < started; at++) pthread_join(threads[at], NULL);
  *ns = now_ns() - began;
  for (int at = 0; at < count; at++)
    if (sandboxes[at].slot >= 0 && sandbox_forget(driver, &sandboxes[at]) < 0 && report->number == 0)
      *report = *sandboxes[at].report;
  return report->number == 0 ? 0 : -1;
}
