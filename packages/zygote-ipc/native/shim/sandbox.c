#include "sandbox.h"

#include <unistd.h>

struct sandbox sandbox = {.work = -1};

_Noreturn void sandbox_end(void) { _exit(0); }
