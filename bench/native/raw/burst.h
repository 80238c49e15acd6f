#pragma once
#include "sandbox.h"

/* `count` sandboxes at once, `in_flight` being made at a time; `ns` is until the last exit. Cleans up after the clock. */
int burst(struct driver *driver, int count, int in_flight, const char *command, size_t length, long long *ns,
          struct report *report);
