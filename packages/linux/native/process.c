/* What a process may do to itself. */
#include "addon.h"

#include <sys/prctl.h>
#include <sys/resource.h>

static napi_value protect_process(napi_env env, napi_callback_info info) {
  struct addon *addon = get_arguments(env, info, 0, NULL);
  const struct rlimit none = {0, 0};
  if (addon == NULL) return NULL;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return throw_linux_error(addon, errno, "prctl", "PR_SET_DUMPABLE, 0");
  if (setrlimit(RLIMIT_CORE, &none) < 0) return throw_linux_error(addon, errno, "setrlimit", "RLIMIT_CORE, 0");
  return NULL;
}

const struct export process_exports[] = {{"protectProcess", protect_process}, {NULL, NULL}};
