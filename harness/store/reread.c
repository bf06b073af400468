/* reread: tensors of finished layers, read again from their places in the file while the run goes
 * on. What comes back is what the writer put there: proved, or an error. */
#include <errno.h>
#include <string.h>

#include "store/state.h"

enum { ROUNDING = 64 }; /* where a tensor's values begin */

TensorSet store_keeps(const Store *store, int prompt, int layer, int side) {
  TensorSet set = 0;
  size_t count;
  const Slot *slot = layout_layer(store, prompt, layer, &count);
  for (size_t i = 0; i < count; i++)
    if (slot[i].side == side) set |= (TensorSet)1 << slot[i].id;
  return set;
}

bool store_holds(const Store *store, int prompt, int layer, int side, TensorSet set) {
  const StoreShape *shape = store->shape;
  for (int id = 0; id < shape->tensors->count; id++) {
    if (!(set >> id & 1) || !layout_makes(shape, layer, side, id)) continue;
    const Slot *slot = layout_find(store, prompt, layer, side, id);
    if (!slot || slot->widened) return false;
  }
  return true;
}

/* All of a place, as its record in the journal has it. */
static bool read_slot(Arena *arena, const Store *store, const Entry *entry, const Slot *slot,
                      void **data, Status *why) {
  const EntryTensor *record = entry_record(entry, slot);
  char name[DATASET_NAME];
  layout_name(store->shape, slot, name);
  if (!record) return FAIL(why, "%s: the journal says nothing of it", name);
  *data = arena_room(arena, slot->bytes, 1);
  if (!read_at(store->file, *data, slot->bytes, slot->offset))
    return FAIL(why, "%s: cannot be read: %s", name, strerror(errno));
  const Digest found = digest_of(*data, slot->bytes);
  return !memcmp(&found, &record->digest, sizeof found) ||
         FAIL(why, "%s: its digest differs", name);
}

static bool read_tensor(Arena *arena, const Store *store, const Entry *entry, const Slot *slot,
                        Tensor *t, Status *why) {
  void *data, *scales;
  TRY(read_slot(arena, store, entry, slot, &data, why));
  *t = tensor_of(data, slot->format, slot->rows, slot->cols, entry_record(entry, slot)->scale);
  if (slot->scale.axis == SCALE_NONE) return true;
  TRY(read_slot(arena, store, entry, slot + 1, &scales, why));
  t->scale = slot->scale;
  t->scale.values = scales;
  t->scale.stride = slot->scale.axis == SCALE_GROUP ? slot[1].cols : 0;
  t->scale.skipped = 0;
  return true;
}

static size_t room_of(const Slot *slot) {
  const bool scales = slot->scale.axis != SCALE_NONE;
  return slot->bytes + (scales ? slot[1].bytes : 0) + 2 * ROUNDING;
}

/* The entry, which is gone on return, behind what it tells of. */
bool store_reread(Arena *arena, Store *store, int prompt, int layer, int side, TensorSet set,
                  Tensor t[TENSORS_MOST], Status *st) {
  const Slot *slot[TENSORS_MOST] = {0};
  size_t room = 0;
  for (int id = 0; id < store->shape->tensors->count; id++) {
    if (set >> id & 1) slot[id] = layout_find(store, prompt, layer, side, id);
    if (slot[id]) room += room_of(slot[id]);
  }
  Arena piece = arena_carve(arena, room), scratch = *arena;
  Entry entry;
  Status why = {0};
  TRY(writer_wait(store, st));
  TRY(entry_take(&scratch, store, prompt, layer, &entry, st));
  for (int id = 0; id < store->shape->tensors->count; id++) {
    if (slot[id] && !read_tensor(&piece, store, &entry, slot[id], &t[id], &why))
      return FAIL(
          st, "%s: prompt %s, layer %d: %s; a new start of the run makes again what does not hold",
          store->partial, store->shape->prompt[prompt].name, layer, why.text);
  }
  return true;
}
