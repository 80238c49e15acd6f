#define _GNU_SOURCE
#include "privileges.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#else
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

#define REFUSE (SECCOMP_RET_ERRNO | 1 /* EPERM */)
enum { LAST_CALL = 470, LONGEST = 600 };

static const int kept_capabilities[] = {
    CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FSETID,           CAP_FOWNER,  CAP_MKNOD,      CAP_NET_RAW,   CAP_SETGID,
    CAP_SETUID, CAP_SETFCAP,      CAP_SETPCAP,          CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE,
};

static const int refused_calls[] = {
    SYS_acct, SYS_add_key, SYS_bpf, SYS_clock_adjtime, SYS_clock_settime, SYS_clone3, SYS_delete_module,
    SYS_finit_module, SYS_fsconfig, SYS_fsmount, SYS_fsopen, SYS_fspick, SYS_get_mempolicy, SYS_init_module,
    SYS_io_uring_enter, SYS_io_uring_register, SYS_io_uring_setup, SYS_kcmp, SYS_kexec_file_load, SYS_kexec_load,
    SYS_keyctl, SYS_mbind, SYS_migrate_pages, SYS_mount, SYS_mount_setattr, SYS_move_mount,
    SYS_move_pages, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_open_tree, SYS_perf_event_open,
    SYS_personality, SYS_pidfd_getfd, SYS_pivot_root, SYS_process_madvise, SYS_process_vm_readv,
    SYS_process_vm_writev, SYS_ptrace, SYS_quotactl, SYS_quotactl_fd, SYS_reboot, SYS_request_key,
    SYS_set_mempolicy, SYS_setdomainname, SYS_sethostname, SYS_setns, SYS_settimeofday, SYS_swapoff, SYS_swapon,
    SYS_syslog, SYS_umount2, SYS_unshare, SYS_userfaultfd, SYS_vhangup,
};

static struct sock_filter short_code[LONGEST], long_code[LONGEST];
static struct sock_fprog short_program = {.filter = short_code}, long_program = {.filter = long_code};

static int count_of_refused(void) { return (int)(sizeof refused_calls / sizeof refused_calls[0]); }

static int is_refused(int number) {
  for (int at = 0; at < count_of_refused(); at++)
    if (refused_calls[at] == number) return 1;
  return 0;
}

static void put(struct sock_fprog *program, struct sock_filter instruction) {
  program->filter[program->len++] = instruction;
}

/* A 32-bit entry or an x32 number would read the table below as other calls. */
static void put_prologue(struct sock_fprog *program) {
  put(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
  put(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0));
  put(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  put(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
  put(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1));
  put(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
}

static void compile_short(void) {
  int count = count_of_refused();
  put_prologue(&short_program);
  for (int at = 0; at < count; at++)
    put(&short_program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused_calls[at], (unsigned char)(count - at), 0));
  put(&short_program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  put(&short_program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, REFUSE));
}

/* A jump reaches 255 instructions, so the comparisons come in chunks, each with its own ALLOW behind it. */
static void compile_long(void) {
  enum { CHUNK = 200 };
  int allowed[LAST_CALL + 1], count = 0;
  for (int number = 0; number <= LAST_CALL; number++) {
    int unassigned = number > 334 && number < 424;
    if (!is_refused(number) && !unassigned) allowed[count++] = number;
  }
  put_prologue(&long_program);
  for (int start = 0; start < count; start += CHUNK) {
    int length = count - start < CHUNK ? count - start : CHUNK;
    for (int at = 0; at < length; at++)
      put(&long_program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[start + at],
                                                      (unsigned char)(length - at), 0));
    put(&long_program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0));
    put(&long_program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  put(&long_program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, REFUSE));
}

void compile_filters(void) {
  compile_short();
  compile_long();
}

int drop_capabilities(struct report *report) {
  unsigned long long kept = 0;
  for (size_t at = 0; at < sizeof kept_capabilities / sizeof kept_capabilities[0]; at++)
    kept |= 1ULL << kept_capabilities[at];
  for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
    if (!(kept >> capability & 1)) TRY(report, prctl(PR_CAPBSET_DROP, capability, 0, 0, 0));
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {
      {.effective = (unsigned)kept, .permitted = (unsigned)kept},
      {.effective = (unsigned)(kept >> 32), .permitted = (unsigned)(kept >> 32)},
  };
  TRY(report, syscall(SYS_capset, &header, data));
  TRY(report, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  return 0;
}

int install_short_filter(struct report *report) {
  TRY(report, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &short_program));
  return 0;
}

int install_long_filter(struct report *report) {
  TRY(report, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &long_program));
  return 0;
}
