/* foreign_tokens: the token ids that sides were given, where they say them. */
#include <string.h>

#include "base/name.h"
#include "study/foreign_parts.h"

/* The last part of a name, as programs call them. */
static const char *const token_names[] = {"token_ids", "input_ids", "token_id", "tokens", NULL};

bool foreign_holds_tokens(const DumpEntry *entry) {
  const DumpType type = entry->array->type;
  bool named = false;
  for (int i = 0; token_names[i]; i++)
    named |= !strcmp(token_names[i], text_last_part(entry->tensor));
  return named && entry->layer < 0 && (type == DUMP_I32 || type == DUMP_I64);
}

/* Those of `count` ids that the mask keeps, T of them. */
static bool keep_tokens(Arena *arena, const ForeignSide *side, const DumpEntry *entry,
                        const double *value, int64_t count, int T, const int32_t **token,
                        Status *st) {
  const bool *keep = side->mask[entry->pass].keep;
  int32_t *id = ARENA_NEW(arena, int32_t, T);
  for (int64_t i = 0, k = 0; i < count && k < T; i++) {
    if (keep && !keep[i]) continue;
    if (!(value[i] >= 0 && value[i] <= INT32_MAX))
      return FAIL(st, "%s: token %lld is %.17g, and no id", foreign_place(arena, side, entry),
                  (long long)i, value[i]);
    id[k++] = (int32_t)value[i];
  }
  return *token = id, true;
}

/* The ids that a side says it was given; NULL where it says none, or not one a token. */
static bool read_tokens(Arena *arena, const ForeignSide *side, int pass, int T,
                        const int32_t **token, Status *st) {
  const DumpMask *mask = &side->mask[pass];
  *token = NULL;
  for (int i = 0; i < side->layout.entries; i++) {
    const DumpEntry *entry = &side->layout.entry[i];
    const bool in_batch = entry->array->rank == 2;
    const DumpAxes axes = {in_batch ? "batch,token" : NULL, in_batch ? side->plan->batch : -1};
    Tensor t;
    if (entry->pass != pass || !foreign_holds_tokens(entry)) continue;
    TRY(dump_read(arena, &side->dump, entry->array, &axes, NULL, &t, st));
    const int64_t count = (int64_t)t.rows * t.cols;
    if (count == (mask->array ? mask->tokens : T))
      return keep_tokens(arena, side, entry, t.data, count, T, token, st);
  }
  return true;
}

static bool is_between(const Pair *pair, const char *a, const char *b) {
  return (!strcmp(pair->base, a) && (!b || !strcmp(pair->other, b))) ||
         (!strcmp(pair->other, a) && (!b || !strcmp(pair->base, b)));
}

bool foreign_are_compared(const Spec *spec, const char *a, const char *b) {
  for (int i = 0; i < spec->pair_count; i++)
    if (is_between(&spec->pairs[i], a, b)) return true;
  for (int i = 0; i < spec->third_count; i++) {
    const ThirdPlan *plan = &spec->thirds[i];
    const Pair first = {plan->against, plan->pair.base}, second = {plan->against, plan->pair.other};
    if (is_between(&plan->pair, a, b) || is_between(&first, a, b) || is_between(&second, a, b))
      return true;
  }
  return false;
}

/* Whether a source is compared with what is computed here. */
static bool meets_run(const Spec *spec, const char *source) {
  for (int i = 0; i < spec->mode_count; i++)
    if (foreign_are_compared(spec, source, spec->modes[i].name)) return true;
  return foreign_are_compared(spec, source, MODE_REFERENCE);
}

/* `meant`: one of the two may have been given any. */
static void tell_tokens(Arena *arena, Foreign *f, const PromptShape *prompt, bool meant,
                        const char *a, const int32_t *of_a, const char *b, const int32_t *of_b) {
  const OtherInputs told = f->other_tokens;
  if (!of_a || !of_b || (told.sentence && (meant || !told.meant))) return;
  for (int t = 0; t < prompt->T; t++)
    if (of_a[t] != of_b[t]) {
      f->other_tokens = (OtherInputs){
          arena_printf(arena,
                       "%s and %s were given other tokens: token %d of prompt '%s' is %d "
                       "and %d",
                       a, b, t, prompt->name, of_a[t], of_b[t]),
          meant};
      return;
    }
}

bool foreign_compare_tokens(Arena *arena, const Spec *spec, Foreign *f, PromptShape *prompt,
                            Status *st) {
  for (int p = 0; p < f->prompts; p++) {
    const int32_t **token = ARENA_NEW(arena, const int32_t *, f->sides), *run = prompt[p].token;
    for (int s = 0; s < f->sides; s++) {
      const char *name = f->side[s].plan->name;
      const bool any = f->side[s].plan->any_inputs;
      TRY(read_tokens(arena, &f->side[s], p, prompt[p].T, &token[s], st));
      if (!prompt[p].token) prompt[p].token = token[s];
      if (meets_run(spec, name))
        tell_tokens(arena, f, &prompt[p], any, "the run", run, name, token[s]);
      for (int other = 0; other < s; other++)
        if (foreign_are_compared(spec, name, f->side[other].plan->name))
          tell_tokens(arena, f, &prompt[p], any || f->side[other].plan->any_inputs,
                      f->side[other].plan->name, token[other], name, token[s]);
    }
  }
  return true;
}
