#include "fault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The cut may have gone through a UTF-8 sequence, which the wire refuses. Bytes that begin no sequence stay: the wire mends them. */
static void drop_half_character(char *text) {
  size_t end = strlen(text), tail = 0;
  while (tail < 3 && tail < end && ((unsigned char)text[end - 1 - tail] & 0xC0) == 0x80) tail++;
  if (tail == end) return;
  unsigned char lead = (unsigned char)text[end - 1 - tail];
  size_t wanted = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
  if (tail < wanted) text[end - 1 - tail] = '\0';
}

static int fill(struct fault *fault, int code, const char *format, va_list arguments) {
  if (fault->text[0] == '\0') {
    fault->code = code;
    int length = vsnprintf(fault->text, sizeof fault->text, format, arguments);
    if (length <= 0) fault->text[0] = '?', fault->text[1] = '\0';
    if (length >= (int)sizeof fault->text) drop_half_character(fault->text);
  }
  return -1;
}

int fault_set(struct fault *fault, const char *format, ...) {
  int code = errno; /* before anything below changes it */
  va_list arguments;
  va_start(arguments, format);
  fill(fault, code, format, arguments);
  va_end(arguments);
  return -1;
}

int fault_set_code(struct fault *fault, int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fill(fault, code, format, arguments);
  va_end(arguments);
  return -1;
}

void fault_name_step(struct fault *fault, const char *step) {
  if (fault->step[0] == '\0') (void)snprintf(fault->step, sizeof fault->step, "%s", step); /* a longer name is cut */
}
