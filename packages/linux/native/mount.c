/* Mounts that are attached nowhere and go with their descriptor: of a block device, and what may be done through one. */
#include "addon.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>

/* What the file system says of its refusal is in the context's log, a message a read, with its kind in front. */
static napi_value throw_mount_error(struct addon *addon, int context, int error, const char *call, const char *type, const char *source) {
  char message[256];
  struct detail detail = {.length = 0};
  detail_format(&detail, "%s, ", type);
  detail_quote(&detail, source, strlen(source));
  for (ssize_t got; (got = read(context, message, sizeof message)) > 0;) {
    size_t length = (size_t)got;
    while (length > 0 && (message[length - 1] == '\n' || message[length - 1] == '\0')) length--;
    if (length > 2 && message[0] == 'e') detail_format(&detail, ", %.*s", (int)length - 2, message + 2);
  }
  return throw_linux_error(addon, error, call, "%s", detail.text);
}

static int set_option(int context, char *option) {
  char *value = strchr(option, '=');
  if (value == NULL) return (int)syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, option, NULL, 0);
  *value++ = '\0';
  return (int)syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, option, value, 0);
}

/* (type, source, options): a detached mount; options as in fstab(5). */
static napi_value mount_detached(napi_env env, napi_callback_info info) {
  napi_value values[3];
  size_t length;
  cleanup_free char *type = NULL;
  cleanup_free char *source = NULL;
  cleanup_free char *options = NULL;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_c_string(addon, values[0], "fsopen", &type, &length) ||
      !get_c_string(addon, values[1], "fsconfig", &source, &length) || !get_c_string(addon, values[2], "fsconfig", &options, &length))
    return NULL;
  cleanup_close int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  if (context < 0) return throw_linux_error(addon, errno, "fsopen", "%s", type);
  if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "source", source, 0) < 0) return throw_mount_error(addon, context, errno, "fsconfig", type, source);
  char *rest = options;
  for (char *option; (option = strsep(&rest, ",")) != NULL;)
    if (*option != '\0' && set_option(context, option) < 0) return throw_mount_error(addon, context, errno, "fsconfig", type, source);
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return throw_mount_error(addon, context, errno, "fsconfig", type, source);
  int mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
  return mount < 0 ? throw_mount_error(addon, context, errno, "fsmount", type, source) : give_fd(addon, mount);
}

/* (mount, attributes, userNamespace or -1): sets MOUNT_ATTR_*, maps the owners, and cuts the mount off from its peers. */
static napi_value set_mount_attributes(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int mount;
  int64_t set, userns;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_fd(env, values[0], "mount", &mount) || !get_integer(env, values[1], "attributes", 0, UINT32_MAX, &set) ||
      !get_integer(env, values[2], "userNamespace", -1, INT32_MAX, &userns))
    return NULL;
  struct mount_attr attributes = {.attr_set = (uint64_t)set, .propagation = MS_PRIVATE};
  if (userns >= 0) {
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = (uint64_t)userns;
  }
  if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) return NULL;
  return throw_linux_error(addon, errno, "mount_setattr", "%d, 0x%llx, %lld", mount, (unsigned long long)set, (long long)userns);
}

const struct export mount_exports[] = {
    {"mountDetached", mount_detached}, {"setMountAttributes", set_mount_attributes}, {NULL, NULL}};
