/*
 * The error contract of the shim and of the teardown, whole:
 *
 *  - A function that can fail takes `struct fault *fault` last and returns 0 or a non-negative value when it worked,
 *    -1 when it did not. After -1 the fault is filled in; after success it is untouched.
 *  - The first fault wins. It is set where the call failed, by FAIL(), which keeps errno; callers pass -1 on and add
 *    nothing, except the step list, which writes the step's name.
 *  - `text` says what was tried on what, in the form call(arguments); errno says what happened. No sentence is built
 *    from errno here: the runtime does that, once.
 *  - Whoever gets the -1 releases what it owns (cleanup_close) and undoes what it made, in reverse.
 *  - A fault crosses the wire as `failed` {step, errno, text}, cut to size, never lost because it is too long.
 *  - Calls whose failure does not matter are cast to void, with the reason beside them.
 *  - Nothing is printed and nothing is logged: stdout and stderr of the zygote and of init are /dev/null.
 *
 * native/test/fault-test.c of @hatchery/zygote-ipc checks this page.
 */
#ifndef HATCHERY_FAULT_H
#define HATCHERY_FAULT_H

#include <stdarg.h>

#define FAULT_STEP_BYTES 64
#define FAULT_TEXT_BYTES 256

struct fault {
  int code; /* errno of the failing call, 0: no call failed (a refused request) */
  char step[FAULT_STEP_BYTES];
  char text[FAULT_TEXT_BYTES];
};

/* Fills in an empty fault with errno and the text; returns -1. */
int fault_set(struct fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Likewise with a code of its own instead of errno. */
int fault_set_code(struct fault *fault, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Names the step once; an inner name stays. */
void fault_name_step(struct fault *fault, const char *step);

#define FAIL(fault, ...) fault_set((fault), __VA_ARGS__)
#define REFUSE(fault, code, ...) fault_set_code((fault), (code), __VA_ARGS__)

#endif
