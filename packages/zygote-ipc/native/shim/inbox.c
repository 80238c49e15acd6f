#include "inbox.h"

#include <errno.h>

#include "channel.h"

static struct packet packet;
_Static_assert(WIRE_MAX_DESCRIPTORS < PACKET_DESCRIPTORS, "the largest message does not fit");

static int decode(struct wire_message *message, struct fault *fault) {
  struct wire_error error;
  if (packet.truncated) return REFUSE(fault, EMSGSIZE, "a message of more than %d bytes", PACKET_BYTES);
  if (packet.control_truncated) return REFUSE(fault, EPROTO, "descriptors were cut off (MSG_CTRUNC)");
  if (wire_decode_at(WIRE_PARTY_INIT, WIRE_PARTY_RUNTIME, packet.bytes, packet.length, packet.descriptors, packet.descriptor_count, message, &error) < 0)
    return REFUSE(fault, EPROTO, "%s", error.text);
  return 0;
}

enum inbox inbox_receive(int socket, struct wire_message *message, struct fault *fault) {
  int got = packet_receive(socket, &packet);
  if (got < 0 && errno == EAGAIN) return INBOX_EMPTY;
  if (got <= 0) return INBOX_CLOSED;
  if (decode(message, fault) == 0) return INBOX_MESSAGE;
  fault_name_step(fault, "protocol");
  return INBOX_NONSENSE;
}

void inbox_give(int descriptor) {
  if (descriptor >= 0) packet_disown(&packet, descriptor);
}

void inbox_clear(void) { packet_close(&packet); }
