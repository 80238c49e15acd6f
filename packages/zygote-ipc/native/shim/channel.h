/*
 * One SEQPACKET datagram with its descriptors, in and out.
 */
#ifndef HATCHERY_CHANNEL_H
#define HATCHERY_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_BYTES 65536
/* More than any message carries, so that a wrong count is told as what it is and not as a truncation. */
#define PACKET_DESCRIPTORS 80

struct packet {
  size_t length;
  size_t descriptor_count;
  int descriptors[PACKET_DESCRIPTORS]; /* owned until packet_disown() or packet_close() */
  bool truncated;                      /* the datagram was larger than PACKET_BYTES */
  bool control_truncated;              /* descriptors were lost on the way */
  uint8_t bytes[PACKET_BYTES];
};

/* 1: a packet; 0: end of file; -1 with errno (EAGAIN: nothing there). Received descriptors are close-on-exec. */
int packet_receive(int socket, struct packet *packet);

/* Closes the descriptors that nobody took over. */
void packet_close(struct packet *packet);

/* The descriptor is somebody else's from now on. */
void packet_disown(struct packet *packet, int descriptor);

/* 0, or -1 with errno. The descriptors stay the caller's. */
int packet_send(int socket, const uint8_t *bytes, size_t length, const int *descriptors, size_t descriptor_count, bool wait);

#endif
