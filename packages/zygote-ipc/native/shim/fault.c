#include "fault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The cut may have gone through a UTF-8 sequence, which the wire refuses. */
static void drop_half_character(char *text) {
  size_t end = strlen(text);
  while (end > 0 && (text[end - 1] & 0x80) != 0) text[--end] = '\0';
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
