#include "terminal.h"

#include <sys/ioctl.h>
#include <termios.h>

#include "sys.h"

int terminal_open(uid_t owner, uint16_t columns, uint16_t rows, int *master_fd, int *slave_fd, struct fault *fault) {
  const struct winsize size = {.ws_col = columns, .ws_row = rows};
  int locked = 0;
  /* O_NONBLOCK: an open that hangs would hang init, and with it the whole sandbox. */
  cleanup_close int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (master < 0) return FAIL(fault, "open(/dev/pts/ptmx)");
  if (ioctl(master, TIOCSPTLCK, &locked) < 0) return FAIL(fault, "ioctl(TIOCSPTLCK)");
  if (ioctl(master, TIOCSWINSZ, &size) < 0) return FAIL(fault, "ioctl(TIOCSWINSZ, %u x %u)", columns, rows);
  /* By descriptor: no name that somebody inside could have put something else at. */
  cleanup_close int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return FAIL(fault, "ioctl(TIOCGPTPEER)");
  if (fchown(slave, owner, (gid_t)-1) < 0) return FAIL(fault, "fchown(terminal, %u)", owner);
  *master_fd = steal_fd(&master);
  *slave_fd = steal_fd(&slave);
  return 0;
}
