/* A descriptor watched on the environment's event loop, with callbacks into JavaScript. */
#ifndef HATCHERY_POLL_HANDLE_H
#define HATCHERY_POLL_HANDLE_H

#include "addon.h"

/*
 * Embedded as the first member of what it watches for. Two parties hold the memory: the JavaScript
 * object (an external) and the event loop (until the close callback); `holders` counts them.
 */
struct poll_handle {
  uv_poll_t poll;
  struct addon *addon;
  napi_async_cleanup_hook_handle hook;
  napi_async_context context;
  napi_ref callbacks[2]; /* owned until the close callback, so that the last call can follow the close */
  int fd;                /* owned until closed, then -1 */
  int holders;
  bool closed;
  void (*release)(struct poll_handle *handle); /* frees what the embedding struct owns; may be NULL */
};

/*
 * Starts watching fd, which the handle owns from a successful call on, and makes the external that
 * JavaScript holds it by. NULL: an exception is pending, fd is still the caller's, the memory is gone.
 */
napi_value poll_handle_open(struct addon *addon, struct poll_handle *handle, int fd, const char *name, size_t count,
                            const napi_value *callbacks);
/* Stops, closes fd; idempotent, callable from inside a callback. */
void poll_handle_close(struct poll_handle *handle);
/* Calls a JavaScript function as Node calls a callback: microtasks run, a throw is an
   uncaughtException. False: closed meanwhile, or the environment takes no more calls. */
bool poll_handle_call(struct poll_handle *handle, size_t callback, size_t count, const napi_value *arguments);
/* The handle behind an external argument; NULL: a TypeError is pending. */
struct poll_handle *get_poll_handle(napi_env env, napi_value value);
/* (handle, boolean): whether the handle keeps the event loop alive. */
napi_value set_referenced(napi_env env, napi_callback_info info);

#endif
