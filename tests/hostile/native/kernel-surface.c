/* K02 to K16: system calls whose kernel code has been the way out before, tried as an attacker would make them. */
#include "missing-defs.h"
#include "sp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
struct i386_call {
  long number, first, second;
};

static long call_i386(const struct i386_call *call) {
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(call->number), "b"(call->first), "c"(call->second), "d"(0L), "S"(0L), "D"(0L)
                   : "memory", "r8", "r9", "r10", "r11");
  result = (int)result;
  if (result >= 0) return result;
  errno = (int)-result;
  return -1;
}

static struct outcome i386_probe(const void *argument) {
  long result = call_i386(argument);
  return result < 0 ? refused("int 0x80") : harm("int 0x80 answered %ld", result);
}

/* The 32-bit entry reads its pointers from the low 4 GiB. */
static struct outcome i386_vsock(const void *argument) {
  (void)argument;
  uint32_t *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (words == MAP_FAILED) return observed("NOT-TRIED", "no memory below 4 GiB");
  words[0] = AF_VSOCK;
  words[1] = SOCK_STREAM;
  words[2] = 0;
  struct i386_call socketcall = {102, 1, (long)(uintptr_t)words};
  return i386_probe(&socketcall);
}

static int run_i386(int argc, char **argv) {
  (void)argc, (void)argv;
  static const struct i386_call getpid_call = {20, 0, 0}, keyctl_call = {288, 0, -3}, unshare_call = {310, CLONE_NEWUSER, 0};
  attempt("i386-getpid", i386_probe, &getpid_call);
  attempt("i386-keyctl", i386_probe, &keyctl_call);
  attempt("i386-unshare", i386_probe, &unshare_call);
  attempt("i386-vsock", i386_vsock, NULL);
  return 0;
}

static struct outcome x32_probe(const void *argument) {
  long number = 0x40000000L | *(const long *)argument;
  long result = syscall(number, CLONE_NEWUSER, 0, 0);
  return result < 0 ? refused("x32 number") : harm("x32 number answered %ld", result);
}

static int run_x32(int argc, char **argv) {
  (void)argc, (void)argv;
  static const long getpid_number = SYS_getpid, unshare_number = SYS_unshare;
  attempt("x32-getpid", x32_probe, &getpid_number);
  attempt("x32-unshare", x32_probe, &unshare_number);
  return 0;
}
#else
static int run_i386(int argc, char **argv) {
  (void)argc, (void)argv;
  report("i386", observed("NOT-TRIED", "this architecture has no int 0x80"));
  return 0;
}

static int run_x32(int argc, char **argv) {
  (void)argc, (void)argv;
  report("x32", observed("NOT-TRIED", "this architecture has no x32 numbers"));
  return 0;
}
#endif

/* K04. The parameters are valid: 4 entries and a zeroed io_uring_params (120 bytes). */
static struct outcome io_uring(const void *argument) {
  (void)argument;
  char parameters[120] = {0};
  return syscall(425, 4, parameters) < 0 ? refused("io_uring_setup") : harm("io_uring made a ring");
}

static int run_io_uring(int argc, char **argv) {
  (void)argc, (void)argv;
  attempt("io_uring_setup", io_uring, NULL);
  return 0;
}

/* K05. Each way into a user namespace, and the mount that it would be good for. */
static struct outcome userns_unshare(const void *argument) {
  (void)argument;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return refused("unshare");
  if (mount("t", "/tmp", "tmpfs", 0, NULL) != 0) return harm("own user namespace, though mount failed with %d", errno);
  return harm("mounted a tmpfs in a user namespace of its own");
}

static struct outcome userns_clone(const void *argument) {
  (void)argument;
  long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return child < 0 ? refused("clone") : harm("clone made a user namespace");
}

static struct outcome userns_clone3(const void *argument) {
  (void)argument;
  uint64_t clone_args[8] = {[0] = CLONE_NEWUSER, [4] = SIGCHLD};
  long child = syscall(SYS_clone3, clone_args, sizeof clone_args);
  if (child == 0) _exit(0);
  return child < 0 ? refused("clone3") : harm("clone3 made a user namespace");
}

static struct outcome plain_mount(const void *argument) {
  (void)argument;
  return mount("t", "/tmp", "tmpfs", 0, NULL) < 0 ? refused("mount") : harm("mounted a tmpfs");
}

static struct outcome any_unshare(const void *argument) {
  return unshare(*(const int *)argument) < 0 ? refused("unshare") : harm("own namespace");
}

static struct outcome any_clone(const void *argument) {
  long child = syscall(SYS_clone, (unsigned long)*(const int *)argument | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return child < 0 ? refused("clone") : harm("clone made a namespace");
}

static int run_namespaces(int argc, char **argv) {
  (void)argc, (void)argv;
  static const int flags[] = {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET};
  for (size_t index = 0; index < sizeof flags / sizeof flags[0]; index++) {
    char name[32];
    snprintf(name, sizeof name, "unshare-%x", (unsigned)flags[index]);
    attempt(name, any_unshare, &flags[index]);
    snprintf(name, sizeof name, "clone-%x", (unsigned)flags[index]);
    attempt(name, any_clone, &flags[index]);
  }
  static const int time_namespace = 0x80; /* of clone this bit is part of the exit signal */
  attempt("unshare-time", any_unshare, &time_namespace);
  return 0;
}

static int run_userns_tmpfs(int argc, char **argv) {
  (void)argc, (void)argv;
  attempt("userns-unshare", userns_unshare, NULL);
  attempt("userns-clone", userns_clone, NULL);
  attempt("userns-clone3", userns_clone3, NULL);
  attempt("mount-tmpfs", plain_mount, NULL);
  return 0;
}

/* K07. */
static struct outcome userns_iptables(const void *argument) {
  (void)argument;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return refused("unshare");
  int fd = socket(AF_INET, SOCK_RAW, 255);
  struct ipt_replace replace = {0};
  if (fd >= 0) setsockopt(fd, 0, IPT_SO_SET_REPLACE, &replace, sizeof replace);
  return harm("own user and network namespace");
}

static struct outcome plain_iptables(const void *argument) {
  (void)argument;
  /* An ordinary socket: the option asks for CAP_NET_ADMIN over the network namespace, not for a raw socket. */
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return observed("NOT-TRIED", "no TCP socket to try it on");
  struct ipt_replace replace = {0};
  return setsockopt(fd, 0, IPT_SO_SET_REPLACE, &replace, sizeof replace) < 0 ? refused("setsockopt") : harm("replaced a table");
}

static struct outcome nfnetlink(const void *argument) {
  (void)argument;
  return socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) < 0 ? refused("socket") : harm("a netfilter socket");
}

static int run_netfilter(int argc, char **argv) {
  (void)argc, (void)argv;
  attempt("userns-iptables", userns_iptables, NULL);
  attempt("plain-iptables", plain_iptables, NULL);
  attempt("nfnetlink", nfnetlink, NULL);
  return 0;
}

/* K08. */
static struct outcome overlay_mount(const void *argument) {
  if (argument != NULL && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return refused("unshare");
  const char *options = "lowerdir=/usr,upperdir=/tmp/sp-upper,workdir=/tmp/sp-work";
  mkdir("/tmp/sp-upper", 0700);
  mkdir("/tmp/sp-work", 0700);
  if (mount("o", "/tmp", "overlay", 0, options) == 0) return harm("mounted an overlay");
  return argument != NULL ? harm("own user namespace, though the overlay failed with %d", errno) : refused("mount");
}

static int run_overlay(int argc, char **argv) {
  (void)argc, (void)argv;
  attempt("userns-overlay", overlay_mount, "userns");
  attempt("plain-overlay", overlay_mount, NULL);
  return 0;
}

/* K09 to K11: made, never connected or bound. */
struct socket_kind {
  const char *name;
  int family, type, protocol;
};

static struct outcome make_socket(const void *argument) {
  const struct socket_kind *kind = argument;
  return socket(kind->family, kind->type, kind->protocol) < 0 ? refused("socket") : harm("the socket was made");
}

static int run_sockets(int argc, char **argv) {
  (void)argc, (void)argv;
  static const struct socket_kind kinds[] = {
      {"vsock-stream", AF_VSOCK, SOCK_STREAM, 0},   {"vsock-dgram", AF_VSOCK, SOCK_DGRAM, 0},
      {"vsock-seqpacket", AF_VSOCK, SOCK_SEQPACKET, 0}, {"alg", AF_ALG, SOCK_SEQPACKET, 0},
      {"packet-raw", AF_PACKET, SOCK_RAW, 0},       {"packet-dgram", AF_PACKET, SOCK_DGRAM, 0},
      {"packet-all", AF_PACKET, SOCK_RAW, 0x0300},  {"inet-raw-icmp", AF_INET, SOCK_RAW, 1},
      {"inet-raw-tcp", AF_INET, SOCK_RAW, 6},       {"inet6-raw", AF_INET6, SOCK_RAW, 58},
      {"xdp", AF_XDP, SOCK_RAW, 0},
  };
  for (size_t index = 0; index < sizeof kinds / sizeof kinds[0]; index++) attempt(kinds[index].name, make_socket, &kinds[index]);
  return 0;
}

/* Every family and type, and of the protocols those that modules serve: what can be made is what a test names. */
static int run_all_sockets(int argc, char **argv) {
  (void)argc, (void)argv;
  static const int protocols[] = {0, 1, 2, 3, 4, 5, 6, 9, 10, 12, 15, 16, 17, 33, 41, 47, 50, 58, 132, 136, 255, 262};
  for (int family = 0; family < 48; family++)
    for (int type = 1; type <= 10; type++)
      for (size_t index = 0; index < sizeof protocols / sizeof protocols[0]; index++) {
        int fd = socket(family, type, protocols[index]), pair[2] = {-1, -1};
        bool made = socketpair(family, type, protocols[index], pair) == 0 || fd >= 0;
        close(fd), close(pair[0]), close(pair[1]);
        if (made) printf("%d/%d/%d made\n", family, type, protocols[index]);
      }
  return 0;
}

/* K13. The key types and arguments are real, so that only a refusal stops them. */
static struct outcome add_key_probe(const void *argument) {
  (void)argument;
  return syscall(SYS_add_key, "user", "sp", "x", 1, -3) < 0 ? refused("add_key") : harm("added a key");
}

static struct outcome request_key_probe(const void *argument) {
  (void)argument;
  return syscall(SYS_request_key, "user", "sp-absent", NULL, 0) < 0 ? refused("request_key") : harm("got a key");
}

static struct outcome keyctl_probe(const void *argument) {
  (void)argument;
  return syscall(SYS_keyctl, 0, -3, 1) < 0 ? refused("keyctl") : harm("got a session keyring");
}

static int run_keys(int argc, char **argv) {
  (void)argc, (void)argv;
  attempt("add_key", add_key_probe, NULL);
  attempt("request_key", request_key_probe, NULL);
  attempt("keyctl", keyctl_probe, NULL);
  return 0;
}

/* K14. */
static struct outcome bpf_map(const void *argument) {
  (void)argument;
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = attributes.value_size = 4;
  attributes.max_entries = 1;
  return syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes) < 0 ? refused("bpf") : harm("made a bpf map");
}

static struct outcome perf_event(const void *argument) {
  (void)argument;
  struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attributes, .exclude_kernel = 1};
  return syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0) < 0 ? refused("perf_event_open") : harm("opened a counter");
}

static struct outcome user_fault(const void *argument) {
  (void)argument;
  /* 1 is UFFD_USER_MODE_ONLY, which the kernel grants to everybody. */
  return syscall(SYS_userfaultfd, O_CLOEXEC | 1) < 0 ? refused("userfaultfd") : harm("got a userfaultfd");
}

static int run_bpf(int argc, char **argv) {
  (void)argc, (void)argv;
  attempt("bpf", bpf_map, NULL);
  attempt("perf_event_open", perf_event, NULL);
  attempt("userfaultfd", user_fault, NULL);
  return 0;
}

/* K15: "Shocker" asks for the root inode of the filesystem under a file that it can open. */
static struct outcome root_by_handle(const void *argument) {
  const char *path = argument;
  int mount_fd = open(path, O_RDONLY);
  if (mount_fd < 0) return refused("open of the mount");
  struct {
    struct file_handle head;
    unsigned char inode[8];
  } handle = {.head = {.handle_bytes = 8, .handle_type = 1}, .inode = {2}};
  int root = open_by_handle_at(mount_fd, &handle.head, O_RDONLY);
  return root < 0 ? refused("open_by_handle_at") : harm("opened inode 2 below %s", path);
}

static int run_handle(int argc, char **argv) {
  (void)argc, (void)argv;
  attempt("handle-of-root", root_by_handle, "/");
  attempt("handle-of-passwd", root_by_handle, "/etc/passwd");
  return 0;
}

/* K16: control of the machine. The arguments stay bad: a test must not end the host that it runs on. */
struct host_call {
  const char *name;
  long number, arguments[4];
};

static struct outcome host_call(const void *argument) {
  const struct host_call *call = argument;
  const long *a = call->arguments;
  return syscall(call->number, a[0], a[1], a[2], a[3]) < 0 ? refused("") : harm("the call succeeded");
}

static int run_host_control(int argc, char **argv) {
  (void)argc, (void)argv;
  static const long bad_time[2] = {0, 2000000};
  static const struct host_call calls[] = {
      {"kexec_load", SYS_kexec_load, {0, 9999, 0, -1}},
      {"kexec_file_load", SYS_kexec_file_load, {-1, -1, 0, 0}},
      {"init_module", SYS_init_module, {0, 0, 0, 0}},
      {"finit_module", SYS_finit_module, {-1, 0, -1, 0}},
      {"delete_module", SYS_delete_module, {(long)"sp_nonexistent", O_NONBLOCK, 0, 0}},
      {"reboot", SYS_reboot, {0, 0, 0, 0}},
      {"swapon", SYS_swapon, {(long)"/nonexistent/sp", 0, 0, 0}},
      {"swapoff", SYS_swapoff, {(long)"/nonexistent/sp", 0, 0, 0}},
      {"acct", SYS_acct, {(long)"/nonexistent/sp", 0, 0, 0}},
      {"iopl", SYS_iopl, {3, 0, 0, 0}},
      {"ioperm", SYS_ioperm, {0, 1, 1, 0}},
      {"settimeofday", SYS_settimeofday, {(long)bad_time, 0, 0, 0}},
      {"quotactl", SYS_quotactl, {-1, 0, 0, 0}},
      {"syslog", SYS_syslog, {10, 0, 0, 0}},
  };
  for (size_t index = 0; index < sizeof calls / sizeof calls[0]; index++) attempt(calls[index].name, host_call, &calls[index]);
  return 0;
}

const struct command kernel_commands[] = {
    {"reach", run_reach},         {"i386", run_i386},   {"x32", run_x32},     {"userns-tmpfs", run_userns_tmpfs},
    {"namespaces", run_namespaces},
    {"netfilter", run_netfilter}, {"overlay", run_overlay}, {"sockets", run_sockets}, {"keys", run_keys},
    {"bpf", run_bpf},             {"handle", run_handle},   {"host-control", run_host_control},
    {"io-uring", run_io_uring}, {"all-sockets", run_all_sockets}, {NULL, NULL},
};
