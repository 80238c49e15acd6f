/* The smallest `true`: what is measured with it is the sandbox and nothing else. */
#include "system-call.h"

__attribute__((noreturn)) void _start(void) {
  for (;;) system_call(CALL_EXIT, 0, 0, 0);
}
