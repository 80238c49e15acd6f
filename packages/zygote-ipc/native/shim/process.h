/*
 * What is true of init as a process: its cgroups, its socket, its session, its descriptors.
 */
#ifndef HATCHERY_PROCESS_H
#define HATCHERY_PROCESS_H

#include "fault.h"
#include "making.h"

/* Where the command line that ps shows lies in memory; init writes its own name there. */
void process_take_title(int argc, char **argv);

int process_leave_zygote(struct making *making, struct fault *fault);
int process_join_cgroups(struct making *making, struct fault *fault);
int process_listen(struct making *making, struct fault *fault);
int process_own_session(struct making *making, struct fault *fault);
int process_become_untraceable(struct making *making, struct fault *fault);

/* Every descriptor but the listener and the connection, which move to 3 and 4. Not one of the checklist's steps, because
   the runtime need not wait for it: the last close of a copied layer waits for an RCU grace period (0.1 to 0.5 ms). It is
   done before START is read, and so before anything of the sandbox's own runs. */
int process_close_others(struct making *making, struct fault *fault);

/* Of the zygote, at its start: its sandboxes inherit what the host gave the runner. */
void process_drop_rank(void);

/* Limits of every execution; at START, before anything runs. */
int process_limit_resources(struct fault *fault);

#endif
