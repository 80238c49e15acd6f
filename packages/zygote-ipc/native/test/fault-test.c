/*
 * The error contract of ../shim/fault.h, point by point. Prints what is broken; exits 1 if anything is.
 */
#include "../../../linux/native/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../shim/reply.h"
#include "../shim/sys.h"
#include "../wire/utf8.h"

static int broken;

#define CHECK(claim, condition)                                   \
  do {                                                            \
    if (!(condition)) {                                           \
      (void)printf("%s:%d: not so: %s\n", __FILE__, __LINE__, claim); \
      broken = 1;                                                 \
    }                                                             \
  } while (0)

static int open_missing(struct fault *fault) {
  cleanup_close int fd = open("/does/not/exist", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? FAIL(fault, "open(%s)", "/does/not/exist") : steal_fd(&fd);
}

static void results(void) {
  struct fault fault = {0};
  CHECK("a failing call gives -1", open_missing(&fault) == -1);
  CHECK("errno is kept", fault.code == ENOENT);
  CHECK("the text is call(arguments), without a sentence from errno", strcmp(fault.text, "open(/does/not/exist)") == 0);
  CHECK("a callee names no step", fault.step[0] == '\0');

  struct fault untouched = {.code = 77, .step = "step", .text = ""}, before = untouched;
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK("after success the fault is untouched", fd >= 0 && memcmp(&untouched, &before, sizeof before) == 0);
  close(fd);
}

static void errno_is_read_first(void) {
  struct fault fault = {0};
  errno = EBADF;
  /* %m and the formatting itself must see and leave the errno of the call. */
  CHECK("FAIL gives -1", FAIL(&fault, "read(%d)", 7) == -1);
  CHECK("the errno of the call is kept", fault.code == EBADF);
}

static void refusals(void) {
  struct fault fault = {0};
  errno = EBADF;
  CHECK("REFUSE gives -1", REFUSE(&fault, EINVAL, "id \"%s\"", "x") == -1);
  CHECK("a refusal has a code of its own, not errno", fault.code == EINVAL);
  struct fault no_call = {0};
  (void)REFUSE(&no_call, 0, "configure twice");
  CHECK("code 0: no call failed", no_call.code == 0 && strcmp(no_call.text, "configure twice") == 0);
}

static void first_wins(void) {
  struct fault fault = {0};
  errno = ENOENT;
  (void)FAIL(&fault, "open(first)");
  errno = EIO;
  CHECK("a second fault still gives -1", FAIL(&fault, "close(second)") == -1);
  (void)REFUSE(&fault, EINVAL, "third");
  CHECK("the first fault wins", fault.code == ENOENT && strcmp(fault.text, "open(first)") == 0);
  struct fault empty_text = {0};
  errno = ENOENT;
  (void)FAIL(&empty_text, "%s", "");
  errno = EIO;
  (void)FAIL(&empty_text, "second");
  CHECK("a fault without words is a fault too", empty_text.code == ENOENT && empty_text.text[0] != '\0');
}

static void steps(void) {
  struct fault fault = {0};
  (void)REFUSE(&fault, EINVAL, "x");
  fault_name_step(&fault, "inner");
  fault_name_step(&fault, "outer");
  CHECK("the step is named once; an inner name stays", strcmp(fault.step, "inner") == 0);
  struct fault named_before = {0};
  fault_name_step(&named_before, "protocol");
  (void)REFUSE(&named_before, EPROTO, "tag 9");
  CHECK("a step named ahead does not count as a fault", strcmp(named_before.text, "tag 9") == 0 && named_before.code == EPROTO);
  struct fault longest = {0};
  char name[3 * FAULT_STEP_BYTES];
  memset(name, 's', sizeof name);
  name[sizeof name - 1] = '\0';
  fault_name_step(&longest, name);
  CHECK("a step that is too long is cut", strlen(longest.step) == FAULT_STEP_BYTES - 1);
}

/* `lead` bytes of ASCII, then one character over and over, longer than fits. */
static void cut(size_t lead, const char *character) {
  char text[4 * FAULT_TEXT_BYTES] = "";
  memset(text, 'a', lead);
  size_t length = lead, width = strlen(character);
  while (length + width < sizeof text) {
    memcpy(text + length, character, width);
    length += width;
  }
  text[length] = '\0';
  struct fault fault = {0};
  (void)REFUSE(&fault, ENAMETOOLONG, "%s", text);
  size_t fits = lead + (FAULT_TEXT_BYTES - 1 - lead) / width * width;
  CHECK("a text that is too long is cut, not lost", strlen(fault.text) == fits);
  CHECK("what is left is its beginning", strncmp(fault.text, text, fits) == 0);
  CHECK("and UTF-8", utf8_valid_prefix((const uint8_t *)fault.text, strlen(fault.text)) == strlen(fault.text));
}

static void cuts(void) {
  static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
  for (size_t i = 0; i < sizeof characters / sizeof *characters; i++)
    for (size_t lead = 0; lead < 8; lead++) cut(lead, characters[i]);
  char exact[FAULT_TEXT_BYTES] = "";
  for (size_t i = 0; i + 2 < sizeof exact; i += 2) memcpy(exact + i, "\xc3\xa9", 2);
  struct fault fault = {0};
  (void)REFUSE(&fault, EINVAL, "%s", exact);
  CHECK("a text that fits is not cut", strcmp(fault.text, exact) == 0);
  struct fault garbage = {0};
  char bytes[2 * FAULT_TEXT_BYTES];
  memset(bytes, 0x80, sizeof bytes);
  bytes[sizeof bytes - 1] = '\0';
  (void)REFUSE(&garbage, EINVAL, "%s", bytes);
  CHECK("bytes that are no UTF-8 are not lost", strlen(garbage.text) >= FAULT_TEXT_BYTES - 4);
}

static void crossing(void) {
  struct fault fault = {0};
  char bytes[2 * FAULT_TEXT_BYTES];
  memset(bytes, 0xff, sizeof bytes);
  bytes[sizeof bytes - 1] = '\0';
  (void)REFUSE(&fault, EIO, "open(%s)", bytes);
  fault_name_step(&fault, "open");
  struct wire_message message = reply_failed(9, &fault), decoded;
  struct wire_error error;
  uint8_t buffer[4096];
  ptrdiff_t length = wire_encode(buffer, sizeof buffer, &message);
  CHECK("any fault fits into `failed`, also with bytes that are no UTF-8", length > 0);
  if (length <= 0) return;
  CHECK("the runtime can read it", wire_decode_at(WIRE_PARTY_RUNTIME, WIRE_PARTY_INIT, buffer, (size_t)length, NULL, 0, &decoded, &error) == 0);
  CHECK("step, errno and request cross", decoded.failed.request == 9 && decoded.failed.errno_ == EIO && strcmp(decoded.failed.step.data, "open") == 0);
  CHECK("the text crosses", strncmp(decoded.failed.text.data, "open(", 5) == 0);
}

/* Whoever gets the -1 releases what it owns. */
static int fail_holding(int *held, struct fault *fault) {
  cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  *held = fd;
  if (open_missing(fault) < 0) return -1;
  return steal_fd(&fd);
}

static void ownership(void) {
  struct fault fault = {0};
  int held = -1;
  CHECK("the -1 is passed on", fail_holding(&held, &fault) == -1);
  CHECK("an owned descriptor is closed on the way out", fcntl(held, F_GETFD) < 0 && errno == EBADF);
  int kept;
  {
    cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    kept = steal_fd(&fd);
  }
  CHECK("a stolen one stays open", fcntl(kept, F_GETFD) >= 0);
  close(kept);
}

int main(void) {
  results();
  errno_is_read_first();
  refusals();
  first_wins();
  steps();
  cuts();
  crossing();
  ownership();
  return broken;
}
