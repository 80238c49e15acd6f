#include "head.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BOOT_ID_LENGTH 36

int head_is_id(const char *text) {
  size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");
  return text[length] == '\0' && length >= 1 && length <= 63;
}

const char *path_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* Absolute, and each component means what it says. */
static bool is_plain_path(const char *path) {
  if (path[0] != '/' || path[1] == '\0' || strlen(path) >= PATH_MAX) return false;
  for (const char *at = path; *at != '\0';) {
    const char *name = at + 1;
    size_t length = strcspn(name, "/");
    if (length == 0 || length > NAME_MAX || (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))) return false;
    at = name + length;
  }
  return true;
}

/* The rest of a line that starts with `key` and a space, else NULL. */
static const char *value_of(const char *line, const char *key) {
  size_t length = strlen(key);
  return strncmp(line, key, length) == 0 && line[length] == ' ' ? line + length + 1 : NULL;
}

/* The next line, ended by a NUL that takes the place of its line break; NULL at the end. */
static const char *next_line(char **rest) {
  char *line = *rest;
  char *end = line == NULL ? NULL : strchr(line, '\n');
  if (end == NULL || end == line) return NULL;
  *end = '\0';
  *rest = end + 1;
  return line;
}

static int take_number(const char **text, char end, uint64_t highest, uint64_t *number) {
  char *after;
  if (!isdigit((unsigned char)**text)) return -1;
  errno = 0;
  unsigned long long value = strtoull(*text, &after, 10);
  if (errno != 0 || value > highest || *after != end) return -1;
  *number = value;
  *text = after + 1;
  return 0;
}

static int take_init(struct head *head, const char *value, struct fault *fault) {
  uint64_t pid, start;
  const char *rest = value;
  /* 0, 1 and negative numbers are nobody's init, and must never be signalled. */
  if (take_number(&rest, ' ', INT32_MAX, &pid) < 0 || pid <= 1 || take_number(&rest, '\0', UINT64_MAX, &start) < 0)
    return REFUSE(fault, EINVAL, "init is \"%.80s\", not a pid above 1 and a start time", value);
  head->init_pid = (pid_t)pid;
  head->init_start = start;
  return 0;
}

/* `owner`: what the last component has to be; NULL: anything. */
static int take_path(const char **out, const char *key, const char *value, const char *owner, struct fault *fault) {
  if (!is_plain_path(value)) return REFUSE(fault, EINVAL, "%s is \"%.120s\", not a plain absolute path", key, value);
  if (owner != NULL && strcmp(path_base(value), owner) != 0)
    return REFUSE(fault, EINVAL, "%s is \"%.120s\", which is not named after sandbox %s", key, value, owner);
  *out = value;
  return 0;
}

static int take_text(struct head *head, struct fault *fault) {
  char *rest = head->text;
  const char *line = next_line(&rest), *value;
  if (line == NULL || strcmp(line, "hatchery-record 2") != 0)
    return REFUSE(fault, EINVAL, "line 1 is \"%.40s\", not \"hatchery-record 2\"", line == NULL ? "" : line);

  line = next_line(&rest);
  if (line == NULL || (head->id = value_of(line, "id")) == NULL || !head_is_id(head->id))
    return REFUSE(fault, EINVAL, "line 2 is \"%.80s\", not \"id\" and 1 to 63 of [a-z0-9]", line == NULL ? "" : line);

  line = next_line(&rest);
  if (line == NULL || (head->boot = value_of(line, "boot")) == NULL || strlen(head->boot) != BOOT_ID_LENGTH ||
      strspn(head->boot, "0123456789abcdef-") != BOOT_ID_LENGTH)
    return REFUSE(fault, EINVAL, "line 3 is \"%.80s\", not \"boot\" and a boot id", line == NULL ? "" : line);

  line = next_line(&rest);
  if (line != NULL && (value = value_of(line, "init")) != NULL) {
    if (take_init(head, value, fault) < 0) return -1;
    line = next_line(&rest);
  }
  if (line == NULL || (value = value_of(line, "cgroup")) == NULL)
    return REFUSE(fault, EINVAL, "\"%.80s\" stands where \"cgroup\" is expected", line == NULL ? "" : line);
  if (take_path(&head->cgroup, "cgroup", value, head->id, fault) < 0) return -1;

  line = next_line(&rest);
  for (; line != NULL && (value = value_of(line, "cgroup-v1")) != NULL; line = next_line(&rest)) {
    if (head->v1_count == HEAD_MAX_V1) return REFUSE(fault, EINVAL, "more than %d lines \"cgroup-v1\"", HEAD_MAX_V1);
    if (take_path(&head->cgroup_v1[head->v1_count++], "cgroup-v1", value, head->id, fault) < 0) return -1;
  }
  if (line != NULL && (value = value_of(line, "range")) != NULL) {
    if (take_path(&head->range, "range", value, NULL, fault) < 0) return -1;
    line = next_line(&rest);
  }
  if (line != NULL && (value = value_of(line, "root")) != NULL) {
    if (take_path(&head->root, "root", value, head->id, fault) < 0) return -1;
    line = next_line(&rest);
  }
  if (line != NULL) return REFUSE(fault, EINVAL, "line \"%.80s\" is of no known key, or out of order", line);
  if (*rest != '\0' && *rest != '\n') return REFUSE(fault, EINVAL, "the last line \"%.80s\" has no end", rest);
  return 0;
}

int head_parse(struct head *head, const char *bytes, size_t length, struct fault *fault) {
  memset(head, 0, sizeof *head);
  /* Only the head is looked at: what follows the empty line is the runtime's, and may be long. */
  const char *end = length < 2 ? NULL : memmem(bytes, length, "\n\n", 2);
  size_t head_length = end == NULL ? length : (size_t)(end - bytes) + 1;
  if (head_length > HEAD_MAX_BYTES) return REFUSE(fault, EINVAL, "the head has more than %d bytes", HEAD_MAX_BYTES);
  for (size_t i = 0; i < head_length; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    if (byte != '\n' && (byte < 0x20 || byte == 0x7f)) return REFUSE(fault, EINVAL, "byte %zu of the head is 0x%02x", i, byte);
  }
  head->text = malloc(head_length + 1);
  if (head->text == NULL) return FAIL(fault, "malloc(%zu)", head_length + 1);
  if (head_length > 0) memcpy(head->text, bytes, head_length);
  head->text[head_length] = '\0';
  return take_text(head, fault);
}

void head_free(struct head *head) {
  free(head->text);
  head->text = NULL;
}
