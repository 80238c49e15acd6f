/* Decodes each message from stdin, encodes it again and writes it to stdout, so that TypeScript -> C -> TypeScript can be
 * compared. Frame in: length u32, me u8, peer u8 (0: any), descriptors u16, bytes. Frame out: length u32, error kind u8
 * (0: none), descriptors u8, bytes (the message, or the error's text), then each descriptor as u32. Descriptors are the
 * numbers 100, 101, …; nothing is opened. With the argument `failed` each frame's bytes become step and text of a
 * `failed` message instead. */
#include <stdio.h>
#include <stdlib.h>

#include "../wire/codec.generated.h"

static void need(bool held, const char *claim) {
  if (held)
    return;
  fprintf(stderr, "wire-echo: %s\n", claim);
  abort();
}

static bool read_all(void *to, size_t length) { return length == 0 || fread(to, length, 1, stdin) == 1; }

static void answer(uint8_t kind, const void *data, size_t length, const int *fds, size_t fd_count) {
  uint8_t head[6] = {(uint8_t)length, (uint8_t)(length >> 8), (uint8_t)(length >> 16), (uint8_t)(length >> 24), kind,
                     (uint8_t)fd_count};
  fwrite(head, sizeof head, 1, stdout);
  fwrite(data, 1, length, stdout);
  for (size_t i = 0; i < fd_count; i++) {
    uint8_t fd[4] = {(uint8_t)fds[i], (uint8_t)(fds[i] >> 8), 0, 0};
    fwrite(fd, sizeof fd, 1, stdout);
  }
}

/* Buffers of exactly the size at hand, so that AddressSanitizer sees a byte written too far. */
static void encode_and_answer(const struct wire_message *message, uint8_t *scratch) {
  int fds[WIRE_MAX_DESCRIPTORS];
  ptrdiff_t length = wire_encode(scratch, WIRE_MAX_MESSAGE_BYTES, message);
  need(length > 0, "a decoded message does not encode");
  for (ptrdiff_t capacity = length - 1; capacity >= 0; capacity = capacity / 2 - (capacity == 0)) {
    uint8_t *small = malloc((size_t)capacity);
    need(wire_encode(small, (size_t)capacity, message) == -1, "a message fits into too small a buffer");
    free(small);
  }
  uint8_t *exact = malloc((size_t)length);
  need(wire_encode(exact, (size_t)length, message) == length, "a message does not fit into its own size");
  answer(0, exact, (size_t)length, fds, wire_fds(message, fds));
  free(exact);
}

static void echo(const uint8_t *head, const uint8_t *data, size_t length, uint8_t *scratch) {
  size_t fd_count = head[6] | head[7] << 8;
  int *fds = malloc(fd_count * sizeof *fds);
  for (size_t i = 0; i < fd_count; i++)
    fds[i] = 100 + (int)i;

  struct wire_message message;
  struct wire_error error;
  int result = head[4] == 0 ? wire_decode(data, length, fds, fd_count, &message, &error)
                            : wire_decode_at(head[4], head[5], data, length, fds, fd_count, &message, &error);
  if (result == 0) {
    encode_and_answer(&message, scratch);
  } else {
    need(error.kind != 0 && error.text[0] != 0, "an error without kind or text");
    answer((uint8_t)error.kind, error.text, strlen(error.text), fds, fd_count);
  }
  free(fds);
}

static void fail_with(const uint8_t *data, size_t length, uint8_t *scratch) {
  struct wire_text text = {(const char *)data, (uint32_t)length};
  struct wire_message message = {.tag = WIRE_FAILED, .failed = {.request = 7, .step = text, .errno_ = 5, .text = text}};
  encode_and_answer(&message, scratch);
}

int main(int argc, char **argv) {
  bool failing = argc > 1 && strcmp(argv[1], "failed") == 0;
  uint8_t *scratch = malloc(WIRE_MAX_MESSAGE_BYTES);
  uint8_t head[8];
  while (read_all(head, sizeof head)) {
    size_t length = head[0] | head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    uint8_t *data = malloc(length);
    need(read_all(data, length), "a frame ends early");
    if (failing)
      fail_with(data, length, scratch);
    else
      echo(head, data, length, scratch);
    free(data);
  }
  free(scratch);
  return fflush(stdout) == 0 ? 0 : 1;
}
