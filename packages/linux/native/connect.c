/* A TCP connection to a server in another network namespace. */
#include "addon.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Whoever has not answered after so many is ETIMEDOUT, about 20 s after the first. */
#define REQUESTS_AGAIN 3

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

static bool parse_address(const char *text, uint16_t port, union address *address, socklen_t *length) {
  memset(address, 0, sizeof *address);
  if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = htons(port);
    *length = sizeof address->v4;
    return true;
  }
  if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) != 1) return false;
  address->v6.sin6_family = AF_INET6;
  address->v6.sin6_port = htons(port);
  *length = sizeof address->v6;
  return true;
}

/* A socket is of the namespace that its maker is in, for good: this thread is there for that one call, and no other
   thread is born of it meanwhile. Both errors below leave it at home. */
static int socket_within(int pidfd, int family, const char **failed) {
  *failed = "open(\"/proc/thread-self/ns/net\")"; /* first: without the way back nobody goes */
  cleanup_close int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) return -1;
  *failed = "setns";
  if (setns(pidfd, CLONE_NEWNET) < 0) return -1;
  *failed = "socket";
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP), error = errno;
  if (setns(home, CLONE_NEWNET) < 0) {
    /* It cannot fail; a host process that goes on in somebody's sandbox would be worse than none. */
    fputs("hatchery: setns back to the own network namespace failed\n", stderr);
    abort();
  }
  errno = error;
  return fd;
}

/* (pidfd, address, port): a socket whose connection is under way or made. */
static napi_value connect_within(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int pidfd;
  int64_t port;
  size_t text_length;
  cleanup_free char *text = NULL;
  union address address;
  socklen_t length;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_fd(env, values[0], "pidfd", &pidfd) ||
      !get_c_string(addon, values[1], "connect", &text, &text_length) ||
      !get_integer(env, values[2], "port", 1, UINT16_MAX, &port))
    return NULL;
  if (!parse_address(text, (uint16_t)port, &address, &length))
    return throw_linux_error(addon, EINVAL, "connect", "an address that is neither IPv4 nor IPv6");

  const char *failed;
  const int again = REQUESTS_AGAIN, yes = 1;
  cleanup_close int fd = socket_within(pidfd, address.any.sa_family, &failed);
  if (fd < 0) return throw_linux_error(addon, errno, failed, "network namespace of pidfd %d", pidfd);
  if (setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &again, sizeof again) < 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0)
    return throw_linux_error(addon, errno, "setsockopt", "TCP_SYNCNT, TCP_NODELAY");
  if (connect(fd, &address.any, length) < 0 && errno != EINPROGRESS)
    return throw_linux_error(addon, errno, "connect", "%s port %d", text, (int)port);
  return give_fd(addon, steal_fd(&fd));
}

/* (fd): undefined when it is connected; throws why it is not. */
static napi_value require_connected(napi_env env, napi_callback_info info) {
  napi_value value;
  int fd, error = 0;
  socklen_t length = sizeof error;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "fd", &fd)) return NULL;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
    return throw_linux_error(addon, errno, "getsockopt", "%d, SO_ERROR", fd);
  return error == 0 ? NULL : throw_linux_error(addon, error, "connect", "%d", fd);
}

const struct export connect_exports[] = {
    {"connectWithin", connect_within}, {"requireConnected", require_connected}, {NULL, NULL}};
