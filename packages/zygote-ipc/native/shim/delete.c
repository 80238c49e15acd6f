#include "delete.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../../linux/native/teardown/head.h"
#include "../../../linux/native/teardown/teardown.h"
#include "instance-lock.h"
#include "sys.h"

/* More than a kill of anything takes; past it a process hangs in the kernel. */
#define DEFAULT_WAIT_MS 10000
/* The head, the empty line, and a byte that shows there is more. */
#define RECORD_BYTES (HEAD_MAX_BYTES + 2)

struct deletion {
  const char *run_directory, *instance, *id;
  int wait_ms;
  char directory[PATH_MAX]; /* of the sandbox */
};

static int complain(enum delete_exit code, const char *step, const struct fault *fault, const char *advice) {
  (void)fprintf(stderr, "hatchery-shim delete: %s: %s%s%s; %s\n", step, fault->text, fault->code == 0 ? "" : ": ",
                fault->code == 0 ? "" : strerror(fault->code), advice);
  return code;
}

static int usage(const char *wrong) {
  (void)fprintf(stderr,
                "hatchery-shim delete: %s\n"
                "usage: hatchery-shim delete --run-directory DIR [--instance NAME] --id ID [--wait-ms N]\n"
                "Removes the sandbox ID of instance NAME (main) while no runner has it open. Exit: 0 nothing of it is left, 1 a step failed\n"
                "(the record is kept, try again), 64 usage, 65 no usable record, 66 no such instance, 75 a runner has it open, 77 not root.\n",
                wrong);
  return DELETE_USAGE;
}

/* What names a directory and nothing else, as the runtime's names of instances do. */
static bool is_instance(const char *name) {
  size_t length = strlen(name);
  return length >= 1 && length <= 128 && name[0] != '-' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static const char *parse(struct deletion *deletion, int argc, char **argv) {
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return "an option has no value";
    const char *value = argv[i + 1];
    char *end = NULL;
    if (strcmp(argv[i], "--run-directory") == 0) deletion->run_directory = value;
    else if (strcmp(argv[i], "--instance") == 0) deletion->instance = value;
    else if (strcmp(argv[i], "--id") == 0) deletion->id = value;
    else if (strcmp(argv[i], "--wait-ms") == 0) {
      long wait_ms = strtol(value, &end, 10);
      if (*value == '\0' || *end != '\0' || wait_ms < 0 || wait_ms > 600000) return "--wait-ms takes 0 to 600000";
      deletion->wait_ms = (int)wait_ms;
    } else return "unknown option";
  }
  if (deletion->run_directory == NULL || deletion->id == NULL) return "--run-directory and --id are needed";
  if (!is_instance(deletion->instance)) return "--instance takes [a-z0-9-]";
  if (!head_is_id(deletion->id)) return "--id takes 1 to 63 of [a-z0-9]";
  return NULL;
}

/* Opens DIR/instances/NAME, of which only the first may go through links: leases name the real path. */
static int open_instance(struct deletion *deletion, char *run_directory, struct fault *fault) {
  char path[300];
  if (realpath(deletion->run_directory, run_directory) == NULL) return FAIL(fault, "open(%s)", deletion->run_directory);
  cleanup_close int run = open(run_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (run < 0) return FAIL(fault, "open(%s)", run_directory);
  (void)snprintf(path, sizeof path, "instances/%s", deletion->instance);
  int instance = sys_openat2(run, path, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
  if (instance < 0) return FAIL(fault, "open(%s/%s)", run_directory, path);
  int length = snprintf(deletion->directory, sizeof deletion->directory, "%s/%s/sandboxes/%s", run_directory, path, deletion->id);
  if (length < (int)sizeof deletion->directory) return instance;
  close(instance);
  return REFUSE(fault, ENAMETOOLONG, "%s", run_directory);
}

/* A directory without a record is one in which nothing was cloned yet, if it holds nothing: the intent is on record before. */
static int remove_half_made(int sandboxes, int directory, const struct deletion *deletion, struct fault *fault) {
  if (unlinkat(directory, "record.new", 0) < 0 && errno != ENOENT) return FAIL(fault, "unlink(%s/record.new)", deletion->directory);
  if (unlinkat(sandboxes, deletion->id, AT_REMOVEDIR) < 0) return FAIL(fault, "rmdir(%s), which has no record", deletion->directory);
  return 0;
}

/* The bytes read, at most RECORD_BYTES. */
static ssize_t read_record(int fd, char *record, const struct deletion *deletion, struct fault *fault) {
  struct stat facts;
  if (fstat(fd, &facts) < 0) return FAIL(fault, "fstat(%s/record)", deletion->directory);
  if (!S_ISREG(facts.st_mode) || facts.st_uid != 0 || facts.st_nlink != 1 || (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return REFUSE(fault, 0, "%s/record is no file that only root can have written", deletion->directory);
  ssize_t length = 0, got;
  while ((got = read(fd, record + length, (size_t)(RECORD_BYTES - length))) > 0) length += got;
  return got < 0 ? FAIL(fault, "read(%s/record)", deletion->directory) : length;
}

static void print_alive(const struct teardown_alive *alive) {
  (void)printf("alive %zu%s", alive->count, alive->listed == 0 ? "" : ": pids");
  for (size_t i = 0; i < alive->listed; i++) (void)printf("%s %d", i == 0 ? "" : ",", alive->pids[i]);
  (void)printf("%s\n", alive->count > alive->listed ? ", ..." : "");
}

static int tear_down(const struct deletion *deletion, const char *record, size_t length) {
  struct teardown_request request = {deletion->directory, record, length, deletion->wait_ms};
  struct teardown_alive alive;
  struct fault fault = {0};
  const char *again = "the record is kept: look into it, then try again";
  int ended = teardown_end(&request, &alive, &fault);
  /* What was alive is worth telling in any case. */
  if (ended == 0 || alive.count > 0) print_alive(&alive);
  if (ended < 0) return complain(DELETE_FAILED, fault.step, &fault, again);
  (void)printf("ended: no process is left\n");
  (void)fflush(stdout);
  if (teardown_release(&request, -1, (struct teardown_kept){0}, &fault) < 0) return complain(DELETE_FAILED, fault.step, &fault, again);
  (void)printf("removed: sandbox %s of instance %s\n", deletion->id, deletion->instance);
  return DELETE_REMOVED;
}

static int nothing_there(const struct deletion *deletion) {
  (void)printf("nothing there: %s\n", deletion->directory);
  return DELETE_REMOVED;
}

/* With the lock held. */
static int delete_locked(const struct deletion *deletion, int instance) {
  static char record[RECORD_BYTES];
  const char *left = "nothing was touched: end the sandbox by its cgroup, then remove the directory";
  struct fault fault = {0};
  struct head head;
  cleanup_close int sandboxes = openat(instance, "sandboxes", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  cleanup_close int directory = sandboxes < 0 ? -1 : openat(sandboxes, deletion->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (directory < 0 && errno == ENOENT) return nothing_there(deletion);
  if (directory < 0) return FAIL(&fault, "open(%s)", deletion->directory), complain(DELETE_NO_RECORD, "read the record", &fault, left);

  cleanup_close int fd = openat(directory, "record", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    if (remove_half_made(sandboxes, directory, deletion, &fault) < 0) return complain(DELETE_NO_RECORD, "remove the directory", &fault, left);
    (void)printf("removed: sandbox %s of instance %s, of which there was no more than a directory\n", deletion->id, deletion->instance);
    return DELETE_REMOVED;
  }
  if (fd < 0) return FAIL(&fault, "open(%s/record)", deletion->directory), complain(DELETE_NO_RECORD, "read the record", &fault, left);
  ssize_t length = read_record(fd, record, deletion, &fault);
  if (length < 0) return complain(DELETE_NO_RECORD, "read the record", &fault, left);
  int parsed = head_parse(&head, record, (size_t)length, &fault);
  head_free(&head);
  if (parsed < 0) return complain(DELETE_NO_RECORD, "check the record", &fault, left);
  return tear_down(deletion, record, (size_t)length);
}

int delete_main(int argc, char **argv) {
  struct deletion deletion = {.instance = "main", .wait_ms = DEFAULT_WAIT_MS};
  struct fault fault = {0};
  char run_directory[PATH_MAX];
  pid_t holder = 0;

  const char *wrong = parse(&deletion, argc, argv);
  if (wrong != NULL) return usage(wrong);
  if (geteuid() != 0) return REFUSE(&fault, EPERM, "started as user %u", geteuid()), complain(DELETE_NOT_ROOT, "start", &fault, "start it as root");

  cleanup_close int instance = open_instance(&deletion, run_directory, &fault);
  if (instance < 0) return complain(DELETE_NO_INSTANCE, "open the instance", &fault, "give the run directory and the instance's name as the runner had them");

  cleanup_close int lock = instance_lock(instance, &holder, &fault);
  if (lock < 0 && fault.text[0] != '\0') return complain(DELETE_FAILED, "lock the instance", &fault, "nothing was touched");
  if (lock < 0) {
    if (holder > 0) (void)REFUSE(&fault, 0, "process %d has instance %s open", holder, deletion.instance);
    else (void)REFUSE(&fault, 0, "another process has instance %s open", deletion.instance);
    return complain(DELETE_IN_USE, "lock the instance", &fault, "destroy the sandbox there, or end that process first");
  }
  return delete_locked(&deletion, instance);
}
