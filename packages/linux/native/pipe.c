/* Pipes. */
#include "addon.h"

#include <fcntl.h>

static napi_value make_pipe(napi_env env, napi_callback_info info) {
  struct addon *addon = get_arguments(env, info, 0, NULL);
  int ends[2];
  if (addon == NULL) return NULL;
  if (pipe2(ends, O_CLOEXEC) < 0) return throw_linux_error(addon, errno, "pipe2", "O_CLOEXEC");
  return give_fd_pair(addon, ends);
}

const struct export pipe_exports[] = {{"makePipe", make_pipe}, {NULL, NULL}};
