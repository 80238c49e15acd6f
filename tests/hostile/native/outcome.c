/* What became of a hostile act, and the child in which it is tried. */
#include "sp.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A probe that does not come back in this time was hung by the sandbox, which is an answer of its own. */
enum { PROBE_SECONDS = 10 };

void error_name(int error, char *out, size_t size) {
  const char *name = strerrorname_np(error);
  if (name != NULL)
    snprintf(out, size, "%s", name);
  else
    snprintf(out, size, "errno-%d", error);
}

struct outcome refused(const char *step) {
  struct outcome outcome = {.word = "", .detail = ""};
  int error = errno;
  error_name(error, outcome.word, sizeof outcome.word);
  snprintf(outcome.detail, sizeof outcome.detail, "%s", step);
  return outcome;
}

struct outcome harm(const char *format, ...) {
  struct outcome outcome = {.word = "HARM", .detail = ""};
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(outcome.detail, sizeof outcome.detail, format, arguments);
  va_end(arguments);
  return outcome;
}

struct outcome observed(const char *word, const char *format, ...) {
  struct outcome outcome = {.word = "", .detail = ""};
  snprintf(outcome.word, sizeof outcome.word, "%s", word);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(outcome.detail, sizeof outcome.detail, format, arguments);
  va_end(arguments);
  return outcome;
}

void report(const char *name, struct outcome outcome) {
  for (char *at = outcome.detail; *at != '\0'; at++)
    if (*at == '\n') *at = ' ';
  printf("%s %s%s%s\n", name, outcome.word, outcome.detail[0] == '\0' ? "" : " ", outcome.detail);
}

static _Noreturn void run_probe(int answer, probe_fn *probe, const void *argument) {
  /* A session of its own: vhangup and terminal ioctls must not reach the caller's terminal. */
  setsid();
  alarm(PROBE_SECONDS);
  struct outcome outcome = probe(argument);
  ssize_t written = write(answer, &outcome, sizeof outcome);
  _exit(written == (ssize_t)sizeof outcome ? 0 : 1);
}

void attempt(const char *name, probe_fn *probe, const void *argument) {
  int answer[2];
  fflush(stdout);
  if (pipe(answer) != 0) {
    report(name, observed("NOT-TRIED", "pipe failed"));
    return;
  }
  pid_t child = fork();
  if (child == 0) run_probe(answer[1], probe, argument);
  close(answer[1]);
  struct outcome outcome = observed("NOT-TRIED", "fork failed");
  if (child > 0) {
    int status = 0;
    ssize_t got = read(answer[0], &outcome, sizeof outcome);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (got != (ssize_t)sizeof outcome) {
      if (WIFSIGNALED(status))
        outcome = observed("", "SIG%s", sigabbrev_np(WTERMSIG(status)));
      else
        outcome = observed("NOT-TRIED", "the child ended with %d and no answer", WEXITSTATUS(status));
      if (outcome.word[0] == '\0') outcome = observed(outcome.detail, "killed");
    }
  }
  close(answer[0]);
  report(name, outcome);
}
