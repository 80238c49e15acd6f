#include "init.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "channel.h"
#include "client.h"
#include "contain.h"
#include "exec.h"
#include "executions.h"
#include "process.h"
#include "reply.h"
#include "seal.h"
#include "sys.h"

enum { MAX_TOKEN_BYTES = 32, MAX_REAPED_IN_A_TURN = 8 };

static struct {
  bool started;
  int work; /* cgroup that executions are born in */
  uint8_t token[MAX_TOKEN_BYTES];
  uint32_t token_length;
  uint64_t epoch;
  uint32_t orphan_ms;
} sandbox = {.work = -1};

static int epoll_fd, signals_fd, listener_fd, timer_fd;
static int candidate_fd = -1; /* connected, has not said hello yet */
static bool children_left; /* some may have ended or stopped */
static struct packet packet;

/* The kernel ends the pid namespace, and with it everything inside, when its PID 1 exits. */
static _Noreturn void end_sandbox(void) { _exit(0); }

static void watch(int fd, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll_fd, operation, fd, &event) < 0) end_sandbox(); /* out of kernel memory: there is no way on */
}

/* Without a client for long enough, nobody will ever come back for this sandbox. */
static void client_left(void) {
  client_drop();
  if (!sandbox.started || sandbox.orphan_ms == 0) end_sandbox();
  struct itimerspec time = {.it_value = {.tv_sec = sandbox.orphan_ms / 1000, .tv_nsec = (long)(sandbox.orphan_ms % 1000) * 1000000}};
  (void)timerfd_settime(timer_fd, 0, &time, NULL); /* valid descriptor and time: cannot fail */
}

static void on_start(const struct wire_start *request) {
  struct fault fault = {0};
  if (sandbox.started) {
    REFUSE(&fault, EALREADY, "start: this sandbox has started before");
    return client_tell_fault(request->request, &fault);
  }
  if (request->token.length == 0) {
    REFUSE(&fault, EINVAL, "start: empty token");
    return client_tell_fault(request->request, &fault);
  }
  if (seal(request->hostname.data, &fault) < 0) return client_tell_fault(request->request, &fault);
  packet_disown(&packet, request->work);
  sandbox.started = true;
  sandbox.work = request->work;
  memcpy(sandbox.token, request->token.data, request->token.length);
  sandbox.token_length = request->token.length;
  sandbox.epoch = request->epoch;
  sandbox.orphan_ms = request->orphan_ms;
  struct wire_message ready = {.tag = WIRE_READY, .ready = {.request = request->request}};
  client_tell(&ready);
}

static void on_exec(const struct wire_exec *request) {
  struct fault fault = {0};
  struct started started;
  if (!sandbox.started) {
    REFUSE(&fault, EINVAL, "exec before start");
  } else if (execution_find(request->execution) != NULL) {
    REFUSE(&fault, EEXIST, "execution %llu exists", (unsigned long long)request->execution);
  } else if (execution_count == MAX_EXECUTIONS) {
    REFUSE(&fault, EAGAIN, "%d executions, the most that one sandbox has at a time", MAX_EXECUTIONS);
  } else if (exec_start(request, request->cgroup >= 0 ? request->cgroup : sandbox.work, &started, &fault) == 0) {
    (void)execution_add(request->execution, started.pid); /* there is room: checked above */
    struct wire_message message = {
        .tag = WIRE_EXECED,
        .execed = {.request = request->request, .execution = request->execution, .pid = (uint32_t)started.pid, .pidfd = started.pidfd}};
    client_tell(&message);
    close(started.pidfd);
    return;
  }
  fault_name_step(&fault, "exec");
  client_tell_fault(request->request, &fault);
}

static void on_acknowledge(const struct wire_acknowledge *request) {
  struct execution *execution = execution_find(request->execution);
  if (execution != NULL && execution->ended) execution_forget(execution);
}

static void on_request(const struct wire_message *message) {
  struct wire_message pong = {.tag = WIRE_PONG, .pong = {.request = message->request}};
  switch (message->tag) {
    case WIRE_START: return on_start(&message->start);
    case WIRE_EXEC: return on_exec(&message->exec);
    case WIRE_ACKNOWLEDGE: return on_acknowledge(&message->acknowledge);
    case WIRE_PING: return client_tell(&pong);
    default: {
      struct fault fault = {0};
      REFUSE(&fault, EPROTO, "%s on a connection that has said hello", wire_name(message->tag));
      fault_name_step(&fault, "protocol");
      return client_tell_fault(message->request, &fault);
    }
  }
}

/* What is wrong with the datagram, if anything; the channel stays usable, since datagrams keep their bounds. */
static int decode(struct wire_message *message, struct fault *fault) {
  struct wire_error error;
  int result = 0;
  if (packet.truncated) result = REFUSE(fault, EMSGSIZE, "a message of more than %d bytes", PACKET_BYTES);
  else if (packet.control_truncated) result = REFUSE(fault, EPROTO, "descriptors were cut off (MSG_CTRUNC)");
  else if (wire_decode_at(WIRE_PARTY_INIT, WIRE_PARTY_RUNTIME, packet.bytes, packet.length, packet.descriptors, packet.descriptor_count, message, &error) < 0)
    result = REFUSE(fault, EPROTO, "%s", error.text);
  if (result < 0) fault_name_step(fault, "protocol");
  return result;
}

static void on_client(void) {
  while (client_socket >= 0 && client_writable()) {
    int got = packet_receive(client_socket, &packet);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return client_left();
    struct wire_message message;
    struct fault fault = {0};
    if (decode(&message, &fault) < 0) client_tell_fault(0, &fault);
    else on_request(&message);
    packet_close(&packet);
  }
}

static void on_listener(void) {
  int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return; /* it went away again */
  /* One at a time: a silent earlier candidate must not keep a later one out. */
  if (candidate_fd >= 0) close(candidate_fd);
  candidate_fd = fd;
  watch(fd, EPOLLIN, EPOLL_CTL_ADD);
}

static bool token_matches(const struct wire_bytes *token) {
  if (token->length != sandbox.token_length) return false;
  uint8_t difference = 0; /* in constant time */
  for (uint32_t i = 0; i < token->length; i++) difference |= token->data[i] ^ sandbox.token[i];
  return difference == 0;
}

static int admit(const struct wire_message *message, struct fault *fault) {
  fault_name_step(fault, "hello");
  if (message->tag != WIRE_HELLO) return REFUSE(fault, EPROTO, "%s instead of hello", wire_name(message->tag));
  if (!sandbox.started) return REFUSE(fault, EAGAIN, "the sandbox has not started");
  if (!token_matches(&message->hello.token)) return REFUSE(fault, EACCES, "the token is not this sandbox's");
  if (message->hello.epoch < sandbox.epoch)
    return REFUSE(fault, ESTALE, "epoch %llu, the runner that has this sandbox is at %llu", (unsigned long long)message->hello.epoch, (unsigned long long)sandbox.epoch);
  return 0;
}

static void welcome(const struct wire_message *hello) {
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct itimerspec never = {0};
  (void)timerfd_settime(timer_fd, 0, &never, NULL);
  sandbox.epoch = hello->hello.epoch;
  watch(candidate_fd, 0, EPOLL_CTL_DEL); /* serve() watches it as the client */
  client_take(candidate_fd);
  candidate_fd = -1;
  struct wire_message message = {.tag = WIRE_WELCOME, .welcome = {.request = hello->request, .executions = execution_count, .root = root}};
  client_tell(&message);
  close(root);
}

static void on_candidate(void) {
  int got = packet_receive(candidate_fd, &packet);
  if (got < 0 && errno == EAGAIN) return;
  struct wire_message message;
  struct fault fault = {0};
  if (got > 0 && decode(&message, &fault) == 0 && admit(&message, &fault) == 0) {
    welcome(&message);
  } else {
    if (got > 0) {
      struct wire_message refusal = reply_failed(0, &fault);
      (void)reply_send(candidate_fd, &refusal, false); /* it is closed either way */
    }
    close(candidate_fd);
    candidate_fd = -1;
  }
  packet_close(&packet);
}

/* PTRACE_TRACEME makes a child's parent its tracer, whether init wants it or not: detached, it neither stands still for ever
   nor is taken for ended. The SIGTRAP of an execve is ptrace's own and would kill. Fails only when the child is gone. */
static void let_go(pid_t pid, int stop_signal) { (void)ptrace(PTRACE_DETACH, pid, NULL, stop_signal == SIGTRAP ? 0 : stop_signal); }

static void on_signals(void) {
  struct signalfd_siginfo info;
  while (read(signals_fd, &info, sizeof info) == sizeof info) {
  }
  children_left = true;
}

/* So many and no more in one turn: processes that end or stop as fast as they are waited for would keep init from all else. */
static void reap(void) {
  for (int i = 0; i < MAX_REAPED_IN_A_TURN; i++) {
    int wait_status;
    struct rusage usage;
    pid_t pid = wait4(-1, &wait_status, WNOHANG, &usage);
    if (pid <= 0) {
      children_left = false;
      return;
    }
    if (WIFSTOPPED(wait_status)) let_go(pid, WSTOPSIG(wait_status));
    else execution_ended(pid, wait_status, &usage);
  }
}

static void prepare(struct making *making) {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  /* Only what signalfd reads is blocked: the kernel drops any other signal from inside, but would queue a blocked one. */
  (void)sigprocmask(SIG_SETMASK, &children, NULL); /* valid arguments: cannot fail */
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  signals_fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  listener_fd = making->listener;
  if (epoll_fd < 0 || signals_fd < 0 || timer_fd < 0) end_sandbox();
  watch(signals_fd, EPOLLIN, EPOLL_CTL_ADD);
  watch(timer_fd, EPOLLIN, EPOLL_CTL_ADD);
  watch(listener_fd, EPOLLIN, EPOLL_CTL_ADD);
}

/* The runtime waits for this one, and has nothing else to read yet: the socket has room. */
static void tell_parked(int connection, const uint32_t *microseconds, int steps) {
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct wire_message parked = {.tag = WIRE_PARKED, .parked = {.microseconds_count = (uint32_t)steps, .root = root}};
  memcpy(parked.parked.microseconds, microseconds, (size_t)steps * sizeof *microseconds);
  (void)reply_send(connection, &parked, true); /* a runtime that is gone shows as end of file at once */
  close(root);
}

static _Noreturn void fail_to_make(int connection, const struct fault *fault) {
  struct wire_message failed = reply_failed(0, fault);
  (void)reply_send(connection, &failed, true); /* the runtime sees the end of file if it cannot be told */
  _exit(1);
}

static void dispatch(const struct epoll_event *event) {
  int fd = event->data.fd;
  if (fd == signals_fd) on_signals();
  else if (fd == timer_fd) end_sandbox();
  else if (fd == listener_fd) on_listener();
  else if (fd == candidate_fd) on_candidate();
  else if (fd == client_socket && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && client_writable()) on_client();
  else if (fd == client_socket && (event->events & (EPOLLHUP | EPOLLERR)) != 0) client_left();
}

static void serve(void) {
  int watched = -1;
  uint32_t wanted = 0;
  for (;;) {
    /* A client that does not read is asked for no more requests, so that replies never pile up here. */
    uint32_t want = client_writable() ? EPOLLIN : EPOLLOUT;
    if (client_socket >= 0 && (client_socket != watched || want != wanted)) {
      watch(client_socket, want, client_socket == watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
      wanted = want;
    }
    watched = client_socket;
    struct epoll_event event;
    int got = epoll_wait(epoll_fd, &event, 1, children_left ? 0 : -1);
    if (got < 0) continue; /* EINTR after a stop and continue */
    if (got > 0) dispatch(&event);
    if (children_left) reap();
    client_flush();
  }
}

_Noreturn void init_run(struct making *making) {
  uint32_t microseconds[CONTAIN_MAX_STEPS];
  struct fault fault = {0};
  int steps = contain(making, microseconds, &fault);
  if (steps < 0) fail_to_make(making->connection, &fault);
  tell_parked(making->connection, microseconds, steps);
  if (process_close_others(making, &fault) < 0) fail_to_make(making->connection, &fault);
  client_take(making->connection);
  prepare(making);
  serve();
  end_sandbox();
}
