/* Netlink messages that JavaScript composed, and sysctls of a network namespace: sent and written away from its thread. */
#include "netlink-socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "owned.h"

struct transaction {
  struct network_work work;
  int protocol;
  int socket; /* owned; -1: one for this transaction alone */
  unsigned char *messages; /* owned */
  size_t length;
  struct netlink_reply reply;
};

static int transact(struct network_work *work) {
  struct transaction *transaction = (struct transaction *)work;
  if (transaction->socket < 0) transaction->socket = netlink_open(work, transaction->protocol);
  if (transaction->socket < 0) return -1;
  int result = netlink_exchange(work, transaction->socket, transaction->messages, transaction->length, &transaction->reply,
                                "transaction");
  /* Here: it may have to wait, and the thread that the result goes to may not. */
  cleanup_close_fd(&transaction->socket);
  transaction->socket = -1;
  return result;
}

static napi_value reply_of(struct network_work *work) {
  struct transaction *transaction = (struct transaction *)work;
  napi_value buffer = NULL;
  napi_create_buffer_copy(work->addon->env, transaction->reply.length,
                          transaction->reply.bytes == NULL ? (void *)"" : transaction->reply.bytes, NULL, &buffer);
  return buffer;
}

static void release_transaction(struct network_work *work) {
  struct transaction *transaction = (struct transaction *)work;
  if (transaction->socket >= 0) close(transaction->socket);
  free(transaction->messages);
  free(transaction->reply.bytes);
}

/* NULL: thrown. */
static struct transaction *new_transaction(struct addon *addon, napi_value messages) {
  const unsigned char *bytes;
  size_t length;
  if (!get_bytes(addon->env, messages, "messages", &bytes, &length)) return NULL;
  struct transaction *transaction = calloc(1, sizeof *transaction);
  if (transaction == NULL) return throw_linux_error(addon, ENOMEM, "calloc", "netlink transaction"), NULL;
  transaction->work = (struct network_work){.netns = -1, .run = transact, .result = reply_of, .release = release_transaction};
  transaction->socket = -1;
  transaction->messages = malloc(length + 1);
  transaction->length = length;
  if (transaction->messages == NULL) {
    network_discard(&transaction->work);
    return throw_linux_error(addon, ENOMEM, "malloc", "%zu", length), NULL;
  }
  if (length > 0) memcpy(transaction->messages, bytes, length);
  return transaction;
}

/* (netns or null, protocol, messages): a promise of what the kernel answered beside acknowledgements. */
static napi_value netlink_transaction(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int64_t protocol;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_integer(env, values[1], "protocol", 0, 31, &protocol)) return NULL;
  struct transaction *transaction = new_transaction(addon, values[2]);
  if (transaction == NULL) return NULL;
  transaction->protocol = (int)protocol;
  if (!network_take_netns(addon, values[0], &transaction->work)) {
    network_discard(&transaction->work);
    return NULL;
  }
  return network_start(addon, &transaction->work);
}

/* (socket, messages): the same over a socket of openNetlink, which stays open. */
static napi_value exchange_messages(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int fd;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_fd(env, values[0], "socket", &fd)) return NULL;
  struct transaction *transaction = new_transaction(addon, values[1]);
  if (transaction == NULL) return NULL;
  transaction->work.enters_none = true;
  /* The owner may close its own while the call runs, and the number may be another file's by then. */
  transaction->socket = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (transaction->socket < 0) {
    int error = errno;
    network_discard(&transaction->work);
    return throw_linux_error(addon, error, "fcntl", "%d, F_DUPFD_CLOEXEC", fd);
  }
  return network_start(addon, &transaction->work);
}

struct opening {
  struct network_work work;
  int protocol;
  int socket; /* owned */
};

static int open_socket(struct network_work *work) {
  struct opening *opening = (struct opening *)work;
  opening->socket = netlink_open(work, opening->protocol);
  return opening->socket < 0 ? -1 : 0;
}

static napi_value opened_socket(struct network_work *work) {
  return give_fd(work->addon, steal_fd(&((struct opening *)work)->socket));
}

static void release_opening(struct network_work *work) {
  int fd = ((struct opening *)work)->socket;
  if (fd >= 0) close(fd);
}

/* (netns or null, protocol): a promise of a socket of that namespace. */
static napi_value open_netlink(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int64_t protocol;
  struct addon *addon = get_arguments(env, info, 2, values);
  if (addon == NULL || !get_integer(env, values[1], "protocol", 0, 31, &protocol)) return NULL;
  struct opening *opening = calloc(1, sizeof *opening);
  if (opening == NULL) return throw_linux_error(addon, ENOMEM, "calloc", "netlink socket");
  opening->work = (struct network_work){.netns = -1, .run = open_socket, .result = opened_socket, .release = release_opening};
  opening->protocol = (int)protocol;
  opening->socket = -1;
  if (!network_take_netns(addon, values[0], &opening->work)) {
    network_discard(&opening->work);
    return NULL;
  }
  return network_start(addon, &opening->work);
}

static int close_socket(struct network_work *work) {
  struct opening *opening = (struct opening *)work;
  cleanup_close_fd(&opening->socket);
  opening->socket = -1;
  return 0;
}

static napi_value nothing(struct network_work *work) {
  napi_value value = NULL;
  napi_get_undefined(work->addon->env, &value);
  return value;
}

/* (socket): a promise of its end. */
static napi_value close_netlink(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int fd;
  struct addon *addon = get_arguments(env, info, 1, values);
  if (addon == NULL || !get_fd(env, values[0], "socket", &fd)) return NULL;
  if (!registry_has(addon, fd)) return throw_linux_error(addon, EBADF, "close", "%d is not a descriptor of this thread's", fd);
  struct opening *opening = calloc(1, sizeof *opening);
  if (opening == NULL) return throw_linux_error(addon, ENOMEM, "calloc", "netlink socket");
  opening->work = (struct network_work){.netns = -1, .enters_none = true, .run = close_socket, .result = nothing,
                                        .release = release_opening};
  registry_remove(addon, fd);
  opening->socket = fd;
  return network_start(addon, &opening->work);
}

struct sysctl {
  struct network_work work;
  char *name;  /* owned, below /proc/sys/net */
  char *value; /* owned; NULL: only read */
  char before[128];
};

static int access_sysctl(struct network_work *work) {
  struct sysctl *sysctl = (struct sysctl *)work;
  char path[256];
  if ((size_t)snprintf(path, sizeof path, "/proc/sys/net/%s", sysctl->name) >= sizeof path ||
      strstr(path, "..") != NULL) {
    errno = EINVAL;
    return network_fail(work, "open", "no sysctl of a network namespace");
  }
  cleanup_close int fd = open(path, (sysctl->value == NULL ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  if (fd < 0) return network_fail(work, "open", "\"%s\"", path);
  ssize_t length = pread(fd, sysctl->before, sizeof sysctl->before - 1, 0);
  if (length < 0) return network_fail(work, "read", "\"%s\"", path);
  sysctl->before[length] = '\0';
  if (sysctl->value == NULL) return 0;
  size_t bytes = strlen(sysctl->value);
  if (pwrite(fd, sysctl->value, bytes, 0) != (ssize_t)bytes) return network_fail(work, "write", "\"%s\", \"%s\"", path, sysctl->value);
  return 0;
}

static napi_value value_before(struct network_work *work) {
  napi_value value = NULL;
  napi_create_string_utf8(work->addon->env, ((struct sysctl *)work)->before, NAPI_AUTO_LENGTH, &value);
  return value;
}

static void release_sysctl(struct network_work *work) {
  free(((struct sysctl *)work)->name);
  free(((struct sysctl *)work)->value);
}

/* (netns or null, name, value or null): a promise of what it was before. */
static napi_value network_sysctl(napi_env env, napi_callback_info info) {
  napi_value values[3];
  size_t length;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL) return NULL;
  struct sysctl *sysctl = calloc(1, sizeof *sysctl);
  if (sysctl == NULL) return throw_linux_error(addon, ENOMEM, "calloc", "sysctl");
  sysctl->work = (struct network_work){.netns = -1, .run = access_sysctl, .result = value_before, .release = release_sysctl};
  if (!get_c_string(addon, values[1], "open", &sysctl->name, &length) ||
      (!is_nullish(env, values[2]) && !get_c_string(addon, values[2], "write", &sysctl->value, &length)) ||
      !network_take_netns(addon, values[0], &sysctl->work)) {
    network_discard(&sysctl->work);
    return NULL;
  }
  return network_start(addon, &sysctl->work);
}

const struct export netlink_exports[] = {
    {"netlinkTransaction", netlink_transaction},
    {"netlinkExchange", exchange_messages},
    {"openNetlink", open_netlink},
    {"closeNetlink", close_netlink},
    {"networkSysctl", network_sysctl},
    {NULL, NULL}};
