/* Takes the fields of one message off its bytes, never past their end. After the first error every take does nothing
 * and fails, so a decoder is a plain list of takes. */
#pragma once

#include <stdbool.h>

#include "wire.h"

struct wire_reader {
  const uint8_t *data;
  size_t length;
  size_t at;
  struct wire_error *error;
  bool failed;
};

/* Numbers in an error text: "%" stands for the next of `numbers`, "$" for `name`. */
bool wire_fail(struct wire_reader *reader, enum wire_error_kind kind, const char *format, const char *name,
               const uint64_t *numbers);

bool wire_take_u8(struct wire_reader *reader, const char *name, uint8_t *out);
bool wire_take_u16(struct wire_reader *reader, const char *name, uint16_t *out);
bool wire_take_u32(struct wire_reader *reader, const char *name, uint32_t *out);
bool wire_take_u64(struct wire_reader *reader, const char *name, uint64_t *out);
bool wire_take_i32(struct wire_reader *reader, const char *name, int32_t *out);
bool wire_take_bool(struct wire_reader *reader, const char *name, bool *out);
bool wire_take_text(struct wire_reader *reader, const char *name, uint32_t max, struct wire_text *out);
bool wire_take_bytes(struct wire_reader *reader, const char *name, uint32_t max, struct wire_bytes *out);
bool wire_take_u32s(struct wire_reader *reader, const char *name, uint32_t max, uint32_t *count, uint32_t *items);
bool wire_take_texts(struct wire_reader *reader, const char *name, uint32_t max, uint32_t max_each, uint32_t *count,
                     struct wire_text *items);
