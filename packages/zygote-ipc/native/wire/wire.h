/* Types that every message of the wire uses. The messages themselves are in codec.generated.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What JavaScript's numbers hold exactly; a larger u64 is refused by both ends. */
#define WIRE_MAX_U64 ((UINT64_C(1) << 53) - 1)

/* UTF-8 without NUL. Decoded text points into the message and is followed by a NUL byte there. */
struct wire_text {
  const char *data;
  uint32_t length;
};

struct wire_bytes {
  const uint8_t *data;
  uint32_t length;
};

static inline struct wire_text wire_text_of(const char *string) {
  return (struct wire_text){string, (uint32_t)strlen(string)};
}

enum wire_error_kind {
  WIRE_ERROR_TRUNCATED = 1, /* the bytes end inside the header or inside a field */
  WIRE_ERROR_TOO_LARGE,     /* the message is longer than WIRE_MAX_MESSAGE_BYTES */
  WIRE_ERROR_VERSION,       /* the other end speaks another version */
  WIRE_ERROR_TAG,           /* no message has this tag */
  WIRE_ERROR_LENGTH,        /* the length field and the bytes that came differ */
  WIRE_ERROR_DIRECTION,     /* a message that this peer does not send to this party */
  WIRE_ERROR_DESCRIPTORS,   /* too few or too many descriptors beside the message */
  WIRE_ERROR_LIMIT,         /* a field is over its limit */
  WIRE_ERROR_VALUE,         /* a field holds what its type does not allow */
  WIRE_ERROR_TRAILING,      /* bytes are left after the last field */
};

/* What was seen, as one line for a log or a `failed` message. */
struct wire_error {
  enum wire_error_kind kind;
  char text[160];
};
