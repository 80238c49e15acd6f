/* Event counters: what cgroup v1 takes to tell of an event, written to cgroup.event_control. */
#include "addon.h"

#include <sys/eventfd.h>

/* Non-blocking, so that an owner which reads it once too often is answered and does not wait. */
static napi_value create_event_fd(napi_env env, napi_callback_info info) {
  struct addon *addon = get_arguments(env, info, 0, NULL);
  if (addon == NULL) return NULL;
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return throw_linux_error(addon, errno, "eventfd", "0, EFD_CLOEXEC|EFD_NONBLOCK");
  return give_fd(addon, fd);
}

const struct export eventfd_exports[] = {{"createEventFd", create_event_fd}, {NULL, NULL}};
