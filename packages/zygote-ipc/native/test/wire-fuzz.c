/* libFuzzer entry for the decoder. The first four input bytes choose tag, descriptor count and direction, the rest is the
 * payload behind a header that is always right: an exact length field would keep the fuzzer out of the decoders. What
 * decodes must encode to the very same bytes and descriptors. */
#include <stdlib.h>

#include "../wire/codec.generated.h"

static const enum wire_party parties[] = {WIRE_PARTY_RUNTIME, WIRE_PARTY_ZYGOTE, WIRE_PARTY_INIT};

static uint16_t some_tag(uint8_t choice) {
  uint16_t known = 0;
  for (uint16_t tag = 0; tag < 256; tag++)
    known += wire_name(tag) != NULL;
  uint16_t left = choice % known;
  for (uint16_t tag = 0; tag < 256; tag++)
    if (wire_name(tag) != NULL && left-- == 0)
      return tag;
  return choice;
}

static void check_echo(const struct wire_message *message, const uint8_t *data, size_t length, const int *fds,
                       size_t fd_count) {
  uint8_t *again = malloc(length);
  int fds_again[WIRE_MAX_DESCRIPTORS];
  if (wire_encode(again, length, message) != (ptrdiff_t)length || memcmp(again, data, length) != 0)
    abort();
  if (wire_fds(message, fds_again) != fd_count || (fd_count > 0 && memcmp(fds, fds_again, fd_count * sizeof *fds) != 0))
    abort();
  free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
  if (size < 4)
    return 0;
  uint16_t tag = some_tag(input[0]);
  size_t fd_count = input[1] % (WIRE_MAX_DESCRIPTORS + 2);
  enum wire_party me = parties[input[2] % 3];
  enum wire_party peer = parties[input[3] % 3];
  size_t length = 12 + size - 4;

  /* Of exactly the right size, so that AddressSanitizer sees a byte read too far. */
  uint8_t *data = malloc(length);
  int *fds = malloc(fd_count * sizeof *fds);
  for (size_t i = 0; i < fd_count; i++)
    fds[i] = 100 + (int)i;
  const uint8_t header[12] = {(uint8_t)tag, (uint8_t)(tag >> 8), WIRE_VERSION, 0, (uint8_t)length, (uint8_t)(length >> 8),
                              (uint8_t)(length >> 16), (uint8_t)(length >> 24)};
  memcpy(data, header, sizeof header);
  memcpy(data + sizeof header, input + 4, size - 4);

  struct wire_message message;
  struct wire_error error;
  int result = wire_decode(data, length, fds, fd_count, &message, &error);
  if (result == 0)
    check_echo(&message, data, length, fds, fd_count);
  else if (error.kind == 0 || error.text[0] == 0)
    abort();
  if (result == -1 && wire_decode_at(me, peer, data, length, fds, fd_count, &message, &error) == 0)
    abort();
  free(fds);
  free(data);
  return 0;
}
