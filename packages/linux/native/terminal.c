/* The terminal that this process was started on: cfmakeraw(3) and back. Node's own raw mode goes on changing output. */
#include "addon.h"

#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

/* (fd): the settings until now, as bytes for restoreTerminal(). */
static napi_value make_terminal_raw(napi_env env, napi_callback_info info) {
  napi_value value, saved;
  int fd;
  struct termios before;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "fd", &fd)) return NULL;
  if (tcgetattr(fd, &before) < 0) return throw_linux_error(addon, errno, "tcgetattr", "%d", fd);
  struct termios raw = before;
  cfmakeraw(&raw);
  if (napi_create_buffer_copy(env, sizeof before, &before, NULL, &saved) != napi_ok) return NULL;
  if (tcsetattr(fd, TCSADRAIN, &raw) < 0) return throw_linux_error(addon, errno, "tcsetattr", "%d, TCSADRAIN", fd);
  return saved;
}

static napi_value restore_terminal(napi_env env, napi_callback_info info) {
  napi_value values[2];
  const unsigned char *bytes;
  size_t length;
  int fd;
  struct termios saved;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd) || !get_bytes(env, values[1], "settings", &bytes, &length)) return NULL;
  if (length != sizeof saved) return throw_type_error(env, "settings must come from makeTerminalRaw");
  memcpy(&saved, bytes, sizeof saved);
  if (tcsetattr(fd, TCSADRAIN, &saved) < 0) return throw_linux_error(addon, errno, "tcsetattr", "%d, TCSADRAIN", fd);
  return NULL;
}

/* (fd, columns, rows): of a terminal, by either of its ends. */
static napi_value set_window_size(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int fd;
  int64_t columns, rows;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_fd(env, values[0], "fd", &fd) ||
      !get_integer(env, values[1], "columns", 0, UINT16_MAX, &columns) ||
      !get_integer(env, values[2], "rows", 0, UINT16_MAX, &rows))
    return NULL;
  struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
  if (ioctl(fd, TIOCSWINSZ, &size) < 0)
    return throw_linux_error(addon, errno, "ioctl", "%d, TIOCSWINSZ, %d x %d", fd, (int)columns, (int)rows);
  return NULL;
}

const struct export terminal_exports[] = {{"makeTerminalRaw", make_terminal_raw},
                                          {"restoreTerminal", restore_terminal},
                                          {"setWindowSize", set_window_size},
                                          {NULL, NULL}};
