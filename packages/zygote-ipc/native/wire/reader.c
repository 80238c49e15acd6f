#include "reader.h"

#include "utf8.h"

static size_t append_number(char *text, size_t at, size_t capacity, uint64_t number) {
  char digits[20];
  size_t count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (count > 0 && at < capacity)
    text[at++] = digits[--count];
  return at;
}

bool wire_fail(struct wire_reader *reader, enum wire_error_kind kind, const char *format, const char *name,
               const uint64_t *numbers) {
  if (reader->failed)
    return false;
  reader->failed = true;
  reader->error->kind = kind;

  char *text = reader->error->text;
  size_t capacity = sizeof reader->error->text - 1;
  size_t at = 0;
  for (; *format != 0 && at < capacity; format++) {
    if (*format == '%')
      at = append_number(text, at, capacity, *numbers++);
    else if (*format == '$')
      for (const char *from = name; *from != 0 && at < capacity; from++)
        text[at++] = *from;
    else
      text[at++] = *format;
  }
  text[at] = 0;
  return false;
}

static const uint8_t *take(struct wire_reader *reader, const char *name, uint64_t length) {
  if (reader->failed)
    return NULL;
  size_t left = reader->length - reader->at;
  if (length > left) {
    wire_fail(reader, WIRE_ERROR_TRUNCATED, "field $: % bytes needed, % left", name, (uint64_t[]){length, left});
    return NULL;
  }
  const uint8_t *data = reader->data + reader->at;
  reader->at += length;
  return data;
}

static uint64_t little_endian(const uint8_t *data, unsigned size) {
  uint64_t value = 0;
  for (unsigned i = 0; i < size; i++)
    value |= (uint64_t)data[i] << (8 * i);
  return value;
}

#define TAKE_INTEGER(suffix, type)                                                                                     \
  bool wire_take_##suffix(struct wire_reader *reader, const char *name, type *out) {                                   \
    const uint8_t *data = take(reader, name, sizeof *out);                                                             \
    if (data == NULL)                                                                                                  \
      return false;                                                                                                    \
    *out = (type)little_endian(data, sizeof *out);                                                                     \
    return true;                                                                                                       \
  }

TAKE_INTEGER(u8, uint8_t)
TAKE_INTEGER(u16, uint16_t)
TAKE_INTEGER(u32, uint32_t)
TAKE_INTEGER(i32, int32_t)

bool wire_take_u64(struct wire_reader *reader, const char *name, uint64_t *out) {
  const uint8_t *data = take(reader, name, sizeof *out);
  if (data == NULL)
    return false;
  *out = little_endian(data, sizeof *out);
  if (*out > WIRE_MAX_U64)
    return wire_fail(reader, WIRE_ERROR_VALUE, "field $: % is over 2^53-1", name, (uint64_t[]){*out});
  return true;
}

bool wire_take_bool(struct wire_reader *reader, const char *name, bool *out) {
  uint8_t value;
  if (!wire_take_u8(reader, name, &value))
    return false;
  if (value > 1)
    return wire_fail(reader, WIRE_ERROR_VALUE, "field $: a bool of value %", name, (uint64_t[]){value});
  *out = value == 1;
  return true;
}

/* The limit is looked at before the bytes, so that a giant number is told as what it is. */
static bool take_size(struct wire_reader *reader, const char *name, uint32_t max, const char *over, uint32_t *out) {
  if (!wire_take_u32(reader, name, out))
    return false;
  if (*out > max)
    return wire_fail(reader, WIRE_ERROR_LIMIT, over, name, (uint64_t[]){*out, max});
  return true;
}

bool wire_take_text(struct wire_reader *reader, const char *name, uint32_t max, struct wire_text *out) {
  uint32_t length;
  if (!take_size(reader, name, max, "field $: % bytes, limit %", &length))
    return false;
  const uint8_t *data = take(reader, name, (uint64_t)length + 1);
  if (data == NULL)
    return false;
  size_t valid = utf8_valid_prefix(data, length);
  if (valid != length && data[valid] == 0)
    return wire_fail(reader, WIRE_ERROR_VALUE, "field $: NUL at byte %", name, (uint64_t[]){valid});
  if (valid != length)
    return wire_fail(reader, WIRE_ERROR_VALUE, "field $: not UTF-8 at byte %", name, (uint64_t[]){valid});
  if (data[length] != 0)
    return wire_fail(reader, WIRE_ERROR_VALUE, "field $: no NUL after % bytes", name, (uint64_t[]){length});
  *out = (struct wire_text){(const char *)data, length};
  return true;
}

bool wire_take_bytes(struct wire_reader *reader, const char *name, uint32_t max, struct wire_bytes *out) {
  uint32_t length;
  if (!take_size(reader, name, max, "field $: % bytes, limit %", &length))
    return false;
  const uint8_t *data = take(reader, name, length);
  if (data == NULL)
    return false;
  *out = (struct wire_bytes){data, length};
  return true;
}

bool wire_take_u32s(struct wire_reader *reader, const char *name, uint32_t max, uint32_t *count, uint32_t *items) {
  uint32_t taken;
  if (!take_size(reader, name, max, "field $: % entries, limit %", &taken))
    return false;
  for (uint32_t i = 0; i < taken; i++)
    if (!wire_take_u32(reader, name, &items[i]))
      return false;
  *count = taken;
  return true;
}

bool wire_take_texts(struct wire_reader *reader, const char *name, uint32_t max, uint32_t max_each, uint32_t *count,
                     struct wire_text *items) {
  uint32_t taken;
  if (!take_size(reader, name, max, "field $: % entries, limit %", &taken))
    return false;
  for (uint32_t i = 0; i < taken; i++)
    if (!wire_take_text(reader, name, max_each, &items[i]))
      return false;
  *count = taken;
  return true;
}
