/* A whole small file of the kernel's, in one read. */
#ifndef HATCHERY_TEARDOWN_SMALL_FILE_H
#define HATCHERY_TEARDOWN_SMALL_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* At most size - 1 bytes, ended by a NUL; their number, or -1 and errno. */
ssize_t small_file_read(int directory, const char *name, char *text, size_t size);
/* 0, or -1 and errno. */
int small_file_write(int directory, const char *name, const char *text);

#endif
