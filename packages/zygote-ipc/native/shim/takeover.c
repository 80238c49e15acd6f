#include "takeover.h"

#include <sys/socket.h>
#include <sys/timerfd.h>

#include "client.h"
#include "executions.h"
#include "inbox.h"
#include "reply.h"
#include "sandbox.h"
#include "sys.h"
#include "watch.h"

static int listener_fd, timer_fd;
static int candidate_fd = -1; /* connected, has not said hello yet */

void takeover_listen(int listener) {
  listener_fd = listener;
  timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (timer_fd < 0) sandbox_end();
  watch_set(timer_fd, EPOLLIN, EPOLL_CTL_ADD);
  watch_set(listener_fd, EPOLLIN, EPOLL_CTL_ADD);
}

void takeover_client_left(void) {
  client_drop();
  if (sandbox.paused) return; /* frozen work does nothing that needs somebody */
  if (!sandbox.started || sandbox.orphan_ms == 0) sandbox_end();
  struct itimerspec time = {.it_value = {.tv_sec = sandbox.orphan_ms / 1000, .tv_nsec = (long)(sandbox.orphan_ms % 1000) * 1000000}};
  (void)timerfd_settime(timer_fd, 0, &time, NULL); /* valid descriptor and time: cannot fail */
}

static void drop_candidate(void) {
  close(candidate_fd);
  candidate_fd = -1;
}

static void on_listener(void) {
  int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return; /* it went away again */
  /* One at a time: a silent earlier candidate must not keep a later one out. */
  if (candidate_fd >= 0) drop_candidate();
  candidate_fd = fd;
  watch_set(fd, EPOLLIN, EPOLL_CTL_ADD);
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
  watch_set(candidate_fd, 0, EPOLL_CTL_DEL); /* the loop watches it as the client */
  client_take(candidate_fd);
  candidate_fd = -1;
  struct wire_message message = {.tag = WIRE_WELCOME, .welcome = {.request = hello->request, .executions = execution_count, .paused = sandbox.paused, .root = root}};
  client_tell(&message);
  close(root);
}

static void refuse(const struct fault *fault) {
  struct wire_message refusal = reply_failed(0, fault);
  (void)reply_send(candidate_fd, &refusal, false); /* it is closed either way */
  drop_candidate();
}

static void on_candidate(void) {
  struct wire_message message;
  struct fault fault = {0};
  enum inbox got = inbox_receive(candidate_fd, &message, &fault);
  if (got == INBOX_MESSAGE && admit(&message, &fault) == 0) welcome(&message);
  else if (got == INBOX_MESSAGE || got == INBOX_NONSENSE) refuse(&fault);
  else if (got == INBOX_CLOSED) drop_candidate();
  inbox_clear();
}

bool takeover_event(int fd) {
  if (fd == timer_fd) sandbox_end();
  else if (fd == listener_fd) on_listener();
  else if (fd == candidate_fd) on_candidate();
  else return false;
  return true;
}
