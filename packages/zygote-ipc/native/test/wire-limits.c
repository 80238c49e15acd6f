/* The C encoders refuse what the table does not allow, before a byte is sent. Exits 0 when every claim holds. */
#include <stdio.h>

#include "../wire/codec.generated.h"

static int failures;
static uint8_t buffer[WIRE_MAX_MESSAGE_BYTES];

#define CLAIM(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                                          \
      failures++;                                                                                                      \
    }                                                                                                                  \
  } while (0)

static char long_text[WIRE_MAX_LISTED_TEXT_BYTES + 1];

static struct wire_make make(void) {
  return (struct wire_make){.id = {long_text, 63},
                            .layer_targets_count = 1,
                            .layer_targets = {wire_text_of("/")},
                            .sandbox_directory = 3,
                            .connection = 4,
                            .layers_count = 1,
                            .layers = {5}};
}

static ptrdiff_t encode(struct wire_make message) { return wire_encode_make(buffer, sizeof buffer, &message); }

static void makes(void) {
  struct wire_make message = make();
  CLAIM(encode(message) > 0);

  message.id.length = 64;
  CLAIM(encode(message) == -1);

  message = make();
  message.id = wire_text_of("not utf-8: \xff");
  CLAIM(encode(message) == -1);

  message = make();
  message.id = (struct wire_text){"a\0b", 3};
  CLAIM(encode(message) == -1);

  message = make();
  message.layer_targets[0] = (struct wire_text){long_text, sizeof long_text};
  CLAIM(encode(message) == -1);

  message = make();
  message.layer_targets_count = 17;
  CLAIM(encode(message) == -1);

  message = make();
  message.layers_count = 17;
  CLAIM(encode(message) == -1);
  message.layers_count = UINT32_MAX;
  CLAIM(encode(message) == -1);

  message = make();
  message.connection = -1;
  CLAIM(encode(message) == -1);

  message = make();
  message.layers[0] = -1;
  CLAIM(encode(message) == -1);

  message = make();
  message.root_bytes = WIRE_MAX_U64;
  CLAIM(encode(message) > 0);
  message.root_bytes++;
  CLAIM(encode(message) == -1);

  /* Every entry is within its limit, the message as a whole is not. */
  message = make();
  message.layer_targets_count = 16;
  for (int i = 0; i < 16; i++)
    message.layer_targets[i] = (struct wire_text){long_text, WIRE_MAX_LISTED_TEXT_BYTES};
  CLAIM(encode(message) == -1);
}

int main(void) {
  memset(long_text, 'x', sizeof long_text);
  makes();

  struct wire_parked parked = {.microseconds_count = 33, .root = 3};
  CLAIM(wire_encode_parked(buffer, sizeof buffer, &parked) == -1);
  parked.microseconds_count = 32;
  CLAIM(wire_encode_parked(buffer, sizeof buffer, &parked) > 0);

  struct wire_hello hello = {.token = {(const uint8_t *)long_text, 33}};
  CLAIM(wire_encode_hello(buffer, sizeof buffer, &hello) == -1);
  hello.token = (struct wire_bytes){NULL, 0};
  CLAIM(wire_encode_hello(buffer, sizeof buffer, &hello) > 0);

  CLAIM(wire_encode(buffer, sizeof buffer, &(struct wire_message){.tag = 77}) == -1);
  return failures == 0 ? 0 : 1;
}
