/* The entries of a directory as getdents64(2) gives them; glibc has a wrapper since 2.30 only. */
#ifndef HATCHERY_TEARDOWN_ENTRIES_H
#define HATCHERY_TEARDOWN_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct entry {
  uint64_t inode;
  int64_t next; /* where reading goes on after this one */
  unsigned short length;
  unsigned char type;
  char name[];
};

/* About a hundred entries. */
#define ENTRY_BYTES 4096
#define ENTRY_BUFFER(name) _Alignas(struct entry) char name[ENTRY_BYTES]

static inline long entries_read(int fd, char *buffer) { return syscall(SYS_getdents64, fd, buffer, ENTRY_BYTES); }

static inline bool entry_is_dots(const struct entry *entry) {
  return strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0;
}

#endif
