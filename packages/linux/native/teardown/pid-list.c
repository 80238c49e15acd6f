#include "pid-list.h"

#include <stdio.h>
#include <stdlib.h>

void pid_list_free(struct pid_list *list) {
  free(list->pids);
  *list = (struct pid_list){0};
}

int pid_list_add(struct pid_list *list, pid_t pid, struct fault *fault) {
  if (list->count == list->room) {
    size_t room = list->room == 0 ? 64 : list->room * 2;
    pid_t *grown = realloc(list->pids, room * sizeof *grown);
    if (grown == NULL) return FAIL(fault, "realloc(%zu)", room * sizeof *grown);
    list->pids = grown;
    list->room = room;
  }
  list->pids[list->count++] = pid;
  return 0;
}

static int compare(const void *a, const void *b) {
  pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
  return (x > y) - (x < y);
}

void pid_list_sort(struct pid_list *list) {
  if (list->count < 2) return;
  qsort(list->pids, list->count, sizeof *list->pids, compare);
  size_t kept = 1;
  for (size_t i = 1; i < list->count; i++)
    if (list->pids[i] != list->pids[kept - 1]) list->pids[kept++] = list->pids[i];
  list->count = kept;
}

bool pid_list_has(const struct pid_list *list, pid_t pid) {
  return list->count > 0 && bsearch(&pid, list->pids, list->count, sizeof pid, compare) != NULL;
}

void pid_list_text(const struct pid_list *list, char *text, size_t size) {
  int used = snprintf(text, size, list->count == 0 ? "no pid is listed" : "pids");
  for (size_t i = 0; i < list->count && used >= 0; i++) {
    /* Room for a whole pid, the comma and the ellipsis. */
    if ((size_t)used + 20 > size) {
      snprintf(text + used, size - (size_t)used, ", ...");
      return;
    }
    used += snprintf(text + used, size - (size_t)used, "%s%d", i == 0 ? " " : ", ", list->pids[i]);
  }
}
