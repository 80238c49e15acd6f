/*
 * The shim: one static binary, run in a mode. `init` is no mode of its own to call: it is the zygote's child.
 */
#include <stdio.h>
#include <string.h>

#include "delete.h"
#include "probe.h"
#include "process.h"
#include "zygote.h"

#ifdef HATCHERY_SANITIZED
/* The leak check at exit reads /proc, which the zygote has left; the shim has no heap to leak. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }
#endif

int main(int argc, char **argv) {
  if (argc >= 2 && strcmp(argv[1], "zygote") == 0) {
    process_take_title(argc, argv);
    return zygote_main();
  }
  if (argc >= 2 && strcmp(argv[1], "probe") == 0) return probe_main(argc - 1, argv + 1);
  if (argc >= 2 && strcmp(argv[1], "delete") == 0) return delete_main(argc - 1, argv + 1);
  (void)fprintf(stderr, "hatchery-shim: started by the runtime as `hatchery-shim zygote` (socket on descriptor 3) or `hatchery-shim probe`,\n"
                        "and by hand as `hatchery-shim delete`, which removes a sandbox while no runner is alive\n");
  return 64;
}
