#include "writes.h"

#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../../linux/native/clone3.h"
#include "copy.h"
#include "reply.h"
#include "sys.h"

/* A place is free while its pid is 0. */
static struct place {
  pid_t pid;
  uint32_t request;
  bool disowned;
  bool ended;
  int wait_status;
} places[MAX_WRITES];

static struct copy *copies; /* one a place, shared with the children */

static int map_copies(struct fault *fault) {
  if (copies != NULL) return 0;
  void *memory = mmap(NULL, MAX_WRITES * sizeof *copies, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return FAIL(fault, "mmap(%zu)", MAX_WRITES * sizeof *copies);
  copies = memory;
  return 0;
}

static struct place *find(pid_t pid) {
  for (unsigned i = 0; i < MAX_WRITES; i++)
    if (places[i].pid == pid && !places[i].ended) return &places[i];
  return NULL;
}

static pid_t clone_copier(const struct wire_write *request, struct copy *copy) {
  struct clone_args arguments = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
  sigset_t all, before;
  sigfillset(&all);
  /* For good in the child: unlike init it could be ended by any signal from inside, and SIGXFSZ would hide EFBIG. */
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) copy_run(request->source, request->target, copy);
  int code = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  errno = code;
  return pid;
}

int writes_start(const struct wire_write *request, struct fault *fault) {
  struct place *place = find(0);
  if (place == NULL) return REFUSE(fault, EAGAIN, "%d writes, the most that one sandbox has at a time", MAX_WRITES);
  if (map_copies(fault) < 0) return -1;
  struct copy *copy = &copies[place - places];
  memset(copy, 0, sizeof *copy);
  pid_t pid = clone_copier(request, copy);
  if (pid < 0) return FAIL(fault, "clone3()");
  *place = (struct place){.pid = pid, .request = request->request};
  return 0;
}

bool writes_ended(pid_t pid, int wait_status) {
  struct place *place = find(pid);
  if (place == NULL) return false;
  if (place->disowned) *place = (struct place){0};
  else {
    place->ended = true;
    place->wait_status = wait_status;
  }
  return true;
}

void writes_disown(void) {
  for (unsigned i = 0; i < MAX_WRITES; i++) {
    if (places[i].ended) places[i] = (struct place){0};
    else places[i].disowned = true;
  }
}

static void tell_why(const struct place *place, const struct copy *copy, struct fault *fault) {
  unsigned long long bytes = copy->bytes;
  if (WIFSIGNALED(place->wait_status))
    REFUSE(fault, EINTR, "its process was killed by signal %d after %llu bytes: by the OOM killer at the sandbox's memory limit, or from inside",
           WTERMSIG(place->wait_status), bytes);
  else if (copy->end == COPY_NO_SOURCE) REFUSE(fault, EINVAL, "the source is not a pipe that is open for reading");
  else if (copy->end == COPY_NO_TARGET) REFUSE(fault, EINVAL, "the target is not a regular file that is open for writing");
  else REFUSE(fault, 0, "its process ended with wait status %d after %llu bytes", place->wait_status, bytes);
  fault_name_step(fault, "write");
}

static struct wire_message answer_of(const struct place *place, const struct copy *copy) {
  static struct fault fault;
  if (place->wait_status == 0 && copy->end == COPY_ENDED)
    return (struct wire_message){.tag = WIRE_WRITTEN, .written = {.request = place->request, .bytes = copy->bytes, .errno_ = copy->failed_code}};
  fault = (struct fault){0};
  tell_why(place, copy, &fault);
  return reply_failed(place->request, &fault);
}

bool writes_take_answer(struct wire_message *message) {
  for (unsigned i = 0; i < MAX_WRITES; i++) {
    if (!places[i].ended) continue;
    *message = answer_of(&places[i], &copies[i]);
    places[i] = (struct place){0};
    return true;
  }
  return false;
}
