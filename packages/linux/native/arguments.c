/* JavaScript values in and out. Numbers are checked: a silently wrapped descriptor closes the wrong file. */
#include "addon.h"

#include <limits.h>
#include <math.h>
#include <string.h>

struct addon *get_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *values) {
  struct addon *addon = NULL;
  size_t count = wanted;
  if (napi_get_cb_info(env, info, &count, values, NULL, (void **)&addon) != napi_ok) return NULL;
  return addon;
}

bool is_nullish(napi_env env, napi_value value) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) != napi_ok || type == napi_undefined || type == napi_null;
}

bool get_integer(napi_env env, napi_value value, const char *name, int64_t low, int64_t high, int64_t *out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) {
    throw_type_error(env, "%s must be a number", name);
    return false;
  }
  if (number != floor(number) || number < (double)low || number > (double)high) {
    throw_type_error(env, "%s must be an integer from %lld to %lld, not %g", name, (long long)low, (long long)high,
                     number);
    return false;
  }
  *out = (int64_t)number;
  return true;
}

bool get_fd(napi_env env, napi_value value, const char *name, int *out) {
  int64_t number;
  if (!get_integer(env, value, name, 0, INT_MAX, &number)) return false;
  *out = (int)number;
  return true;
}

bool get_bytes(napi_env env, napi_value value, const char *name, const unsigned char **bytes, size_t *length) {
  napi_typedarray_type type;
  bool is_typed_array = false;
  void *data;
  if (napi_is_typedarray(env, value, &is_typed_array) != napi_ok || !is_typed_array ||
      napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array) {
    throw_type_error(env, "%s must be a Uint8Array", name);
    return false;
  }
  *bytes = data;
  return true;
}

static bool copy_c_string(napi_env env, napi_value value, char **out, size_t *length) {
  const unsigned char *bytes;
  napi_valuetype type;
  napi_typeof(env, value, &type);
  if (type != napi_string) {
    if (!get_bytes(env, value, "a path or name that is no string", &bytes, length)) return false;
    *out = malloc(*length + 1);
    if (*out != NULL && *length > 0) memcpy(*out, bytes, *length);
  } else {
    if (napi_get_value_string_utf8(env, value, NULL, 0, length) != napi_ok) return false;
    *out = malloc(*length + 1);
    if (*out != NULL) napi_get_value_string_utf8(env, value, *out, *length + 1, length);
  }
  if (*out == NULL) {
    napi_throw_error(env, "ENOMEM", "malloc: not enough memory");
    return false;
  }
  (*out)[*length] = '\0';
  return true;
}

bool get_c_string(struct addon *addon, napi_value value, const char *syscall, char **out, size_t *length) {
  cleanup_free char *copy = NULL;
  if (!copy_c_string(addon->env, value, &copy, length)) return false;
  /* The kernel would stop at the NUL and act on another file than the one that was named. */
  if (memchr(copy, '\0', *length) != NULL) {
    struct detail detail = {.length = 0};
    detail_quote(&detail, copy, *length);
    throw_linux_error(addon, EINVAL, syscall, "%s holds a NUL byte", detail.text);
    return false;
  }
  *out = copy;
  copy = NULL;
  return true;
}

bool get_entry_name(struct addon *addon, napi_value value, const char *syscall, char **out, size_t *length) {
  if (!get_c_string(addon, value, syscall, out, length)) return false;
  if (*length > 0 && strchr(*out, '/') == NULL && strcmp(*out, ".") != 0 && strcmp(*out, "..") != 0) return true;
  struct detail detail = {.length = 0};
  detail_quote(&detail, *out, *length);
  throw_linux_error(addon, EINVAL, syscall, "%s, which is not the name of an entry", detail.text);
  free(*out);
  *out = NULL;
  return false;
}

bool get_fd_list(napi_env env, napi_value value, const char *name, int **out, size_t *count) {
  uint32_t length = 0;
  *out = NULL;
  *count = 0;
  if (is_nullish(env, value)) return true;
  if (napi_get_array_length(env, value, &length) != napi_ok) {
    throw_type_error(env, "%s must be an array of descriptors", name);
    return false;
  }
  if (length == 0) return true;
  cleanup_free int *fds = calloc(length, sizeof *fds);
  if (fds == NULL) {
    napi_throw_error(env, "ENOMEM", "calloc: not enough memory");
    return false;
  }
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    if (napi_get_element(env, value, i, &element) != napi_ok || !get_fd(env, element, name, &fds[i])) return false;
  }
  *out = fds;
  *count = length;
  fds = NULL;
  return true;
}

napi_value make_number(napi_env env, double number) {
  napi_value value = NULL;
  napi_create_double(env, number, &value);
  return value;
}

napi_value make_boolean(napi_env env, bool boolean) {
  napi_value value = NULL;
  napi_get_boolean(env, boolean, &value);
  return value;
}
