/*
 * The process that forks sandboxes: one thread, no state but caches, restartable.
 */
#ifndef HATCHERY_ZYGOTE_H
#define HATCHERY_ZYGOTE_H

/* Serves the runtime on descriptor 3 until it goes away; the exit code. */
int zygote_main(void);

#endif
