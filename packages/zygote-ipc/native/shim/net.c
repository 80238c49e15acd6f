#include "net.h"

#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "sys.h"

int net_loopback_up(struct making *making, struct fault *fault) {
  (void)making;
  cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return FAIL(fault, "socket(AF_INET)");
  struct ifreq request = {.ifr_name = "lo"};
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? FAIL(fault, "ioctl(lo, SIOCSIFFLAGS, up)") : 0;
}
