/* launch [--without-unified]
 *
 * Starts other runtimes and times them with CLOCK_MONOTONIC, from before posix_spawn (which costs this small process next to
 * nothing) to the first byte of stdout or the exit. One request a line, one answer a line, times in nanoseconds:
 *   run <exit|first> <word>...            ok <first> <exit>
 *   hold <word>...                        ok <first>          stays running, one at a time
 *   release                               ok <ended>          SIGKILL and wait
 *   burst <count> <in flight> <word>...   ok <last exit>      a '#' in a word becomes the number
 * Peers live in a private mount namespace; --without-unified takes /sys/fs/cgroup/unified out of it, because crun 1.8 refuses
 * a hybrid host that shows it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../raw/clock.h"

enum { LINE_LARGEST = 8192, WORDS_MOST = 128, WORD_LARGEST = 1024 };

extern char **environ;
static int complaints, null_input;
static pid_t held = -1;

static int answer_error(const char *step) { return printf("err %s: %s\n", step, strerror(errno)); }

/* What the peer wrote to stderr says more than its exit status. */
static int answer_status(const char *program, int status) {
  char text[400];
  ssize_t length = pread(complaints, text, sizeof text - 1, 0);
  text[length < 0 ? 0 : length] = '\0';
  for (char *at = text; *at != '\0'; at++)
    if (*at == '\n') *at = ' ';
  return printf("err %s: wait status %#x: %s\n", program, status, text);
}

static void forget_complaints(void) {
  if (ftruncate(complaints, 0) < 0 || lseek(complaints, 0, SEEK_SET) < 0) perror("launch: memfd");
}

static int split_words(char *rest, char **words) {
  int count = 0;
  for (char *word = strtok(rest, " "); word != NULL && count < WORDS_MOST - 1; word = strtok(NULL, " ")) words[count++] = word;
  words[count] = NULL;
  return count;
}

static int spawn(char **words, int output, pid_t *pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGTERM);
  sigaddset(&defaults, SIGPIPE);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, null_input, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, complaints, 2);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  errno = posix_spawnp(pid, words[0], &actions, &attributes, words, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return errno == 0 ? 0 : -1;
}

static void do_run(char *rest) {
  char *words[WORDS_MOST], byte;
  int watch_first = strncmp(rest, "first ", 6) == 0, ends[2], status = 0;
  split_words(strchr(rest, ' ') + 1, words);
  forget_complaints();
  long long began = now_ns(), first = -1;
  pid_t pid;
  if (pipe2(ends, O_CLOEXEC) < 0 || spawn(words, ends[1], &pid) < 0) {
    answer_error(words[0]);
    return;
  }
  close(ends[1]);
  if (watch_first && read(ends[0], &byte, 1) == 1) first = now_ns() - began;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  long long ended = now_ns() - began;
  close(ends[0]);
  if (status != 0) answer_status(words[0], status);
  else printf("ok %lld %lld\n", first, ended);
}

static void do_hold(char *rest) {
  char *words[WORDS_MOST], byte;
  int ends[2], status = 0;
  split_words(rest, words);
  forget_complaints();
  if (held > 0) {
    printf("err hold: one is running already\n");
    return;
  }
  long long began = now_ns();
  if (pipe2(ends, O_CLOEXEC) < 0 || spawn(words, ends[1], &held) < 0) {
    answer_error(words[0]);
    return;
  }
  close(ends[1]);
  ssize_t length = read(ends[0], &byte, 1);
  long long first = now_ns() - began;
  close(ends[0]);
  if (length == 1) {
    printf("ok %lld\n", first);
    return;
  }
  waitpid(held, &status, 0);
  held = -1;
  answer_status(words[0], status);
}

static long long release_held(void) {
  long long began = now_ns();
  if (held > 0) {
    kill(held, SIGKILL);
    waitpid(held, NULL, 0);
  }
  held = -1;
  return now_ns() - began;
}

static void number_words(char **words, int number, char **numbered, char store[WORDS_MOST][WORD_LARGEST]) {
  int at = 0;
  for (; words[at] != NULL; at++) {
    char *mark = strchr(words[at], '#');
    numbered[at] = words[at];
    if (mark == NULL) continue;
    snprintf(store[at], WORD_LARGEST, "%.*s%d%s", (int)(mark - words[at]), words[at], number, mark + 1);
    numbered[at] = store[at];
  }
  numbered[at] = NULL;
}

static void do_burst(char *rest) {
  static char store[WORDS_MOST][WORD_LARGEST];
  char *words[WORDS_MOST], *numbered[WORDS_MOST], *end;
  int count = (int)strtol(rest, &end, 10), in_flight = (int)strtol(end, &end, 10), started = 0, ended = 0, bad = 0;
  split_words(end, words);
  forget_complaints();
  long long began = now_ns();
  while (ended < count) {
    while (started < count && started - ended < in_flight) {
      pid_t pid;
      number_words(words, started++, numbered, store);
      if (spawn(numbered, null_input, &pid) < 0) {
        answer_error(words[0]);
        return;
      }
    }
    int status = 0;
    if (waitpid(-1, &status, 0) < 0) {
      if (errno == EINTR) continue;
      answer_error("waitpid");
      return;
    }
    ended++;
    if (status != 0) bad = status;
  }
  long long took = now_ns() - began;
  if (bad != 0) answer_status(words[0], bad);
  else printf("ok %lld\n", took);
}

static void answer(char *line) {
  line[strcspn(line, "\n")] = '\0';
  if (strncmp(line, "run ", 4) == 0) do_run(line + 4);
  else if (strncmp(line, "hold ", 5) == 0) do_hold(line + 5);
  else if (strcmp(line, "release") == 0) printf("ok %lld\n", release_held());
  else if (strncmp(line, "burst ", 6) == 0) do_burst(line + 6);
  else printf("err request not known: %s\n", line);
  fflush(stdout);
}

static int prepare(int without_unified) {
  complaints = memfd_create("complaints", MFD_CLOEXEC);
  null_input = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (complaints < 0 || null_input < 0 || fcntl(complaints, F_SETFL, O_APPEND) < 0) return -1;
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return -1;
  /* A host that has no such mount is what was wanted. */
  if (without_unified && umount2("/sys/fs/cgroup/unified", MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT) return -1;
  return 0;
}

int main(int count, char **arguments) {
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  int prepared = prepare(count > 1 && strcmp(arguments[1], "--without-unified") == 0);
  if (prepared < 0) answer_error("private mount namespace");
  else printf("ok ready\n");
  fflush(stdout);
  static char line[LINE_LARGEST];
  while (prepared == 0 && fgets(line, sizeof line, stdin) != NULL) answer(line);
  release_held();
  return prepared == 0 ? 0 : 1;
}
