/* What the addon's files share: the per-environment state, arguments in, values and errors out. */
#ifndef HATCHERY_ADDON_H
#define HATCHERY_ADDON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define NAPI_VERSION 9
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "owned.h"

/* One per environment: the main thread and every worker thread load the module for themselves. */
struct addon {
  napi_env env;
  uv_loop_t *loop;
  napi_ref error_class;    /* LinuxError, handed over by setErrorClass */
  unsigned char *registry; /* owned: one bit a descriptor */
  size_t registry_bytes;
  unsigned char *receive_area; /* of the Buffer below: where every channel receives */
  size_t receive_area_bytes;
  napi_ref receive_area_buffer;
};

/* The text of a call's arguments, for errors; cut when it would not fit, never overrun. */
struct detail {
  char text[320];
  size_t length;
};
void detail_format(struct detail *detail, const char *format, ...) __attribute__((format(printf, 2, 3)));
void detail_quote(struct detail *detail, const char *bytes, size_t length);

/* errors.c: every throw_ returns NULL, so that `return throw_…` ends a native function. */
napi_value make_linux_error(struct addon *addon, int error, const char *syscall, const char *detail);
napi_value throw_linux_error(struct addon *addon, int error, const char *syscall, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
napi_value throw_type_error(napi_env env, const char *format, ...) __attribute__((format(printf, 2, 3)));
napi_value set_error_class(napi_env env, napi_callback_info info);
/* False: there was nothing to report, because the thread is being terminated. */
bool report_exception(napi_env env);

/* arguments.c: false means that a TypeError is pending. */
#define MAX_ARGUMENTS 8
struct addon *get_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *values);
bool is_nullish(napi_env env, napi_value value);
bool get_integer(napi_env env, napi_value value, const char *name, int64_t low, int64_t high, int64_t *out);
bool get_fd(napi_env env, napi_value value, const char *name, int *out);
bool get_bytes(napi_env env, napi_value value, const char *name, const unsigned char **bytes, size_t *length);
/* A string or Buffer as an owned, NUL-terminated C string. */
bool get_c_string(struct addon *addon, napi_value value, const char *syscall, char **out, size_t *length);
/* Likewise, of one entry of a directory: anything longer would be walked without openat2's care. */
bool get_entry_name(struct addon *addon, napi_value value, const char *syscall, char **out, size_t *length);
bool get_fd_list(napi_env env, napi_value value, const char *name, int **out, size_t *count);
napi_value make_number(napi_env env, double number);
napi_value make_boolean(napi_env env, bool value);

/* registry.c */
bool registry_add(struct addon *addon, int fd);
bool registry_has(const struct addon *addon, int fd);
void registry_remove(struct addon *addon, int fd);
void registry_close_all(struct addon *addon);
/* Registers fd, which this call owns from now on, and returns it as a JavaScript number. */
napi_value give_fd(struct addon *addon, int fd);
napi_value give_fd_pair(struct addon *addon, const int ends[2]);

/* One function of the module's surface. */
struct export {
  const char *name;
  napi_callback function;
};
extern const struct export channel_exports[], connect_exports[], directory_exports[], entry_exports[], eventfd_exports[], fd_exports[],
    filesystem_exports[], inotify_exports[], lock_exports[], loop_exports[], memfd_exports[], mount_exports[],
    netlink_exports[], network_slot_exports[],
    open_exports[], owner_exports[], pidfd_exports[], pipe_exports[], process_exports[], reader_exports[],
    registry_exports[], socket_exports[], spawn_exports[], teardown_exports[], terminal_exports[], tree_exports[],
    watch_exports[], writer_exports[], xattr_exports[];

#endif
