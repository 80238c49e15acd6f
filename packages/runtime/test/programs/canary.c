/* Stands for a shim that must not be executed: it leaves a file that tells that it was. */
#include <fcntl.h>
#include <unistd.h>

int main(void)
{
  int fd = open(CANARY, O_CREAT | O_WRONLY, 0600);
  if (fd >= 0) close(fd);
  return 1;
}
