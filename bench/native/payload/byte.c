/* Writes one byte and ends: for "request to first byte of stdout". */
#include "system-call.h"

__attribute__((noreturn)) void _start(void) {
  char byte = '.';
  system_call(CALL_WRITE, 1, (long)&byte, 1);
  for (;;) system_call(CALL_EXIT, 0, 0, 0);
}
