/*
 * The life of a uv_poll_t in an environment that may end at any moment. Without the asynchronous
 * cleanup hook, a worker that ends while its loop still holds a handle aborts the whole process.
 */
#include "poll-handle.h"

static void let_go(struct poll_handle *handle) {
  if (--handle->holders == 0) free(handle);
}

static void on_closed(uv_handle_t *uv) {
  struct poll_handle *handle = uv->data;
  napi_async_cleanup_hook_handle hook = handle->hook;
  napi_env env = handle->addon->env;
  napi_async_destroy(env, handle->context);
  for (size_t i = 0; i < sizeof handle->callbacks / sizeof *handle->callbacks; i++)
    if (handle->callbacks[i] != NULL) napi_delete_reference(env, handle->callbacks[i]);
  let_go(handle);
  /* Last: removing the hook may free the environment, and the addon's state with it. */
  napi_remove_async_cleanup_hook(hook);
}

void poll_handle_close(struct poll_handle *handle) {
  if (handle->closed) return;
  handle->closed = true;
  /* uv_close takes the descriptor out of epoll before it returns: only then may it be closed. */
  uv_close((uv_handle_t *)&handle->poll, on_closed);
  close(steal_fd(&handle->fd));
  if (handle->release != NULL) handle->release(handle);
}

static void on_environment_end(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook; /* the close callback removes it, also when JavaScript had closed the handle before */
  poll_handle_close(data);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  let_go(data);
}

napi_value poll_handle_open(struct addon *addon, struct poll_handle *handle, int fd, const char *name, size_t count,
                            const napi_value *callbacks) {
  for (size_t i = 0; i < count; i++) {
    napi_valuetype type;
    if (napi_typeof(addon->env, callbacks[i], &type) == napi_ok && type == napi_function) continue;
    free(handle);
    return throw_type_error(addon->env, "a callback must be a function");
  }
  napi_env env = addon->env;
  napi_value external, resource_name;
  handle->addon = addon;
  handle->fd = fd;
  handle->holders = 1;
  handle->poll.data = handle;
  int failure = uv_poll_init(addon->loop, &handle->poll, fd);
  if (failure < 0) {
    free(handle);
    return throw_linux_error(addon, -failure, "epoll_ctl", "%d", fd);
  }
  bool made = true;
  for (size_t i = 0; i < count; i++)
    made = made && napi_create_reference(env, callbacks[i], 1, &handle->callbacks[i]) == napi_ok;
  /* From here on the memory belongs to the loop, and undoing means closing. */
  if (!made || napi_add_async_cleanup_hook(env, on_environment_end, handle, &handle->hook) != napi_ok ||
      napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource_name) != napi_ok ||
      napi_async_init(env, NULL, resource_name, &handle->context) != napi_ok ||
      napi_create_external(env, handle, on_collected, NULL, &external) != napi_ok)
    napi_fatal_error("poll_handle_open", NAPI_AUTO_LENGTH, "out of memory", NAPI_AUTO_LENGTH);
  handle->holders = 2;
  return external;
}

bool poll_handle_call(struct poll_handle *handle, size_t callback, size_t count, const napi_value *arguments) {
  napi_env env = handle->addon->env;
  napi_value callee, receiver;
  if (napi_get_reference_value(env, handle->callbacks[callback], &callee) != napi_ok ||
      napi_get_global(env, &receiver) != napi_ok)
    return false;
  napi_status status = napi_make_callback(env, handle->context, receiver, callee, count, arguments, NULL);
  if (status != napi_ok && !report_exception(env)) return false;
  return !handle->closed;
}

struct poll_handle *get_poll_handle(napi_env env, napi_value value) {
  void *handle = NULL;
  if (napi_get_value_external(env, value, &handle) != napi_ok) throw_type_error(env, "not a handle of this addon");
  return handle;
}

napi_value set_referenced(napi_env env, napi_callback_info info) {
  napi_value values[2];
  bool referenced;
  if (get_arguments(env, info, 2, values) == NULL) return NULL;
  struct poll_handle *handle = get_poll_handle(env, values[0]);
  if (handle == NULL || napi_get_value_bool(env, values[1], &referenced) != napi_ok || handle->closed) return NULL;
  if (referenced) uv_ref((uv_handle_t *)&handle->poll);
  else uv_unref((uv_handle_t *)&handle->poll);
  return NULL;
}
