/* resume: what of a run stands, checked digest by digest; its rows; the notes of studies. */
#include <errno.h>
#include <omp.h>
#include <string.h>

#include "base/workers.h"
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
  if (store->making) return store->done[prompt] = 0; /* of a run that begins nothing stands */
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

/* Of one layer, of one table: counted, or to its place among all. */
static bool take_rows(const Store *store, const Entry *entry, const StoredRows *of, size_t from,
                      size_t to, Status *st) {
  size_t n;
  Status why = {0};
  const void *part = entry_rows(entry, of->table, &n);
  if (n != to - from)
    return FAIL(st, "%s: table %s changed while it was read", store->folder, of->table->name);
  if (!n) return true;
  if (!rows_in_range(of->table, part, n, &why))
    return FAIL(st, "%s: table %s: %s", store->folder, of->table->name, why.text);
  memcpy((char *)of->rows + from * of->table->row_size, part, n * of->table->row_size);
  return true;
}

/* at [count, layers of prompts + 1]: so many rows a layer; or where each layer's begin. */
typedef struct RowsPass {
  Store *store;
  StoredRows *of;
  int count, units;
  size_t *at;
  bool copies;
} RowsPass;

static bool pass_unit(const RowsPass *p, int unit, Arena scratch, Status *st) {
  const int layers = p->store->shape->layers;
  Entry entry;
  TRY(entry_take(&scratch, p->store, unit / layers, unit % layers, &entry, st));
  for (int t = 0; t < p->count; t++) {
    size_t *at = p->at + (size_t)t * (size_t)(p->units + 1) + unit;
    if (!p->copies)
      entry_rows(&entry, p->of[t].table, at);
    else
      TRY(take_rows(p->store, &entry, &p->of[t], at[0], at[1], st));
  }
  return true;
}

/* By all threads; the first layer's fault is told. */
static bool pass_all(const RowsPass *p, Arena scratch, Status *st) {
  int threads = omp_get_max_threads();
  Arena *own = arena_split(scratch, &threads);
  int first = p->units, next = 0;
#pragma omp parallel for schedule(static, 1)
  for (int worker = 0; worker < threads; worker++)
    for (int unit; (unit = workers_next(&next, p->units)) >= 0;) {
      Status why = {0};
      if (pass_unit(p, unit, own[worker], &why)) continue;
#pragma omp critical(store_rows_fault)
      if (unit < first) first = unit, *st = why;
    }
  return first == p->units;
}

/* Counted first, so that each result is one piece; every layer is read once a pass, for all
 * tables. */
bool store_rows(Arena *arena, Store *store, StoredRows *of, int count, Status *st) {
  const int units = store->shape->prompts * store->shape->layers;
  RowsPass pass = {.store = store, .of = of, .count = count, .units = units};
  TRY(writer_wait(store, st));
  pass.at = ARENA_NEW(arena, size_t, count * (units + 1));
  TRY(pass_all(&pass, *arena, st));
  for (int t = 0; t < count; t++) {
    size_t *at = pass.at + (size_t)t * (size_t)(units + 1), sum = 0;
    for (int unit = 0; unit <= units; unit++) {
      const size_t rows = unit < units ? at[unit] : 0;
      at[unit] = sum;
      sum += rows;
    }
    of[t].count = sum;
    of[t].rows = arena_room(arena, sum, of[t].table->row_size);
  }
  pass.copies = true;
  return pass_all(&pass, *arena, st);
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
