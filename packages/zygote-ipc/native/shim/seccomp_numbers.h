/*
 * Numbers that Debian 12's headers lack; from 424 on they are the same on every architecture.
 */
#ifndef HATCHERY_SECCOMP_NUMBERS_H
#define HATCHERY_SECCOMP_NUMBERS_H

#include <asm/unistd.h>

#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_futex_wake
#define __NR_futex_wake 454
#endif
#ifndef __NR_futex_wait
#define __NR_futex_wait 455
#endif
#ifndef __NR_futex_requeue
#define __NR_futex_requeue 456
#endif
#ifndef __NR_mseal
#define __NR_mseal 462
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#endif
#ifndef __NR_getxattrat
#define __NR_getxattrat 464
#endif
#ifndef __NR_listxattrat
#define __NR_listxattrat 465
#endif
#ifndef __NR_removexattrat
#define __NR_removexattrat 466
#endif

/* file_setattr, the last number that was looked at when the list was made (Linux 6.17). */
#define SECCOMP_LAST_KNOWN 469

#endif
