/*
 * The mode `delete`: removes one sandbox while no runner is alive, by the same teardown that runners use.
 *
 *   hatchery-shim delete --run-directory DIR [--instance NAME] --id ID [--wait-ms N]
 *
 * It takes the instance's lock, so it never meets a runner. One line on stdout for each result (what was alive, that it
 * ended, that it is removed), one on stderr for what failed. Exit codes:
 */
#ifndef HATCHERY_DELETE_H
#define HATCHERY_DELETE_H

enum delete_exit {
  DELETE_REMOVED = 0,       /* nothing of the sandbox is left; also when there was nothing */
  DELETE_FAILED = 1,        /* a step failed and is named; the record is kept, and it can be tried again */
  DELETE_USAGE = 64,
  DELETE_NO_RECORD = 65,    /* the record is missing or refused, and nothing was touched */
  DELETE_NO_INSTANCE = 66,  /* no such run directory or instance */
  DELETE_IN_USE = 75,       /* a runner has the instance open; its pid is told */
  DELETE_NOT_ROOT = 77,
};

/* argv[0] is "delete". */
int delete_main(int argc, char **argv);

#endif
