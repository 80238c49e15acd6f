#include "writer.h"

#include "utf8.h"

static uint8_t *put(struct wire_writer *writer, size_t length) {
  if (writer->failed || length > writer->capacity - writer->at) {
    writer->failed = true;
    return NULL;
  }
  uint8_t *to = writer->buffer + writer->at;
  writer->at += length;
  return to;
}

static void put_integer(struct wire_writer *writer, uint64_t value, unsigned size) {
  uint8_t *to = put(writer, size);
  if (to == NULL)
    return;
  for (unsigned i = 0; i < size; i++)
    to[i] = (uint8_t)(value >> (8 * i));
}

struct wire_writer wire_begin(uint8_t *buffer, size_t capacity, size_t max, uint16_t tag, uint16_t version,
                              uint32_t request) {
  struct wire_writer writer = {.buffer = buffer, .capacity = capacity < max ? capacity : max};
  wire_put_u16(&writer, tag);
  wire_put_u16(&writer, version);
  wire_put_u32(&writer, 0);
  wire_put_u32(&writer, request);
  return writer;
}

ptrdiff_t wire_finish(struct wire_writer *writer) {
  if (writer->failed)
    return -1;
  size_t length = writer->at;
  writer->at = 4;
  put_integer(writer, length, 4);
  writer->at = length;
  return (ptrdiff_t)length;
}

void wire_put_u8(struct wire_writer *writer, uint8_t value) { put_integer(writer, value, 1); }
void wire_put_u16(struct wire_writer *writer, uint16_t value) { put_integer(writer, value, 2); }
void wire_put_u32(struct wire_writer *writer, uint32_t value) { put_integer(writer, value, 4); }
void wire_put_i32(struct wire_writer *writer, int32_t value) { put_integer(writer, (uint32_t)value, 4); }
void wire_put_bool(struct wire_writer *writer, bool value) { put_integer(writer, value ? 1 : 0, 1); }

void wire_put_u64(struct wire_writer *writer, uint64_t value) {
  if (value > WIRE_MAX_U64)
    writer->failed = true;
  put_integer(writer, value, 8);
}

static void put_block(struct wire_writer *writer, const void *data, uint32_t length) {
  wire_put_u32(writer, length);
  uint8_t *to = put(writer, length);
  /* memcpy from NULL is undefined even for no bytes, and empty text may be NULL. */
  if (to != NULL && length > 0)
    memcpy(to, data, length);
}

void wire_put_text(struct wire_writer *writer, uint32_t max, struct wire_text value) {
  if (value.length > max || utf8_valid_prefix((const uint8_t *)value.data, value.length) != value.length)
    writer->failed = true;
  put_block(writer, value.data, value.length);
  wire_put_u8(writer, 0);
}

void wire_put_cut_text(struct wire_writer *writer, uint32_t max, struct wire_text value) {
  uint32_t length = value.length;
  if (length > max) {
    length = max;
    /* At most three bytes back: a longer run of continuation bytes is no character and is mended below. */
    for (uint32_t back = 0; back < 3 && length > 0 && ((uint8_t)value.data[length] & 0xc0) == 0x80; back++)
      length--;
  }
  size_t start = writer->at + 4;
  put_block(writer, value.data, length);
  wire_put_u8(writer, 0);
  if (writer->failed)
    return;

  uint8_t *text = writer->buffer + start;
  for (size_t at = 0; (at += utf8_valid_prefix(text + at, length - at)) < length;)
    text[at++] = '?';
}

void wire_put_bytes(struct wire_writer *writer, uint32_t max, struct wire_bytes value) {
  if (value.length > max)
    writer->failed = true;
  put_block(writer, value.data, value.length);
}

void wire_put_u32s(struct wire_writer *writer, uint32_t max, uint32_t count, const uint32_t *items) {
  if (count > max)
    writer->failed = true;
  wire_put_u32(writer, count);
  for (uint32_t i = 0; !writer->failed && i < count; i++)
    wire_put_u32(writer, items[i]);
}

void wire_put_texts(struct wire_writer *writer, uint32_t max, uint32_t max_each, uint32_t count,
                    const struct wire_text *items) {
  if (count > max)
    writer->failed = true;
  wire_put_u32(writer, count);
  for (uint32_t i = 0; !writer->failed && i < count; i++)
    wire_put_text(writer, max_each, items[i]);
}

void wire_need_descriptor(struct wire_writer *writer, int fd) {
  if (fd < 0)
    writer->failed = true;
}

void wire_need_descriptors(struct wire_writer *writer, uint32_t max, uint32_t count, const int *fds) {
  if (count > max)
    writer->failed = true;
  for (uint32_t i = 0; !writer->failed && i < count; i++)
    wire_need_descriptor(writer, fds[i]);
}
