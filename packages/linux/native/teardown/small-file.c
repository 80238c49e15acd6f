#include "small-file.h"

#include <fcntl.h>
#include <string.h>

#include "../owned.h"

ssize_t small_file_read(int directory, const char *name, char *text, size_t size) {
  cleanup_close int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t length = read(fd, text, size - 1);
  if (length >= 0) text[length] = '\0';
  return length;
}

int small_file_write(int directory, const char *name, const char *text) {
  cleanup_close int fd = openat(directory, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  return write(fd, text, strlen(text)) < 0 ? -1 : 0;
}
