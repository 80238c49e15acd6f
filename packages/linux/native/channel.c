/* SEQPACKET channels: whole messages with descriptors, on the event loop. */
#include "channel.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <poll.h>

/* Per wake-up; what is left waits for the next turn of the loop, so that a peer that never stops
   talking cannot keep timers and other descriptors from their turn. */
#define MESSAGES_PER_WAKE_UP 64

enum { ON_MESSAGE, ON_CLOSE };
enum { DATA_TRUNCATED = 1, CONTROL_TRUNCATED = 2 };

static void watch_for_events(struct channel *channel);

static void release_channel(struct poll_handle *handle) {
  struct channel *channel = (struct channel *)handle;
  drop_queue(channel);
  free(channel->control);
  channel->control = NULL;
}

/* Ends the channel by itself (end of file or an error): closed first, told afterwards. */
static void end_channel(struct channel *channel, int error, const char *syscall) {
  struct addon *addon = channel->handle.addon;
  int fd = channel->handle.fd;
  napi_value argument = NULL;
  poll_handle_close(&channel->handle);
  if (error == 0) {
    napi_get_null(addon->env, &argument);
  } else {
    struct detail detail = {.length = 0};
    detail_format(&detail, "%d", fd);
    argument = make_linux_error(addon, error, syscall, detail.text);
  }
  if (argument != NULL) poll_handle_call(&channel->handle, ON_CLOSE, 1, &argument);
}

/*
 * A message of no bytes and the end of file look alike to recvmsg. The peer that is still there has
 * not hung up; of one that has, only empty messages without descriptors can be lost here.
 */
static bool at_end_of_file(const struct channel *channel) {
  struct pollfd hung_up = {.fd = channel->handle.fd, .events = POLLRDHUP};
  int queued = 0;
  if (poll(&hung_up, 1, 0) <= 0 || (hung_up.revents & (POLLRDHUP | POLLHUP)) == 0) return false;
  return ioctl(channel->handle.fd, FIONREAD, &queued) < 0 || queued == 0;
}

static int first_descriptors(struct msghdr *message, const int **fds) {
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    *fds = (const int *)CMSG_DATA(header);
    return (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  }
  return 0;
}

/* A cut message cannot be acted on, so its descriptors are closed: nobody could say which are missing. */
static napi_value take_descriptors(struct addon *addon, const int *fds, int count, bool cut) {
  napi_value list = NULL;
  if (cut || count == 0 || napi_create_array_with_length(addon->env, (size_t)count, &list) != napi_ok) {
    for (int i = 0; i < count; i++) close(fds[i]);
    if (cut || count == 0) napi_get_undefined(addon->env, &list);
    return list;
  }
  for (int i = 0; i < count; i++) {
    if (!registry_add(addon, fds[i])) {
      for (int j = 0; j < i; j++) registry_remove(addon, fds[j]);
      return take_descriptors(addon, fds, count, true);
    }
    napi_set_element(addon->env, list, (uint32_t)i, make_number(addon->env, fds[i]));
  }
  return list;
}

static bool deliver(struct channel *channel, size_t length, struct msghdr *message) {
  struct addon *addon = channel->handle.addon;
  napi_env env = addon->env;
  napi_handle_scope scope;
  napi_value arguments[3] = {NULL, NULL, NULL};
  const int *fds = NULL;
  int count = first_descriptors(message, &fds);
  int flags = ((message->msg_flags & MSG_TRUNC) != 0 ? DATA_TRUNCATED : 0) |
              ((message->msg_flags & MSG_CTRUNC) != 0 ? CONTROL_TRUNCATED : 0);
  if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
  arguments[1] = take_descriptors(addon, fds, count, flags != 0);
  bool go_on = arguments[1] != NULL && napi_create_uint32(env, (uint32_t)length, &arguments[0]) == napi_ok &&
               napi_create_int32(env, flags, &arguments[2]) == napi_ok &&
               poll_handle_call(&channel->handle, ON_MESSAGE, 3, arguments);
  napi_close_handle_scope(env, scope);
  return go_on;
}

/* False: nothing more to read now, or the channel is gone. */
static bool receive_one(struct channel *channel) {
  struct iovec area = {.iov_base = channel->handle.addon->receive_area, .iov_len = channel->max_bytes};
  struct msghdr message = {.msg_iov = &area,
                           .msg_iovlen = 1,
                           .msg_control = channel->control,
                           .msg_controllen = channel->control_bytes};
  ssize_t length = recvmsg(channel->handle.fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (length < 0) {
    if (errno == EINTR) return true;
    if (errno == EAGAIN && channel->broken == 0) return false;
    /* The peer closed without reading all that was sent to it. The kernel tells this once and first;
       what the peer had sent before is still there to be read. */
    if (errno == ECONNRESET) {
      channel->broken = ECONNRESET;
      return true;
    }
    end_channel(channel, errno == EAGAIN ? channel->broken : errno, "recvmsg");
    return false;
  }
  if (length == 0 && message.msg_controllen == 0 && (message.msg_flags & MSG_TRUNC) == 0 && at_end_of_file(channel)) {
    end_channel(channel, channel->broken, "recvmsg");
    return false;
  }
  return deliver(channel, (size_t)length, &message);
}

static void on_event(uv_poll_t *poll, int status, int events) {
  struct channel *channel = poll->data;
  napi_env env = channel->handle.addon->env;
  napi_handle_scope scope;
  (void)status; /* POLLERR arrives as UV_EBADF; recvmsg and sendmsg say what it was */
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if ((events & UV_WRITABLE) != 0 || status < 0) {
    /* What the peer said before it went is still to be read; then the channel ends with this error. */
    channel->broken = flush_queue(channel);
    if (channel->broken != 0) drop_queue(channel);
  }
  for (int i = 0; i < MESSAGES_PER_WAKE_UP && !channel->handle.closed; i++)
    if (!receive_one(channel)) break;
  if (!channel->handle.closed) watch_for_events(channel);
  napi_close_handle_scope(env, scope);
}

/* Also restarts the poll: libuv stops it when it reports an error. */
static void watch_for_events(struct channel *channel) {
  int events = UV_READABLE | (channel->queued > 0 ? UV_WRITABLE : 0);
  if (channel->events == events && uv_is_active((uv_handle_t *)&channel->handle.poll)) return;
  channel->events = events;
  uv_poll_start(&channel->handle.poll, events, on_event);
}

/* (buffer): one for all channels of the thread. JavaScript copies a message out of it as soon as it is
   called, into its own pool: that is cheaper than a Buffer made from here. */
static napi_value set_receive_area(napi_env env, napi_callback_info info) {
  napi_value value;
  const unsigned char *bytes;
  size_t length;
  napi_ref reference;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_bytes(env, value, "receiveArea", &bytes, &length) ||
      napi_create_reference(env, value, 1, &reference) != napi_ok)
    return NULL;
  if (addon->receive_area_buffer != NULL) napi_delete_reference(env, addon->receive_area_buffer);
  addon->receive_area_buffer = reference;
  addon->receive_area = (unsigned char *)bytes;
  addon->receive_area_bytes = length;
  return NULL;
}

/* (fd, maxBytes, maxFds, onMessage(length, fds, flags), onClose(error)): an external that holds the channel. */
static napi_value open_channel(napi_env env, napi_callback_info info) {
  napi_value values[5];
  int fd;
  int64_t max_bytes, max_fds;
  struct addon *addon = get_arguments(env, info, 5, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd) ||
      !get_integer(env, values[1], "maxBytes", 1, (int64_t)addon->receive_area_bytes, &max_bytes) ||
      !get_integer(env, values[2], "maxFds", 0, LARGEST_FD_COUNT, &max_fds))
    return NULL;
  int type = 0;
  socklen_t type_length = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) < 0)
    return throw_linux_error(addon, errno, "getsockopt", "%d, SO_TYPE", fd);
  if (type != SOCK_SEQPACKET)
    return throw_linux_error(addon, EPROTOTYPE, "getsockopt", "%d, SO_TYPE: no SOCK_SEQPACKET", fd);

  struct channel *channel = calloc(1, sizeof *channel);
  /* Exactly maxFds fit: CMSG_SPACE would round up and let one more through. */
  size_t control_bytes = max_fds == 0 ? 0 : CMSG_LEN((size_t)max_fds * sizeof(int));
  unsigned char *control = control_bytes == 0 ? NULL : malloc(control_bytes);
  if (channel == NULL || (control == NULL && control_bytes > 0)) {
    free(channel);
    free(control);
    return throw_linux_error(addon, ENOMEM, "malloc", "channel of %d", fd);
  }
  channel->handle.release = release_channel;
  channel->max_bytes = (size_t)max_bytes;
  channel->max_fds = (size_t)max_fds;
  channel->control = control;
  channel->control_bytes = control_bytes;
  napi_value external = poll_handle_open(addon, &channel->handle, fd, "HATCHERYCHANNEL", 2, &values[3]);
  if (external == NULL) {
    free(control);
    return NULL;
  }
  registry_remove(addon, fd);
  watch_for_events(channel);
  return external;
}

/* (channel, data, fds | undefined): true when the kernel took it, false when it was queued. */
static napi_value send_message(napi_env env, napi_callback_info info) {
  napi_value values[3];
  const unsigned char *bytes;
  size_t length, count;
  cleanup_free int *fds = NULL;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL) return NULL;
  struct channel *channel = (struct channel *)get_poll_handle(env, values[0]);
  if (channel == NULL || !get_bytes(env, values[1], "data", &bytes, &length) ||
      !get_fd_list(env, values[2], "fds", &fds, &count))
    return NULL;
  if (channel->handle.closed) return throw_linux_error(addon, EBADF, "sendmsg", "the channel is closed");
  int fd = channel->handle.fd;
  if (length == 0)
    return throw_linux_error(addon, EINVAL, "sendmsg", "%d, 0 bytes: the peer would read end of file", fd);
  if (length > channel->max_bytes)
    return throw_linux_error(addon, EMSGSIZE, "sendmsg", "%d, %zu bytes of at most %zu", fd, length,
                             channel->max_bytes);
  if (count > channel->max_fds)
    return throw_linux_error(addon, EMSGSIZE, "sendmsg", "%d, %zu descriptors of at most %zu", fd, count,
                             channel->max_fds);

  int error = channel->queued > 0 ? EAGAIN : send_now(fd, bytes, length, fds, count);
  if (error == 0) return make_boolean(env, true);
  if (error != EAGAIN)
    return throw_linux_error(addon, error, "sendmsg", "%d, %zu bytes, %zu descriptors", fd, length, count);
  error = enqueue(channel, bytes, length, fds, count);
  if (error != 0)
    return throw_linux_error(addon, error, "dup", "%zu descriptors of a message to %d that has to wait", count, fd);
  watch_for_events(channel);
  return make_boolean(env, false);
}

static napi_value queued_messages(napi_env env, napi_callback_info info) {
  napi_value value;
  if (get_arguments(env, info, 1, &value) == NULL) return NULL;
  struct channel *channel = (struct channel *)get_poll_handle(env, value);
  return channel == NULL ? NULL : make_number(env, (double)channel->queued);
}

static napi_value close_channel(napi_env env, napi_callback_info info) {
  napi_value value;
  if (get_arguments(env, info, 1, &value) == NULL) return NULL;
  struct poll_handle *handle = get_poll_handle(env, value);
  if (handle != NULL) poll_handle_close(handle);
  return NULL;
}

const struct export channel_exports[] = {{"setReceiveArea", set_receive_area},
                                         {"openChannel", open_channel},
                                         {"sendMessage", send_message},
                                         {"queuedMessages", queued_messages},
                                         {"closeChannel", close_channel},
                                         {NULL, NULL}};
