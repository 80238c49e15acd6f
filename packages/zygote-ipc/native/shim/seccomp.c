#include "seccomp.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "seccomp_numbers.h"
#include "sys.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define FOREIGN_NUMBERS 0x40000000U /* x32: the same architecture value, other numbers */
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

#define MAX_INSTRUCTIONS 1024
#define LOW_WORD(argument) (offsetof(struct seccomp_data, args) + 8 * (argument)) /* little endian */
#define DENY(code) (SECCOMP_RET_ERRNO | (code))

enum action { UNKNOWN, REFUSED, ALLOWED, CHECKED };

typedef void check(void);

static struct sock_filter program[MAX_INSTRUCTIONS];
static unsigned program_length; /* past the end: counts on, checked once */

static void emit(uint16_t code, uint32_t k, uint8_t jump_true, uint8_t jump_false) {
  if (program_length < MAX_INSTRUCTIONS) program[program_length] = (struct sock_filter){code, jump_true, jump_false, k};
  program_length++;
}

static void emit_return(uint32_t value) { emit(BPF_RET | BPF_K, value, 0, 0); }
static void emit_load(uint32_t offset) { emit(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0); }

/* If the loaded value is k, return value; else go on. */
static void emit_if_equal_return(uint32_t k, uint32_t value) {
  emit(BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1);
  emit_return(value);
}

static void check_clone(void) {
  const uint32_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  emit_load(LOW_WORD(0));
  emit(BPF_JMP | BPF_JSET | BPF_K, namespaces, 0, 1);
  emit_return(DENY(EPERM));
  emit_return(SECCOMP_RET_ALLOW);
}

/* Families that the network namespace covers; of netlink only routes; of IP only what every kernel has built in, so that
   no protocol module is loaded on demand (raw sockets fail by the missing capability). Netlink's others fail as on a kernel without
   them: on EPROTONOSUPPORT PAM and sudo do without NETLINK_AUDIT, on EPERM they end. */
static void check_socket(void) {
  static const uint32_t protocols[] = {0, 1 /* ICMP */, 6 /* TCP */, 17 /* UDP */, 58 /* ICMPv6 */};
  enum { PROTOCOLS = sizeof protocols / sizeof *protocols };
  emit_load(LOW_WORD(0));
  emit_if_equal_return(AF_UNIX, SECCOMP_RET_ALLOW);
  emit(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 7, 0);
  emit(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 6, 0);
  emit(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0);
  emit_return(DENY(EPERM));
  emit_load(LOW_WORD(2));
  emit_if_equal_return(0 /* NETLINK_ROUTE */, SECCOMP_RET_ALLOW); /* two instructions */
  emit_return(DENY(EPROTONOSUPPORT));
  emit_load(LOW_WORD(2));
  for (int i = 0; i < PROTOCOLS; i++) emit_if_equal_return(protocols[i], SECCOMP_RET_ALLOW);
  emit_return(DENY(EPROTONOSUPPORT));
}

/* The kernel takes the command as 32 bits, so the low word is all there is (CVE-2019-10063 compared 64). */
static void check_ioctl(void) {
  emit_load(LOW_WORD(1));
  emit_if_equal_return(TIOCSTI, DENY(EPERM));
  emit_if_equal_return(0x541C /* TIOCLINUX */, DENY(EPERM));
  emit_return(SECCOMP_RET_ALLOW);
}

static void check_personality(void) {
  static const uint32_t allowed[] = {0, 0x0020000 /* UNAME26 */, 0x0040000 /* ADDR_NO_RANDOMIZE */, 0xFFFFFFFF /* asks */};
  emit_load(LOW_WORD(0));
  for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) emit_if_equal_return(allowed[i], SECCOMP_RET_ALLOW);
  emit_return(DENY(EPERM));
}

/* Root inside has init's uid, which is all that the kernel asks for: with RLIMIT_NOFILE at 0 init takes no more requests,
   with RLIMIT_CPU the kernel kills it. */
static void check_prlimit(void) {
  emit_load(LOW_WORD(0));
  emit_if_equal_return(1, DENY(EPERM));
  emit_return(SECCOMP_RET_ALLOW);
}

/* Contexts of asynchronous I/O are counted for the whole machine (fs.aio-max-nr); libaio's users fall back on ENOSYS. */
static void check_absent(void) { emit_return(DENY(ENOSYS)); }

/* Init gives each execution a cgroup namespace of its own; workloads lack the capability for that too. */
static void check_unshare(void) {
  emit_load(LOW_WORD(0));
  emit_if_equal_return(CLONE_NEWCGROUP, SECCOMP_RET_ALLOW);
  emit_return(DENY(EPERM));
}

struct decision {
  enum action action;
  check *check;
};

static const struct decision decisions[SECCOMP_LAST_KNOWN + 2] = {
#define ALLOW(name) [__NR_##name] = {ALLOWED, NULL},
#define CHECK(name, function) [__NR_##name] = {CHECKED, function},
#include "seccomp_calls.def"
#undef ALLOW
#undef CHECK
};

static struct decision decide(uint32_t number) {
  if (number > SECCOMP_LAST_KNOWN) return (struct decision){UNKNOWN, NULL};
  struct decision decision = decisions[number];
  return decision.action == UNKNOWN ? (struct decision){REFUSED, NULL} : decision;
}

static void emit_leaf(struct decision decision) {
  if (decision.action == CHECKED)
    decision.check();
  else
    emit_return(decision.action == ALLOWED ? SECCOMP_RET_ALLOW : DENY(decision.action == REFUSED ? EPERM : ENOSYS));
}

/* Lets the branch, when it holds, skip what was emitted after it. */
static void jump_over(unsigned branch) {
  unsigned skipped = program_length - (branch + 1);
  if (program_length + 1 > MAX_INSTRUCTIONS) {
    program_length++; /* told at the end */
    return;
  }
  if (skipped <= UINT8_MAX) {
    program[branch].jt = (uint8_t)skipped;
    return;
  }
  /* A conditional jump reaches 255 instructions: it skips a jump that reaches all. What moves is relative to itself. */
  memmove(&program[branch + 2], &program[branch + 1], skipped * sizeof *program);
  program[branch + 1] = (struct sock_filter){BPF_JMP | BPF_JA, 0, 0, skipped};
  program[branch].jf = 1;
  program_length++;
}

/* A binary search over runs of equal decisions: about nine comparisons a call, and half the instructions of a list,
   each of which costs 0.7 us to install. */
static void emit_search(const uint32_t *starts, unsigned low, unsigned high) {
  if (low == high) {
    emit_leaf(decide(starts[low]));
    return;
  }
  unsigned middle = (low + high + 1) / 2, branch = program_length;
  emit(BPF_JMP | BPF_JGE | BPF_K, starts[middle], 0, 0);
  emit_search(starts, low, middle - 1);
  jump_over(branch);
  emit_search(starts, middle, high);
}

int seccomp_compile(struct fault *fault) {
  static uint32_t starts[SECCOMP_LAST_KNOWN + 2];
  unsigned runs = 0;
  for (uint32_t number = 0; number <= SECCOMP_LAST_KNOWN + 1; number++) {
    struct decision now = decide(number), before = number > 0 ? decide(number - 1) : (struct decision){CHECKED, NULL};
    if (number == 0 || now.action == CHECKED || now.action != before.action) starts[runs++] = number;
  }
  program_length = 0;
  emit_load(offsetof(struct seccomp_data, arch));
  emit(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
  emit_return(SECCOMP_RET_KILL_PROCESS);
  emit_load(offsetof(struct seccomp_data, nr));
#ifdef FOREIGN_NUMBERS
  emit(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_NUMBERS, 0, 1);
  emit_return(SECCOMP_RET_KILL_PROCESS);
#endif
  emit_search(starts, 0, runs - 1);
  return program_length > MAX_INSTRUCTIONS ? REFUSE(fault, E2BIG, "seccomp program of %u instructions, room for %d", program_length, MAX_INSTRUCTIONS) : 0;
}

int seccomp_seal(struct fault *fault) {
  struct sock_fprog filter = {(unsigned short)program_length, program};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0) return FAIL(fault, "seccomp(SECCOMP_SET_MODE_FILTER, %u instructions)", program_length);
  return 0;
}

SHARES_MEMORY int seccomp_hide_clone3(void) {
  static struct sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, DENY(ENOSYS)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {sizeof instructions / sizeof *instructions, instructions};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}
