#include "utf8.h"

/* Length of the sequence at `data`, 0 when it is none. The second byte's range is what excludes overlong forms,
 * surrogates and code points above U+10FFFF; all later bytes are plain continuations. */
static size_t sequence_length(const uint8_t *data, size_t left) {
  uint8_t lead = data[0];
  if (lead == 0)
    return 0;
  if (lead < 0x80)
    return 1;

  size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (lead < 0xc2 || lead > 0xf4 || left < length)
    return 0;

  uint8_t lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  uint8_t highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (data[1] < lowest || data[1] > highest)
    return 0;
  for (size_t i = 2; i < length; i++)
    if ((data[i] & 0xc0) != 0x80)
      return 0;
  return length;
}

size_t utf8_valid_prefix(const uint8_t *data, size_t length) {
  size_t at = 0;
  while (at < length) {
    size_t step = sequence_length(data + at, length - at);
    if (step == 0)
      return at;
    at += step;
  }
  return at;
}
