/* Pids, as many as there are. */
#ifndef HATCHERY_TEARDOWN_PID_LIST_H
#define HATCHERY_TEARDOWN_PID_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../fault.h"

struct pid_list {
  pid_t *pids; /* owned */
  size_t count, room;
};

void pid_list_free(struct pid_list *list);
#define cleanup_pids __attribute__((cleanup(pid_list_free)))

int pid_list_add(struct pid_list *list, pid_t pid, struct fault *fault);
/* In order, each once. */
void pid_list_sort(struct pid_list *list);
/* Of a sorted list. */
bool pid_list_has(const struct pid_list *list, pid_t pid);
/* "pids 4, 5, 6", cut to size with an ellipsis. */
void pid_list_text(const struct pid_list *list, char *text, size_t size);

#endif
