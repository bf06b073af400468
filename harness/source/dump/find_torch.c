/* find_torch: what torch.save writes: an archive of a pickle, data.pkl, and of every storage's
 * bytes, data/KEY. Names of what is nested are joined by dots. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "source/dump/parts.h"
#include "source/dump/pickle.h"

enum { PICKLE_MOST = 1 << 27, DEPTH_MOST = 64, VALUES_MOST = 4000000 };

typedef struct Torch {
  Found *found;
  const DumpFile *file;
  const ZipList *list;
  const char *root; /* "archive/" */
  bool big_endian;
  int values;      /* looked at */
  char name[4096]; /* of what is looked at */
} Torch;

static const ZipMember *member_of(const Torch *t, const char *name) {
  return zip_member(t->list, arena_printf(t->found->arena, "%s%s", t->root, name));
}

/* Whether it is walked to: it is, or holds, what may be read or is to be listed. */
static bool is_told(const Pickled *value) {
  return value->kind == PICKLED_LIST || value->kind == PICKLED_DICT ||
         value->kind == PICKLED_TENSOR || value->kind == PICKLED_FOREIGN;
}

static bool storage_blob(const Torch *t, const Pickled *storage, Blob *blob, Status *st) {
  const ZipMember *m = member_of(t, arena_printf(t->found->arena, "data/%.200s", storage->text));
  uint64_t bytes = (uint64_t)storage->number;
  if (!m) return FAIL(st, "%s: the storage data/%.100s is missing", t->file->path, storage->text);
  if (storage->number < 0 ||
      __builtin_mul_overflow(
          bytes, storage->type >= 0 ? dump_type_bytes((DumpType)storage->type) : 1, &bytes) ||
      bytes != m->blob.bytes)
    return FAIL(st, "%s: the storage data/%.100s has %llu byte%s, its pickle says %lld element%s",
                t->file->path, storage->text, (unsigned long long)m->blob.bytes,
                plural((int64_t)m->blob.bytes), (long long)storage->number,
                plural(storage->number));
  *blob = m->blob;
  return true;
}

static bool add_tensor(const Torch *t, const Pickled *tensor, const char *name, Status *st) {
  Way way = {.swapped = t->big_endian};
  if (tensor->type < 0) {
    found_pass(t->found, t->file, name, "is of the type %s, which is not read", tensor->text);
    return true;
  }
  const DumpType type = (DumpType)tensor->type;
  TRY(storage_blob(t, tensor->item[0], &way.blob, st));
  if (__builtin_mul_overflow((uint64_t)tensor->number, dump_type_bytes(type), &way.first))
    return FAIL(st, "%s: '%.100s' begins behind its storage", t->file->path, name);
  memcpy(way.stride, tensor->stride, sizeof way.stride);
  return found_add(t->found, name, type, tensor->rank, tensor->size, &way, st);
}

/* Of int8: a number "NAME.scale" in the same dictionary, which is no array. */
static bool take_scale(Torch *t, const Pickled *dict, const char *name, Status *st) {
  DumpArray *array = &t->found->added->array;
  const size_t length = strlen(name);
  t->values += dict->items; /* that are looked at for this one */
  for (int i = 0; i < dict->items; i += 2) {
    const Pickled *key = dict->item[i], *value = dict->item[i + 1];
    if (key->kind != PICKLED_TEXT || value->kind != PICKLED_FLOAT ||
        strncmp(key->text, name, length) != 0 || strcmp(key->text + length, SCALE_OF) != 0)
      continue;
    array->scale = (float)value->real;
    if (!isfinite(array->scale) || array->scale <= 0)
      return FAIL(st, ARRAY_AT "its scale is %g, which is not finite and above 0", ARRAY_IN(array),
                  value->real);
  }
  return true;
}

static bool walk(Torch *t, const Pickled *value, int depth, Status *st);

/* What is nested, under its key: t->name is longer meanwhile. */
static bool walk_into(Torch *t, const Pickled *value, const char *key, int depth, Status *st) {
  const size_t before = strlen(t->name);
  const int length =
      snprintf(t->name + before, sizeof t->name - before, "%s%s", before ? "." : "", key);
  if (before + (size_t)length >= sizeof t->name)
    return FAIL(st, "%s: has a name of more than %zu bytes", t->file->path, sizeof t->name - 1);
  TRY(walk(t, value, depth + 1, st));
  t->name[before] = 0;
  return true;
}

static bool walk_dict(Torch *t, const Pickled *dict, int depth, Status *st) {
  for (int i = 0; i < dict->items; i += 2) {
    const Pickled *key = dict->item[i];
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)key->number);
    if (key->kind != PICKLED_TEXT && key->kind != PICKLED_NUMBER)
      return FAIL(st, "%s: a dictionary%s%.100s has a key that is neither text nor a whole number",
                  t->file->path, *t->name ? " at " : "", t->name);
    const Pickled *value = dict->item[i + 1];
    if (is_told(value))
      TRY(walk_into(t, value, key->kind == PICKLED_TEXT ? key->text : digits, depth, st));
    if (value->kind == PICKLED_TENSOR && value->type == DUMP_I8 && key->kind == PICKLED_TEXT)
      TRY(take_scale(t, dict, key->text, st));
  }
  return true;
}

static bool walk_list(Torch *t, const Pickled *list, int depth, Status *st) {
  for (int i = 0; i < list->items; i++) {
    char digits[24];
    snprintf(digits, sizeof digits, "%d", i);
    if (is_told(list->item[i])) TRY(walk_into(t, list->item[i], digits, depth, st));
  }
  return true;
}

static bool walk(Torch *t, const Pickled *value, int depth, Status *st) {
  if (depth > DEPTH_MOST)
    return FAIL(st, "%s: what it holds is nested deeper than %d", t->file->path, DEPTH_MOST);
  if ((t->values += 1 + value->items) > VALUES_MOST)
    return FAIL(st, "%s: holds more than %d values", t->file->path, VALUES_MOST);
  switch (value->kind) {
    case PICKLED_TENSOR: return add_tensor(t, value, t->name, st);
    case PICKLED_DICT: return walk_dict(t, value, depth, st);
    case PICKLED_LIST: return walk_list(t, value, depth, st);
    case PICKLED_FOREIGN:
      found_pass(t->found, t->file, t->name,
                 "is a %.150s, which is not read: nothing of a file is executed", value->text);
      return true;
    default: return true;
  }
}

static bool read_whole(Arena *arena, const Blob *blob, size_t most, Bytes *bytes, Status *st) {
  BlobReader reader;
  if (blob->bytes > most)
    return FAIL(st, "%s: has a description of %llu bytes, at most %zu are read", blob->file->path,
                (unsigned long long)blob->bytes, most);
  char *room = arena_room(arena, (size_t)blob->bytes + 1, 1);
  TRY(blob_open(arena, blob, &reader, st));
  const bool ok = blob_read(&reader, 0, (size_t)blob->bytes, room, st);
  blob_close(&reader);
  *bytes = (Bytes){room, (size_t)blob->bytes};
  return ok;
}

static bool read_order(Torch *t, Status *st) {
  const ZipMember *m = member_of(t, "byteorder");
  Bytes order;
  if (!m) return true; /* before there was one it was little */
  TRY(read_whole(t->found->arena, &m->blob, 16, &order, st));
  t->big_endian = order.count >= 3 && !memcmp(order.data, "big", 3);
  return t->big_endian || (order.count >= 6 && !memcmp(order.data, "little", 6)) ||
         FAIL(st, "%s: its byte order is neither little nor big", t->file->path);
}

static bool find_tensors(Torch *t, const ZipMember *pickle, Status *st) {
  Bytes bytes;
  const Pickled *value;
  TRY(read_order(t, st));
  TRY(read_whole(t->found->arena, &pickle->blob, PICKLE_MOST, &bytes, st));
  TRY(pickle_read(t->found->arena, t->file->path, bytes, &value, st));
  if (value->kind == PICKLED_FOREIGN)
    return found_other(t->found, t->file, st,
                       "is a %.200s, which is no tensor, dict or list of tensors; nothing of a "
                       "file is executed: save its tensors alone, torch.save({NAME: TENSOR, …}, "
                       "FILE)",
                       value->text);
  t->found->keyless = value->kind == PICKLED_TENSOR;
  if (t->found->keyless) snprintf(t->name, sizeof t->name, "%s", t->file->stem);
  const bool ok = walk(t, value, 0, st);
  t->found->keyless = false;
  return ok;
}

/* torch itself looks at no CRC, and can be told to write none. */
bool find_torch(Found *found, const DumpFile *file, ZipList *list, const ZipMember *pickle,
                Status *st) {
  const size_t root = strlen(pickle->name) - strlen(TORCH_PICKLE);
  Torch t = {.found = found,
             .file = file,
             .list = list,
             .root = arena_printf(found->arena, "%.*s", (int)root, pickle->name)};
  for (int i = 0; i < list->count; i++) list->member[i].blob.has_crc = false;
  if (member_of(&t, "constants.pkl"))
    return found_other(found, file, st,
                       "is TorchScript, a program; save tensors alone: torch.save({NAME: TENSOR, "
                       "…}, FILE)");
  return find_tensors(&t, pickle, st);
}
