#include "children.h"

#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executions.h"
#include "writes.h"

enum { MAX_REAPED_IN_A_TURN = 8 };

static int signals_fd = -1;
static bool left;

int children_watch(void) {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  /* Only what signalfd reads is blocked: the kernel drops any other signal from inside, but would queue a blocked one. */
  (void)sigprocmask(SIG_SETMASK, &children, NULL); /* valid arguments: cannot fail */
  signals_fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  return signals_fd;
}

void children_signalled(void) {
  struct signalfd_siginfo info;
  while (read(signals_fd, &info, sizeof info) == sizeof info) {
  }
  left = true;
}

bool children_left(void) { return left; }

/* PTRACE_TRACEME makes a child's parent its tracer, whether init wants it or not: detached, it neither stands still for ever
   nor is taken for ended. The SIGTRAP of an execve is ptrace's own and would kill. Fails only when the child is gone. */
static void let_go(pid_t pid, int stop_signal) { (void)ptrace(PTRACE_DETACH, pid, NULL, stop_signal == SIGTRAP ? 0 : stop_signal); }

/* So many and no more in one turn: processes that end or stop as fast as they are waited for would keep init from all else. */
void children_reap(void) {
  for (int i = 0; i < MAX_REAPED_IN_A_TURN; i++) {
    int wait_status;
    struct rusage usage;
    pid_t pid = wait4(-1, &wait_status, WNOHANG, &usage);
    if (pid <= 0) {
      left = false;
      return;
    }
    if (WIFSTOPPED(wait_status)) let_go(pid, WSTOPSIG(wait_status));
    else if (!writes_ended(pid, wait_status)) execution_ended(pid, wait_status, &usage);
  }
}
