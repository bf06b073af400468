/* resume: what of a run stands, checked digest by digest; its rows; the notes of studies. */
#include <errno.h>
#include <string.h>

#include "measure/ranges.h"
#include "store/state.h"

/* --- finished layers -------------------------------------------------------------------------- */

/* 0: it holds; else errno of what cannot be read, or DIFFERS. Piece by piece, each from the cache
 * into the digest. */
enum { DIFFERS = -1 };
static int tensor_fault(const Store *store, const Slot *slot, const Digest *digest) {
  enum { PIECE = 1 << 16 };
  char bytes[PIECE];
  DigestState state;
  digest_begin(&state);
  for (uint64_t done = 0, count; done < slot->bytes; done += count) {
    count = slot->bytes - done < PIECE ? slot->bytes - done : PIECE;
    if (!read_at(store->file, bytes, count, slot->offset + done)) return errno;
    digest_add(&state, bytes, count);
  }
  const Digest found = digest_end(&state);
  return memcmp(&found, digest, sizeof found) ? DIFFERS : 0;
}

/* Everything that has a place is in its entry, in any order, with the digest of what stands at its
 * place. */
bool layer_holds(const Store *store, int prompt, int layer, const Entry *entry, Status *why) {
  size_t count, first = SIZE_MAX;
  int fault = 0;
  const Slot *slot = layout_layer(store, prompt, layer, &count);
#pragma omp parallel for schedule(dynamic)
  for (size_t i = 0; i < count; i++) {
    const EntryTensor *record = entry_record(entry, &slot[i]);
    const int here = record ? tensor_fault(store, &slot[i], &record->digest) : DIFFERS;
#pragma omp critical(layer_fault)
    if (here && i < first) first = i, fault = here;
  }
  if (!fault) return true;
  char name[DATASET_NAME];
  layout_name(store->shape, &slot[first], name);
  if (fault == DIFFERS) return FAIL(why, "%s: its digest differs", name);
  return FAIL(why, "%s: cannot be read: %s", name, strerror(fault));
}

static bool stands(const Store *store, int prompt, int layer, Arena scratch) {
  Entry entry;
  Status why = {0};
  return entry_read(&scratch, store, prompt, layer, &entry, &why) &&
         layer_holds(store, prompt, layer, &entry, &why);
}

static bool has_streams(const Store *store, int prompt, int layer, Arena scratch) {
  Tensor *stream = ARENA_NEW(&scratch, Tensor, store->shape->streams);
  Status why = {0};
  return !store->shape->streams || streams_read(&scratch, store, prompt, layer, stream, &why);
}

/* Whether these streams are asked for, when so many layers stand: by the next layer, or, where they
 * stay, by the studies. */
static bool wants_streams(const Store *store, int prompt, int layer, int done, Arena scratch) {
  if (!store->shape->streams_stay) return layer == done - 1 && done < store->shape->layers;
  return layer < done && has_streams(store, prompt, layer, scratch);
}

/* Of a prompt whose streams are damaged the layers before are of no use: it begins where there are
 * streams to begin from. */
int store_layers_done(Store *store, int prompt, Arena scratch) {
  const int layers = store->shape->layers;
  char name[PART_NAME];
  int done = 0;
  while (done < layers && stands(store, prompt, done, scratch)) done++;
  while (done > 0 && done < layers && !has_streams(store, prompt, done - 1, scratch)) done--;
  for (int layer = 0; layer < layers; layer++) {
    part_layer_name(store, prompt, layer, "streams", name);
    if (!wants_streams(store, prompt, layer, done, scratch)) part_remove(store, name);
    part_layer_name(store, prompt, layer, "entry", name);
    if (layer >= done) part_remove(store, name);
  }
  return store->done[prompt] = done;
}

/* --- rows ------------------------------------------------------------------------------------- */

static bool changed(const Store *store, const StoredRows *of, Status *st) {
  return FAIL(st, "%s: table %s changed while it was read", store->folder, of->table->name);
}

/* Of one layer, behind those before. */
static bool add_rows(const Store *store, const Entry *entry, StoredRows *of, size_t room,
                     Status *st) {
  size_t n;
  Status why = {0};
  const void *part = entry_rows(entry, of->table, &n);
  if (!n) return true;
  if (of->count + n > room) return changed(store, of, st);
  if (!rows_in_range(of->table, part, n, &why))
    return FAIL(st, "%s: table %s: %s", store->folder, of->table->name, why.text);
  memcpy((char *)of->rows + of->count * of->table->row_size, part, n * of->table->row_size);
  of->count += n;
  return true;
}

/* Counted first, so that each result is one piece; every layer is read once a pass, for all
 * tables. */
bool store_rows(Arena *arena, Store *store, StoredRows *of, int count, Status *st) {
  const int layers = store->shape->layers, units = store->shape->prompts * layers;
  size_t *room = ARENA_NEW(arena, size_t, count);
  TRY(writer_wait(store, st));
  for (int pass = 0; pass < 2; pass++) {
    for (int t = 0; t < count; t++) {
      of[t].rows = pass ? arena_room(arena, room[t], of[t].table->row_size) : NULL;
      of[t].count = 0;
    }
    for (int i = 0; i < units; i++) {
      Arena scratch = *arena;
      Entry entry;
      TRY(entry_take(&scratch, store, i / layers, i % layers, &entry, st));
      for (int t = 0; t < count; t++) {
        size_t n;
        if (pass)
          TRY(add_rows(store, &entry, &of[t], room[t], st));
        else if (entry_rows(&entry, of[t].table, &n))
          room[t] += n;
      }
    }
  }
  for (int t = 0; t < count; t++)
    if (of[t].count != room[t]) return changed(store, &of[t], st);
  return true;
}

/* --- notes ------------------------------------------------------------------------------------ */

bool store_note(Store *store, const char *name, const void *bytes, size_t count, Status *st) {
  char file[PART_NAME];
  part_note_name(name, file);
  TRY(writer_wait(store, st));
  TRY(entry_room(store, count + PART_SEAL, st));
  if (count) memcpy(store->entry, bytes, count);
  return part_write(store, file, store->entry, count, st);
}

void store_note_drop(Store *store, const char *name) {
  char file[PART_NAME];
  part_note_name(name, file);
  part_remove(store, file);
}

void store_noted(Arena *arena, const Store *store, const char *name, const void **bytes,
                 size_t *count) {
  char file[PART_NAME];
  Bytes body;
  Status why = {0};
  Arena before = *arena;
  part_note_name(name, file);
  *bytes = NULL;
  *count = 0;
  if (!part_read(arena, store, file, &body, &why)) {
    *arena = before;
    return;
  }
  *bytes = body.data;
  *count = body.count;
}
