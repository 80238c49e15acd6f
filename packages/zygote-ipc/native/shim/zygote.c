#include "zygote.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "cell.h"
#include "channel.h"
#include "make.h"
#include "netns.h"
#include "process.h"
#include "reply.h"
#include "seccomp.h"
#include "sys.h"
#include "userns.h"

enum { SOCKET = 3 };

static struct hierarchies hierarchies = {.unified = -1, .v1 = {-1, -1, -1}};
static bool asked, configured, layers_by_descriptor;
static struct packet packet;

/* Waiting for a runtime that does not read is fine: it is the only one who asks. */
static void tell(const struct wire_message *message) { (void)reply_send(SOCKET, message, true); }

static void tell_fault(uint32_t request, const struct fault *fault) {
  struct wire_message message = reply_failed(request, fault);
  tell(&message);
}

/* FSCONFIG_SET_FD for overlay layers came with Linux 6.13: an older overlayfs knows no such parameter. */
static bool overlay_takes_descriptors(void) {
  cleanup_close int context = sys_fsopen("overlay");
  cleanup_close int layer = sys_open_tree_clone(AT_FDCWD, CELL_EMPTY_DIRECTORY);
  return context >= 0 && layer >= 0 && sys_fsconfig(context, FSCONFIG_SET_FD, "lowerdir+", NULL, layer) == 0;
}

/* Taken while it can still be reached; a descriptor outlives the mount that cell_enter() leaves behind. */
static int keep_proc(struct fault *fault) {
  int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return FAIL(fault, "open(/proc)");
  userns_use_proc(proc);
  return netns_use_proc(proc, fault);
}

static void on_configure(const struct wire_configure *request) {
  struct fault fault = {0};
  if (asked) {
    REFUSE(&fault, EALREADY, "configure: asked before");
    fault_name_step(&fault, "configure");
    return tell_fault(request->request, &fault);
  }
  /* A step that failed half-way cannot be taken twice: start another zygote. */
  asked = true;
  if (keep_proc(&fault) < 0 || cell_enter(&fault) < 0 || seccomp_compile(&fault) < 0) {
    fault_name_step(&fault, "prepare the zygote");
    return tell_fault(request->request, &fault);
  }
  hierarchies = (struct hierarchies){request->unified, {request->memory, request->cpu, request->pids}};
  for (size_t i = 0; i < packet.descriptor_count; i++) packet.descriptors[i] = -1; /* all kept */
  layers_by_descriptor = (request->probes & 1) == 0 && overlay_takes_descriptors();
  configured = true;
  struct wire_message reply = {.tag = WIRE_CONFIGURED,
                               .configured = {.request = request->request, .pid = (uint32_t)getpid(), .layers_by_descriptor = layers_by_descriptor}};
  tell(&reply);
}

static void on_make(const struct wire_make *request) {
  struct fault fault = {0};
  struct made made;
  if (!configured) {
    REFUSE(&fault, EINVAL, "make before configure");
    fault_name_step(&fault, "check the request");
    return tell_fault(request->request, &fault);
  }
  if (make_sandbox(request, &hierarchies, layers_by_descriptor, SOCKET, &made, &fault) < 0) return tell_fault(request->request, &fault);
  struct wire_message reply = {.tag = WIRE_MADE, .made = {.request = request->request, .pid = (uint32_t)made.pid, .pidfd = made.pidfd}};
  tell(&reply);
  close(made.pidfd);
}

static void on_request(const struct wire_message *message) {
  struct wire_message pong = {.tag = WIRE_PONG, .pong = {.request = message->request}};
  if (message->tag == WIRE_CONFIGURE) on_configure(&message->configure);
  else if (message->tag == WIRE_MAKE) on_make(&message->make);
  else tell(&pong); /* PING: the decoder lets nothing else through */
}

/* false: the runtime is gone. A bad message is answered and its descriptors closed; the next one is read as usual. */
static bool on_socket(void) {
  int got = packet_receive(SOCKET, &packet);
  if (got < 0 && errno == EAGAIN) return true;
  if (got <= 0) return false;
  struct wire_message message;
  struct wire_error error;
  struct fault fault = {0};
  fault_name_step(&fault, "protocol");
  if (packet.truncated) REFUSE(&fault, EMSGSIZE, "a message of more than %d bytes", PACKET_BYTES);
  else if (packet.control_truncated) REFUSE(&fault, EPROTO, "descriptors were cut off (MSG_CTRUNC)");
  else if (wire_decode_at(WIRE_PARTY_ZYGOTE, WIRE_PARTY_RUNTIME, packet.bytes, packet.length, packet.descriptors, packet.descriptor_count, &message, &error) < 0)
    REFUSE(&fault, EPROTO, "%s", error.text);
  else on_request(&message);
  if (fault.text[0] != '\0') tell_fault(0, &fault);
  packet_close(&packet);
  return true;
}

static void reap(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == sizeof info) {
  }
  for (;;) {
    int wait_status;
    pid_t pid = waitpid(-1, &wait_status, WNOHANG);
    if (pid <= 0) return;
    struct wire_message message = {.tag = WIRE_ENDED, .ended = {.pid = (uint32_t)pid, .wait_status = wait_status}};
    tell(&message);
  }
}

/* Node ignores SIGPIPE, and what is ignored stays ignored through clone and exec: `yes | head` would never end. */
static void restore_default_signals(void) {
  for (int number = 1; number < _NSIG; number++) (void)signal(number, SIG_DFL); /* KILL, STOP and libc's own refuse */
}

int zygote_main(void) {
  sigset_t all;
  sigfillset(&all);
  restore_default_signals();
  (void)prctl(PR_SET_NAME, "hatchery-zygote", 0, 0, 0); /* for ps only */
  process_drop_rank();
  if (sys_close_range(SOCKET + 1, ~0U, 0) < 0 || sigprocmask(SIG_SETMASK, &all, NULL) < 0) return 70;
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK), epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event on_signals = {.events = EPOLLIN, .data.fd = signals}, on_requests = {.events = EPOLLIN, .data.fd = SOCKET};
  /* Blocking, for tell(): the runtime made it non-blocking, and an answer that does not fit would be lost. */
  if (signals < 0 || epoll < 0 || fcntl(SOCKET, F_SETFD, FD_CLOEXEC) < 0 || fcntl(SOCKET, F_SETFL, 0) < 0) return 71;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &on_signals) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, SOCKET, &on_requests) < 0) return 72;
  for (bool idle = false;;) {
    struct epoll_event event;
    int got = epoll_wait(epoll, &event, 1, idle ? -1 : 0);
    /* Nothing is asked: make one namespace, then look again. (-1: EINTR after a stop and continue.) */
    if (got <= 0) {
      idle = got < 0 || !configured || !netns_refill();
      continue;
    }
    idle = false;
    if (event.data.fd == signals) reap(signals);
    else if (!on_socket()) return 0;
  }
}
