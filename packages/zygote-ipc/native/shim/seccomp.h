/*
 * System call filters: one large for everything in a sandbox, one of four instructions for each execution.
 */
#ifndef HATCHERY_SECCOMP_H
#define HATCHERY_SECCOMP_H

#include "fault.h"

/* Compiles the large filter once, in the zygote, so that every init has it ready. */
int seccomp_compile(struct fault *fault);

/* For init and all that it starts; the caller has CAP_SYS_ADMIN in its user namespace. */
int seccomp_seal(struct fault *fault);

/* clone3 answers ENOSYS: its flags are behind a pointer, where no filter can read them, and libc falls back to clone.
   Init itself needs it. Safe between vfork and exec; 0 or -1 with errno. */
int seccomp_hide_clone3(void);

#endif
