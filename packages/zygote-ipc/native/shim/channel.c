#include "channel.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sys.h"

union control {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(int) * PACKET_DESCRIPTORS)];
};

static void take_descriptors(struct packet *packet, struct msghdr *message) {
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      if (packet->descriptor_count < PACKET_DESCRIPTORS)
        packet->descriptors[packet->descriptor_count++] = fd;
      else
        close(fd);
    }
  }
}

int packet_receive(int socket, struct packet *packet) {
  union control control;
  struct iovec part = {.iov_base = packet->bytes, .iov_len = sizeof packet->bytes};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  packet->length = 0;
  packet->descriptor_count = 0;
  ssize_t got;
  do {
    got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return -1;
  take_descriptors(packet, &message);
  packet->length = (size_t)got;
  packet->truncated = (message.msg_flags & MSG_TRUNC) != 0;
  packet->control_truncated = (message.msg_flags & MSG_CTRUNC) != 0;
  /* An empty datagram reads like end of file; neither side ever sends one. */
  return got == 0 && packet->descriptor_count == 0 ? 0 : 1;
}

void packet_close(struct packet *packet) {
  for (size_t i = 0; i < packet->descriptor_count; i++)
    if (packet->descriptors[i] >= 0) close(packet->descriptors[i]);
  packet->descriptor_count = 0;
}

void packet_disown(struct packet *packet, int descriptor) {
  for (size_t i = 0; i < packet->descriptor_count; i++)
    if (packet->descriptors[i] == descriptor) packet->descriptors[i] = -1;
}

int packet_send(int socket, const uint8_t *bytes, size_t length, const int *descriptors, size_t descriptor_count, bool wait) {
  union control control;
  struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (descriptor_count > PACKET_DESCRIPTORS) {
    errno = EINVAL;
    return -1;
  }
  if (descriptor_count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
    memcpy(CMSG_DATA(header), descriptors, sizeof(int) * descriptor_count);
  }
  ssize_t sent;
  do {
    /* MSG_NOSIGNAL: SIGPIPE must stay at its default, since children inherit ignored signals. */
    sent = sendmsg(socket, &message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -1 : 0;
}
