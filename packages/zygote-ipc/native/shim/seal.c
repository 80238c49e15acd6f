#include "seal.h"

#include <string.h>

#include "caps.h"
#include "process.h"
#include "seccomp.h"
#include "sys.h"

int seal(const char *hostname, struct fault *fault) {
  if (sethostname(hostname, strlen(hostname)) < 0) {
    fault_name_step(fault, "set the host name");
    return FAIL(fault, "sethostname(\"%s\")", hostname);
  }
  if (process_limit_resources(fault) < 0) fault_name_step(fault, "limit resources");
  else if (caps_seal_bounding_set(fault) < 0) fault_name_step(fault, "drop capabilities");
  else if (seccomp_seal(fault) < 0) fault_name_step(fault, "filter system calls");
  else return 0;
  return -1;
}
