/* Puts fields one after the other into a buffer. After the first field that does not fit or is over its limit every put
 * does nothing, and wire_finish answers -1. */
#pragma once

#include <stdbool.h>

#include "wire.h"

struct wire_writer {
  uint8_t *buffer;
  size_t capacity;
  size_t at;
  bool failed;
};

struct wire_writer wire_begin(uint8_t *buffer, size_t capacity, size_t max, uint16_t tag, uint16_t version,
                              uint32_t request);
/* Fills in the length of the whole message; its value, or -1. */
ptrdiff_t wire_finish(struct wire_writer *writer);

void wire_put_u8(struct wire_writer *writer, uint8_t value);
void wire_put_u16(struct wire_writer *writer, uint16_t value);
void wire_put_u32(struct wire_writer *writer, uint32_t value);
void wire_put_u64(struct wire_writer *writer, uint64_t value);
void wire_put_i32(struct wire_writer *writer, int32_t value);
void wire_put_bool(struct wire_writer *writer, bool value);
void wire_put_text(struct wire_writer *writer, uint32_t max, struct wire_text value);
/* Never fails for what the text holds: too long is cut in front of a character, a byte that is no UTF-8 becomes '?'. */
void wire_put_cut_text(struct wire_writer *writer, uint32_t max, struct wire_text value);
void wire_put_bytes(struct wire_writer *writer, uint32_t max, struct wire_bytes value);
void wire_put_u32s(struct wire_writer *writer, uint32_t max, uint32_t count, const uint32_t *items);
void wire_put_texts(struct wire_writer *writer, uint32_t max, uint32_t max_each, uint32_t count,
                    const struct wire_text *items);
/* A descriptor that must be there is missing (negative). */
void wire_need_descriptor(struct wire_writer *writer, int fd);
void wire_need_descriptors(struct wire_writer *writer, uint32_t max, uint32_t count, const int *fds);
