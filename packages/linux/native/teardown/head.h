/*
 * The head of a sandbox's record, which is all of it that a teardown reads: one `key value` a line, in this order.
 *
 *   hatchery-record 2
 *   id <id>
 *   boot <boot id of the kernel that ran it>
 *   init <pid> <start time>     missing while it is not cloned
 *   cgroup <directory in v2>    exactly one
 *   cgroup-v1 <directory>       none to three
 *   range <link>                missing when it holds no range of ids
 *   root <directory>            only of a root on disk
 *
 * An empty line ends the head; what follows is the runtime's own.
 */
#ifndef HATCHERY_TEARDOWN_HEAD_H
#define HATCHERY_TEARDOWN_HEAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../fault.h"

#define HEAD_MAX_BYTES 32768
#define HEAD_MAX_V1 3

struct head {
  char *text; /* owned; everything below points into it */
  const char *id, *boot;
  pid_t init_pid; /* 0: not cloned */
  uint64_t init_start;
  const char *cgroup, *range, *root; /* range, root: or NULL */
  const char *cgroup_v1[HEAD_MAX_V1];
  size_t v1_count;
};

/* Trusts nothing in `bytes`. The head is to be freed in any case. */
int head_parse(struct head *head, const char *bytes, size_t length, struct fault *fault);
void head_free(struct head *head);

/* 1 to 63 of [a-z0-9]. */
int head_is_id(const char *text);
/* The last component of an absolute path. */
const char *path_base(const char *path);

#endif
