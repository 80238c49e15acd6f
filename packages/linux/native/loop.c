/* A file as a block device, for as long as somebody has it open or mounted (loop(4) with autoclear). */
#include "addon.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define TRIES 256

/* In one call and not LOOP_SET_FD first: between the two a death would leave a device that nobody lets go of. */
static int configure(int device, int image) {
  struct loop_config config = {.fd = (uint32_t)image, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
  return ioctl(device, LOOP_CONFIGURE, &config);
}

/* (imageFd): a loop device of the image, which goes with its last descriptor or mount. */
static napi_value attach_loop(napi_env env, napi_callback_info info) {
  napi_value value;
  int image;
  struct addon *addon = get_arguments(env, info, 1, &value);
  if (addon == NULL || !get_fd(env, value, "imageFd", &image)) return NULL;
  cleanup_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) return throw_linux_error(addon, errno, "open", "\"/dev/loop-control\"");
  for (int tries = 0; tries < TRIES; tries++) {
    char path[32];
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) return throw_linux_error(addon, errno, "ioctl", "LOOP_CTL_GET_FREE");
    (void)snprintf(path, sizeof path, "/dev/loop%d", number);
    cleanup_close int device = open(path, O_RDWR | O_CLOEXEC);
    if (device < 0) return throw_linux_error(addon, errno, "open", "\"%s\"", path);
    if (configure(device, image) == 0) return give_fd(addon, steal_fd(&device));
    /* EBUSY: another thread or program has taken the free one in between. */
    if (errno != EBUSY) return throw_linux_error(addon, errno, "ioctl", "\"%s\", LOOP_CONFIGURE", path);
  }
  return throw_linux_error(addon, EBUSY, "ioctl", "LOOP_CONFIGURE, %d free devices taken by others", TRIES);
}

const struct export loop_exports[] = {{"attachLoop", attach_loop}, {NULL, NULL}};
