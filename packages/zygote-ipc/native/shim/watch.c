#include "watch.h"

#include "sandbox.h"

static int epoll_fd;

void watch_open(void) {
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) sandbox_end();
}

void watch_set(int fd, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll_fd, operation, fd, &event) < 0) sandbox_end(); /* out of kernel memory: there is no way on */
}

/* -1 is EINTR after a stop and continue. */
bool watch_next(struct epoll_event *event, bool wait) { return epoll_wait(epoll_fd, event, 1, wait ? -1 : 0) > 0; }
