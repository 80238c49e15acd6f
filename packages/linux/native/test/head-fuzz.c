/* Fuzzes the parser of a record's head. With libFuzzer by fuzz.sh; with -DSTANDALONE and any compiler it mutates good heads
 * itself: head-fuzz ROUNDS [SEED]. What is accepted has to be what head.h says, or the program aborts. */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../teardown/head.h"

#define REQUIRE(condition) \
  do { \
    if (!(condition)) (void)fprintf(stderr, "not so: %s\n", #condition), abort(); \
  } while (0)

static void require_path(const char *path, const char *owner) {
  REQUIRE(path[0] == '/' && strlen(path) < PATH_MAX && path[strlen(path) - 1] != '/');
  REQUIRE(strstr(path, "//") == NULL && strstr(path, "/../") == NULL && strstr(path, "/./") == NULL && strchr(path, '\n') == NULL);
  REQUIRE(owner == NULL || strcmp(strrchr(path, '/') + 1, owner) == 0);
}

static void require_meaning(const struct head *head) {
  REQUIRE(head_is_id(head->id) && strlen(head->boot) == 36);
  REQUIRE(head->init_pid == 0 || head->init_pid > 1);
  require_path(head->cgroup, head->id);
  REQUIRE(head->v1_count <= HEAD_MAX_V1);
  for (size_t i = 0; i < head->v1_count; i++) require_path(head->cgroup_v1[i], head->id);
  if (head->range != NULL) require_path(head->range, NULL);
  if (head->root != NULL) require_path(head->root, head->id);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static size_t accepted;

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
  /* Of exactly the right size, so that AddressSanitizer sees a byte read too far. */
  char *bytes = malloc(size == 0 ? 1 : size);
  if (size > 0) memcpy(bytes, input, size);
  struct head head;
  struct fault fault = {0};
  if (head_parse(&head, size == 0 ? bytes + 1 : bytes, size, &fault) == 0) {
    accepted++;
    require_meaning(&head);
  } else {
    REQUIRE(fault.text[0] != '\0');
  }
  head_free(&head);
  free(bytes);
  return 0;
}

#ifdef STANDALONE
static const char *const seeds[] = {
    "hatchery-record 2\nid abc\nboot 01234567-89ab-cdef-0123-456789abcdef\ninit 42 123456\ncgroup /sys/fs/cgroup/h/abc\n"
    "cgroup-v1 /sys/fs/cgroup/pids/h/abc\ncgroup-v1 /sys/fs/cgroup/cpu/h/abc\nrange /run/hatchery-ids/71230000\nroot /var/lib/h/abc\n\n{}\n",
    "hatchery-record 2\nid a\nboot 01234567-89ab-cdef-0123-456789abcdef\ncgroup /a\n",
};
static const char *const tokens[] = {"\n", "\n\n", " ", "/", "/..", "/.", "-1", "1", "0", "4294967297", "18446744073709551616", "init ", "cgroup ", "cgroup-v1 /a/abc\n",
                                     "range ", "root ", "id ", "boot ", "\xff", "\r\n", "abc", "hatchery-record 2\n", "hatchery-record 3\n"};
static uint64_t state;

static size_t below(size_t limit) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return limit == 0 ? 0 : (size_t)(state % limit);
}

/* Puts `piece` in place of some bytes. */
static size_t splice(char *text, size_t length, size_t room, const char *piece, size_t piece_length) {
  size_t at = below(length + 1), gone = below(4) == 0 ? below(length - at + 1) : 0;
  if (length - gone + piece_length > room) return length;
  memmove(text + at + piece_length, text + at + gone, length - at - gone);
  memcpy(text + at, piece, piece_length);
  return length - gone + piece_length;
}

static size_t mutate(char *text, size_t length, size_t room) {
  static char copy[4096];
  switch (below(5)) {
    case 0: if (length > 0) text[below(length)] = (char)below(256); return length;
    case 1: if (length > 0) text[below(length)] ^= (char)(1 << below(8)); return length;
    case 2: return below(length + 1);
    case 3: {
      const char *token = tokens[below(sizeof tokens / sizeof *tokens)];
      return splice(text, length, room, token, strlen(token));
    }
    default: {
      size_t from = below(length + 1), count = below(length - from + 1);
      if (count > sizeof copy) count = sizeof copy;
      memcpy(copy, text + from, count);
      return splice(text, length, room, copy, count);
    }
  }
}

int main(int argc, char **argv) {
  static char text[40000];
  long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
  state = argc > 2 ? strtoull(argv[2], NULL, 10) : 88172645463325252ULL;
  for (long round = 0; round < rounds; round++) {
    const char *seed = seeds[below(sizeof seeds / sizeof *seeds)];
    size_t length = strlen(seed);
    memcpy(text, seed, length);
    for (size_t i = 1 + below(4); i > 0; i--) length = mutate(text, length, sizeof text);
    (void)LLVMFuzzerTestOneInput((const uint8_t *)text, length);
  }
  (void)printf("%ld heads, %zu accepted\n", rounds, accepted);
  return 0;
}
#endif
