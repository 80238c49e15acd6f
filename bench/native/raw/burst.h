#pragma once
#include "sandbox.h"

enum burst_kind {
  BURST_RUN,    /* create, until the exit; what is left is removed after the clock */
  BURST_CYCLE,  /* create, exit, removal */
  BURST_PARKED, /* the program in those that burst_park() made; they are removed after the clock */
};

/* `count` sandboxes at once, `in_flight` at a time; `ns` is until the last of them is through. */
int burst(struct driver *driver, enum burst_kind kind, int count, int in_flight, const char *command, size_t length,
          long long *ns, struct report *report);

/* Sandboxes with an init, for the next BURST_PARKED of as many. */
int burst_park(struct driver *driver, int count, struct report *report);
