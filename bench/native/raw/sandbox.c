#define _GNU_SOURCE
#include "sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "clock.h"
#include "init.h"
#include "vfork.h"

struct birth {
  struct plan plan;
  enum order order;
  int go;      /* naive waits here until maps and cgroups are written */
  int control; /* -1: the program is PID 1 */
  const char *command;
  size_t length;
  int output;
};

static void live(void *argument) {
  const struct birth *birth = argument;
  char byte;
  if (birth->order == NAIVE && read(birth->go, &byte, 1) != 1) _exit(125);
  int contained = birth->order == NAIVE ? contain_naive(&birth->plan) : contain_lean(&birth->plan);
  if (contained < 0) _exit(125);
  if (birth->control >= 0) serve_as_init(birth->control);
  setsid();
  exec_words(birth->command, birth->length, birth->output);
  failed(birth->plan.report, "exec of the payload");
  _exit(127);
}

static int lease(struct driver *driver, struct sandbox *sandbox) {
  *sandbox = (struct sandbox){.pid = -1, .pidfd = -1, .network = -1, .control = -1, .cgroups = {-1, {-1, -1, -1}}};
  snprintf(sandbox->id, sizeof sandbox->id, "s%llu", __atomic_add_fetch(&driver->serial, 1, __ATOMIC_RELAXED));
  struct report first = {0};
  sandbox->slot = stock_lease_user(&driver->stock, &first);
  sandbox->report = &driver->reports[sandbox->slot < 0 ? 0 : sandbox->slot];
  *sandbox->report = first;
  if (sandbox->slot < 0) return -1;
  if (driver->order == LEAN) sandbox->network = stock_take_network(&driver->stock, sandbox->report);
  return sandbox->report->number == 0 ? 0 : -1;
}

/* Parent's half of the naive order, over the pipe OCI runtimes have too. */
static int admit(struct sandbox *sandbox, int go) {
  /* All of them in the first range: /mapped is shifted once, as an engine prepares a layer once. */
  if (write_id_maps(sandbox->pid, 0, sandbox->report) < 0) return -1;
  if (cgroup_attach_procs(&sandbox->cgroups, sandbox->pid, sandbox->report) < 0) return -1;
  TRY(sandbox->report, write(go, "", 1));
  return 0;
}

static int start(struct driver *driver, struct sandbox *sandbox, struct birth *birth) {
  struct report *report = sandbox->report;
  int go[2] = {-1, -1};
  if (cgroup_make(&driver->base, sandbox->id, &sandbox->cgroups, report) < 0) return -1;
  if (cgroup_limit(&sandbox->cgroups, report) < 0) return -1;
  if (driver->order == NAIVE) TRY(report, pipe2(go, O_CLOEXEC));
  cleanup_close int wait_end = go[0], go_end = go[1];
  const struct user_slot *user = &driver->stock.users[sandbox->slot];
  birth->order = driver->order;
  birth->go = wait_end;
  birth->plan = (struct plan){&driver->stage,  &sandbox->cgroups, user->user_namespace, user->lower,
                              sandbox->network, FIRST_ID + sandbox->slot * IDS_EACH, report};
  unsigned long long namespaces = driver->order == NAIVE ? naive_namespaces() : lean_namespaces();
  struct clone_args args = {
      .flags = namespaces | CLONE_PIDFD | CLONE_INTO_CGROUP,
      .pidfd = (unsigned long long)(unsigned long)&sandbox->pidfd,
      .cgroup = (unsigned long long)sandbox->cgroups.unified,
      .exit_signal = SIGCHLD,
  };
  /* An init lives on in its own memory; naive needs its parent awake while it waits. */
  if (birth->control < 0 && driver->order != NAIVE) {
    args.flags |= CLONE_VM | CLONE_VFORK;
    sandbox->pid = (int)clone3_vfork(&args, live, birth);
    if (sandbox->pid < 0) errno = -sandbox->pid;
  } else {
    sandbox->pid = (int)syscall(SYS_clone3, &args, sizeof args);
    if (sandbox->pid == 0) live(birth);
  }
  TRY(report, sandbox->pid);
  return driver->order == NAIVE ? admit(sandbox, go_end) : 0;
}

static int await_exit(struct sandbox *sandbox, int *status) {
  siginfo_t info = {0};
  while (waitid(P_PIDFD, (id_t)sandbox->pidfd, &info, WEXITED) < 0)
    if (errno != EINTR) return failed(sandbox->report, "waitid");
  *status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  if (sandbox->report->number != 0) return -1;
  return 0;
}

static int await_first_byte(int output, struct report *report) {
  char byte;
  ssize_t length = read(output, &byte, 1);
  if (length == 0) errno = ENODATA;
  return length == 1 ? 0 : failed(report, "first byte of stdout");
}

int sandbox_run(struct driver *driver, struct sandbox *sandbox, const char *command, size_t length, int watch_first,
                struct times *times) {
  long long began = now_ns();
  if (lease(driver, sandbox) < 0) return -1;
  int ends[2];
  TRY(sandbox->report, pipe2(ends, O_CLOEXEC));
  cleanup_close int read_end = ends[0], write_end = ends[1];
  struct birth birth = {.control = -1, .command = command, .length = length, .output = write_end};
  if (start(driver, sandbox, &birth) < 0) return -1;
  close(steal_fd(&write_end));
  times->first_ns = -1;
  if (watch_first) {
    if (await_first_byte(read_end, sandbox->report) < 0) return -1;
    times->first_ns = now_ns() - began;
  }
  if (await_exit(sandbox, &times->status) < 0) return -1;
  times->exit_ns = now_ns() - began;
  return 0;
}

int sandbox_create(struct driver *driver, struct sandbox *sandbox) {
  if (lease(driver, sandbox) < 0) return -1;
  int ends[2];
  TRY(sandbox->report, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
  sandbox->control = ends[0];
  cleanup_close int inner = ends[1];
  struct birth birth = {.control = inner, .output = -1};
  if (start(driver, sandbox, &birth) < 0) return -1;
  close(steal_fd(&inner));
  char ready;
  ssize_t length = recv(sandbox->control, &ready, 1, 0);
  if (length == 1) return 0;
  if (length == 0) errno = EPIPE;
  return failed(sandbox->report, "recv of READY");
}

int sandbox_exec(struct sandbox *sandbox, const char *command, size_t length, int watch_first, struct times *times) {
  long long began = now_ns();
  int ends[2];
  TRY(sandbox->report, pipe2(ends, O_CLOEXEC));
  cleanup_close int read_end = ends[0], write_end = ends[1];
  if (init_start(sandbox->control, command, length, write_end, sandbox->report) < 0) return -1;
  close(steal_fd(&write_end));
  times->first_ns = -1;
  if (watch_first) {
    if (await_first_byte(read_end, sandbox->report) < 0) return -1;
    times->first_ns = now_ns() - began;
  }
  int status = -1;
  if (init_await(sandbox->control, &status, sandbox->report) < 0) return -1;
  times->exit_ns = now_ns() - began;
  times->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return 0;
}

int sandbox_forget(struct driver *driver, struct sandbox *sandbox) {
  int result = 0;
  close_owned(&sandbox->pidfd);
  close_owned(&sandbox->control);
  close_owned(&sandbox->network);
  sandbox->pidfd = sandbox->control = sandbox->network = -1;
  if (sandbox->cgroups.unified >= 0) {
    cgroup_close(&sandbox->cgroups);
    result = cgroup_remove(&driver->base, sandbox->id, sandbox->report);
  }
  if (sandbox->slot >= 0) stock_return_user(&driver->stock, sandbox->slot);
  sandbox->slot = -1;
  return result;
}

int sandbox_destroy(struct driver *driver, struct sandbox *sandbox) {
  if (sandbox->pid > 0) {
    if (cgroup_kill(&sandbox->cgroups, sandbox->report) < 0) return -1;
    siginfo_t info;
    while (waitid(P_PIDFD, (id_t)sandbox->pidfd, &info, WEXITED) < 0 && errno == EINTR) continue;
  }
  sandbox->pid = -1;
  return sandbox_forget(driver, sandbox);
}
