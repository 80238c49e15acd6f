#include "remains.h"

#include <string.h>

#include "../owned.h"
#include "deadline.h"
#include "identity.h"

static int open_cgroups(struct remains *remains, struct fault *fault) {
  for (size_t i = 0; i < 1 + remains->head.v1_count; i++) {
    const char *path = i == 0 ? remains->head.cgroup : remains->head.cgroup_v1[i - 1];
    remains->cgroup_count++;
    if (cgroup_open(&remains->cgroups[i], path, i == 0 ? HIERARCHY_V2 : HIERARCHY_V1, fault) < 0) return -1;
  }
  return 0;
}

int remains_open(struct remains *remains, const struct teardown_request *request, struct fault *fault) {
  remains->directory = request->directory;
  remains->deadline_ms = clock_now_ms() + request->wait_ms;
  remains->init_pidfd = -1;
  if (head_parse(&remains->head, request->head, request->head_length, fault) < 0) return -1;
  if (request->directory[0] != '/' || strcmp(path_base(request->directory), remains->head.id) != 0)
    return REFUSE(fault, EINVAL, "the record is of sandbox %s, its directory is %s", remains->head.id, request->directory);
  if (identity_same_boot(&remains->head, &remains->same_boot, fault) < 0) return -1;
  if (check_files(remains, fault) < 0) return -1;
  return open_cgroups(remains, fault);
}

void remains_close(struct remains *remains) {
  for (size_t i = 0; i < remains->cgroup_count; i++) cgroup_close(&remains->cgroups[i]);
  cleanup_close_fd(&remains->init_pidfd);
  pid_list_free(&remains->seen);
  head_free(&remains->head);
}
