/* Netlink messages that JavaScript composed, and sysctls of a network namespace: sent and written away from its thread. */
#include "netlink-socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct transaction {
  struct network_work work;
  int protocol;
  unsigned char *messages; /* owned */
  size_t length;
  struct netlink_reply reply;
};

static int transact(struct network_work *work) {
  struct transaction *transaction = (struct transaction *)work;
  cleanup_close int fd = netlink_open(work, transaction->protocol);
  if (fd < 0) return -1;
  return netlink_exchange(work, fd, transaction->messages, transaction->length, &transaction->reply, "transaction");
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
  free(transaction->messages);
  free(transaction->reply.bytes);
}

/* (netns or null, protocol, messages): a promise of what the kernel answered beside acknowledgements. */
static napi_value netlink_transaction(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int64_t protocol;
  const unsigned char *bytes;
  size_t length;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_integer(env, values[1], "protocol", 0, 31, &protocol) ||
      !get_bytes(env, values[2], "messages", &bytes, &length))
    return NULL;
  struct transaction *transaction = calloc(1, sizeof *transaction);
  if (transaction == NULL) return throw_linux_error(addon, ENOMEM, "calloc", "netlink transaction");
  transaction->work = (struct network_work){.netns = -1, .run = transact, .result = reply_of, .release = release_transaction};
  transaction->protocol = (int)protocol;
  transaction->messages = malloc(length + 1);
  transaction->length = length;
  if (transaction->messages == NULL) {
    network_discard(&transaction->work);
    return throw_linux_error(addon, ENOMEM, "malloc", "%zu", length);
  }
  if (length > 0) memcpy(transaction->messages, bytes, length);
  if (!network_take_netns(addon, values[0], &transaction->work)) {
    network_discard(&transaction->work);
    return NULL;
  }
  return network_start(addon, &transaction->work);
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
    {"netlinkTransaction", netlink_transaction}, {"networkSysctl", network_sysctl}, {NULL, NULL}};
