/* open: the run's folder, its lock, and whether a run is begun or gone on with. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"
#include "store/state.h"

static bool begin_or_go_on(Store *store, bool fresh, Arena scratch, Status *st) {
  Digest structure;
  bool found = false;
  if (access(store->folder, W_OK | X_OK) != 0)
    return FAIL(st, "%s: cannot be written to: %s", store->folder, strerror(errno));
  if (!fresh) TRY(part_find_run(store->folder, &store->key, &found, &structure, scratch, st));
  part_remove_temporary(store->lock);
  return found ? structure_restore(store, &structure, scratch, st) : make_begin(store, scratch, st);
}

Store *store_make(Arena *arena, const char *results, const RunKey *key, const StoreShape *shape,
                  bool sync) {
  Store *store = ARENA_NEW(arena, Store, 1);
  *store = (Store){.results = results,
                   .partial = arena_printf(arena, "%s.partial", results),
                   .folder = arena_printf(arena, "%s.parts", results),
                   .shape = shape,
                   .key = *key,
                   .lock = -1,
                   .file = -1,
                   .sync = sync,
                   .done = ARENA_NEW(arena, int, shape->prompts)};
  for (int p = 0; p < shape->prompts; p++) store->done[p] = -1;
  layout_slots(arena, store);
  const size_t room = store_size(shape).memory_bytes;
  store->room.base = store->room.next =
      arena_room(arena, room, 1); /* untouched, and so no memory, until it is used */
  store->room.end = store->room.base + room;
  store->room.exhausted = arena->exhausted;
  return store;
}

bool store_open(Arena *arena, const char *results, const RunKey *key, const StoreShape *shape,
                bool fresh, bool sync, Store **opened, Status *st) {
  *opened = NULL;
  for (int i = 0; i < shape->prompts; i++)
    if (!name_valid(shape->prompt[i].name))
      return FAIL(st, "%s: the prompt name '%.100s' cannot be a file's name", results,
                  shape->prompt[i].name);
  struct stat there;
  if (lstat(results, &there) == 0 && S_ISDIR(there.st_mode))
    return FAIL(st, "%s: is a folder: the result cannot get this name", results);
  if (strlen(results) > PATH_MAX - PART_NAME - 16)
    return FAIL(st, "%.100s…: the path is too long", results);
  Store *store = store_make(arena, results, key, shape, sync);
  TRY(folder_lock(store->folder, true, &store->lock, st));
  if (begin_or_go_on(store, fresh, *arena, st) && writer_start(store, st))
    return *opened = store, true;
  store_close(store);
  return false;
}

/* Its slots' places, and the file as it stands. */
bool store_open_there(Store *store, int flags, Arena scratch, Status *st) {
  Digest structure;
  bool found;
  store->lock = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (store->lock < 0) return FAIL(st, "%s: cannot be opened: %s", store->folder, strerror(errno));
  TRY(part_find_run(store->folder, &store->key, &found, &structure, scratch, st));
  if (!found) return FAIL(st, "%s: holds no unfinished run", store->folder);
  TRY(structure_look(store, &structure, scratch, st));
  struct stat info;
  store->file = open(store->partial, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (store->file < 0 || fstat(store->file, &info) != 0)
    return FAIL(st, "%s: cannot be opened: %s", store->partial, strerror(errno));
  return S_ISREG(info.st_mode) || FAIL(st, "%s: is not a regular file", store->partial);
}

bool store_join(Arena *arena, const char *results, const RunKey *key, const StoreShape *shape,
                bool sync, Store **opened, Status *st) {
  Store *store = store_make(arena, results, key, shape, sync);
  *opened = NULL;
  if (store_open_there(store, O_RDWR, *arena, st) && writer_start(store, st))
    return *opened = store, true;
  store_close(store);
  return false;
}

bool store_settle(Store *store, bool elsewhere, Status *st) {
  TRY(writer_wait(store, st));
  return !elsewhere || fdatasync(store->file) == 0 ||
         FAIL(st, "%s: cannot be synchronised: %s", store->partial, strerror(errno));
}

void store_close(Store *store) {
  if (!store) return;
  make_leave(store);
  writer_stop(store);
  if (store->file >= 0) close(store->file);
  store->file = -1;
  free(store->entry);
  store->entry = NULL;
  folder_unlock(&store->lock);
}
