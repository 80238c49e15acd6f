/*
 * How clients come and go: the listener, the candidate that has not said hello yet, the time without anybody.
 */
#ifndef HATCHERY_TAKEOVER_H
#define HATCHERY_TAKEOVER_H

#include <stdbool.h>

/* Watches the listening socket; it stays open for the sandbox's life. */
void takeover_listen(int listener);

/* An event of one of its own descriptors; false: it is somebody else's. */
bool takeover_event(int fd);

/* Without a client for long enough, nobody will ever come back for this sandbox. */
void takeover_client_left(void);

#endif
