/*
 * What the child of an execution does between clone3 and execve.
 */
#ifndef HATCHERY_LAUNCH_H
#define HATCHERY_LAUNCH_H

#include "../wire/codec.generated.h"

/* Everything the child needs, ready before it exists: it shares init's memory and must not allocate. */
struct launch {
  const struct wire_exec *request;
  char **argv; /* argv[-1] is free for an interpreter */
  char **envp;
  int terminal; /* the slave; -1: it gets the streams of the request */
  /* written by the child when it fails */
  const char *failed_step;
  int failed_code;
};

/* The `struct launch` is the argument; returns, as the status to exit with, only when it failed. */
int launch_child(void *launch);

#endif
