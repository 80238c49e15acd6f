#define _GNU_SOURCE
#include "stock.h"

#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kernel-mounts.h"

void stock_open(struct stock *stock) { pthread_mutex_init(&stock->lock, NULL); }

int raise_loopback(struct report *report) {
  cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  TRY(report, fd);
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  TRY(report, ioctl(fd, SIOCSIFFLAGS, &request));
  return 0;
}

static int write_map(int pid, const char *file, int slot, struct report *report) {
  char path[64], map[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  snprintf(map, sizeof map, "0 %d %d\n", FIRST_ID + slot * IDS_EACH, IDS_EACH);
  cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
  TRY(report, fd);
  TRY(report, write(fd, map, strlen(map)));
  return 0;
}

int write_id_maps(int pid, int slot, struct report *report) {
  if (write_map(pid, "uid_map", slot, report) < 0) return -1;
  return write_map(pid, "gid_map", slot, report);
}

static int make_user_namespace(int slot, struct report *report) {
  int pid = (int)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  TRY(report, pid);
  if (pid == 0)
    for (;;) pause();
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
  int fd = write_id_maps(pid, slot, report) < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) failed(report, "make a user namespace");
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return fd;
}

static int add_user(struct stock *stock, const struct stage *stage, struct report *report) {
  int slot = stock->user_count;
  cleanup_close int user_namespace = make_user_namespace(slot, report);
  if (user_namespace < 0) return -1;
  cleanup_close int lower = clone_tree(stage->lower, "");
  TRY(report, lower);
  TRY(report, set_attributes(lower, (struct mount_attr){.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY,
                                                        .userns_fd = (unsigned long long)user_namespace}));
  stock->users[slot] = (struct user_slot){steal_fd(&user_namespace), steal_fd(&lower)};
  stock->free_users[stock->free_user_count++] = slot;
  stock->user_count++;
  return 0;
}

struct network_order {
  struct stock *stock;
  int wanted;
  struct report *report;
};

/* A thread of its own, because it moves from namespace to namespace. */
static void *make_networks(void *argument) {
  struct network_order *order = argument;
  struct stock *stock = order->stock;
  while (stock->network_count < order->wanted) {
    if (unshare(CLONE_NEWNET) < 0) return failed(order->report, "unshare(CLONE_NEWNET)"), NULL;
    if (raise_loopback(order->report) < 0) return NULL;
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return failed(order->report, "open /proc/thread-self/ns/net"), NULL;
    stock->networks[stock->network_count++] = fd;
  }
  return NULL;
}

int stock_fill(struct stock *stock, const struct stage *stage, int users, int networks, struct report *report) {
  if (users > STOCK_LARGEST || networks > STOCK_LARGEST) {
    errno = EINVAL;
    return failed(report, "fill the stock beyond 256");
  }
  while (stock->free_user_count < users)
    if (add_user(stock, stage, report) < 0) return -1;
  if (stock->network_count >= networks) return 0;
  struct network_order order = {stock, networks, report};
  pthread_t thread;
  if ((errno = pthread_create(&thread, NULL, make_networks, &order)) != 0) return failed(report, "pthread_create");
  pthread_join(thread, NULL);
  return report->number == 0 ? 0 : -1;
}

int stock_lease_user(struct stock *stock, struct report *report) {
  pthread_mutex_lock(&stock->lock);
  int slot = stock->free_user_count > 0 ? stock->free_users[--stock->free_user_count] : -1;
  pthread_mutex_unlock(&stock->lock);
  if (slot >= 0) return slot;
  errno = ENOBUFS;
  return failed(report, "lease a user namespace");
}

void stock_return_user(struct stock *stock, int slot) {
  pthread_mutex_lock(&stock->lock);
  stock->free_users[stock->free_user_count++] = slot;
  pthread_mutex_unlock(&stock->lock);
}

int stock_take_network(struct stock *stock, struct report *report) {
  pthread_mutex_lock(&stock->lock);
  int fd = stock->network_count > 0 ? stock->networks[--stock->network_count] : -1;
  pthread_mutex_unlock(&stock->lock);
  if (fd >= 0) return fd;
  errno = ENOBUFS;
  return failed(report, "take a network namespace");
}
