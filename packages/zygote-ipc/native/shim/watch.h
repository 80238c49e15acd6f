/*
 * The descriptors that init waits for.
 */
#ifndef HATCHERY_WATCH_H
#define HATCHERY_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

void watch_open(void);

/* As epoll_ctl(2). A descriptor that is closed is watched no more. */
void watch_set(int fd, uint32_t events, int operation);

/* Whether there was an event; without `wait` it returns at once. */
bool watch_next(struct epoll_event *event, bool wait);

#endif
