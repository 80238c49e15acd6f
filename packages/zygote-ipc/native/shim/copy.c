#include "copy.h"

#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "sys.h"

/* Of all processes of the sandbox the kernel shall end this one first when their memory is full: it fills it, and nobody
   inside depends on it. The file belongs to host root as long as the process is undumpable, and host root is nobody here;
   made dumpable for three calls it still cannot be traced, because nobody inside has all of its capabilities. */
static void offer_to_oom_killer(void) {
  (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  cleanup_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (fd >= 0) (void)!write(fd, "1000", 4); /* without it the kernel chooses by size */
}

/* Init's own are its socket and its listener: with them here the runtime would not see init's end, nor the next one connect. */
static void close_others(int one, int other) {
  unsigned low = (unsigned)(one < other ? one : other), high = (unsigned)(one < other ? other : one);
  if (low > 3) (void)sys_close_range(3, low - 1, 0);
  if (high > low + 1) (void)sys_close_range(low + 1, high - 1, 0);
  (void)sys_close_range(high + 1, ~0U, 0);
}

static bool is_open_as(int fd, mode_t type, int mode) {
  struct stat file;
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0 || fstat(fd, &file) < 0) return false;
  return (file.st_mode & S_IFMT) == type && ((flags & O_ACCMODE) == mode || (flags & O_ACCMODE) == O_RDWR);
}

/* The sender may have made its pipe non-blocking, which holds for every copy of the end. */
static ssize_t read_some(int source, void *buffer, size_t size) {
  for (;;) {
    ssize_t got = read(source, buffer, size);
    if (got >= 0 || (errno != EAGAIN && errno != EINTR)) return got;
    struct pollfd waiting = {.fd = source, .events = POLLIN};
    (void)poll(&waiting, 1, -1); /* either way read tells */
  }
}

/* All of it, or -1; what fitted is counted. */
static int write_all(int target, const uint8_t *buffer, size_t size, struct copy *copy) {
  while (size > 0) {
    ssize_t put = write(target, buffer, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return -1;
    buffer += put;
    size -= (size_t)put;
    copy->bytes += (uint64_t)put;
  }
  return 0;
}

/* As much as a pipe holds. splice(2) is no faster here, and takes no target that appends. */
static int copy_all(int source, int target, struct copy *copy) {
  static uint8_t buffer[65536];
  ssize_t got;
  while ((got = read_some(source, buffer, sizeof buffer)) > 0)
    if (write_all(target, buffer, (size_t)got, copy) < 0) return -1;
  return (int)got;
}

_Noreturn void copy_run(int source, int target, struct copy *copy) {
  close_others(source, target);
  (void)prctl(PR_SET_NAME, "write", 0, 0, 0); /* for ps only */
  offer_to_oom_killer();
  if (!is_open_as(source, S_IFIFO, O_RDONLY)) copy->end = COPY_NO_SOURCE;
  else if (!is_open_as(target, S_IFREG, O_WRONLY)) copy->end = COPY_NO_TARGET;
  else {
    copy->failed_code = copy_all(source, target, copy) < 0 ? errno : 0;
    copy->end = COPY_ENDED;
  }
  _exit(0);
}
