#include "init.h"

#include <string.h>
#include <sys/epoll.h>

#include "children.h"
#include "client.h"
#include "contain.h"
#include "process.h"
#include "reply.h"
#include "requests.h"
#include "sandbox.h"
#include "sys.h"
#include "takeover.h"
#include "watch.h"

static int children_fd;

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

static void prepare(int listener) {
  watch_open();
  children_fd = children_watch();
  if (children_fd < 0) sandbox_end();
  watch_set(children_fd, EPOLLIN, EPOLL_CTL_ADD);
  takeover_listen(listener);
}

/* A client that does not read is asked for no more requests, so that replies never pile up here. */
static void watch_client(void) {
  static int watched = -1;
  static uint32_t wanted;
  uint32_t want = client_writable() ? EPOLLIN : EPOLLOUT;
  if (client_socket >= 0 && (client_socket != watched || want != wanted)) {
    watch_set(client_socket, want, client_socket == watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
    wanted = want;
  }
  watched = client_socket;
}

static void dispatch(const struct epoll_event *event) {
  int fd = event->data.fd;
  if (fd == children_fd) children_signalled();
  else if (takeover_event(fd)) return;
  else if (fd == client_socket && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && client_writable()) requests_serve();
  else if (fd == client_socket && (event->events & (EPOLLHUP | EPOLLERR)) != 0) takeover_client_left();
}

static _Noreturn void serve(void) {
  for (;;) {
    watch_client();
    struct epoll_event event;
    if (watch_next(&event, !children_left())) dispatch(&event);
    if (children_left()) children_reap();
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
  prepare(making->listener);
  serve();
}
