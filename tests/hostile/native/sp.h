/*
 * sp: a small static prober that acts as hostile code inside a sandbox.
 * `sp NAME` prints one line per probe, `<probe> <word> [detail]`, where the word is the errno or the signal that
 * stopped the act, or HARM when nothing did. It exits 0 whenever the probe could be run at all.
 */
#ifndef SP_H
#define SP_H

#include <stddef.h>
#include <stdint.h>

struct outcome {
  char word[32];
  char detail[200];
};

struct outcome refused(const char *step); /* the errno of the step that just failed */
struct outcome harm(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct outcome observed(const char *word, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report(const char *name, struct outcome outcome);

/* Runs a probe in a child of its own: a SIGSYS is an answer, and chroot, unshare or a hang stay in that child. */
typedef struct outcome probe_fn(const void *argument);
void attempt(const char *name, probe_fn *probe, const void *argument);

void error_name(int error, char *out, size_t size);

/* Seconds after which anything sp leaves running ends by itself, should the sandbox fail to end it. */
#define LIFETIME_SECONDS 60

struct command {
  const char *name;
  int (*run)(int argc, char **argv);
};

extern const struct command kernel_commands[];
extern const struct command namespace_commands[];
extern const struct command process_commands[];
extern const struct command resource_commands[];
extern const struct command life_commands[];
extern const struct command network_commands[];
extern const struct command volume_commands[];
extern const struct command swap_commands[];
extern const struct command file_commands[];

int run_reach(int argc, char **argv);

#endif
