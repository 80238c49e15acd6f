#pragma once
#include "failure.h"

/* Bounding set and sets down to the 14 capabilities container runtimes keep, no_new_privs. */
int drop_capabilities(struct report *report);
/* 64-odd instructions: a short list of refused calls (lean). */
int install_short_filter(struct report *report);
/* 370-odd instructions: a linear allow-list, the shape OCI profiles compile to (naive). */
int install_long_filter(struct report *report);
/* Once, before the first sandbox: filters are the same for all. */
void compile_filters(void);
