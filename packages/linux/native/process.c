/* What a process may do to itself. */
#include "addon.h"
#include "dumpable.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* sched_setattr(2), first version; glibc has it since 2.41 only. */
struct sched_attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t slice_ns, deadline_ns, period_ns;
};

#define BATCH_SLICE_NS 10000000

static napi_value protect_process(napi_env env, napi_callback_info info) {
  struct addon *addon = get_arguments(env, info, 0, NULL);
  const struct rlimit none = {0, 0};
  if (addon == NULL) return NULL;
  if (dumpable_refuse() < 0) return throw_linux_error(addon, errno, "prctl", "PR_SET_DUMPABLE, 0");
  if (setrlimit(RLIMIT_CORE, &none) < 0) return throw_linux_error(addon, errno, "setrlimit", "RLIMIT_CORE, 0");
  return NULL;
}

/* Of the calling thread, whose nice value stays: a better one than the process has would need CAP_SYS_NICE, and put the thread
 * before the one that it shall yield to. A kernel that knows no slices of ordinary threads (before 6.12) ignores this one. */
static napi_value yield_to_others(napi_env env, napi_callback_info info) {
  struct sched_attributes attributes = {.size = sizeof attributes, .policy = SCHED_BATCH, .slice_ns = BATCH_SLICE_NS};
  struct addon *addon = get_arguments(env, info, 0, NULL);
  if (addon == NULL) return NULL;
  /* -1 is a nice value, too; of the calling thread itself it cannot fail. */
  attributes.nice = getpriority(PRIO_PROCESS, 0);
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0) return throw_linux_error(addon, errno, "sched_setattr", "0, SCHED_BATCH");
  return NULL;
}

/* exit(3) and Node's own end join every thread: for ever, with one that the kernel does not give back. */
static napi_value exit_immediately(napi_env env, napi_callback_info info) {
  napi_value value;
  int64_t status;
  if (get_arguments(env, info, 1, &value) == NULL || !get_integer(env, value, "status", 0, 255, &status)) return NULL;
  _exit((int)status);
}

const struct export process_exports[] = {
    {"protectProcess", protect_process}, {"yieldToOthers", yield_to_others}, {"exitImmediately", exit_immediately}, {NULL, NULL}};
