/* W01 to W03: ways from the sandbox to a listener on the host. */
#include "sp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECT_MS = 3000 };

static struct outcome try_connect(int family, const void *address, socklen_t size, const char *what) {
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) return refused("socket");
  if (connect(fd, address, size) == 0) return harm("connected to %s", what);
  if (errno != EINPROGRESS) return refused("connect");
  struct pollfd waiting = {.fd = fd, .events = POLLOUT};
  int error = ETIMEDOUT;
  socklen_t length = sizeof error;
  if (poll(&waiting, 1, CONNECT_MS) == 1) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  errno = error;
  return error != 0 ? refused("connect") : harm("connected to %s", what);
}

static struct outcome connect_inet(const char *host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) == 1) return try_connect(AF_INET, &address, sizeof address, host);
  if (inet_pton(AF_INET6, host, &address6.sin6_addr) == 1) return try_connect(AF_INET6, &address6, sizeof address6, host);
  return observed("NOT-TRIED", "%s is no address", host);
}

/* W01: `sp connect PORT ADDRESS...` */
static int run_connect(int argc, char **argv) {
  for (int index = 1; index < argc; index++) report(argv[index], connect_inet(argv[index], atoi(argv[0])));
  return 0;
}

/* W02: an abstract name begins with NUL, which no argument can hold; a file's name is tried as it is. */
static int run_connect_unix(int argc, char **argv) {
  if (argc < 1) return 2;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(argv[0]);
  if (length >= sizeof address.sun_path - 1) return 2;
  memcpy(address.sun_path + 1, argv[0], length);
  report("abstract", try_connect(AF_UNIX, &address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length), argv[0]));
  return 0;
}

/* The interfaces in sight other than lo: with any of them, W03 would knock at a real service. */
static int other_interfaces(char *names, size_t size) {
  FILE *table = fopen("/proc/net/dev", "re");
  char line[512];
  int count = 0;
  if (table == NULL) return -1;
  for (int row = 0; fgets(line, sizeof line, table) != NULL; row++) {
    char *name = line + strspn(line, " ");
    char *colon = strchr(name, ':');
    if (row < 2 || colon == NULL) continue;
    *colon = '\0';
    if (strcmp(name, "lo") == 0) continue;
    snprintf(names, size, "%s", name);
    count++;
  }
  fclose(table);
  return count;
}

static int run_metadata(int argc, char **argv) {
  (void)argc, (void)argv;
  char name[64] = "";
  int others = other_interfaces(name, sizeof name);
  if (others != 0) {
    report("interfaces", others < 0 ? refused("/proc/net/dev") : harm("%s is here; nothing was sent", name));
    return 0;
  }
  report("interfaces", observed("lo", "only"));
  report("169.254.169.254", connect_inet("169.254.169.254", 80));
  report("fd00:ec2::254", connect_inet("fd00:ec2::254", 80));
  return 0;
}

const struct command network_commands[] = {
    {"connect", run_connect},
    {"connect-abstract", run_connect_unix},
    {"metadata", run_metadata},
    {NULL, NULL},
};
