/* Making and reaching SEQPACKET sockets. */
#include "addon.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static napi_value seqpacket_pair(napi_env env, napi_callback_info info) {
  struct addon *addon = get_arguments(env, info, 0, NULL);
  int ends[2];
  if (addon == NULL) return NULL;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
    return throw_linux_error(addon, errno, "socketpair", "AF_UNIX, SOCK_SEQPACKET");
  return give_fd_pair(addon, ends);
}

/* (directoryFd, name). Through /proc/self/fd, since connect has no directory argument and a socket's
   own path may be longer than the 107 bytes that fit into an address. */
static napi_value connect_seqpacket(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int directory;
  size_t length;
  cleanup_free char *name = NULL;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "directoryFd", &directory) ||
      !get_c_string(addon, values[1], "connect", &name, &length))
    return NULL;
  struct detail detail = {.length = 0};
  detail_format(&detail, "%d, ", directory);
  detail_quote(&detail, name, length);
  if (length == 0 || strchr(name, '/') != NULL || strcmp(name, "..") == 0)
    return throw_linux_error(addon, EINVAL, "connect", "%s: not the name of a socket in that directory", detail.text);
  int written = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory, name);
  if (written < 0 || (size_t)written >= sizeof address.sun_path)
    return throw_linux_error(addon, ENAMETOOLONG, "connect", "%s", detail.text);

  cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return throw_linux_error(addon, errno, "socket", "AF_UNIX, SOCK_SEQPACKET");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    return throw_linux_error(addon, errno, "connect", "%s", detail.text);
  return give_fd(addon, steal_fd(&fd));
}

const struct export socket_exports[] = {
    {"seqpacketPair", seqpacket_pair}, {"connectSeqpacket", connect_seqpacket}, {NULL, NULL}};
