/* Sending a message with its descriptors, now or when the socket has room again. */
#include "channel.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

int send_now(int fd, const unsigned char *bytes, size_t length, const int *fds, size_t count) {
  _Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(LARGEST_FD_COUNT * sizeof(int))];
  struct iovec area = {.iov_base = (void *)bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &area, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    memset(control, 0, message.msg_controllen);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
  }
  for (;;) {
    if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

static void free_message(struct queued_message *message) {
  for (size_t i = 0; i < message->fd_count; i++) close(message->fds[i]);
  free(message);
}

int enqueue(struct channel *channel, const unsigned char *bytes, size_t length, const int *fds, size_t count) {
  struct queued_message *message = malloc(sizeof *message + count * sizeof(int) + length);
  if (message == NULL) return ENOMEM;
  message->next = NULL;
  message->length = length;
  message->fd_count = 0;
  message->fds = (int *)(message + 1);
  message->bytes = (unsigned char *)(message->fds + count);
  memcpy(message->bytes, bytes, length);
  /* The caller closes its own as soon as send() returns, so the message needs descriptors of its own. */
  for (; message->fd_count < count; message->fd_count++) {
    int own = fcntl(fds[message->fd_count], F_DUPFD_CLOEXEC, 0);
    if (own < 0) {
      int error = errno;
      free_message(message);
      return error;
    }
    message->fds[message->fd_count] = own;
  }
  if (channel->last == NULL) channel->first = message;
  else channel->last->next = message;
  channel->last = message;
  channel->queued++;
  return 0;
}

static void drop_first(struct channel *channel) {
  struct queued_message *message = channel->first;
  channel->first = message->next;
  if (channel->first == NULL) channel->last = NULL;
  channel->queued--;
  free_message(message);
}

int flush_queue(struct channel *channel) {
  while (channel->first != NULL) {
    struct queued_message *message = channel->first;
    int error = send_now(channel->handle.fd, message->bytes, message->length, message->fds, message->fd_count);
    if (error == EAGAIN) return 0;
    if (error != 0) return error;
    drop_first(channel);
  }
  return 0;
}

void drop_queue(struct channel *channel) {
  while (channel->first != NULL) drop_first(channel);
}
