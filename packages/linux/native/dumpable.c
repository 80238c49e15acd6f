#include "dumpable.h"

#include <pthread.h>
#include <sys/prctl.h>

/* Of the process, as what it guards is: every environment loads this one copy. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned inside;
static int before;

void dumpable_enter(void) {
  pthread_mutex_lock(&lock);
  if (inside++ == 0) before = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  pthread_mutex_unlock(&lock);
}

void dumpable_leave(void) {
  pthread_mutex_lock(&lock);
  /* It cannot fail, and where it was no or root's alone it needs nothing. */
  if (--inside == 0 && before == 1) (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  pthread_mutex_unlock(&lock);
}

int dumpable_refuse(void) {
  pthread_mutex_lock(&lock);
  before = 0;
  int result = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  pthread_mutex_unlock(&lock);
  return result;
}
