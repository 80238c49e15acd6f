/* Listens on the SEQPACKET socket argv[1], says one byte, then echoes one connection's messages. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char message[4096];
  ssize_t length;
  if (argc < 2 || chdir(argv[1]) < 0) return 2;
  strcpy(address.sun_path, "echo.sock");
  int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4) < 0) return 3;
  if (write(1, "+", 1) != 1) return 4;
  int client = accept(listener, NULL, NULL);
  while ((length = read(client, message, sizeof message)) > 0)
    if (write(client, message, (size_t)length) != length) return 5;
  return 0;
}
