/*
 * Network work that may block, away from the caller's thread: each call that enters a network namespace runs in a thread
 * of its own, which ends with the call; one that enters none runs in a thread of libuv's pool. No thread of that pool ever
 * leaves its namespace: one that could not come back would take the whole process's later work along.
 */
#ifndef HATCHERY_NETWORK_THREAD_H
#define HATCHERY_NETWORK_THREAD_H

#include "addon.h"

struct network_work {
  struct addon *addon;
  napi_async_work work;
  napi_deferred deferred;
  int netns; /* owned; -1: the one that the process is in */
  bool enters_none; /* run() is in no namespace but its descriptors', so it needs no thread that ends with it */
  int error; /* errno of the first call that failed, 0: it worked */
  char syscall[24];
  char detail[256];
  /* In the thread: 0, or -1 after network_fail. */
  int (*run)(struct network_work *work);
  /* Back in the caller's thread, after success: the value that the promise gets. */
  napi_value (*result)(struct network_work *work);
  /* Frees what the call has beside this head. */
  void (*release)(struct network_work *work);
};

/* Notes errno and what was tried on what; returns -1. The first failure stays. */
int network_fail(struct network_work *work, const char *syscall, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Takes the namespace of the argument (null: the process's own) as a duplicate of the call's own. */
bool network_take_netns(struct addon *addon, napi_value value, struct network_work *work);
/* Starts the call, which owns `work` (from calloc) from now on, and returns its promise. */
napi_value network_start(struct addon *addon, struct network_work *work);
/* Frees a call that was not started. */
void network_discard(struct network_work *work);

#endif
