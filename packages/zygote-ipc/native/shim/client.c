#include "client.h"

#include <string.h>
#include <sys/socket.h>

#include "channel.h"
#include "executions.h"
#include "reply.h"
#include "sys.h"
#include "writes.h"

int client_socket = -1;

/* Replies are never more than one ahead of the socket, because no request is read meanwhile; executions, exits and what was
   written are told from their tables. */
static struct {
  uint8_t bytes[2048];
  size_t length, descriptor_count;
  int descriptors[WIRE_MAX_DESCRIPTORS];
} kept;

static void forget_kept(void) {
  for (size_t i = 0; i < kept.descriptor_count; i++) close(kept.descriptors[i]);
  kept.descriptor_count = 0;
  kept.length = 0;
}

void client_take(int socket) {
  client_drop();
  client_socket = socket;
  executions_untell();
}

void client_drop(void) {
  forget_kept();
  writes_disown();
  if (client_socket >= 0) close(client_socket);
  client_socket = -1;
}

bool client_writable(void) { return kept.length == 0; }

/* What cannot be told must not be missing in silence: the client gets end of file, and the table tells the next one. */
static void cut_off(void) {
  forget_kept();
  (void)shutdown(client_socket, SHUT_RDWR); /* of a connected socket: cannot fail */
}

static bool keep(const struct wire_message *message) {
  int descriptors[WIRE_MAX_DESCRIPTORS];
  size_t count = wire_fds(message, descriptors);
  ptrdiff_t length = wire_encode(kept.bytes, sizeof kept.bytes, message);
  if (length < 0) return false;
  for (size_t i = 0; i < count; i++) {
    int copy = fcntl(descriptors[i], F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return false;
    kept.descriptors[kept.descriptor_count++] = copy;
  }
  kept.length = (size_t)length;
  return true;
}

void client_tell(const struct wire_message *message) {
  if (client_socket < 0 || reply_send(client_socket, message, false) == 0) return;
  if (errno != EAGAIN || !keep(message)) cut_off();
}

void client_tell_fault(uint32_t request, const struct fault *fault) {
  struct wire_message message = reply_failed(request, fault);
  client_tell(&message);
}

static bool flush_kept(void) {
  if (kept.length == 0) return true;
  if (packet_send(client_socket, kept.bytes, kept.length, kept.descriptors, kept.descriptor_count, false) == 0) forget_kept();
  else if (errno != EAGAIN) cut_off();
  return kept.length == 0;
}

static void tell_execution(struct execution *execution) {
  /* No pidfd for a process that has been reaped: its pid may be another's. */
  cleanup_close int pidfd = execution->ended ? -1 : (int)syscall(SYS_pidfd_open, execution->pid, 0);
  execution->listed = true;
  const struct keepsake *keepsake = &execution->keepsake;
  struct wire_message message = {.tag = WIRE_EXECUTION,
                                 .execution = {.execution = execution->number,
                                               .pid = (uint32_t)execution->pid,
                                               .label = {keepsake->label, keepsake->label_length},
                                               .pidfd = pidfd,
                                               .terminal = keepsake->terminal,
                                               .stdout_kept = keepsake->stdout_kept,
                                               .stderr_kept = keepsake->stderr_kept,
                                               .ring = keepsake->ring}};
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
  struct wire_message answer;
  while (client_writable() && writes_take_answer(&answer)) client_tell(&answer);
}
