/* mask: which rows of a pass are padding, by an array of the dump that says so. */
#include <string.h>

#include "base/name.h"
#include "model/safetensors.h"
#include "source/dump/names.h"
#include "source/dump/parts.h"

/* A mask by its type and shape: whole numbers or bools, [tokens] or [batch, tokens]. */
static bool can_be_mask(const DumpArray *array) {
  return array->type >= DUMP_I8 && (array->rank == 1 || array->rank == 2);
}

static bool is_called(Arena scratch, const DumpEntry *entry, const char *name) {
  if (name) return dump_fits(scratch, entry, name);
  return entry->layer < 0 && !strcmp(text_last_part(entry->tensor), DUMP_MASK) &&
         can_be_mask(entry->array);
}

typedef struct Search {
  const Dump *dump;
  const DumpLayout *layout;
  const char *name;
} Search;

static bool take(const Search *s, Arena scratch, const DumpEntry *entry, DumpMask *mask,
                 Status *st) {
  if (!is_called(scratch, entry, s->name)) return true;
  if (mask->array)
    return FAIL(st, "%s: '%.100s' and '%.100s' are both the mask of pass '%.100s'", s->dump->path,
                mask->array->name, entry->array->name, s->layout->pass[entry->pass]);
  mask->array = entry->array;
  return true;
}

/* Of every pass; what has no name by the layout is of the only one. */
static bool find_masks(const Search *s, Arena scratch, DumpMask *mask, Status *st) {
  const DumpLayout *l = s->layout;
  for (int i = 0; i < l->entries; i++)
    TRY(take(s, scratch, &l->entry[i], &mask[l->entry[i].pass], st));
  for (int i = 0; i < l->lefts && l->passes == 1 && !mask->array; i++) {
    const DumpEntry left = {.array = l->left[i], .tensor = l->left[i]->name, .layer = -1};
    TRY(take(s, scratch, &left, mask, st));
  }
  for (int p = 0; p < l->passes && s->name; p++) {
    if (mask[p].array) continue;
    if (l->passes == 1) return FAIL(st, "%s: has no array '%.100s'", s->dump->path, s->name);
    return FAIL(st, "%s: pass '%.100s' has no array '%.100s'", s->dump->path, l->pass[p], s->name);
  }
  return true;
}

static bool read_mask(Arena *arena, const Dump *dump, int batch, DumpMask *mask, Status *st) {
  const DumpArray *array = mask->array;
  const DumpAxes axes = {array->rank == 2 ? "batch,token" : "token", batch};
  Tensor t;
  if (!can_be_mask(array)) {
    char shape[SHAPE_TEXT];
    return FAIL(st,
                ARRAY_AT "is %s %s, and a mask is [tokens] or [batch, tokens] of bools or whole "
                         "numbers",
                ARRAY_IN(array), dump_type_name[array->type],
                shape_print(array->size, array->rank, shape));
  }
  TRY(dump_read(arena, dump, array, &axes, NULL, &t, st));
  bool *keep = ARENA_NEW(arena, bool, t.rows);
  for (int i = 0; i < t.rows; i++) {
    const FormatInfo *format = &format_info[t.format];
    keep[i] = format_decode(format, format_load(format, t.data, (size_t)i), 1) != 0;
    mask->kept += keep[i];
  }
  mask->keep = keep;
  mask->tokens = t.rows;
  return mask->kept ||
         FAIL(st, ARRAY_AT "is a mask that leaves no token of %d", ARRAY_IN(array), t.rows);
}

bool dump_masks(Arena *arena, const Dump *dump, const DumpLayout *layout, const char *name,
                int batch, DumpMask **mask, Status *st) {
  const Search search = {dump, layout, name};
  *mask = ARENA_NEW(arena, DumpMask, layout->passes);
  TRY(find_masks(&search, *arena, *mask, st));
  for (int p = 0; p < layout->passes; p++)
    if ((*mask)[p].array) TRY(read_mask(arena, dump, batch, &(*mask)[p], st));
  return true;
}
