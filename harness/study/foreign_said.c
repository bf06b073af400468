/* foreign_said: what a spec says of single tensors of a source, and what comes of it. */
#include <string.h>

#include "study/foreign_parts.h"

/* Which of them is said of an entry: the first that it fits, or else the default; NULL: none. */
static const Said *said_of(Arena scratch, const Said *said, int count, const DumpEntry *entry) {
  const Said *standard = NULL;
  for (int i = 0; i < count; i++) {
    if (!said[i].pattern) return &said[i];
    if (!strcmp(said[i].pattern, SAID_DEFAULT))
      standard = &said[i];
    else if (dump_fits(scratch, entry, said[i].pattern))
      return &said[i];
  }
  return standard;
}

/* Each pattern is one, and of some tensor; of int8 alone where it is about scales. */
static bool check_said(const Spec *spec, const ForeignSide *side, const Said *said, int count,
                       bool of_scales, Arena scratch, Status *st) {
  for (int i = 0; i < count; i++) {
    const char *pattern = said[i].pattern;
    bool fits = !pattern || !strcmp(pattern, SAID_DEFAULT);
    for (int e = 0; e < side->layout.entries && !fits; e++) {
      const DumpEntry *entry = &side->layout.entry[e];
      fits = (!of_scales || entry->array->type == DUMP_I8) && dump_fits(scratch, entry, pattern);
    }
    if (!fits)
      return spec_blame(spec, &said[i], NULL, st,
                        FAIL(st, "%s: has no %stensor of the name '%.100s'", side->path,
                             of_scales ? "int8 " : "", pattern));
  }
  return true;
}

static bool set_axes(Arena *arena, const Spec *spec, ForeignSide *side, Status *st) {
  const SourcePlan *plan = side->plan;
  DumpAxes *axes = ARENA_NEW(arena, DumpAxes, side->layout.entries);
  TRY(check_said(spec, side, plan->axes, plan->axes_count, false, *arena, st));
  for (int i = 0; i < plan->axes_count; i++)
    TRY(spec_blame(spec, &plan->axes[i], NULL, st, dump_axes_check(plan->axes[i].text, st)));
  for (int e = 0; e < side->layout.entries; e++) {
    const Said *said = said_of(*arena, plan->axes, plan->axes_count, &side->layout.entry[e]);
    axes[e] = (DumpAxes){said ? said->text : NULL, plan->batch};
  }
  side->axes = axes;
  return true;
}

static bool set_scales(Arena scratch, const Spec *spec, ForeignSide *side, Status *st) {
  const SourcePlan *plan = side->plan;
  TRY(check_said(spec, side, plan->scales, plan->scale_count, true, scratch, st));
  for (int e = 0; e < side->layout.entries; e++) {
    const DumpEntry *entry = &side->layout.entry[e];
    DumpArray *array = &side->dump.array[entry->array - side->dump.array];
    const Said *said =
        array->type == DUMP_I8 ? said_of(scratch, plan->scales, plan->scale_count, entry) : NULL;
    if (!said) continue;
    if (array->scale > 0 && array->scale != (float)said->number)
      return spec_blame(spec, said, NULL, st,
                        FAIL(st, "%s: '%.100s' has the scale %.9g beside it, and not %.9g",
                             side->path, array->name, (double)array->scale, said->number));
    array->scale = (float)said->number;
  }
  return true;
}

static bool set_masks(Arena *arena, const Spec *spec, ForeignSide *side, Status *st) {
  const SourcePlan *plan = side->plan;
  DumpMask *mask;
  if (plan->mask && !strcmp(plan->mask, SAID_NONE)) {
    side->mask = ARENA_NEW(arena, DumpMask, side->layout.passes);
    return true;
  }
  TRY(spec_blame(
      spec, plan, plan->mask ? "mask" : "dump", st,
      dump_masks(arena, &side->dump, &side->layout, plan->mask, plan->batch, &mask, st)));
  side->mask = mask;
  return true;
}

bool foreign_say(Arena *arena, const Spec *spec, ForeignSide *side, Status *st) {
  TRY(set_axes(arena, spec, side, st));
  TRY(set_scales(*arena, spec, side, st));
  return set_masks(arena, spec, side, st);
}

bool foreign_is_mask(const ForeignSide *side, const DumpEntry *entry) {
  return side->mask[entry->pass].array == entry->array;
}

bool foreign_sizes(const ForeignSide *side, const DumpEntry *entry, bool of_tokens, int *rows,
                   int *cols, Status *st) {
  const DumpMask *mask = &side->mask[entry->pass];
  TRY(dump_sizes(&side->dump, entry->array, foreign_axes(side, entry), rows, cols, st));
  if (!of_tokens || !mask->array) return true;
  if (*rows != mask->tokens)
    return FAIL(st,
                "%s: '%.100s' has %d rows, and the mask '%.100s' %d tokens (`mask: none` of a "
                "source passes it over)",
                side->path, entry->array->name, *rows, mask->array->name, mask->tokens);
  *rows = mask->kept;
  return true;
}

const char *foreign_place(Arena *arena, const ForeignSide *side, const DumpEntry *entry) {
  const DumpArray *array = entry->array;
  return *array->file ? arena_printf(arena, "%s/%s: %s", side->path, array->file, array->name)
                      : arena_printf(arena, "%s: %s", side->path, array->name);
}
