#include "ns.h"

#include <grp.h>
#include <sched.h>

#include "sys.h"

int ns_enter_user(struct making *making, struct fault *fault) {
  if (setns(making->userns, CLONE_NEWUSER) < 0) return FAIL(fault, "setns(user namespace)");
  /* Still host root by id, which is unmapped in there. */
  if (setgroups(0, NULL) < 0) return FAIL(fault, "setgroups(0)");
  if (setresgid(0, 0, 0) < 0) return FAIL(fault, "setresgid(0)");
  if (setresuid(0, 0, 0) < 0) return FAIL(fault, "setresuid(0)");
  return 0;
}

int ns_unshare(struct making *making, struct fault *fault) {
  (void)making;
  if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) < 0) return FAIL(fault, "unshare(mount, uts, ipc)");
  return 0;
}
