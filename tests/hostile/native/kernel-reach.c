/* K01: dangerous calls, each made once with arguments so bad that not even root on a bare host could do harm. */
#include "missing-defs.h"
#include "sp.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct dangerous {
  const char *name;
  long number;
  long arguments[6];
};

#define NOWHERE ((long)"/nonexistent/sp")
#define NO_PID 0x7ffffffe
#define SOCKET(family, type, protocol) SYS_socket, {family, type, protocol}

static const long bad_microseconds[2] = {0, 2000000};
static const long bad_nanoseconds[2] = {0, -1};

/* Where a kernel checks its arguments before its caller's rights, the argument is bad in the first check. */
static const struct dangerous calls[] = {
    {"add_key", SYS_add_key, {0, 0, 0, 0, 0}},
    {"keyctl", SYS_keyctl, {9999}},
    {"request_key", SYS_request_key, {0, 0, 0, 0}},
    {"io_uring_setup", 425, {0, 0}},
    {"bpf", SYS_bpf, {9999, 0, 0}},
    {"perf_event_open", SYS_perf_event_open, {0, 0, -1, -1, -1}},
    {"userfaultfd", SYS_userfaultfd, {-1}},
    {"ptrace", SYS_ptrace, {9999, NO_PID, 0, 0}},
    {"process_vm_readv", SYS_process_vm_readv, {NO_PID, 0, 0, 0, 0, 1}},
    {"pidfd_getfd", SYS_pidfd_getfd, {-1, -1, 0}},
    {"kcmp", SYS_kcmp, {NO_PID, NO_PID, 9999, 0, 0}},
    {"mount", SYS_mount, {0, 0, 0, 0, 0}},
    {"umount2", SYS_umount2, {NOWHERE, -1}},
    {"pivot_root", SYS_pivot_root, {0, 0}},
    {"unshare_bad", SYS_unshare, {1}},
    {"unshare_userns", SYS_unshare, {CLONE_NEWUSER}},
    {"setns", SYS_setns, {-1, 0}},
    {"open_tree", SYS_open_tree, {-1, NOWHERE, -1}},
    {"fsopen", SYS_fsopen, {0, -1}},
    {"fsmount", SYS_fsmount, {-1, -1, -1}},
    {"move_mount", SYS_move_mount, {-1, 0, -1, 0, -1}},
    {"mount_setattr", SYS_mount_setattr, {-1, 0, -1, 0, 0}},
    {"open_by_handle_at", SYS_open_by_handle_at, {-1, 0, 0}},
    {"name_to_handle_at", SYS_name_to_handle_at, {-1, 0, 0, 0, -1}},
    {"kexec_load", SYS_kexec_load, {0, 9999, 0, -1}},
    {"init_module", SYS_init_module, {0, 0, 0}},
    {"finit_module", SYS_finit_module, {-1, 0, -1}},
    {"delete_module", SYS_delete_module, {NOWHERE, O_NONBLOCK}},
    {"reboot", SYS_reboot, {0, 0, 0, 0}},
    {"swapon", SYS_swapon, {NOWHERE, 0}},
    {"acct", SYS_acct, {NOWHERE}},
    {"quotactl", SYS_quotactl, {-1, 0, 0, 0}},
    {"syslog", SYS_syslog, {9999, 0, 0}},
    {"settimeofday", SYS_settimeofday, {(long)bad_microseconds, 0}},
    {"clock_settime", SYS_clock_settime, {0, (long)bad_nanoseconds}},
    {"adjtimex", SYS_adjtimex, {0}},
    {"iopl", SYS_iopl, {9}},
    {"ioperm", SYS_ioperm, {-1, 2, 1}},
    {"personality_nr", SYS_personality, {0x0400000}},
    {"modify_ldt", SYS_modify_ldt, {1, 0, 0}},
    {"vhangup", SYS_vhangup, {0}},
    {"lookup_dcookie", SYS_lookup_dcookie, {0, 0, 0}},
    {"nfsservctl", SYS_nfsservctl, {9999, 0, 0}},
    {"uselib", SYS_uselib, {NOWHERE}},
    {"ustat", SYS_ustat, {0, 0}},
    {"sysfs", SYS_sysfs, {9999}},
    {"fanotify_init", SYS_fanotify_init, {-1, 0}},
    {"mbind", SYS_mbind, {1, 1, 9999, 0, 0, -1}},
    {"move_pages", SYS_move_pages, {0, 0, 0, 0, 0, -1}},
    {"migrate_pages", SYS_migrate_pages, {NO_PID, 0, 0, 0}},
    {"vmsplice", SYS_vmsplice, {-1, 0, 0, -1}},
    {"memfd_create", SYS_memfd_create, {0, -1}},
    {"memfd_secret", SYS_memfd_secret, {-1}},
    {"seccomp", SYS_seccomp, {9999, 0, 0}},
    {"landlock_create", SYS_landlock_create_ruleset, {0, 0, -1}},
    {"chroot", SYS_chroot, {NOWHERE}},
    {"sethostname", SYS_sethostname, {0, -1}},
    {"process_madvise", SYS_process_madvise, {-1, 0, 0, 0, -1}},
    {"statmount", SYS_statmount, {0, 0, 0, -1}},
    {"listmount", SYS_listmount, {0, 0, 0, -1}},
    {"lsm_set_self_attr", SYS_lsm_set_self_attr, {9999, 0, 0, -1}},
    {"clone3", SYS_clone3, {0, 0}},
    {"pidfd_open", SYS_pidfd_open, {-1, -1}},
    {"cachestat", SYS_cachestat, {-1, 0, 0, -1}},
    {"mknodat_bad", SYS_mknodat, {-1, (long)"sp", S_IFCHR | 0600, 0}},
    {"sched_setattr", SYS_sched_setattr, {0, 0, -1}},
    {"setpriority", SYS_setpriority, {9999, 0, 0}},
    {"mlockall", SYS_mlockall, {-1}},
    {"socket_alg", SOCKET(AF_ALG, SOCK_SEQPACKET, 0)},
    {"socket_vsock", SOCKET(AF_VSOCK, SOCK_STREAM, 0)},
    {"socket_packet", SOCKET(AF_PACKET, SOCK_RAW, 0)},
    {"socket_nl_nf", SOCKET(AF_NETLINK, SOCK_RAW, 12)},
    {"socket_nl_audit", SOCKET(AF_NETLINK, SOCK_RAW, 9)},
    {"socket_xdp", SOCKET(AF_XDP, SOCK_RAW, 0)},
    {"socket_raw", SOCKET(AF_INET, SOCK_RAW, 1)},
    {"socket_key", SOCKET(AF_KEY, SOCK_RAW, 2)},
    {"socket_can", SOCKET(AF_CAN, SOCK_RAW, 1)},
    {"socket_tipc", SOCKET(AF_TIPC, SOCK_STREAM, 0)},
    {"socket_smc", SOCKET(AF_SMC, SOCK_STREAM, 0)},
    {"socket_bt", SOCKET(AF_BLUETOOTH, SOCK_RAW, 1)},
};
enum { CALLS = sizeof calls / sizeof calls[0] };
_Static_assert(CALLS == 80, "K01 names 80 calls");

static struct outcome make_call(const void *argument) {
  const struct dangerous *call = argument;
  const long *a = call->arguments;
  errno = 0;
  if (syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]) == -1) return refused("");
  return observed("ok", "%s", "");
}

int run_reach(int argc, char **argv) {
  (void)argc;
  (void)argv;
  for (size_t index = 0; index < CALLS; index++) attempt(calls[index].name, make_call, &calls[index]);
  return 0;
}
