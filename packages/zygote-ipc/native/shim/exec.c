#include "exec.h"

#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "../../../linux/native/clone3.h"
#include "launch.h"
#include "sys.h"
#include "terminal.h"

#define MAX_BLOCK_BYTES (4U << 20)

/* Points argv and envp into the block; `pointers` has room for both, their NULLs and argv[-1]. */
static int split_block(const struct wire_exec *request, char *block, size_t length, char **pointers, struct launch *launch, struct fault *fault) {
  size_t strings = 0, wanted = (size_t)request->argc + request->envc;
  char *at = block, *end = block + length;
  launch->argv = pointers + 1;
  launch->envp = pointers + 1 + request->argc + 1;
  for (; strings < wanted; strings++) {
    char *stop = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
    if (stop == NULL) return REFUSE(fault, EINVAL, "argument block: %zu strings, %zu announced", strings, wanted);
    if (strings < request->argc) launch->argv[strings] = at;
    else launch->envp[strings - request->argc] = at;
    at = stop + 1;
  }
  if (at != end) return REFUSE(fault, EINVAL, "argument block: %zu bytes after the last string", (size_t)(end - at));
  launch->argv[request->argc] = NULL;
  launch->envp[request->envc] = NULL;
  return 0;
}

static int start(const struct wire_exec *request, struct launch *launch, int work, struct started *started, struct fault *fault) {
  int pidfd = -1;
  struct clone_args arguments = {
      .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP,
      .pidfd = (uint64_t)(uintptr_t)&pidfd,
      .exit_signal = SIGCHLD,
      .cgroup = (uint64_t)work,
  };
  sigset_t all, before;
  sigfillset(&all);
  /* The child must not take a signal on init's memory; it unblocks them itself just before it execs. */
  sigprocmask(SIG_SETMASK, &all, &before);
  long pid = hatchery_clone3_vm(&arguments, sizeof arguments, launch_child, launch);
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (pid < 0) {
    errno = (int)-pid;
    fault_name_step(fault, "clone");
    return FAIL(fault, "clone3(CLONE_INTO_CGROUP)");
  }
  if (launch->failed_step != NULL) {
    close(pidfd); /* the child is reaped by the loop, which knows no execution of that pid */
    fault_name_step(fault, launch->failed_step);
    bool directory = strcmp(launch->failed_step, "change directory") == 0;
    return REFUSE(fault, launch->failed_code, "%s", directory ? request->cwd.data : launch->argv[0]);
  }
  *started = (struct started){.pid = (pid_t)pid, .pidfd = pidfd, .terminal = -1};
  return 0;
}

/* On a terminal of its own, if it is to have one. Init closes the slave again: while it had one, the master's reader would
   wait for ever instead of getting EIO. */
static int start_on_terminal(const struct wire_exec *request, struct launch *launch, int work, struct started *started, struct fault *fault) {
  cleanup_close int master = -1, slave = -1;
  if (request->terminal && terminal_open(request->uid, request->columns, request->rows, &master, &slave, fault) < 0) {
    fault_name_step(fault, "open a terminal");
    return -1;
  }
  launch->terminal = slave;
  if (start(request, launch, work, started, fault) < 0) return -1;
  started->terminal = steal_fd(&master);
  return 0;
}

static int start_with_block(const struct wire_exec *request, char *block, size_t length, int work, struct started *started, struct fault *fault) {
  size_t bytes = ((size_t)request->argc + request->envc + 3) * sizeof(char *);
  /* The lowest page of a mapping is fresh; init's heap stays as small as it was. */
  char **pointers = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pointers == MAP_FAILED) return FAIL(fault, "mmap(%zu)", bytes);
  struct launch launch = {.request = request};
  int result = split_block(request, block, length, pointers, &launch, fault);
  if (result == 0) result = start_on_terminal(request, &launch, work, started, fault);
  munmap(pointers, bytes);
  return result;
}

static int start_with_file(const struct wire_exec *request, int work, struct started *started, struct fault *fault) {
  struct stat file;
  if (fstat(request->block_file, &file) < 0) return FAIL(fault, "fstat(argument block)");
  const int wanted = F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW;
  /* Unsealed, the sender could shrink it under us: SIGBUS in init. -1 for what has no seals at all. */
  int seals = fcntl(request->block_file, F_GET_SEALS);
  if (seals < 0 || (seals & wanted) != wanted) return REFUSE(fault, EINVAL, "argument block: not a sealed memfd");
  if (file.st_size <= 0 || file.st_size > MAX_BLOCK_BYTES) return REFUSE(fault, E2BIG, "argument block: %lld bytes, at most %u", (long long)file.st_size, MAX_BLOCK_BYTES);
  char *block = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, request->block_file, 0);
  if (block == MAP_FAILED) return FAIL(fault, "mmap(argument block)");
  int result = start_with_block(request, block, (size_t)file.st_size, work, started, fault);
  munmap(block, (size_t)file.st_size);
  return result;
}

static int check_streams(const struct wire_exec *request, struct fault *fault) {
  if (!request->terminal && (request->stdout_ < 0 || request->stderr_ < 0)) return REFUSE(fault, EINVAL, "neither a terminal nor stdout and stderr");
  const int streams[] = {request->stdin_, request->stdout_, request->stderr_, request->stdout_kept, request->stderr_kept};
  for (size_t i = 0; request->terminal && i < sizeof streams / sizeof *streams; i++)
    if (streams[i] >= 0) return REFUSE(fault, EINVAL, "a terminal and streams");
  return 0;
}

int exec_start(const struct wire_exec *request, int work, struct started *started, struct fault *fault) {
  if (request->argc == 0 || request->argc > MAX_BLOCK_BYTES || request->envc > MAX_BLOCK_BYTES)
    return REFUSE(fault, EINVAL, "%u arguments, %u variables", request->argc, request->envc);
  if (request->cwd.length == 0 || request->cwd.data[0] != '/') return REFUSE(fault, EINVAL, "working directory \"%s\" is not absolute", request->cwd.data);
  if (check_streams(request, fault) < 0) return -1;
  if (request->block_file >= 0) return start_with_file(request, work, started, fault);
  return start_with_block(request, (char *)(uintptr_t)request->block.data, request->block.length, work, started, fault);
}
