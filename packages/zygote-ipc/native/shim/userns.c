#include "userns.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "caps.h"
#include "making.h"
#include "sys.h"

/* Making one costs a fork and two writes (about 0.2 ms); the runner leases the same few ranges in turn. */
#define POOL_SIZE 512

static struct {
  uint32_t first_id; /* 0: free; the range of host root is never leased */
  int fd;
} pool[POOL_SIZE];
static unsigned next_victim;
static int host_proc = -1;

void userns_use_proc(int fd) { host_proc = fd; }

static int write_map(pid_t pid, const char *file, uint32_t first_id, struct fault *fault) {
  char path[64], map[64];
  (void)snprintf(path, sizeof path, "%d/%s", pid, file); /* fits: a pid has at most 10 digits */
  int length = snprintf(map, sizeof map, "0 %u %u", first_id, (unsigned)IDS_PER_SANDBOX);
  cleanup_close int fd = openat(host_proc, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return FAIL(fault, "open(/proc/%s)", path);
  if (write(fd, map, (size_t)length) != length) return FAIL(fault, "write(/proc/%s, \"%s\")", path, map);
  return 0;
}

static int map_and_open(pid_t pid, uint32_t first_id, struct fault *fault) {
  char path[64];
  if (write_map(pid, "uid_map", first_id, fault) < 0 || write_map(pid, "gid_map", first_id, fault) < 0) return -1;
  (void)snprintf(path, sizeof path, "%d/ns/user", pid);
  int fd = openat(host_proc, path, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? FAIL(fault, "open(/proc/%s)", path) : fd;
}

static int set_effective_user(uint32_t id) {
  return syscall(SYS_setresgid, -1, id, -1) < 0 ? -1 : (int)syscall(SYS_setresuid, -1, id, -1);
}

static _Noreturn void lend(pid_t zygote) {
  /* The zygote may die before it ends this child, which must then not live on, nor hold the runtime's socket. It may have
     died before this line, too, and nobody would tell: then somebody else is the parent by now. */
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != zygote) _exit(0);
  (void)sys_close_range(0, ~0U, 0);
  for (;;) (void)pause(); /* until the SIGKILL; nothing else reaches it */
}

/* Owned by the first id of the range and not by root: the kernel charges what is counted per user (queued signals, inotify
   instances, message queues, …) to the namespace's owner too, so one sandbox could use up everybody's, the host's too. */
static pid_t clone_lender(uint32_t first_id, struct fault *fault) {
  struct clone_args arguments = {.flags = CLONE_NEWUSER};
  pid_t zygote = getpid(), pid = -1;
  if (set_effective_user(first_id) < 0) FAIL(fault, "setresuid(-1, %u, -1)", first_id);
  else if (caps_raise(fault) == 0 && (pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments)) < 0) FAIL(fault, "clone3(CLONE_NEWUSER)");
  if (pid == 0) lend(zygote);
  /* Back to root, which makes the permitted capabilities effective again; the saved user was never another. */
  if (set_effective_user(0) < 0) _exit(73); /* cannot fail; a zygote that is not root must not go on */
  return pid;
}

/* A namespace lives as long as a process or a descriptor is in it: a child lends its own and goes. */
static int create(uint32_t first_id, struct fault *fault) {
  pid_t pid = clone_lender(first_id, fault);
  if (pid < 0) return -1;
  int fd = map_and_open(pid, first_id, fault);
  (void)kill(pid, SIGKILL); /* our own unreaped child: the pid cannot be anybody else's */
  while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR) {
  }
  return fd;
}

int userns_for(uint32_t first_id, struct fault *fault) {
  int place = -1;
  for (int i = 0; i < POOL_SIZE; i++) {
    if (pool[i].first_id == first_id) return pool[i].fd;
    if (place < 0 && pool[i].first_id == 0) place = i;
  }
  int fd = create(first_id, fault);
  if (fd < 0) return -1;
  if (place < 0) {
    place = (int)(next_victim++ % POOL_SIZE);
    close(pool[place].fd);
  }
  pool[place].first_id = first_id;
  pool[place].fd = fd;
  return fd;
}
