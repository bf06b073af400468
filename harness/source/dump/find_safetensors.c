/* find_safetensors: the header alone is read (model/safetensors.h). */
#include <stdlib.h>
#include <string.h>

#include "model/safetensors.h"
#include "source/dump/parts.h"

/* F8_E4M3 is the finite one (torch's float8_e4m3fn). */
static const struct {
  const char *name;
  DumpType type;
} types[] = {{"F64", DUMP_F64},   {"F32", DUMP_F32},         {"F16", DUMP_F16},
             {"BF16", DUMP_BF16}, {"F8_E4M3", DUMP_F8_E4M3}, {"F8_E5M2", DUMP_F8_E5M2},
             {"I8", DUMP_I8},     {"U8", DUMP_U8},           {"I16", DUMP_I16},
             {"U16", DUMP_U16},   {"I32", DUMP_I32},         {"U32", DUMP_U32},
             {"I64", DUMP_I64},   {"U64", DUMP_U64},         {"BOOL", DUMP_BOOL}};

static int by_place(const void *a, const void *b) {
  const SafeTensor *x = a, *y = b;
  return x->begin != y->begin   ? (x->begin > y->begin) - (x->begin < y->begin)
         : x->bytes != y->bytes ? (x->bytes > y->bytes) - (x->bytes < y->bytes)
                                : strcmp(x->name, y->name);
}

static bool add(Found *found, const DumpFile *file, size_t data_at, const SafeTensor *t,
                Status *st) {
  Way way = {
      .blob = {.file = file, .at = data_at + t->begin, .stored = t->bytes, .bytes = t->bytes}};
  way_whole(&way, t->rank, t->shape, false);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (!strcmp(types[i].name, t->dtype))
      return found_add(found, t->name, types[i].type, t->rank, t->shape, &way, st);
  found_pass(found, file, t->name, "is of the type '%s', which is not read", t->dtype);
  return true;
}

/* The header stays where it was read: it is hardly more than the names and shapes that it says. */
bool find_safetensors(Found *found, const DumpFile *file, Status *st) {
  const size_t size = (size_t)file->mark.size;
  SafeTensors all;
  Bytes head;
  size_t end;
  TRY(file_head(found->arena, file, 8, &head, st));
  TRY(safetensors_head(file->path, head, size, &end, st));
  TRY(file_head(found->arena, file, end, &head, st));
  TRY(safetensors_of_head(found->arena, file->path, head, size, &all, st));
  qsort(all.tensor, all.count, sizeof *all.tensor, by_place);
  for (size_t i = 0; i < all.count; i++) TRY(add(found, file, all.data_at, &all.tensor[i], st));
  return true;
}
