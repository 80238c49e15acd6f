#include "netns.h"

#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "sys.h"

/* Each idle one holds about 170 kB of kernel memory. */
#define POOL_SIZE 4

static int pool[POOL_SIZE];
static int pool_count;
static int proc_fd = -1;
static int home = -1; /* where the zygote stays itself: /proc/net inside a sandbox would list what it shares */

int netns_use_proc(int host_proc, struct fault *fault) {
  proc_fd = host_proc;
  home = openat(host_proc, "self/ns/net", O_RDONLY | O_CLOEXEC);
  return home < 0 ? FAIL(fault, "open(/proc/self/ns/net)") : 0;
}

static int bring_loopback_up(struct fault *fault) {
  cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return FAIL(fault, "socket(AF_INET)");
  struct ifreq request = {.ifr_name = "lo"};
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? FAIL(fault, "ioctl(lo, SIOCSIFFLAGS, up)") : 0;
}

/* /proc/sys/net shows the namespace of whoever opens it. */
static int set(const char *name, const char *value, struct fault *fault) {
  cleanup_close int fd = openat(proc_fd, name, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return FAIL(fault, "open(/proc/%s)", name);
  size_t length = strlen(value);
  return write(fd, value, length) != (ssize_t)length ? FAIL(fault, "write(/proc/%s, \"%s\")", name, value) : 0;
}

int netns_enter_new(struct fault *fault) {
  if (unshare(CLONE_NEWNET) < 0) return FAIL(fault, "unshare(CLONE_NEWNET)");
  if (bring_loopback_up(fault) < 0) return -1;
  /* What root of a machine of its own could do, without the capability over the namespace. */
  if (set("sys/net/ipv4/ip_unprivileged_port_start", "0", fault) < 0) return -1;
  return set("sys/net/ipv4/ping_group_range", "0 2147483647", fault);
}

/* Root of a namespace that owns it could change addresses and routes: inside, nobody shall be able to. */
static int check_owner(int fd, struct fault *fault) {
  struct stat own, given;
  cleanup_close int owner = ioctl(fd, NS_GET_USERNS);
  if (owner < 0) return FAIL(fault, "ioctl(network namespace, NS_GET_USERNS)");
  cleanup_close int ours = ioctl(home, NS_GET_USERNS);
  if (ours < 0) return FAIL(fault, "ioctl(host's network namespace, NS_GET_USERNS)");
  if (fstat(ours, &own) < 0 || fstat(owner, &given) < 0) return FAIL(fault, "fstat(user namespace)");
  if (own.st_ino != given.st_ino || own.st_dev != given.st_dev)
    return REFUSE(fault, EINVAL, "the network namespace is owned by another user namespace than the host's");
  return 0;
}

int netns_check(int fd, struct fault *fault) {
  struct statfs filesystem;
  struct stat own, given;
  if (fstatfs(fd, &filesystem) < 0) return FAIL(fault, "fstatfs(network namespace)");
  /* Of another filesystem the number of the request may mean anything. */
  if (filesystem.f_type != NSFS_MAGIC) return REFUSE(fault, EINVAL, "what was sent as network namespace is none");
  int type = ioctl(fd, NS_GET_NSTYPE);
  if (type < 0) return FAIL(fault, "ioctl(network namespace, NS_GET_NSTYPE)");
  if (type != CLONE_NEWNET) return REFUSE(fault, EINVAL, "what was sent as network namespace is one of type %#x", (unsigned)type);
  if (fstat(home, &own) < 0 || fstat(fd, &given) < 0) return FAIL(fault, "fstat(network namespace)");
  if (own.st_ino == given.st_ino && own.st_dev == given.st_dev) return REFUSE(fault, EINVAL, "the network namespace is the host's");
  return check_owner(fd, fault);
}

int netns_take(void) { return pool_count > 0 ? pool[--pool_count] : -1; }

static int make_one(struct fault *fault) {
  if (netns_enter_new(fault) < 0) return -1;
  int fd = openat(proc_fd, "self/ns/net", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? FAIL(fault, "open(/proc/self/ns/net)") : fd;
}

bool netns_refill(void) {
  struct fault ignored = {0}; /* the create that finds the pool empty makes its own and tells what is wrong */
  if (pool_count == POOL_SIZE) return false;
  int fd = make_one(&ignored);
  if (setns(home, CLONE_NEWNET) < 0) _exit(74); /* cannot fail; in a sandbox's namespace the zygote must not go on */
  if (fd >= 0) pool[pool_count++] = fd;
  return fd >= 0;
}

int netns_enter(struct making *making, struct fault *fault) {
  if (making->netns < 0) return netns_enter_new(fault);
  return setns(making->netns, CLONE_NEWNET) < 0 ? FAIL(fault, "setns(network namespace)") : 0;
}
