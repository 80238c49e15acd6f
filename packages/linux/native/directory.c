/* The names in a directory a page at a time, in the order of their bytes, within memory that its size does not change. */
#include "addon.h"
#include "teardown/entries.h"

#define MOST_NAMES 100000

/* The smallest names seen so far, as a heap with the largest of them on top. */
struct page {
  char **names; /* owned, and each of them */
  size_t count, room, limit;
};

static void free_page(struct page *page) {
  for (size_t i = 0; i < page->count; i++) free(page->names[i]);
  free(page->names);
}
#define cleanup_page __attribute__((cleanup(free_page)))

static void swap(char **left, char **right) {
  char *kept = *left;
  *left = *right;
  *right = kept;
}

static void sift_up(struct page *page, size_t at) {
  for (; at > 0 && strcmp(page->names[at], page->names[(at - 1) / 2]) > 0; at = (at - 1) / 2)
    swap(&page->names[at], &page->names[(at - 1) / 2]);
}

static void sift_down(char **names, size_t count, size_t at) {
  for (;;) {
    size_t largest = at, left = 2 * at + 1;
    if (left < count && strcmp(names[left], names[largest]) > 0) largest = left;
    if (left + 1 < count && strcmp(names[left + 1], names[largest]) > 0) largest = left + 1;
    if (largest == at) return;
    swap(&names[at], &names[largest]);
    at = largest;
  }
}

static bool make_room(struct page *page) {
  if (page->count < page->room) return true;
  size_t room = page->room * 2 + 64 < page->limit ? page->room * 2 + 64 : page->limit;
  char **grown = realloc(page->names, room * sizeof *grown);
  if (grown == NULL) return false;
  page->names = grown;
  page->room = room;
  return true;
}

static bool offer(struct page *page, const char *name) {
  bool full = page->count == page->limit;
  if (full && strcmp(name, page->names[0]) >= 0) return true;
  if (!full && !make_room(page)) return false;
  char *copy = strdup(name);
  if (copy == NULL) return false;
  if (full) {
    free(page->names[0]);
    page->names[0] = copy;
    sift_down(page->names, page->count, 0);
    return true;
  }
  page->names[page->count] = copy;
  sift_up(page, page->count++);
  return true;
}

static int fill(struct page *page, int fd, const char *after) {
  ENTRY_BUFFER(entries);
  if (lseek(fd, 0, SEEK_SET) < 0) return -1;
  for (;;) {
    long length = entries_read(fd, entries);
    /* ENOENT: the directory itself was removed meanwhile. */
    if (length < 0 && errno != ENOENT) return -1;
    if (length <= 0) return 0;
    for (long at = 0; at < length;) {
      const struct entry *entry = (const struct entry *)(entries + at);
      at += entry->length;
      if (entry_is_dots(entry) || (after != NULL && strcmp(entry->name, after) <= 0)) continue;
      if (!offer(page, entry->name)) {
        errno = ENOMEM;
        return -1;
      }
    }
  }
}

static napi_value ordered(napi_env env, struct page *page) {
  napi_value buffer = NULL;
  char *bytes = NULL;
  size_t length = 0;
  for (size_t end = page->count; end > 1; end--) {
    swap(&page->names[0], &page->names[end - 1]);
    sift_down(page->names, end - 1, 0);
  }
  for (size_t i = 0; i < page->count; i++) length += strlen(page->names[i]) + 1;
  if (napi_create_buffer(env, length, (void **)&bytes, &buffer) != napi_ok) return NULL;
  for (size_t i = 0; i < page->count; i++) {
    size_t size = strlen(page->names[i]) + 1;
    memcpy(bytes, page->names[i], size);
    bytes += size;
  }
  return buffer;
}

/* (directoryFd, after, limit): up to `limit` names, those that follow `after` next, each with a NUL behind it. */
static napi_value list_names(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int fd;
  int64_t limit;
  cleanup_free char *after = NULL;
  size_t length;
  struct addon *addon = get_arguments(env, info, 3, values);
  if (addon == NULL || !get_fd(env, values[0], "directoryFd", &fd) ||
      (!is_nullish(env, values[1]) && !get_c_string(addon, values[1], "getdents64", &after, &length)) ||
      !get_integer(env, values[2], "limit", 1, MOST_NAMES, &limit))
    return NULL;
  cleanup_page struct page page = {.limit = (size_t)limit};
  if (fill(&page, fd, after) < 0) return throw_linux_error(addon, errno, "getdents64", "%d", fd);
  return ordered(env, &page);
}

const struct export directory_exports[] = {{"listNames", list_names}, {NULL, NULL}};
