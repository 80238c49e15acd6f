/* How a failed system call becomes a LinuxError, and an exception in a callback an uncaughtException. */
#include "addon.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void detail_vformat(struct detail *detail, const char *format, va_list arguments) {
  size_t room = sizeof detail->text - detail->length;
  int written = vsnprintf(detail->text + detail->length, room, format, arguments);
  if (written > 0) detail->length += (size_t)written < room ? (size_t)written : room - 1;
}

void detail_format(struct detail *detail, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  detail_vformat(detail, format, arguments);
  va_end(arguments);
}

void detail_quote(struct detail *detail, const char *bytes, size_t length) {
  const size_t longest = 200;
  detail_format(detail, "\"");
  for (size_t i = 0; i < length && i < longest; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    if (byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\') detail_format(detail, "\\x%02x", byte);
    else detail_format(detail, "%c", byte);
  }
  detail_format(detail, length > longest ? "…\"" : "\"");
}

napi_value make_linux_error(struct addon *addon, int error, const char *syscall, const char *detail) {
  napi_env env = addon->env;
  napi_value class, arguments[3], instance;
  if (addon->error_class == NULL || napi_get_reference_value(env, addon->error_class, &class) != napi_ok ||
      napi_create_string_utf8(env, syscall, NAPI_AUTO_LENGTH, &arguments[0]) != napi_ok ||
      napi_create_int32(env, error, &arguments[1]) != napi_ok ||
      napi_create_string_utf8(env, detail, NAPI_AUTO_LENGTH, &arguments[2]) != napi_ok ||
      napi_new_instance(env, class, 3, arguments, &instance) != napi_ok)
    return NULL; /* the environment is going down, or the constructor threw: that exception is pending */
  return instance;
}

napi_value throw_linux_error(struct addon *addon, int error, const char *syscall, const char *format, ...) {
  struct detail detail = {.length = 0};
  va_list arguments;
  va_start(arguments, format);
  detail_vformat(&detail, format, arguments);
  va_end(arguments);
  napi_value instance = make_linux_error(addon, error, syscall, detail.text);
  if (instance != NULL) napi_throw(addon->env, instance);
  return NULL;
}

napi_value throw_type_error(napi_env env, const char *format, ...) {
  struct detail detail = {.length = 0};
  va_list arguments;
  va_start(arguments, format);
  detail_vformat(&detail, format, arguments);
  va_end(arguments);
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", detail.text);
  return NULL;
}

napi_value set_error_class(napi_env env, napi_callback_info info) {
  napi_value class;
  struct addon *addon = get_arguments(env, info, 1, &class);
  if (addon == NULL) return NULL;
  if (addon->error_class != NULL) napi_delete_reference(env, addon->error_class);
  addon->error_class = NULL;
  napi_create_reference(env, class, 1, &addon->error_class);
  return NULL;
}

/* A throwing callback ends where any throwing Node callback ends. When the thread is being
   terminated there is no exception to report and both calls fail, which is as it should be. */
bool report_exception(napi_env env) {
  bool pending = false;
  napi_value exception;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return false;
  if (napi_get_and_clear_last_exception(env, &exception) != napi_ok) return false;
  return napi_fatal_exception(env, exception) == napi_ok;
}
