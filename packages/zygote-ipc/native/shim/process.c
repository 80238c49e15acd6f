#include "process.h"

#include <linux/keyctl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "sys.h"

/* More than the second connection of a returning runner never wait. */
#define BACKLOG 4

static char *title;
static size_t title_bytes;

void process_take_title(int argc, char **argv) {
  title = argv[0];
  title_bytes = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
}

int process_leave_zygote(struct making *making, struct fault *fault) {
  (void)fault;
  /* While a child holds it, the runtime would not see end of file when the zygote dies. */
  close(making->zygote_socket);
  making->zygote_socket = -1;
  return 0;
}

int process_join_cgroups(struct making *making, struct fault *fault) {
  for (int i = 0; i < MAX_V1_HIERARCHIES; i++) {
    if (making->tasks[i] < 0) continue;
    /* `tasks`, not `cgroup.procs`: moving the one thread that writes takes 48 us on an idle machine, moving a thread
       group waits for an RCU grace period (9 to 15 ms). */
    if (write(making->tasks[i], "0", 1) != 1) return FAIL(fault, "write(tasks of v1 cgroup %d, 0)", i);
    close(making->tasks[i]);
    making->tasks[i] = -1;
  }
  return 0;
}

/* Only host root reaches the socket: 0600, in a directory of the host. It is listened on by init itself and before the
   user namespace, so that SO_PEERCRED names this process and root. */
int process_listen(struct making *making, struct fault *fault) {
  cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return FAIL(fault, "socket(AF_UNIX, SOCK_SEQPACKET)");
  if (fchdir(making->sandbox_directory) < 0) return FAIL(fault, "fchdir(sandbox directory)");
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "init.sock"};
  mode_t before = umask(0177);
  int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
  umask(before);
  if (bound < 0) return FAIL(fault, "bind(init.sock)");
  if (listen(fd, BACKLOG) < 0) return FAIL(fault, "listen(init.sock)");
  if (chdir("/") < 0) return FAIL(fault, "chdir(/)");
  making->listener = steal_fd(&fd);
  return 0;
}

int process_own_session(struct making *making, struct fault *fault) {
  (void)making;
  if (setsid() < 0) return FAIL(fault, "setsid()");
  /* A kernel without keys answers ENOSYS and has nothing to inherit. */
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS) return FAIL(fault, "keyctl(JOIN_SESSION_KEYRING)");
  return 0;
}

int process_close_others(struct making *making, struct fault *fault) {
  /* The two that stay go to 3 and 4; 0, 1 and 2 are /dev/null already. */
  int listener = fcntl(making->listener, F_DUPFD_CLOEXEC, 64), connection = fcntl(making->connection, F_DUPFD_CLOEXEC, 64);
  if (listener < 0 || connection < 0) return FAIL(fault, "fcntl(F_DUPFD_CLOEXEC)");
  if (dup3(listener, 3, O_CLOEXEC) < 0 || dup3(connection, 4, O_CLOEXEC) < 0) return FAIL(fault, "dup3(3, 4)");
  if (sys_close_range(5, ~0U, 0) < 0) return FAIL(fault, "close_range(5, ~0)");
  making->listener = 3;
  making->connection = 4;
  return 0;
}

int process_become_untraceable(struct making *making, struct fault *fault) {
  (void)making;
  /* Nobody inside may open /proc/1/mem, trace or take descriptors of init; it never execs, which would reset this. */
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return FAIL(fault, "prctl(PR_SET_DUMPABLE, 0)");
  /* For ps only, inside and out. */
  (void)prctl(PR_SET_NAME, "init", 0, 0, 0);
  memset(title, 0, title_bytes);
  memcpy(title, "init", title_bytes < 4 ? title_bytes : 4);
  return 0;
}

/* A host that shields the runner from the OOM killer, or prefers it, means the runner and not what it runs. Written by who
   has CAP_SYS_RESOURCE, it is also as low as a sandbox can go back. Raising needs no right: nothing here can be refused. */
void process_drop_rank(void) {
  if (getpriority(PRIO_PROCESS, 0) < 0) (void)setpriority(PRIO_PROCESS, 0, 0);
  cleanup_close int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  char score[16];
  if (fd >= 0 && read(fd, score, sizeof score) > 0 && score[0] == '-') (void)!pwrite(fd, "0", 1, 0);
}

static const struct {
  int resource;
  rlim_t limit;
  const char *name;
} limits[] = {
    {RLIMIT_CORE, 0, "core"},           /* a core file may hold another user's secrets */
    {RLIMIT_NOFILE, 4096, "nofile"},    /* bounds the kernel memory of a descriptor flood */
    {RLIMIT_MEMLOCK, 8 << 20, "memlock"},
    {RLIMIT_MSGQUEUE, 819200, "msgqueue"},
    {RLIMIT_SIGPENDING, 4096, "sigpending"},
};

int process_limit_resources(struct fault *fault) {
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    struct rlimit now;
    if (getrlimit(limits[i].resource, &now) < 0) return FAIL(fault, "getrlimit(%s)", limits[i].name);
    /* Never above what the host gave the runner. */
    rlim_t limit = now.rlim_max < limits[i].limit ? now.rlim_max : limits[i].limit;
    struct rlimit wanted = {limit, limit};
    if (setrlimit(limits[i].resource, &wanted) < 0) return FAIL(fault, "setrlimit(%s)", limits[i].name);
  }
  return 0;
}
