/* The order in which a sandbox goes, whatever state it is in. */
#include "remains.h"

enum phase { PHASE_END, PHASE_RELEASE };

static const struct step {
  enum phase phase;
  const char *name;
  int (*run)(struct remains *remains, struct fault *fault);
} steps[] = {
    {PHASE_END, "look at what is alive", look_at_what_is_alive},
    {PHASE_END, "kill every process", kill_every_process},
    {PHASE_END, "wait for the exit of init", wait_for_init},
    {PHASE_END, "wait until the cgroups are empty", wait_until_empty},

    /* Only now: what could be used by another (files, ids) is let go when the kernel has said that nobody is left. The
       cgroups are that proof, so they go first of what has a name; the record is the last file to go. */
    {PHASE_RELEASE, "let go of the root", let_go_of_root},
    {PHASE_RELEASE, "remove the cgroups", remove_cgroups},
    {PHASE_RELEASE, "wait for the exit of init", wait_for_init},
    {PHASE_RELEASE, "remove the root's files", remove_root},
    {PHASE_RELEASE, "remove the directory", remove_directory},
    {PHASE_RELEASE, "release the id range", release_range},
};

static int run_steps(enum phase phase, struct remains *remains, struct fault *fault) {
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    if (steps[i].phase != phase || steps[i].run(remains, fault) == 0) continue;
    fault_name_step(fault, steps[i].name);
    return -1;
  }
  return 0;
}

static int run_phase(enum phase phase, const struct teardown_request *request, struct remains *remains, struct fault *fault) {
  int result = remains_open(remains, request, fault);
  if (result < 0) fault_name_step(fault, "check the record");
  else result = run_steps(phase, remains, fault);
  remains_close(remains);
  return result;
}

int teardown_end(const struct teardown_request *request, struct teardown_alive *alive, struct fault *fault) {
  struct remains remains = {.alive = alive, .root_fd = -1};
  *alive = (struct teardown_alive){0};
  return run_phase(PHASE_END, request, &remains, fault);
}

int teardown_release(const struct teardown_request *request, int root_fd, struct teardown_kept kept, struct fault *fault) {
  struct remains remains = {.root_fd = root_fd, .kept = kept};
  int result = run_phase(PHASE_RELEASE, request, &remains, fault);
  /* A record that was refused has not come as far. */
  struct fault none = {0};
  (void)let_go_of_root(&remains, &none);
  return result;
}
