/* The teardown for workers of the runner: these calls block their thread. */
#include "teardown/teardown.h"
#include "addon.h"
#include "teardown/remove-tree.h"

/* `class` is TeardownError, made of (step, errno, text). */
static napi_value throw_fault(napi_env env, napi_value class, const struct fault *fault) {
  napi_value arguments[3], instance;
  if (napi_create_string_utf8(env, fault->step, NAPI_AUTO_LENGTH, &arguments[0]) == napi_ok &&
      napi_create_int32(env, fault->code, &arguments[1]) == napi_ok &&
      napi_create_string_utf8(env, fault->text, NAPI_AUTO_LENGTH, &arguments[2]) == napi_ok &&
      napi_new_instance(env, class, 3, arguments, &instance) == napi_ok)
    napi_throw(env, instance);
  return NULL;
}

static bool get_request(struct addon *addon, const napi_value *values, struct teardown_request *request, char **directory) {
  size_t length;
  int64_t wait_ms;
  const unsigned char *head;
  if (!get_c_string(addon, values[0], "teardown", directory, &length) ||
      !get_bytes(addon->env, values[1], "head", &head, &request->head_length) ||
      !get_integer(addon->env, values[2], "waitMs", 0, INT32_MAX, &wait_ms))
    return false;
  request->directory = *directory;
  request->head = (const char *)head;
  request->wait_ms = (int)wait_ms;
  return true;
}

/* (directory, head, waitMs, TeardownError): [alive, ...pids]. */
static napi_value end_sandbox(napi_env env, napi_callback_info info) {
  napi_value values[4], result;
  struct teardown_request request;
  struct teardown_alive alive;
  struct fault fault = {0};
  cleanup_free char *directory = NULL;
  struct addon *addon = get_arguments(env, info, 4, values);
  if (addon == NULL || !get_request(addon, values, &request, &directory)) return NULL;
  if (teardown_end(&request, &alive, &fault) < 0) return throw_fault(env, values[3], &fault);
  if (napi_create_array_with_length(env, alive.listed + 1, &result) != napi_ok) return NULL;
  napi_set_element(env, result, 0, make_number(env, (double)alive.count));
  for (size_t i = 0; i < alive.listed; i++)
    napi_set_element(env, result, (uint32_t)i + 1, make_number(env, alive.pids[i]));
  return result;
}

/* (directory, head, waitMs, TeardownError, rootFd, keepRoot, keepDirectory, keepRange) */
static napi_value release_sandbox(napi_env env, napi_callback_info info) {
  napi_value values[8];
  struct teardown_request request;
  struct teardown_kept kept;
  struct fault fault = {0};
  int64_t root_fd;
  cleanup_free char *directory = NULL;
  struct addon *addon = get_arguments(env, info, 8, values);
  if (addon == NULL || !get_request(addon, values, &request, &directory) ||
      !get_integer(env, values[4], "rootFd", -1, INT32_MAX, &root_fd))
    return NULL;
  if (napi_get_value_bool(env, values[5], &kept.root) != napi_ok ||
      napi_get_value_bool(env, values[6], &kept.directory) != napi_ok ||
      napi_get_value_bool(env, values[7], &kept.range) != napi_ok)
    return throw_type_error(env, "keepRoot, keepDirectory and keepRange must be booleans");
  if (root_fd >= 0 && registry_has(addon, (int)root_fd)) registry_remove(addon, (int)root_fd);
  if (teardown_release(&request, (int)root_fd, kept, &fault) < 0) return throw_fault(env, values[3], &fault);
  return NULL;
}

/* (directoryFd, name, most): [how many entries were removed, 1 when there are more, else 0]. */
static napi_value remove_tree_at(napi_env env, napi_callback_info info) {
  napi_value values[3], result;
  int directory;
  int64_t most;
  cleanup_free char *name = NULL;
  size_t length, removed = 0;
  struct fault fault = {0};
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_fd(env, values[0], "directoryFd", &directory) ||
      !get_c_string(addon, values[1], "removeTree", &name, &length) ||
      !get_integer(env, values[2], "most", 1, (int64_t)1 << 53, &most))
    return NULL;
  int more = remove_tree_part(directory, name, TREE_OF_FILES, (size_t)most, &removed, &fault);
  if (more >= 0) {
    if (napi_create_array_with_length(env, 2, &result) != napi_ok) return NULL;
    napi_set_element(env, result, 0, make_number(env, (double)removed));
    napi_set_element(env, result, 1, make_number(env, more));
    return result;
  }
  struct detail detail = {.length = 0};
  detail_format(&detail, "%d, ", directory);
  detail_quote(&detail, name, length);
  return throw_linux_error(addon, fault.code, "removeTree", "%s: %s", detail.text, fault.text);
}

const struct export teardown_exports[] = {{"endSandbox", end_sandbox},
                                          {"releaseSandbox", release_sandbox},
                                          {"removeTree", remove_tree_at},
                                          {NULL, NULL}};
