/* The module's surface: which files it is made of, and what an environment has and gives back. */
#include "addon.h"

static const struct export core_exports[] = {{"setErrorClass", set_error_class}, {NULL, NULL}};

static const struct export *const facilities[] = {
    core_exports,   registry_exports, channel_exports, socket_exports, pidfd_exports, watch_exports, pipe_exports,
    open_exports,   memfd_exports,    fd_exports,      lock_exports,  process_exports, spawn_exports,
    tree_exports,   reader_exports,   writer_exports,    terminal_exports, eventfd_exports,
    filesystem_exports, teardown_exports, loop_exports,  mount_exports, inotify_exports,
    owner_exports,  xattr_exports,   entry_exports,  directory_exports, connect_exports, netlink_exports,
    network_slot_exports,
};

/* Cleanup hooks run in reverse, so this one, the first, runs once every channel and watch has let go. */
static void close_descriptors(void *data) { registry_close_all(data); }

static void free_addon(napi_env env, void *data, void *hint) {
  struct addon *addon = data;
  (void)hint;
  if (addon->error_class != NULL) napi_delete_reference(env, addon->error_class);
  registry_close_all(addon);
  if (addon->receive_area_buffer != NULL) napi_delete_reference(env, addon->receive_area_buffer);
  free(addon);
}

NAPI_MODULE_INIT(/* env, exports */) {
  struct addon *addon = calloc(1, sizeof *addon);
  if (addon == NULL) {
    napi_throw_error(env, "ENOMEM", "calloc: not enough memory");
    return NULL;
  }
  addon->env = env;
  if (napi_set_instance_data(env, addon, free_addon, NULL) != napi_ok) {
    free(addon);
    return NULL;
  }
  if (napi_get_uv_event_loop(env, &addon->loop) != napi_ok ||
      napi_add_env_cleanup_hook(env, close_descriptors, addon) != napi_ok)
    return NULL;
  for (size_t i = 0; i < sizeof facilities / sizeof *facilities; i++) {
    for (const struct export *export = facilities[i]; export->name != NULL; export++) {
      napi_value function;
      if (napi_create_function(env, export->name, NAPI_AUTO_LENGTH, export->function, addon, &function) != napi_ok ||
          napi_set_named_property(env, exports, export->name, function) != napi_ok)
        return NULL;
    }
  }
  return exports;
}
