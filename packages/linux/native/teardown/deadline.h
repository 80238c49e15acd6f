/* Waiting with an end, on a clock that nobody sets. */
#ifndef HATCHERY_TEARDOWN_DEADLINE_H
#define HATCHERY_TEARDOWN_DEADLINE_H

#include <limits.h>
#include <stdint.h>
#include <time.h>

static inline int64_t clock_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int deadline_left_ms(int64_t deadline_ms) {
  int64_t left = deadline_ms - clock_now_ms();
  return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static inline int64_t deadline_earlier(int64_t a, int64_t b) { return a < b ? a : b; }

#endif
