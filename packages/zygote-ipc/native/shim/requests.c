#include "requests.h"

#include <errno.h>
#include <string.h>

#include "client.h"
#include "exec.h"
#include "executions.h"
#include "inbox.h"
#include "sandbox.h"
#include "seal.h"
#include "sys.h"
#include "takeover.h"
#include "volumes.h"
#include "writes.h"

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
  if (volumes_mount(request, &fault) < 0) return client_tell_fault(request->request, &fault);
  if (seal(request->hostname.data, &fault) < 0) return client_tell_fault(request->request, &fault);
  inbox_give(request->work);
  sandbox = (struct sandbox){.started = true, .work = request->work, .token_length = request->token.length, .epoch = request->epoch, .orphan_ms = request->orphan_ms};
  memcpy(sandbox.token, request->token.data, request->token.length);
  struct wire_message ready = {.tag = WIRE_READY, .ready = {.request = request->request}};
  client_tell(&ready);
}

static struct keepsake keepsake_of(const struct wire_exec *request, int terminal) {
  struct keepsake keepsake = {.terminal = request->durable ? terminal : -1,
                              .stdout_kept = request->stdout_kept,
                              .stderr_kept = request->stderr_kept,
                              .ring = request->ring,
                              .label_length = request->label.length};
  memcpy(keepsake.label, request->label.data, request->label.length);
  return keepsake;
}

static void tell_execed(const struct wire_exec *request, struct started *started) {
  struct keepsake keepsake = keepsake_of(request, started->terminal);
  (void)execution_add(request->execution, started->pid, &keepsake); /* there is room: checked before */
  inbox_give(keepsake.stdout_kept);
  inbox_give(keepsake.stderr_kept);
  inbox_give(keepsake.ring);
  struct wire_message message = {.tag = WIRE_EXECED,
                                 .execed = {.request = request->request,
                                            .execution = request->execution,
                                            .pid = (uint32_t)started->pid,
                                            .pidfd = started->pidfd,
                                            .terminal = started->terminal}};
  client_tell(&message);
  close(started->pidfd);
  if (keepsake.terminal < 0) cleanup_close_fd(&started->terminal);
}

/* At most this many; one that does not start keeps none. */
static unsigned wants_kept(const struct wire_exec *request) {
  return (request->terminal && request->durable) + (request->stdout_kept >= 0) + (request->stderr_kept >= 0) + (request->ring >= 0);
}

static int admit(const struct wire_exec *request, struct fault *fault) {
  if (!sandbox.started) return REFUSE(fault, EINVAL, "exec before start");
  if (sandbox.paused) return REFUSE(fault, EBUSY, "exec while the sandbox is paused");
  if (execution_find(request->execution) != NULL) return REFUSE(fault, EEXIST, "execution %llu exists", (unsigned long long)request->execution);
  if (execution_count == MAX_EXECUTIONS) return REFUSE(fault, EAGAIN, "%d executions, the most that one sandbox has at a time", MAX_EXECUTIONS);
  if (!executions_may_keep(wants_kept(request))) return REFUSE(fault, EMFILE, "no room for what init is to keep of a durable execution");
  return 0;
}

static void on_exec(const struct wire_exec *request) {
  struct fault fault = {0};
  struct started started;
  if (admit(request, &fault) == 0 && exec_start(request, request->cgroup >= 0 ? request->cgroup : sandbox.work, &started, &fault) == 0)
    return tell_execed(request, &started);
  fault_name_step(&fault, "exec");
  client_tell_fault(request->request, &fault);
}

static void on_acknowledge(const struct wire_acknowledge *request) {
  struct execution *execution = execution_find(request->execution);
  if (execution != NULL && execution->ended) execution_forget(execution);
}

static void on_release(const struct wire_release *request) {
  struct execution *execution = execution_find(request->execution);
  if (execution != NULL) execution_release(execution, request->stdout_, request->stderr_);
}

/* A command that was asked for before has been started or refused by now: requests are taken one after the other, and each
   start is waited for. So nothing is between clone and execve when `work` is frozen, where it would stall this process. */
static void on_pause(const struct wire_pause *request) {
  struct fault fault = {0};
  if (!sandbox.started) {
    REFUSE(&fault, EINVAL, "pause before start");
    fault_name_step(&fault, "pause");
    return client_tell_fault(request->request, &fault);
  }
  sandbox.paused = true;
  struct wire_message paused = {.tag = WIRE_PAUSED, .paused = {.request = request->request}};
  client_tell(&paused);
}

static void on_resume(const struct wire_resume *request) {
  sandbox.paused = false;
  struct wire_message resumed = {.tag = WIRE_RESUMED, .resumed = {.request = request->request}};
  client_tell(&resumed);
}

static void on_write(const struct wire_write *request) {
  struct fault fault = {0};
  if (!sandbox.started) REFUSE(&fault, EINVAL, "write before start");
  else if (writes_start(request, &fault) == 0) return; /* answered when it has ended */
  fault_name_step(&fault, "write");
  client_tell_fault(request->request, &fault);
}

static void refuse(const struct wire_message *message) {
  struct fault fault = {0};
  REFUSE(&fault, EPROTO, "%s on a connection that has said hello", wire_name(message->tag));
  fault_name_step(&fault, "protocol");
  client_tell_fault(message->request, &fault);
}

static void on_request(const struct wire_message *message) {
  struct wire_message pong = {.tag = WIRE_PONG, .pong = {.request = message->request}};
  switch (message->tag) {
    case WIRE_START: return on_start(&message->start);
    case WIRE_EXEC: return on_exec(&message->exec);
    case WIRE_ACKNOWLEDGE: return on_acknowledge(&message->acknowledge);
    case WIRE_RELEASE: return on_release(&message->release);
    case WIRE_PAUSE: return on_pause(&message->pause);
    case WIRE_RESUME: return on_resume(&message->resume);
    case WIRE_WRITE: return on_write(&message->write);
    case WIRE_PING: return client_tell(&pong);
    default: return refuse(message);
  }
}

void requests_serve(void) {
  while (client_socket >= 0 && client_writable()) {
    struct wire_message message;
    struct fault fault = {0};
    switch (inbox_receive(client_socket, &message, &fault)) {
      case INBOX_EMPTY: return;
      case INBOX_CLOSED: return takeover_client_left();
      case INBOX_NONSENSE: client_tell_fault(0, &fault); break;
      case INBOX_MESSAGE: on_request(&message); break;
    }
    inbox_clear();
  }
}
