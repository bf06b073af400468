/* find_npy: a NumPy array's file. A type of ml_dtypes (JAX's) has no name in NumPy, and is written
 * as so many bytes without one: V2 is bfloat16, f1 is float8_e5m2, V1 is any of a dozen. (ml_dtypes
 * 0.5, NumPy 2.4) */
#include <string.h>

#include "base/number.h"
#include "model/npy.h"
#include "source/dump/parts.h"

_Static_assert((int)NPY_RANK_MOST <= (int)DUMP_RANK_MOST, "what is read has room as an array");

/* Behind the sign of byte order. */
static const struct {
  const char *name;
  DumpType type;
} types[] = {{"f8", DUMP_F64},     {"f4", DUMP_F32}, {"f2", DUMP_F16}, {"V2", DUMP_BF16},
             {"f1", DUMP_F8_E5M2}, {"i1", DUMP_I8},  {"u1", DUMP_U8},  {"i2", DUMP_I16},
             {"u2", DUMP_U16},     {"i4", DUMP_I32}, {"u4", DUMP_U32}, {"i8", DUMP_I64},
             {"u8", DUMP_U64},     {"b1", DUMP_BOOL}};

static bool type_of(const char *descr, DumpType *type, bool *swapped) {
  if (!strcmp(descr, "bfloat16")) return *type = DUMP_BF16, *swapped = false, true;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (*descr && strchr("<>|=", *descr) && !strcmp(descr + 1, types[i].name)) {
      *type = types[i].type;
      *swapped = *descr == '>';
      return *descr == '<' || *descr == '>' || dump_type_bytes(*type) == 1 || *type == DUMP_BF16;
    }
  return false;
}

static const char *not_read(const NpyHeader *header) {
  const char *type = header->descr;
  if (header->records) return "holds records";
  if (strchr(type, 'O')) return "holds Python objects";
  if (strchr(type, 'S') || strchr(type, 'U')) return "holds text";
  if (strchr(type, 'c')) return "holds complex numbers";
  if (!strcmp(type, "|V1") || !strcmp(type, "<V1"))
    return "holds 8-bit floats of no said kind; save them as .safetensors, which says it";
  return "is of a type that is not read";
}

/* A first part of the file, and more of it where the header is longer. */
enum { HEAD_FIRST = 1 << 10, HEAD_MOST = 1 << 16 };

static bool read_part(Arena *arena, const Blob *blob, size_t most, Bytes *head, Status *st) {
  const size_t count = blob->bytes < most ? (size_t)blob->bytes : most;
  char *bytes = arena_room(arena, count + 1, 1);
  BlobReader reader;
  TRY(blob_open(arena, blob, &reader, st));
  *head = (Bytes){bytes, count};
  const bool ok = blob_read(&reader, 0, count, bytes, st);
  blob_close(&reader);
  return ok;
}

static bool read_head(Arena *arena, const Blob *blob, Bytes *head, Status *st) {
  TRY(read_part(arena, blob, HEAD_FIRST, head, st));
  return npy_head(*head) <= head->count || read_part(arena, blob, HEAD_MOST, head, st);
}

static bool check_size(const char *path, const NpyHeader *header, DumpType type, uint64_t bytes,
                       Status *st) {
  uint64_t want = dump_type_bytes(type);
  bool overflow = false, none = false;
  for (int i = 0; i < header->rank; i++) none |= header->size[i] == 0;
  for (int i = 0; !none && i < header->rank; i++)
    overflow |= __builtin_mul_overflow(want, (uint64_t)header->size[i], &want);
  if (!overflow && bytes - header->at == (none ? 0 : want)) return true;
  return FAIL(st, "%s: the .npy shape is %s, %llu byte%s of '%s' follow%s", path, header->shape,
              (unsigned long long)(bytes - header->at), plural((int64_t)(bytes - header->at)),
              header->descr, bytes - header->at == 1 ? "s" : "");
}

bool find_npy_in(Found *found, const Blob *blob, const char *name, const char *path, Status *st) {
  Arena scratch = *found->arena;
  Bytes head;
  NpyHeader header;
  DumpType type;
  Way way = {.blob = *blob};
  TRY(read_head(&scratch, blob, &head, st));
  TRY(npy_header(path, head, blob->bytes, &header, st));
  if (header.records || !type_of(header.descr, &type, &way.swapped)) {
    found_pass(found, blob->file, name, "%s", not_read(&header));
    return true;
  }
  TRY(check_size(path, &header, type, blob->bytes, st));
  way.first = header.at;
  way_whole(&way, header.rank, header.size, header.fortran);
  return found_add(found, name, type, header.rank, header.size, &way, st);
}

bool find_npy(Found *found, const DumpFile *file, Status *st) {
  const Blob blob = {.file = file, .stored = file->mark.size, .bytes = file->mark.size};
  found->keyless = true;
  const bool ok = find_npy_in(found, &blob, file->stem, file->path, st);
  found->keyless = false;
  return ok;
}
