#include "exec.h"

#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "../../../linux/native/clone3.h"
#include "seccomp.h"
#include "sys.h"

#define MAX_BLOCK_BYTES (4U << 20)
#define MAX_PATH 8192

/* Everything the child needs, ready before it exists: it shares init's memory and must not allocate. */
struct launch {
  const struct wire_exec *request;
  char **argv;
  char **envp;
  /* written by the child when it fails */
  const char *failed_step;
  int failed_code;
};

SHARES_MEMORY static int child_fail(struct launch *launch, const char *step) {
  launch->failed_code = errno;
  launch->failed_step = step;
  return 127;
}

SHARES_MEMORY static int take_streams(const struct wire_exec *request) {
  int input = request->stdin_ >= 0 ? request->stdin_ : open("/dev/null", O_RDONLY | O_CLOEXEC);
  /* Init's own 0, 1 and 2 are open, so what came is above them and dup2 overwrites nothing that is still needed. */
  if (input < 0 || dup2(input, 0) < 0 || dup2(request->stdout_, 1) < 0 || dup2(request->stderr_, 2) < 0) return -1;
  return sys_close_range(3, ~0U, 0);
}

/* Leaving root clears the capabilities; root keeps what the bounding set allows, through execve. */
SHARES_MEMORY static int become_user(const struct wire_exec *request) {
  gid_t groups[64];
  for (uint32_t i = 0; i < request->groups_count; i++) groups[i] = request->groups[i];
  if (syscall(SYS_setgroups, (long)request->groups_count, groups) < 0) return -1;
  if (syscall(SYS_setresgid, request->gid, request->gid, request->gid) < 0) return -1;
  return (int)syscall(SYS_setresuid, request->uid, request->uid, request->uid);
}

/* A program inside may hold a lease on the file; execve would wait for it for 45 s, and init with it. */
SHARES_MEMORY static bool is_leased(const char *path) {
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd < 0 && errno == EWOULDBLOCK;
}

SHARES_MEMORY static int exec_or_interpret(struct launch *launch, const char *path) {
  if (is_leased(path)) {
    errno = ETXTBSY;
    return -1;
  }
  execve(path, launch->argv, launch->envp);
  if (errno != ENOEXEC) return -1;
  /* A script without an interpreter line: as execvp(3) and every shell do. argv[-1] is kept free for this. */
  char **argv = launch->argv - 1, *first = launch->argv[0];
  argv[0] = (char *)(uintptr_t)"/bin/sh";
  argv[1] = (char *)(uintptr_t)path;
  execve("/bin/sh", argv, launch->envp);
  argv[1] = first;
  return -1;
}

/* A permission error is remembered but the search goes on, as in execvp(3). */
SHARES_MEMORY static int exec_in_path(struct launch *launch, const char *command, const char *search_path) {
  char candidate[MAX_PATH];
  size_t command_length = strlen(command);
  int code = ENOENT;
  for (const char *entry = search_path; entry != NULL;) {
    const char *end = strchr(entry, ':');
    size_t length = end != NULL ? (size_t)(end - entry) : strlen(entry);
    if (length > 0 && length + command_length + 2 <= sizeof candidate) {
      memcpy(candidate, entry, length);
      candidate[length] = '/';
      memcpy(candidate + length + 1, command, command_length + 1);
      exec_or_interpret(launch, candidate);
      if (errno == EACCES) code = EACCES;
      else if (errno != ENOENT && errno != ENOTDIR) return -1;
    }
    entry = end != NULL ? end + 1 : NULL;
  }
  errno = code;
  return -1;
}

/* Runs on init's memory until it execs: raw calls only. Privileges go in the order that still allows the next step. */
SHARES_MEMORY static int child(void *argument) {
  struct launch *launch = argument;
  const struct wire_exec *request = launch->request;
  const char *command = launch->argv[0];
  sigset_t none;
  if (unshare(CLONE_NEWCGROUP) < 0) return child_fail(launch, "unshare the cgroup namespace");
  if (setsid() < 0) return child_fail(launch, "own a session");
  if (take_streams(request) < 0) return child_fail(launch, "take the streams");
  if (seccomp_hide_clone3() < 0) return child_fail(launch, "filter clone3");
  if (become_user(request) < 0) return child_fail(launch, "become the user");
  /* A change of ids sets the memory's dumpability to fs.suid_dumpable, and the memory is init's: nobody may trace it. */
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return child_fail(launch, "stay undumpable");
  if (request->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return child_fail(launch, "give up new privileges");
  if (chdir(request->cwd.data) < 0) return child_fail(launch, "change directory");
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) < 0) return child_fail(launch, "unblock signals");
  if (strchr(command, '/') != NULL) exec_or_interpret(launch, command);
  else exec_in_path(launch, command, request->search_path.data);
  return child_fail(launch, "execute");
}

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
  long pid = hatchery_clone3_vm(&arguments, sizeof arguments, child, launch);
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
  *started = (struct started){(pid_t)pid, pidfd};
  return 0;
}

static int start_with_block(const struct wire_exec *request, char *block, size_t length, int work, struct started *started, struct fault *fault) {
  size_t bytes = ((size_t)request->argc + request->envc + 3) * sizeof(char *);
  /* The lowest page of a mapping is fresh; init's heap stays as small as it was. */
  char **pointers = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pointers == MAP_FAILED) return FAIL(fault, "mmap(%zu)", bytes);
  struct launch launch = {.request = request};
  int result = split_block(request, block, length, pointers, &launch, fault);
  if (result == 0) result = start(request, &launch, work, started, fault);
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

int exec_start(const struct wire_exec *request, int work, struct started *started, struct fault *fault) {
  if (request->argc == 0 || request->argc > MAX_BLOCK_BYTES || request->envc > MAX_BLOCK_BYTES)
    return REFUSE(fault, EINVAL, "%u arguments, %u variables", request->argc, request->envc);
  if (request->cwd.length == 0 || request->cwd.data[0] != '/') return REFUSE(fault, EINVAL, "working directory \"%s\" is not absolute", request->cwd.data);
  if (request->block_file >= 0) return start_with_file(request, work, started, fault);
  return start_with_block(request, (char *)(uintptr_t)request->block.data, request->block.length, work, started, fault);
}
