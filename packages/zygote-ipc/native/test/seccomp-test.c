/*
 * What the large filter decides, found by running its program here instead of in the kernel. Prints each wrong decision;
 * exits 1 if there is one.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../shim/seccomp.c"

enum { FIRST_UNSEEN_NUMBER = 600, STUCK = 0xdead };

static int wrong;

/* The part of classic BPF that seccomp.c emits (bpf(4), seccomp(2)); anything else is a wrong program. */
static uint32_t run(const struct seccomp_data *data) {
  uint32_t accumulator = 0;
  for (unsigned at = 0; at < program_length;) {
    const struct sock_filter *now = &program[at++];
    switch (now->code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (now->k % 4 != 0 || now->k > sizeof *data - 4) return STUCK;
        memcpy(&accumulator, (const char *)data + now->k, 4);
        break;
      case BPF_JMP | BPF_JA: at += now->k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: at += accumulator == now->k ? now->jt : now->jf; break;
      case BPF_JMP | BPF_JGE | BPF_K: at += accumulator >= now->k ? now->jt : now->jf; break;
      case BPF_JMP | BPF_JSET | BPF_K: at += (accumulator & now->k) != 0 ? now->jt : now->jf; break;
      case BPF_RET | BPF_K: return now->k;
      default: return STUCK;
    }
  }
  return STUCK; /* ran off the end */
}

static uint32_t call_on(uint32_t architecture, uint32_t number, uint64_t a, uint64_t b, uint64_t c) {
  struct seccomp_data data = {.arch = architecture, .nr = (int)number, .args = {a, b, c}};
  return run(&data);
}

static uint32_t call(uint32_t number, uint64_t a, uint64_t b, uint64_t c) { return call_on(NATIVE_ARCH, number, a, b, c); }

static void expect(const char *what, uint64_t which, uint32_t seen, uint32_t wanted) {
  if (seen == wanted) return;
  (void)printf("%s %#llx: 0x%08x, wanted 0x%08x\n", what, (unsigned long long)which, seen, wanted);
  wrong = 1;
}

static void numbers(void) {
  enum { LISTED = 1, CHECKED_BY_ARGUMENTS = 2 };
  static const uint8_t list[FIRST_UNSEEN_NUMBER + 1] = {
#define ALLOW(name) [__NR_##name] = LISTED,
#define CHECK(name, function) [__NR_##name] = CHECKED_BY_ARGUMENTS,
#include "../shim/seccomp_calls.def"
#undef ALLOW
#undef CHECK
  };
  for (uint32_t number = 0; number <= FIRST_UNSEEN_NUMBER; number++) {
    if (list[number] == CHECKED_BY_ARGUMENTS) continue;
    uint32_t unlisted = number <= SECCOMP_LAST_KNOWN ? DENY(EPERM) : DENY(ENOSYS);
    expect("call", number, call(number, 0, 0, 0), list[number] == LISTED ? SECCOMP_RET_ALLOW : unlisted);
  }
  expect("call", 0x3fffffff, call(0x3fffffff, 0, 0, 0), DENY(ENOSYS));
}

static void foreign(void) {
  static const uint32_t architectures[] = {AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, 0};
  for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
    for (uint32_t number = 0; number <= FIRST_UNSEEN_NUMBER && architectures[i] != NATIVE_ARCH; number++)
      expect("foreign architecture, call", number, call_on(architectures[i], number, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
  expect("the first instruction loads the architecture: offset", program[0].k, program[0].code, BPF_LD | BPF_W | BPF_ABS);
  expect("the first instruction's offset", 0, program[0].k, offsetof(struct seccomp_data, arch));
#ifdef FOREIGN_NUMBERS
  for (uint32_t number = 0; number <= FIRST_UNSEEN_NUMBER; number++)
    expect("x32 call", number, call(0x40000000U | number, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
  expect("x32 call", 0xffffffff, call(0xffffffffU, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
#endif
}

static void clones(void) {
  static const uint64_t refused[] = {0x00020000 /* NEWNS */,  0x02000000 /* NEWCGROUP */, 0x04000000 /* NEWUTS */, 0x08000000 /* NEWIPC */,
                                     0x10000000 /* NEWUSER */, 0x20000000 /* NEWPID */,    0x40000000 /* NEWNET */};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    expect("clone flags", refused[i], call(__NR_clone, refused[i] | SIGCHLD, 0, 0), DENY(EPERM));
    expect("clone flags", refused[i], call(__NR_clone, refused[i] | 0xff00000000000000ULL | CLONE_VM, 0, 0), DENY(EPERM));
  }
  expect("clone as fork", 0, call(__NR_clone, SIGCHLD, 0, 0), SECCOMP_RET_ALLOW);
  const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS;
  expect("clone as pthread_create", thread, call(__NR_clone, thread, 0, 0), SECCOMP_RET_ALLOW);
  expect("unshare", CLONE_NEWCGROUP, call(__NR_unshare, CLONE_NEWCGROUP, 0, 0), SECCOMP_RET_ALLOW);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (refused[i] != CLONE_NEWCGROUP) {
      expect("unshare", refused[i], call(__NR_unshare, refused[i], 0, 0), DENY(EPERM));
      expect("unshare", refused[i], call(__NR_unshare, refused[i] | CLONE_NEWCGROUP, 0, 0), DENY(EPERM));
    }
}

static void sockets(void) {
  static const struct {
    uint32_t family, protocol, wanted;
  } table[] = {
      {AF_UNIX, 0, SECCOMP_RET_ALLOW},     {AF_INET, 0, SECCOMP_RET_ALLOW},     {AF_INET, 6, SECCOMP_RET_ALLOW},
      {AF_INET, 17, SECCOMP_RET_ALLOW},    {AF_INET, 1, SECCOMP_RET_ALLOW},     {AF_INET6, 0, SECCOMP_RET_ALLOW},
      {AF_INET6, 6, SECCOMP_RET_ALLOW},    {AF_INET6, 17, SECCOMP_RET_ALLOW},   {AF_INET6, 58, SECCOMP_RET_ALLOW},
      {AF_INET, 132, DENY(EPROTONOSUPPORT)}, {AF_INET6, 132, DENY(EPROTONOSUPPORT)}, {AF_INET, 33, DENY(EPROTONOSUPPORT)},
      {AF_INET, 136, DENY(EPROTONOSUPPORT)}, {AF_INET, 255, DENY(EPROTONOSUPPORT)},  {AF_INET, 262, DENY(EPROTONOSUPPORT)},
      {AF_NETLINK, 0, SECCOMP_RET_ALLOW},  {AF_VSOCK, 0, DENY(EPERM)},          {AF_ALG, 0, DENY(EPERM)},
      {AF_PACKET, 0, DENY(EPERM)},         {AF_UNSPEC, 0, DENY(EPERM)},         {0xffffffff, 0, DENY(EPERM)},
  };
  static const uint32_t calls[] = {__NR_socket, __NR_socketpair};
  for (size_t which = 0; which < 2; which++) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
      expect("socket family and protocol", (uint64_t)table[i].family << 32 | table[i].protocol,
             call(calls[which], table[i].family, SOCK_STREAM, table[i].protocol), table[i].wanted);
    for (uint32_t protocol = 1; protocol < 32; protocol++)
      expect("netlink protocol", protocol, call(calls[which], AF_NETLINK, SOCK_RAW, protocol), DENY(EPROTONOSUPPORT));
    for (uint32_t family = 0; family < 64; family++)
      if (family != AF_UNIX && family != AF_INET && family != AF_INET6 && family != AF_NETLINK)
        expect("socket family", family, call(calls[which], family, SOCK_STREAM, 0), DENY(EPERM));
  }
}

static void commands(void) {
  static const uint64_t high_bits[] = {0, 1ULL << 32, 0xffffffff00000000ULL};
  for (size_t i = 0; i < sizeof high_bits / sizeof *high_bits; i++) {
    expect("ioctl TIOCSTI with high bits", high_bits[i], call(__NR_ioctl, 0, high_bits[i] | TIOCSTI, 0), DENY(EPERM));
    expect("ioctl TIOCLINUX with high bits", high_bits[i], call(__NR_ioctl, 0, high_bits[i] | 0x541C, 0), DENY(EPERM));
  }
  expect("ioctl TCGETS", TCGETS, call(__NR_ioctl, 0, TCGETS, 0), SECCOMP_RET_ALLOW);
  expect("ioctl TIOCSTI in another argument", TIOCSTI, call(__NR_ioctl, TIOCSTI, TCGETS, TIOCSTI), SECCOMP_RET_ALLOW);
}

static void personalities(void) {
  static const uint32_t allowed[] = {0, 0x0020000, 0x0040000, 0xffffffff}, refused[] = {0x0008, 0x0400000 /* READ_IMPLIES_EXEC */, 0x0100000 /* MMAP_PAGE_ZERO */, 0x0060000};
  for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) expect("personality", allowed[i], call(__NR_personality, allowed[i], 0, 0), SECCOMP_RET_ALLOW);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) expect("personality", refused[i], call(__NR_personality, refused[i], 0, 0), DENY(EPERM));
}

int main(void) {
  struct fault fault = {0};
  if (seccomp_compile(&fault) < 0) {
    (void)printf("%s\n", fault.text);
    return 1;
  }
  (void)printf("%u instructions\n", program_length);
  numbers();
  foreign();
  clones();
  sockets();
  commands();
  personalities();
  return wrong;
}
