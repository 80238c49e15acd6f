/* Whether the process may be dumped and traced: the kernel says no for good as soon as one thread changes its fsuid. */
#ifndef HATCHERY_DUMPABLE_H
#define HATCHERY_DUMPABLE_H

/* Around a change of credentials that is taken back: the last thread that leaves restores what the first one found. */
void dumpable_enter(void);
void dumpable_leave(void);
/* Says no for good, also to those between enter and leave. -1: errno tells. */
int dumpable_refuse(void);

#endif
