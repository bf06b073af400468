/* find_hdf5: the datasets of an HDF5 file, as store lists them. Those that stand in the file as
 * they are are read from there; packed ones come from store. */
#include <math.h>

#include "source/dump/parts.h"
#include "store/arrays.h"

_Static_assert((int)ARRAYS_RANK_MOST <= (int)DUMP_RANK_MOST, "what is read has room as an array");

static const struct {
  ArrayKind kind;
  int bytes, exponent; /* 0: of no float */
  DumpType type;
} types[] = {{ARRAY_FLOAT, 8, 11, DUMP_F64},    {ARRAY_FLOAT, 4, 8, DUMP_F32},
             {ARRAY_FLOAT, 2, 5, DUMP_F16},     {ARRAY_FLOAT, 2, 8, DUMP_BF16},
             {ARRAY_FLOAT, 1, 5, DUMP_F8_E5M2}, {ARRAY_SIGNED, 1, 0, DUMP_I8},
             {ARRAY_UNSIGNED, 1, 0, DUMP_U8},   {ARRAY_SIGNED, 2, 0, DUMP_I16},
             {ARRAY_UNSIGNED, 2, 0, DUMP_U16},  {ARRAY_SIGNED, 4, 0, DUMP_I32},
             {ARRAY_UNSIGNED, 4, 0, DUMP_U32},  {ARRAY_SIGNED, 8, 0, DUMP_I64},
             {ARRAY_UNSIGNED, 8, 0, DUMP_U64},  {ARRAY_BOOL, 1, 0, DUMP_BOOL}};

static bool type_of(const StoredArray *a, DumpType *type) {
  if (a->of_f16) return *type = DUMP_F16_AS_F32, a->kind == ARRAY_FLOAT && a->bytes == 4;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].kind == a->kind && types[i].bytes == a->bytes &&
        (types[i].exponent == 0 || types[i].exponent == a->exponent))
      return *type = types[i].type, true;
  return false;
}

static bool count_bytes(const StoredArray *a, uint64_t *bytes) {
  *bytes = (uint64_t)a->bytes;
  for (int i = 0; i < a->rank; i++)
    if (a->size[i] < 0 || __builtin_mul_overflow(*bytes, (uint64_t)a->size[i], bytes)) return false;
  return true;
}

static bool set_scale(Found *found, const DumpFile *file, const StoredArray *a, Status *st) {
  float *scale = &found->added->array.scale;
  *scale = (float)a->scale;
  return (isfinite(*scale) && *scale > 0) ||
         FAIL(st, "%s: '%.100s': its scale is no finite float above 0", file->path, a->name);
}

static bool add(Found *found, const DumpFile *file, const StoredArray *a, Status *st) {
  DumpType type;
  Way way = {.blob = {.file = file, .dataset = a->name, .proof = *a->proof ? a->proof : NULL},
             .swapped = a->big_endian};
  Blob *blob = &way.blob;
  if (a->why || !type_of(a, &type) || !count_bytes(a, &blob->bytes)) {
    found_pass(found, file, a->name, "%s", a->why ? a->why : "has a type that is not read");
    return true;
  }
  blob->kind = a->at >= 0 ? BLOB_PLAIN : BLOB_DATASET;
  blob->at = a->at >= 0 ? (uint64_t)a->at : 0;
  blob->stored = blob->bytes;
  if (a->at >= 0 && (blob->at > file->mark.size || blob->bytes > file->mark.size - blob->at))
    return FAIL(st, "%s: '%.100s': ends behind the file", file->path, a->name);
  way_whole(&way, a->rank, a->size, false);
  TRY(found_add(found, a->name, type, a->rank, a->size, &way, st));
  if (a->has_axes) found->added->array.axes = a->axes;
  return type != DUMP_I8 || a->scale == 0 || set_scale(found, file, a, st);
}

bool find_hdf5(Found *found, const DumpFile *file, Status *st) {
  StoredArray *array;
  int count;
  TRY(arrays_list(found->arena, file->path, &array, &count, st));
  for (int i = 0; i < count; i++) TRY(add(found, file, &array[i], st));
  return true;
}
