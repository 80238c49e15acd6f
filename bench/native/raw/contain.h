/* The two orders of the same isolation. Each runs in the child and returns with the root, the namespaces, the capabilities
 * and the filter in place; siblings hold the same functions. */
#pragma once
#include "cgroups.h"
#include "stage.h"

struct plan {
  const struct stage *stage;
  const struct cgroup_set *cgroups;
  int user_namespace; /* lean; borrowed */
  int mapped_lower;   /* lean; borrowed */
  int network;        /* lean; borrowed, -1: a fresh one on the path */
  int first_id;       /* what root of the sandbox is outside */
  struct report *report;
};

#define MASKED_FILES {"kcore", "keys", "timer_list", "sysrq-trigger"}
#define MASKED_DIRECTORIES {"acpi", "scsi"}
#define READ_ONLY {"bus", "fs", "irq", "sys"}
#define UPPER_SIZE "268435456"
#define UPPER_INODES "65536"
#define SHARED_MEMORY_SIZE "67108864"

/* Flags of clone3 beside CLONE_PIDFD and CLONE_INTO_CGROUP. */
unsigned long long naive_namespaces(void);
unsigned long long lean_namespaces(void);
int contain_naive(const struct plan *plan);
int contain_lean(const struct plan *plan);
