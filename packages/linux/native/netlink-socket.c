/* See netlink-socket.h. */
#include "netlink-socket.h"

#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* No call waits longer for the kernel; a lock that is held for seconds is a broken machine. */
#define DEADLINE_SECONDS 10
#define RECEIVE_BYTES 65536
#define MOST_REPLY_BYTES (64u << 20)

int netlink_open(struct network_work *work, int protocol) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  struct timeval deadline = {.tv_sec = DEADLINE_SECONDS};
  int on = 1, room = 1 << 20;
  cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return network_fail(work, "socket", "AF_NETLINK, %d", protocol);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline) != 0)
    return network_fail(work, "setsockopt", "timeout of a netlink socket");
  /* Refused outside the first user namespace: what does not fit then is ENOBUFS, which is told. */
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  /* The reason in words, and no copy of the request: kernels without them say the errno alone. */
  (void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  /* Only the kernel is heard: another process could send to this socket's address. */
  if (connect(fd, (struct sockaddr *)&kernel, sizeof kernel) != 0) return network_fail(work, "connect", "netlink, kernel");
  return steal_fd(&fd);
}

static int fail_with_reason(struct network_work *work, const struct nlmsghdr *header, int error, const char *what) {
  const size_t fixed = NLMSG_HDRLEN + sizeof(struct nlmsgerr);
  const char *reason = "";
  size_t longest = 0;
  /* Of a refused message the kernel sends back no payload (NETLINK_CAP_ACK), so attributes follow at once. */
  if ((header->nlmsg_flags & NLM_F_ACK_TLVS) != 0) {
    const unsigned char *at = (const unsigned char *)header + fixed, *end = (const unsigned char *)header + header->nlmsg_len;
    while (end - at >= NLA_HDRLEN) {
      struct nlattr attribute;
      memcpy(&attribute, at, sizeof attribute);
      if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > end - at) break;
      if (attribute.nla_type == NLMSGERR_ATTR_MSG) {
        reason = (const char *)at + NLA_HDRLEN;
        longest = attribute.nla_len - NLA_HDRLEN;
      }
      if (NLA_ALIGN(attribute.nla_len) > end - at) break;
      at += NLA_ALIGN(attribute.nla_len);
    }
  }
  errno = error;
  return network_fail(work, "netlink", "%s, message %u%s%.*s", what, header->nlmsg_seq, longest > 0 ? ": " : "",
                      (int)longest, reason);
}

static int keep(struct network_work *work, struct netlink_reply *reply, const void *bytes, size_t length) {
  if (reply == NULL) return 0;
  if (length > MOST_REPLY_BYTES - reply->length) {
    errno = EMSGSIZE;
    return network_fail(work, "recv", "netlink, an answer of over %u bytes", MOST_REPLY_BYTES);
  }
  unsigned char *grown = realloc(reply->bytes, reply->length + length);
  if (grown == NULL) return network_fail(work, "realloc", "%zu", reply->length + length);
  memcpy(grown + reply->length, bytes, length);
  reply->bytes = grown;
  reply->length += length;
  return 0;
}

/* How many ends the kernel will tell; -1: these are not whole messages. */
static long expected_ends(const unsigned char *bytes, size_t length) {
  long ends = 0;
  for (size_t at = 0; at < length;) {
    struct nlmsghdr header;
    if (length - at < sizeof header) return -1;
    memcpy(&header, bytes + at, sizeof header);
    if (header.nlmsg_len < sizeof header || NLMSG_ALIGN(header.nlmsg_len) > length - at) return -1;
    if ((header.nlmsg_flags & NLM_F_ACK) != 0 || (header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) ends++;
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  return ends;
}

/*
 * On a socket that is kept may wait what the kernel said of a message that asked for no answer, and was refused: it was said
 * before send() returned. What did not fit (ENOBUFS) is told once, and is as well.
 */
static void discard_unread(int socket) {
  char byte;
  for (;;) {
    if (recv(socket, &byte, sizeof byte, MSG_DONTWAIT | MSG_TRUNC) >= 0) continue;
    if (errno != EINTR && errno != ENOBUFS) return;
  }
}

int netlink_exchange(struct network_work *work, int socket, const void *messages, size_t length,
                     struct netlink_reply *reply, const char *what) {
  int room = length > 100000 ? (int)length * 2 : 0;
  long ends = length > (16u << 20) ? -1 : expected_ends(messages, length);
  if (ends < 0) {
    errno = EINVAL;
    return network_fail(work, "send", "%s: no whole netlink messages", what);
  }
  if (room > 0) (void)setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  discard_unread(socket);
  if (send(socket, messages, length, 0) != (ssize_t)length) return network_fail(work, "send", "%s, netlink", what);
  cleanup_free unsigned char *buffer = malloc(RECEIVE_BYTES);
  if (buffer == NULL) return network_fail(work, "malloc", "%d", RECEIVE_BYTES);
  while (ends > 0) {
    ssize_t received = recv(socket, buffer, RECEIVE_BYTES, MSG_TRUNC);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return network_fail(work, "recv", "%s, netlink", what);
    if (received > RECEIVE_BYTES) {
      errno = EMSGSIZE;
      return network_fail(work, "recv", "%s, a datagram of %zd bytes", what, received);
    }
    size_t left = (size_t)received;
    for (const struct nlmsghdr *header = (const void *)buffer; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_ERROR) {
        struct nlmsgerr answer;
        if (header->nlmsg_len < NLMSG_LENGTH(sizeof answer)) continue;
        memcpy(&answer, NLMSG_DATA(header), sizeof answer);
        if (answer.error != 0) return fail_with_reason(work, header, -answer.error, what);
        ends--;
      } else if (header->nlmsg_type == NLMSG_DONE) {
        int error = 0;
        if (header->nlmsg_len >= NLMSG_LENGTH(sizeof error)) memcpy(&error, NLMSG_DATA(header), sizeof error);
        if (error < 0) return fail_with_reason(work, header, -error, what);
        ends--;
      } else if (keep(work, reply, header, NLMSG_ALIGN(header->nlmsg_len)) != 0) {
        return -1;
      }
    }
  }
  return 0;
}
