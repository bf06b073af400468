/* finish: the end of a run: the file opened once, for what was not known when it was made. Every
 * tensor is compared with its digest after the file is closed, before it gets its name. Nothing
 * that is written here is needed to do it again: whatever a kill or a full disk leaves,
 * structure.bin undoes. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/abreast.h"
#include "base/child.h"
#include "store/state.h"

static bool failed(const Store *store, const char *object, size_t bytes, const Status *why,
                   Status *st) {
  return store_write_failed(store->partial, object, bytes, why, st);
}

/* --- tensors ---------------------------------------------------------------------------------- */

static bool set_attributes(hid_t group, const char *name, const Slot *slot,
                           const EntryTensor *record, Status *why) {
  hid_t dataset = -1;
  bool ok =
      H5(dataset = H5Dopen2(group, name, H5P_DEFAULT)) &&
      (H5Dget_offset(dataset) == slot->offset || FAIL(why, "HDF5 looks for it at another place")) &&
      (slot->of_scales || h5_set_text(dataset, "kernel", TEXT_KERNEL, record->kernel, why)) &&
      h5_set_text(dataset, "digest", sizeof(Digest) - 1, record->digest.hex, why) &&
      (!slot_has_factor(slot) ||
       h5_set_scalar(dataset, "scale_factor", H5T_IEEE_F32LE, &record->scale, why));
  return h5_close(dataset, why) && ok;
}

static bool set_tensor(const Store *store, hid_t file, GroupOpen *open, const Slot *slot,
                       const Entry *entry, Status *st) {
  Status reason = {0}, *why = &reason;
  char path[GROUP_PATH], name[DATASET_NAME], object[sizeof path + sizeof name];
  const EntryTensor *record = entry_record(entry, slot);
  layout_group(store->shape, slot, path);
  layout_name(store->shape, slot, name);
  snprintf(object, sizeof object, "%s/%s", path, name);
  if (!record) return FAIL(st, "%s: the journal says nothing of %s", store->folder, object);
  return (group_open(open, file, path, why) &&
          set_attributes(open->group, name, slot, record, why)) ||
         failed(store, object, 0, why, st);
}

/* --- tables and attributes -------------------------------------------------------------------- */

enum { PIECE_BYTES = 1 << 20 };

typedef struct Settling {
  const TableRows *of;
  char *copy;
  size_t rows; /* of a piece */
} Settling;

static void settle_row(const Table *table, const char *from, char *to) {
  memset(to, 0, table->row_size);
  for (int i = 0; i < table->columns; i++) {
    const Column *column = &table->column[i];
    const char *cell = from + column->offset;
    double value;
    memcpy(to + column->offset, cell,
           column->type == COLUMN_TEXT ? strnlen(cell, column->size - 1) : column->size);
    if (column->type == COLUMN_F64 && (memcpy(&value, cell, sizeof value), isnan(value)))
      memcpy(to + column->offset, &(uint64_t){0x7ff8000000000000u}, sizeof value);
  }
}

static void settle_piece(void *context, int piece) {
  const Settling *s = context;
  const size_t size = s->of->table->row_size, from = (size_t)piece * s->rows;
  for (size_t i = from; i < s->of->count && i < from + s->rows; i++)
    settle_row(s->of->table, (const char *)s->of->rows + i * size, s->copy + i * size);
}

/* A copy whose bytes depend on the values alone: zeros between and behind the fields, NaN
 * canonical. In pieces, several at once. */
static const void *settled_rows(Arena *arena, const TableRows *rows) {
  const size_t size = rows->table->row_size;
  Settling s = {rows, arena_room(arena, rows->count, size), 1 + PIECE_BYTES / size};
  abreast(child_threads(), (int)((rows->count + s.rows - 1) / s.rows), settle_piece, &s);
  return s.copy;
}

static bool put_table(const Store *store, hid_t file, const TableRows *rows, Arena scratch,
                      Status *st) {
  Status why = {0};
  hid_t group = -1;
  if (rows->count == 0) return true;
  const void *settled = settled_rows(&scratch, rows);
  bool ok = h5_make_path(file, "tables", &group, &why) &&
            h5_put_rows(group, rows->table, settled, rows->count, &why);
  ok = h5_close(group, &why) && ok;
  return ok || failed(store, rows->table->name, rows->count * rows->table->row_size, &why, st);
}

static bool put_attributes(const Store *store, hid_t file, const Attribute *attributes, int count,
                           Status *st) {
  Status why = {0};
  const int32_t version = FORMAT_VERSION;
  bool ok = h5_put_scalar(file, "format_version", H5T_STD_I32LE, &version, &why) ||
            failed(store, "format_version", sizeof version, &why, st);
  for (int i = 0; ok && i < RUN_KEYS; i++) {
    char name[32];
    snprintf(name, sizeof name, "%s_digest", run_key_names[i]);
    ok = h5_put_text(file, name, run_key_digest(&store->key, i)->hex, &why) ||
         failed(store, name, sizeof(Digest) - 1, &why, st);
  }
  for (int i = 0; ok && i < count; i++) {
    const Attribute *a = &attributes[i];
    ok = (a->text ? h5_put_text(file, a->name, a->text, &why)
                  : h5_put_scalar(file, a->name, H5T_IEEE_F64LE, &a->number, &why)) ||
         failed(store, a->name, a->text ? strlen(a->text) : sizeof a->number, &why, st);
  }
  return ok;
}

/* --- the whole -------------------------------------------------------------------------------- */

typedef struct End {
  const Attribute *attribute;
  int attributes;
  const TableRows *rows;
  int tables;
} End;

static bool set_tensors(Store *store, hid_t file, GroupOpen *open, Arena arena, Status *st) {
  const int layers = store->shape->layers, units = store->shape->prompts * layers;
  for (int i = 0; i < units; i++) {
    Arena scratch = arena;
    Entry entry;
    size_t count;
    const Slot *slot = layout_layer(store, i / layers, i % layers, &count);
    if (!count) continue;
    TRY(entry_take(&scratch, store, i / layers, i % layers, &entry, st));
    for (size_t k = 0; k < count; k++) TRY(set_tensor(store, file, open, &slot[k], &entry, st));
  }
  return true;
}

static bool fill(Store *store, hid_t file, const End *end, Arena arena, Status *st) {
  GroupOpen open = {.group = -1};
  Status why = {0};
  TRY(put_attributes(store, file, end->attribute, end->attributes, st));
  const bool set = set_tensors(store, file, &open, arena, st),
             closed = group_close(&open, &why) || (set && failed(store, "a group", 0, &why, st));
  if (!set || !closed) return false;
  for (int i = 0; i < end->tables; i++) TRY(put_table(store, file, &end->rows[i], arena, st));
  return true;
}

typedef struct FillWork {
  Store *store;
  const End *end;
  Arena scratch;
} FillWork;

static bool fill_file(FILE *out, void *context, Status *st) {
  (void)out; /* nothing is told of it: the file says all */
  const FillWork *work = context;
  Store *store = work->store;
  Status reason = {0}, *why = &reason;
  hid_t file = h5_open_file_to_change(store->partial, why);
  if (file < 0) return FAIL(st, "%s: cannot be opened: %s", store->partial, why->text);
  bool ok = fill(store, file, work->end, work->scratch, st);
  ok = ok && (H5(H5Fflush(file, H5F_SCOPE_LOCAL)) || failed(store, "metadata", 0, why, st));
  bool closed = H5(H5Fclose(file)); /* once, and its handle is not used again */
  return ok && (closed || failed(store, "closing", 0, why, st));
}

static bool check(const Store *store, Arena arena, Status *st) {
  const StoreShape *shape = store->shape;
  const int layers = shape->layers, units = shape->prompts * layers;
  for (int i = 0; i < units; i++) {
    Arena scratch = arena;
    Entry entry;
    Status why = {0};
    size_t count;
    layout_layer(store, i / layers, i % layers, &count);
    if (!count) continue;
    TRY(entry_take(&scratch, store, i / layers, i % layers, &entry, st));
    if (!layer_holds(store, i / layers, i % layers, &entry, &why))
      return FAIL(
          st, "%s: prompt %s, layer %d: %s; a new start of the run makes again what does not hold",
          store->partial, shape->prompt[i / layers].name, i % layers, why.text);
  }
  return true;
}

bool store_finish(Store *store, const Attribute *attributes, int attribute_count,
                  const TableRows *rows, int row_count, Arena scratch, Status *st) {
  const End end = {attributes, attribute_count, rows, row_count};
  TRY(writer_wait(store, st));
  FillWork work = {store, &end, scratch};
  Arena room = scratch;
  const char *nothing;
  size_t none;
  TRY(child_work(&room, store->partial, fill_file, &work, &nothing, &none, st));
  TRY(check(store, scratch, st));
  if (store->sync && fsync(store->file) != 0)
    return FAIL(st, "%s: cannot be synchronised to disk: %s", store->partial, strerror(errno));
  if (rename(store->partial, store->results) != 0)
    return FAIL(st, "%s: cannot be renamed to its final name: %s", store->partial, strerror(errno));
  TRY(!store->sync || file_sync_folder(file_folder(&scratch, store->results), st));
  if (store->shape->stays_behind) return true;
  part_remove_all(store->lock);
  rmdir(store->folder); /* stays where someone put another file into it */
  return true;
}
