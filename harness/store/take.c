/* take: what the stores of a run's parts hold, taken over into the store of the whole. A layer's
 * entry and a note are the same bytes in both: their seals are made of the run and their names. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/folder.h"
#include "store/state.h"

typedef struct Taking {
  Store *to, *from;
  Arena scratch;
  Status *st;
} Taking;

/* The file of the journal under this name, which is whole, written again. */
static bool write_again(const Taking *t, const char *name, Bytes body, Status *st) {
  TRY(entry_room(t->to, body.count + PART_SEAL, st));
  memcpy(t->to->entry, body.data, body.count);
  return part_write(t->to, name, t->to->entry, body.count, st);
}

/* --- a layer ---------------------------------------------------------------------------------- */

static bool copy_tensor(const Taking *t, const Slot *from, const Slot *to, Status *st) {
  enum { PIECE = 1 << 16 };
  char bytes[PIECE];
  for (uint64_t done = 0, count; done < from->bytes; done += count) {
    count = from->bytes - done < PIECE ? from->bytes - done : PIECE;
    if (!read_at(t->from->file, bytes, count, from->offset + done))
      return FAIL(st, "%s: cannot be read: %s", t->from->partial, strerror(errno));
    if (!write_at(t->to->file, bytes, count, to->offset + done))
      return writer_failed(t->to, t->to->partial, "a tensor of a part", count, st);
  }
  t->to->written.bytes += (int64_t)from->bytes;
  return true;
}

static bool take_layer(const Taking *t, int prompt, int layer, Arena scratch, Status *st) {
  Entry entry;
  Status absent = {0}, why = {0};
  size_t slots, own_slots;
  char name[PART_NAME];
  if (entry_read(&scratch, t->to, prompt, layer, &entry, &absent)) return true; /* it stands */
  TRY(entry_take(&scratch, t->from, prompt, layer, &entry, st));
  if (!layer_holds(t->from, prompt, layer, &entry, &why))
    return FAIL(st, "%s: prompt %s, layer %d: %s", t->from->partial,
                t->from->shape->prompt[prompt].name, layer, why.text);
  const Slot *from = layout_layer(t->from, prompt, layer, &slots),
             *to = layout_layer(t->to, prompt, layer, &own_slots);
  for (size_t i = 0; i < slots && i < own_slots; i++) TRY(copy_tensor(t, &from[i], &to[i], st));
  part_layer_name(t->from, prompt, layer, "entry", name);
  return write_again(t, name, entry.body, st);
}

/* --- notes ------------------------------------------------------------------------------------ */

static void take_note(int folder, const char *name, void *data) {
  Taking *t = data;
  Arena scratch = t->scratch;
  Bytes body;
  Status absent = {0}, why = {0};
  (void)folder;
  if (t->st->failed || !part_note_of(&scratch, name)) return;
  if (part_read(&scratch, t->to, name, &body, &absent)) return; /* it stands */
  if (!part_read(&scratch, t->from, name, &body, &why))
    status_set(t->st, "%s/%s: %s", t->from->folder, name, why.text);
  else
    write_again(t, name, body, t->st);
}

/* --- a part ----------------------------------------------------------------------------------- */

static bool take_all(Taking *t, Status *st) {
  const StoreShape *shape = t->from->shape;
  TRY(store_open_there(t->from, O_RDONLY, t->scratch, st));
  for (int p = 0; p < shape->prompts; p++)
    for (int layer = 0; shape->here[p] && layer < shape->layers; layer++)
      TRY(take_layer(t, p, layer, t->scratch, st));
  part_each(t->from->lock, take_note, t);
  return !st->failed;
}

bool store_take(Store *store, const char *part, const bool *here, Arena scratch, Status *st) {
  StoreShape shape = *store->shape;
  int lock = -1;
  shape.here = here;
  Taking taking = {
      .to = store, .from = store_make(&scratch, part, &store->key, &shape, store->sync), .st = st};
  taking.scratch = scratch;
  TRY(writer_wait(store, st));
  TRY(folder_lock(taking.from->folder, true, &lock, st));
  const bool ok = take_all(&taking, st);
  store_close(taking.from);
  folder_unlock(&lock);
  return ok;
}

bool store_look(Arena *arena, const char *results, RunKey *key, const char *note,
                const void **bytes, size_t *count, Status *st) {
  const StoreShape none = {0};
  const char *folder = arena_printf(arena, "%s.parts", results);
  char name[PART_NAME];
  Bytes body;
  Status why = {0};
  TRY(part_key(folder, key, *arena, st));
  Store *store = store_make(arena, results, key, &none, false);
  store->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (store->lock < 0) return FAIL(st, "%s: cannot be opened: %s", folder, strerror(errno));
  part_note_name(note, name);
  const bool ok = part_read(arena, store, name, &body, &why);
  store_close(store);
  if (!ok) return FAIL(st, "%s/%s: %s", folder, name, why.text);
  *bytes = body.data;
  *count = body.count;
  return true;
}
