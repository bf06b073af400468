/* find_safetensors: the header alone is read (model/safetensors.h). */
#include <stdlib.h>
#include <string.h>

#include "model/safetensors.h"
#include "source/dump/parts.h"

_Static_assert((int)SAFETENSORS_MAX_RANK <= (int)DUMP_RANK_MOST,
               "what is read has room as an array");

/* F8_E4M3 is the finite one (torch's float8_e4m3fn). */
static const struct {
  const char *name;
  DumpType type;
} types[] = {{"F64", DUMP_F64},   {"F32", DUMP_F32},         {"F16", DUMP_F16},
             {"BF16", DUMP_BF16}, {"F8_E4M3", DUMP_F8_E4M3}, {"F8_E5M2", DUMP_F8_E5M2},
             {"I8", DUMP_I8},     {"U8", DUMP_U8},           {"I16", DUMP_I16},
             {"U16", DUMP_U16},   {"I32", DUMP_I32},         {"U32", DUMP_U32},
             {"I64", DUMP_I64},   {"U64", DUMP_U64},         {"BOOL", DUMP_BOOL}};

/* A tensor and where it comes among the others. */
typedef struct Placed {
  SafeTensor tensor;
  size_t order; /* the line of its name in the file's own order; SIZE_MAX: it is not there */
} Placed;

static int by_name(const void *a, const void *b) {
  return strcmp(((const Placed *)a)->tensor.name, ((const Placed *)b)->tensor.name);
}

static int by_place(const void *a, const void *b) {
  const Placed *one = a, *two = b;
  const SafeTensor *x = &one->tensor, *y = &two->tensor;
  if (one->order != two->order) return one->order < two->order ? -1 : 1;
  return x->begin != y->begin   ? (x->begin > y->begin) - (x->begin < y->begin)
         : x->bytes != y->bytes ? (x->bytes > y->bytes) - (x->bytes < y->bytes)
                                : strcmp(x->name, y->name);
}

/* Who writes such files sorts them by name; "order" in their metadata, where it is, tells more.
 * `placed` is sorted by name. */
static void read_order(Arena scratch, const char *order, Placed *placed, size_t count) {
  char *rest = NULL;
  size_t line = 0;
  for (char *name = strtok_r(arena_printf(&scratch, "%s", order), "\n", &rest); name;
       name = strtok_r(NULL, "\n", &rest), line++) {
    const Placed key = {.tensor.name = name};
    Placed *found = bsearch(&key, placed, count, sizeof key, by_name);
    if (found && found->order == SIZE_MAX) found->order = line;
  }
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
  Placed *placed = ARENA_NEW(found->arena, Placed, all.count);
  for (size_t i = 0; i < all.count; i++) placed[i] = (Placed){all.tensor[i], SIZE_MAX};
  if (all.order) read_order(*found->arena, all.order, placed, all.count);
  qsort(placed, all.count, sizeof *placed, by_place);
  for (size_t i = 0; i < all.count; i++) TRY(add(found, file, all.data_at, &placed[i].tensor, st));
  return true;
}
