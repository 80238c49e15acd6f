#include "caps.h"

#include <linux/capability.h>
#include <sys/prctl.h>

#include "sys.h"

/* Docker's set without NET_RAW (spoofing on a shared link), MKNOD (device nodes) and what only they need. SYS_PTRACE is
   not in it: with it, root inside could trace an execution of another user that is more trusted. */
#define KEEP(capability) (1ULL << (capability))
static const uint64_t kept = KEEP(CAP_CHOWN) | KEEP(CAP_DAC_OVERRIDE) | KEEP(CAP_FOWNER) | KEEP(CAP_FSETID) | KEEP(CAP_KILL) |
                             KEEP(CAP_SETGID) | KEEP(CAP_SETUID) | KEEP(CAP_SETPCAP) | KEEP(CAP_NET_BIND_SERVICE) |
                             KEEP(CAP_SYS_CHROOT) | KEEP(CAP_SETFCAP) | KEEP(CAP_AUDIT_WRITE);

int caps_raise(struct fault *fault) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[2];
  if (syscall(SYS_capget, &header, sets) < 0) return FAIL(fault, "capget()");
  for (int i = 0; i < 2; i++) sets[i].effective = sets[i].permitted;
  return syscall(SYS_capset, &header, sets) < 0 ? FAIL(fault, "capset(effective = permitted)") : 0;
}

int caps_seal_bounding_set(struct fault *fault) {
  for (int capability = 0; capability < 64; capability++) {
    if ((kept & KEEP(capability)) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) return 0; /* past the kernel's last one */
    return FAIL(fault, "prctl(PR_CAPBSET_DROP, %d)", capability);
  }
  return 0;
}
