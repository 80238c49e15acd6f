#include "launch.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "seccomp.h"
#include "sys.h"

#define MAX_PATH 8192

SHARES_MEMORY static int child_fail(struct launch *launch, const char *step) {
  launch->failed_code = errno;
  launch->failed_step = step;
  return 127;
}

/* The session is new and has no terminal yet: this one becomes its own, and the child the foreground. By syscall(2),
   because the sanitizer puts a function of its own before ioctl(2). */
SHARES_MEMORY static int take_terminal(int slave) {
  if (dup2(slave, 0) < 0 || dup2(slave, 1) < 0 || dup2(slave, 2) < 0) return -1;
  if (syscall(SYS_ioctl, 0, TIOCSCTTY, 0) < 0) return -1;
  return sys_close_range(3, ~0U, 0);
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
SHARES_MEMORY int launch_child(void *argument) {
  struct launch *launch = argument;
  const struct wire_exec *request = launch->request;
  const char *command = launch->argv[0];
  sigset_t none;
  if (unshare(CLONE_NEWCGROUP) < 0) return child_fail(launch, "unshare the cgroup namespace");
  if (setsid() < 0) return child_fail(launch, "own a session");
  if (launch->terminal >= 0 && take_terminal(launch->terminal) < 0) return child_fail(launch, "take the terminal");
  if (launch->terminal < 0 && take_streams(request) < 0) return child_fail(launch, "take the streams");
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
