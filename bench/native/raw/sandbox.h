#pragma once
#include "cgroups.h"
#include "contain.h"
#include "stock.h"

enum order { NAIVE, LEAN, LEAN_FRESH_NETWORK };

struct driver {
  enum order order;
  struct stage stage;
  struct stock stock;
  struct cgroup_base base;
  struct report *reports; /* shared with the children, one a slot */
  unsigned long long serial;
};

struct sandbox {
  char id[24];
  int pid, pidfd, slot;
  int network;        /* owned until the child runs */
  int control;        /* owned; -1 when the program itself is PID 1 */
  struct cgroup_set cgroups;
  struct report *report;
};

struct times {
  long long first_ns; /* -1: not watched */
  long long exit_ns;
  int status;
};

int sandbox_create(struct driver *driver, struct sandbox *sandbox);
/* The program as PID 1, from the request to its exit; what is left is removed by sandbox_forget. */
int sandbox_run(struct driver *driver, struct sandbox *sandbox, const char *command, size_t length, int watch_first,
                struct times *times);
int sandbox_exec(struct sandbox *sandbox, const char *command, size_t length, int watch_first, struct times *times);
/* Kill, wait, remove. */
int sandbox_destroy(struct driver *driver, struct sandbox *sandbox);
int sandbox_forget(struct driver *driver, struct sandbox *sandbox);
