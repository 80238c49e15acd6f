/* PID 1 of a raw sandbox: starts what it is told, answers with the wait status. */
#pragma once
#include "failure.h"

enum { COMMAND_LARGEST = 1024 };

/* In the child; does not return. Sends one byte when it is ready. */
__attribute__((noreturn)) void serve_as_init(int control);
/* In the driver; the command is words each ended by NUL, the fd becomes its stdout. */
int init_start(int control, const char *command, size_t length, int output, struct report *report);
int init_await(int control, int *status, struct report *report);
/* Execs the words of `command`; returns only on failure. */
int exec_words(const char *command, size_t length, int output);
