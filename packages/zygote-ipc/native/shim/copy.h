/*
 * What the child of a write does: from a pipe into a file until end of file, on memory of its own.
 */
#ifndef HATCHERY_COPY_H
#define HATCHERY_COPY_H

#include <stdatomic.h>
#include <stdint.h>

enum copy_end {
  COPY_UNFINISHED, /* 0: so it says when the child was killed */
  COPY_ENDED,
  COPY_NO_SOURCE, /* not a pipe, or not open for reading */
  COPY_NO_TARGET, /* not a regular file, or not open for writing */
};

/* On memory that the child shares with init, which looks at it when the child has been reaped; `bytes` any time. */
struct copy {
  _Atomic uint64_t bytes;
  int failed_code; /* of the read or write that ended it early, 0: end of file */
  enum copy_end end;
};

_Noreturn void copy_run(int source, int target, struct copy *copy);

#endif
