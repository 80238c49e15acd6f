#include "contain.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "boot-id.h"
#include "dev.h"
#include "netns.h"
#include "ns.h"
#include "proc.h"
#include "process.h"
#include "root.h"
#include "sys.h"
#include "writable.h"

struct step {
  const char *name;
  int (*run)(struct making *, struct fault *);
};

/* In this order; nothing of the sandbox's own has run before the last line. */
static const struct step checklist[] = {
    /* as root of the host */
    {"leave the zygote", process_leave_zygote},
    {"join the v1 cgroups", process_join_cgroups},
    {"listen for clients", process_listen},
    {"enter a network namespace", netns_enter},
    {"mount the writable layer", writable_mount},
    {"map the layers' owners", root_idmap_layers},
    {"prepare the writable layer", writable_prepare},
    {"mount the root", root_mount_overlays},
    {"write a boot id", boot_id_write},
    {"mount /proc", proc_mount},
    {"copy /dev", dev_copy_template},
    /* ---- privileges over the host end here ---- */
    {"enter the user namespace", ns_enter_user},
    {"unshare the namespaces", ns_unshare},
    {"attach the root", root_attach},
    {"attach /proc", proc_attach},
    {"mask /proc", proc_mask},
    {"show the boot id", boot_id_show},
    {"attach /dev", dev_attach},
    {"mount /dev/pts", dev_mount_terminals},
    {"mount /dev/shm", dev_mount_shared_memory},
    {"pivot into the root", root_pivot},
    {"own a session and a keyring", process_own_session},
    {"become untraceable", process_become_untraceable},
};

static uint64_t now_microseconds(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with a valid clock and pointer */
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int contain(struct making *making, uint32_t microseconds[CONTAIN_MAX_STEPS], struct fault *fault) {
  const int count = sizeof checklist / sizeof *checklist;
  _Static_assert(sizeof checklist / sizeof *checklist <= CONTAIN_MAX_STEPS, "parked.microseconds is too short");
  uint64_t before = now_microseconds();
  for (int i = 0; i < count; i++) {
    if (checklist[i].run(making, fault) < 0) {
      fault_name_step(fault, checklist[i].name);
      return -1;
    }
    uint64_t after = now_microseconds();
    microseconds[i] = (uint32_t)(after - before);
    before = after;
  }
  return count;
}
