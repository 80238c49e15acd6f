#include "reply.h"

#include <errno.h>

#include "channel.h"

int reply_send(int socket, const struct wire_message *message, bool wait) {
  /* The shim has one thread, and no message of its own comes near the limit. */
  static uint8_t buffer[4096];
  int descriptors[WIRE_MAX_DESCRIPTORS];
  size_t count = wire_fds(message, descriptors);
  ptrdiff_t length = wire_encode(buffer, sizeof buffer, message);
  if (length < 0) {
    errno = EMSGSIZE;
    return -1;
  }
  return packet_send(socket, buffer, (size_t)length, descriptors, count, wait);
}

struct wire_message reply_failed(uint32_t request, const struct fault *fault) {
  return (struct wire_message){
      .tag = WIRE_FAILED,
      .failed = {.request = request, .step = wire_text_of(fault->step), .errno_ = fault->code, .text = wire_text_of(fault->text)},
  };
}
