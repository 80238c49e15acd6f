#include "client.h"

#include <string.h>

#include "channel.h"
#include "executions.h"
#include "reply.h"
#include "sys.h"

int client_socket = -1;

/* Replies are never more than one ahead of the socket, because no request is read meanwhile; executions and exits are told
   from the table. */
static struct {
  uint8_t bytes[2048];
  size_t length;
  int descriptor;
} kept = {.descriptor = -1};

static void forget_kept(void) {
  if (kept.descriptor >= 0) close(kept.descriptor);
  kept.descriptor = -1;
  kept.length = 0;
}

void client_take(int socket) {
  client_drop();
  client_socket = socket;
  executions_untell();
}

void client_drop(void) {
  forget_kept();
  if (client_socket >= 0) close(client_socket);
  client_socket = -1;
}

bool client_writable(void) { return kept.length == 0; }

void client_tell(const struct wire_message *message) {
  if (client_socket < 0 || reply_send(client_socket, message, false) == 0) return;
  /* EPIPE and the like: the end of file that follows drops the client; exits stay in the table for the next one. */
  if (errno != EAGAIN) return;
  int descriptors[WIRE_MAX_DESCRIPTORS];
  size_t count = wire_fds(message, descriptors);
  ptrdiff_t length = wire_encode(kept.bytes, sizeof kept.bytes, message);
  if (length < 0 || count > 1) return;
  kept.descriptor = count == 1 ? fcntl(descriptors[0], F_DUPFD_CLOEXEC, 3) : -1;
  kept.length = (size_t)length;
}

void client_tell_fault(uint32_t request, const struct fault *fault) {
  struct wire_message message = reply_failed(request, fault);
  client_tell(&message);
}

static bool flush_kept(void) {
  if (kept.length == 0) return true;
  if (packet_send(client_socket, kept.bytes, kept.length, &kept.descriptor, kept.descriptor >= 0 ? 1 : 0, false) < 0 && errno == EAGAIN) return false;
  forget_kept();
  return true;
}

static void tell_execution(struct execution *execution) {
  /* No pidfd for a process that has been reaped: its pid may be another's. */
  cleanup_close int pidfd = execution->ended ? -1 : (int)syscall(SYS_pidfd_open, execution->pid, 0);
  execution->listed = true;
  struct wire_message message = {.tag = WIRE_EXECUTION,
                                 .execution = {.execution = execution->number, .pid = (uint32_t)execution->pid, .pidfd = pidfd}};
  client_tell(&message);
}

static void tell_exit(struct execution *execution) {
  execution->told = true; /* sent, or kept: either way this connection gets it once */
  struct wire_message message = {
      .tag = WIRE_EXIT,
      .exit = {.execution = execution->number,
               .wait_status = execution->wait_status,
               .user_microseconds = execution->user_microseconds,
               .system_microseconds = execution->system_microseconds,
               .max_rss_kilobytes = execution->max_rss_kilobytes},
  };
  client_tell(&message);
}

void client_flush(void) {
  if (client_socket < 0 || !flush_kept()) return;
  for (unsigned i = 0; i < execution_count && client_writable(); i++)
    if (!executions[i].listed) tell_execution(&executions[i]);
  for (unsigned i = 0; i < execution_count && client_writable(); i++)
    if (executions[i].ended && !executions[i].told) tell_exit(&executions[i]);
}
