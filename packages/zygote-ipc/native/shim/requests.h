/*
 * What init's client asks for.
 */
#ifndef HATCHERY_REQUESTS_H
#define HATCHERY_REQUESTS_H

/* The client's socket is readable: does what it asks, until nothing is left or an answer has to wait. */
void requests_serve(void);

#endif
