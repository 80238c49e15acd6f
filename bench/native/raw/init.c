#define _GNU_SOURCE
#include "init.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int exec_words(const char *command, size_t length, int output) {
  char *words[16] = {NULL}, *environment[] = {NULL};
  size_t count = 0;
  for (size_t at = 0; at < length && count < 15; at += strlen(command + at) + 1) words[count++] = (char *)command + at;
  int null = open("/dev/null", O_RDWR);
  if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(null, 2) < 0) return -1;
  if (syscall(SYS_close_range, 3, ~0U, 0) < 0) return -1;
  return execve(words[0], words, environment);
}

static int receive(int control, char *command, int *output) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } ancillary;
  struct iovec part = {command, COMMAND_LARGEST};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &ancillary, .msg_controllen = sizeof ancillary};
  ssize_t length = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header != NULL) memcpy(output, CMSG_DATA(header), sizeof *output);
  return (int)length;
}

void serve_as_init(int control) {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  /* The driver's own fds: with them a workload could reach every other sandbox. */
  if (dup2(control, 3) < 0 || syscall(SYS_close_range, 4, ~0U, 0) < 0) _exit(125);
  if (send(3, "", 1, 0) < 0) _exit(125);
  for (;;) {
    char command[COMMAND_LARGEST];
    int output = -1, status = -1;
    int length = receive(3, command, &output);
    if (length <= 0) _exit(0);
    pid_t child = vfork();
    if (child == 0) {
      setsid();
      exec_words(command, (size_t)length, output);
      _exit(127);
    }
    close(output);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (send(3, &status, sizeof status, 0) < 0) _exit(0);
  }
}

int init_start(int control, const char *command, size_t length, int output, struct report *report) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } ancillary;
  struct iovec part = {(char *)command, length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &ancillary, .msg_controllen = sizeof ancillary};
  ancillary.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(&ancillary.header), &output, sizeof output);
  TRY(report, sendmsg(control, &message, MSG_NOSIGNAL));
  return 0;
}

int init_await(int control, int *status, struct report *report) {
  ssize_t length = recv(control, status, sizeof *status, 0);
  if (length == 0) errno = EPIPE;
  if (length <= 0) return failed(report, "recv from init");
  return 0;
}
