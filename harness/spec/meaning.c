#include "spec/meaning.h"

#include <string.h>

#include "family/family.h"
#include "spec/nearest.h"

bool meaning_reference(const char *name) { return !strcmp(name, MODE_REFERENCE); }

bool meaning_defined(const Reader *reader, const Spec *spec, const char *name, const Place *place) {
  if (meaning_reference(name) || spec_mode(spec, name) || spec_source(spec, name)) return true;
  Nearest near = nearest_to(name);
  const char *list = MODE_REFERENCE;
  nearest_offer(&near, MODE_REFERENCE);
  for (int i = 0; i < families[0]->presets + spec->own_mode_count; i++) {
    const int own = i - families[0]->presets;
    const Mode *known = own < 0 ? &families[0]->preset[i] : &spec->own_modes[own].mode;
    nearest_offer(&near, known->name);
    list = arena_printf(reader->arena, "%s, %s", list, known->name);
  }
  for (int i = 0; i < spec->source_count; i++) {
    nearest_offer(&near, spec->sources[i].name);
    list = arena_printf(reader->arena, "%s, %s", list, spec->sources[i].name);
  }
  if (near.best)
    return reader_fail(reader, place, "no mode '%.100s' is defined; did you mean '%s'?", name,
                       near.best);
  return reader_fail(reader, place, "no mode '%.100s' is defined; known here: %s", name, list);
}

static bool check_pair(const Reader *reader, const Spec *spec, const Pair *pair) {
  const Place *other = reader_place(reader, pair, "other");
  TRY(meaning_defined(reader, spec, pair->base, reader_place(reader, pair, "base")));
  TRY(meaning_defined(reader, spec, pair->other, other));
  if (!strcmp(pair->base, pair->other))
    return reader_fail(reader, other, "'%s' is paired with itself", pair->base);
  for (const Pair *earlier = spec->pairs; earlier < pair; earlier++)
    if (!strcmp(earlier->base, pair->base) && !strcmp(earlier->other, pair->other))
      return reader_fail(reader, reader_place(reader, pair, NULL), "the pair [%s, %s] stands twice",
                         pair->base, pair->other);
  const Mode *first = spec_mode(spec, pair->base), *second = spec_mode(spec, pair->other);
  if (first && second && mode_equal(first, second))
    return reader_fail(reader, other,
                       "'%s' is the same computation as '%s': every stage is set alike",
                       pair->other, pair->base);
  return true;
}

bool meaning_of_pairs(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->pair_count; i++) TRY(check_pair(reader, spec, &spec->pairs[i]));
  return true;
}

/* What is made elsewhere has no stages, scales or operators that could be run. */
static bool check_no_source(const Reader *reader, const Spec *spec, const char *name,
                            const Place *place) {
  return !spec_source(spec, name) ||
         reader_fail(reader, place,
                     "'%s' is a source, whose tensors were made elsewhere: name a mode", name);
}

static bool check_twice(const Reader *reader, const char **names, int count) {
  for (int i = 0; i < count; i++)
    for (int j = 0; j < i; j++)
      if (!strcmp(names[i], names[j]))
        return reader_fail(reader, reader_place(reader, &names[i], NULL), "'%s' stands twice",
                           names[i]);
  return true;
}

static bool check_numbers(const Reader *reader, const char *what, const int *of, int count) {
  for (int i = 0; i < count; i++)
    for (int j = 0; j < i; j++)
      if (of[i] == of[j])
        return reader_fail(reader, reader_place(reader, &of[i], NULL), "%s %d stands twice", what,
                           of[i]);
  return true;
}

/* A list of modes that may not hold the reference. */
static bool check_mode_list(const Reader *reader, const Spec *spec, const char **names, int count) {
  for (int i = 0; i < count; i++) {
    const Place *place = reader_place(reader, &names[i], NULL);
    if (meaning_reference(names[i]))
      return reader_fail(reader, place,
                         "fp64 is the reference, which is always computed: leave it out");
    TRY(check_no_source(reader, spec, names[i], place));
    TRY(meaning_defined(reader, spec, names[i], place));
  }
  return check_twice(reader, names, count);
}

/* A budget is of what is compared. */
bool meaning_of_budget(const Reader *reader, const Spec *spec) {
  TRY(check_mode_list(reader, spec, spec->budget, spec->budget_count));
  for (int i = 0; i < spec->budget_count; i++) {
    bool compared = false;
    for (int j = 0; j < spec->compare_all_count; j++)
      compared |= !strcmp(spec->budget[i], spec->compare_all[j]);
    if (!compared)
      return reader_fail(reader, reader_place(reader, &spec->budget[i], NULL),
                         "mode '%s' is not compared with fp64 here", spec->budget[i]);
  }
  return true;
}

/* A float mode has a length, and no scale that an alpha could change. */
static bool check_alphas(const Reader *reader, const Spec *spec) {
  const GridPlan *grid = &spec->grid;
  if (grid->alpha_count && !spec_calibrated(spec))
    return reader_fail(reader, reader_place(reader, grid, "alpha"),
                       "nothing is calibrated here: add 'calibration: {text: FILE}'");
  for (int i = 0; i < grid->alpha_count; i++)
    for (int j = 0; j < i; j++)
      if (grid->alphas[i] == grid->alphas[j])
        return reader_fail(reader, reader_place(reader, &grid->alphas[i], NULL),
                           "alpha %.15g stands twice", grid->alphas[i]);
  return true;
}

static bool check_grid(const Reader *reader, const Spec *spec) {
  TRY(check_mode_list(reader, spec, spec->grid.modes, spec->grid.mode_count));
  TRY(check_numbers(reader, "length", spec->grid.lengths, spec->grid.length_count));
  return check_alphas(reader, spec);
}

bool meaning_of_grid(const Reader *reader, const Spec *spec) {
  const Place *place = reader_place(reader, spec, "grid");
  if (!spec_grids(spec)) return true;
  if (!spec->grid.mode_count)
    return reader_fail(reader, place, "no mode runs here: name some in 'modes' of the grid");
  if (spec_grid_points(spec) > GRID_POINTS_MAX)
    return reader_fail(reader, place, "has %lld points, modes x alphas x lengths, of at most %d",
                       (long long)spec_grid_points(spec), GRID_POINTS_MAX);
  return true;
}

/* A mode of which one thing is said for all layers, as `why` ends the sentence. */
static bool check_alike(const Reader *reader, const Spec *spec, const char *name,
                        const Place *place, const char *why) {
  return !spec_mode(spec, name)->parts ||
         reader_fail(reader, place, "mode '%s' differs by layer: %s", name, why);
}

static bool check_micro_modes(const Reader *reader, const Spec *spec, const Micro *micro) {
  for (int i = 0; i < micro->mode_count; i++) {
    const Mode *mode = spec_mode(spec, micro->modes[i]);
    const Place *place = reader_place(reader, &micro->modes[i], NULL);
    TRY(check_alike(reader, spec, micro->modes[i], place,
                    "an operator alone has no layer; name the modes that it is made of"));
    const int finer = mode_finer_stage(mode);
    if (finer != ABSENT)
      return reader_fail(
          reader, place,
          "mode '%s' sets %s %s: an operator alone runs with the settings of the presets",
          mode->name, mode->family->stage[finer].key, mode_setting_name(mode, finer));
  }
  return true;
}

/* A mode, and not the reference. */
static bool check_mode(const Reader *reader, const Spec *spec, const char *name,
                       const Place *place) {
  if (meaning_reference(name))
    return reader_fail(reader, place, "fp64 is the reference, which has no stages: name a mode");
  TRY(check_no_source(reader, spec, name, place));
  return meaning_defined(reader, spec, name, place);
}

/* A mode that is taken apart, stage by stage. */
static bool check_parts(const Reader *reader, const Spec *spec, const char *name,
                        const Place *place) {
  TRY(check_mode(reader, spec, name, place));
  return check_alike(reader, spec, name, place,
                     "its stages are taken from each other as they are in every layer; name a mode "
                     "of which all layers are alike");
}

static bool check_swaps(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->swap_count; i++) {
    const Pair *pair = &spec->swaps[i].pair;
    const Place *base = reader_place(reader, pair, "base"),
                *other = reader_place(reader, pair, "other");
    TRY(check_parts(reader, spec, pair->base, base));
    TRY(check_parts(reader, spec, pair->other, other));
    unsigned stages = mode_differing(spec_mode(spec, pair->base), spec_mode(spec, pair->other));
    if (!stages)
      return reader_fail(reader, other,
                         "'%s' is the same computation as '%s': there is nothing to swap",
                         pair->other, pair->base);
    if (spec->swaps[i].combinations && __builtin_popcount(stages) > SWAP_COMBINATIONS_MAX)
      return reader_fail(
          reader, reader_place(reader, &spec->swaps[i], "combinations"),
          "'%s' and '%s' differ in %d stages: all combinations are tried of at most %d", pair->base,
          pair->other, __builtin_popcount(stages), SWAP_COMBINATIONS_MAX);
    for (int j = 0; j < i; j++)
      if (!strcmp(pair->base, spec->swaps[j].pair.base) &&
          !strcmp(pair->other, spec->swaps[j].pair.other))
        return reader_fail(reader, reader_place(reader, &spec->swaps[i], NULL),
                           "the pair [%s, %s] stands twice", pair->base, pair->other);
  }
  return true;
}

static bool check_restore(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->restore_count; i++) {
    const RestorePlan *plan = &spec->restore[i];
    const Place *mode = reader_place(reader, plan, "mode"), *to = reader_place(reader, plan, "to");
    TRY(check_parts(reader, spec, plan->mode, mode));
    TRY(check_parts(reader, spec, plan->to, to ? to : mode));
    if (mode_equal(spec_mode(spec, plan->mode), spec_mode(spec, plan->to)))
      return reader_fail(reader, to ? to : mode,
                         "'%s' is the same computation as '%s': nothing would be restored",
                         plan->to, plan->mode);
  }
  return true;
}

static bool check_repair(const Reader *reader, const Spec *spec, const RepairPlan *plan) {
  const Tensors *tensors = family_tensors_with(plan->tensor);
  const Place *mode = reader_place(reader, plan, "mode"), *to = reader_place(reader, plan, "to");
  const int id = tensors_find(tensors, plan->tensor);
  bool found = false;
  TRY(check_mode(reader, spec, plan->mode, mode));
  TRY(check_no_source(reader, spec, plan->to, to ? to : mode));
  TRY(meaning_defined(reader, spec, plan->to, to ? to : mode));
  if (!strcmp(plan->mode, plan->to))
    return reader_fail(reader, to, "'%s' is repaired with itself", plan->mode);
  for (int i = 0; i < spec->prompt_count; i++)
    found |= !strcmp(spec->prompts[i].name, plan->prompt);
  if (!found)
    return reader_fail(reader, reader_place(reader, plan, "prompt"), "no prompt '%.100s' runs here",
                       plan->prompt);
  if (id >= tensors->layer || tensors->info[id].rows != DIM_TOKEN)
    return reader_fail(reader, reader_place(reader, plan, "tensor"),
                       "'%s' has no token in each layer", plan->tensor);
  return true;
}

/* Modes that have scales to be tried. */
static bool check_mend(const Reader *reader, const Spec *spec) {
  TRY(check_mode_list(reader, spec, spec->mend, spec->mend_count));
  for (int i = 0; i < spec->mend_count; i++)
    if (!mode_needs_scales(spec_mode(spec, spec->mend[i])))
      return reader_fail(reader, reader_place(reader, &spec->mend[i], NULL),
                         "mode '%s' has no int8 stage, and so no scale that could be another",
                         spec->mend[i]);
  return true;
}

static bool check_lists(const Reader *reader, const Spec *spec) {
  TRY(check_mode_list(reader, spec, spec->compare_all, spec->compare_all_count));
  TRY(check_mode_list(reader, spec, spec->evaluation.modes, spec->evaluation.mode_count));
  if (spec->evaluation.text && spec->evaluation.tokens)
    return reader_fail(reader, reader_place(reader, &spec->evaluation, "tokens"),
                       "stands beside 'text': only one of the two can be evaluated");
  TRY(check_mode_list(reader, spec, spec->cost.modes, spec->cost.mode_count));
  TRY(check_numbers(reader, "length", spec->cost.lengths, spec->cost.length_count));
  TRY(check_twice(reader, spec->keep.tensors, spec->keep.tensor_count));
  TRY(check_numbers(reader, "layer", spec->keep.layers, spec->keep.layer_count));
  for (int i = 0; i < spec->micro_count; i++) {
    const Micro *micro = &spec->micro[i];
    TRY(check_twice(reader, micro->inputs, micro->input_count));
    TRY(check_numbers(reader, "layer", micro->layers, micro->layer_count));
    TRY(check_twice(reader, micro->prompts, micro->prompt_count));
    TRY(check_twice(reader, micro->shapes, micro->shape_count));
    TRY(check_mode_list(reader, spec, micro->modes, micro->mode_count));
    TRY(check_micro_modes(reader, spec, micro));
  }
  return true;
}

/* Without calibration no mode with an int8 stage can run; `place` is where the mode is named. */
static bool check_scales(const Reader *reader, const Spec *spec, const char *name,
                         const Place *place) {
  const Mode *mode = spec_mode(spec, name);
  if (spec_calibrated(spec) || !mode || !mode_needs_scales(mode)) return true;
  return reader_fail(reader, place,
                     "mode '%s' has int8 stages and needs scales: add 'calibration: {text: FILE}' "
                     "(or a mode of floats alone, as 1 and fp32 are)",
                     name);
}

static bool check_list_scales(const Reader *reader, const Spec *spec, const char **names,
                              int count) {
  for (int i = 0; i < count; i++)
    TRY(check_scales(reader, spec, names[i], reader_place(reader, &names[i], NULL)));
  return true;
}

static bool check_calibration(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->pair_count; i++) {
    const Pair *pair = &spec->pairs[i];
    TRY(check_scales(reader, spec, pair->base, reader_place(reader, pair, "base")));
    TRY(check_scales(reader, spec, pair->other, reader_place(reader, pair, "other")));
  }
  for (int i = 0; i < spec->third_count; i++) {
    const ThirdPlan *plan = &spec->thirds[i];
    TRY(check_scales(reader, spec, plan->pair.base, reader_place(reader, &plan->pair, "base")));
    TRY(check_scales(reader, spec, plan->pair.other, reader_place(reader, &plan->pair, "other")));
    TRY(check_scales(reader, spec, plan->against, reader_place(reader, plan, "against")));
  }
  TRY(check_list_scales(reader, spec, spec->compare_all, spec->compare_all_count));
  TRY(check_list_scales(reader, spec, spec->evaluation.modes, spec->evaluation.mode_count));
  TRY(check_list_scales(reader, spec, spec->cost.modes, spec->cost.mode_count));
  TRY(check_list_scales(reader, spec, spec->mend, spec->mend_count));
  TRY(check_list_scales(reader, spec, spec->grid.modes, spec->grid.mode_count));
  for (int i = 0; i < spec->swap_count; i++) {
    const Pair *pair = &spec->swaps[i].pair;
    TRY(check_scales(reader, spec, pair->base, reader_place(reader, pair, "base")));
    TRY(check_scales(reader, spec, pair->other, reader_place(reader, pair, "other")));
  }
  for (int i = 0; i < spec->restore_count; i++) {
    const RestorePlan *plan = &spec->restore[i];
    TRY(check_scales(reader, spec, plan->mode, reader_place(reader, plan, "mode")));
    TRY(check_scales(reader, spec, plan->to, reader_place(reader, plan, "to")));
  }
  for (int i = 0; i < spec->repair_count; i++) {
    const RepairPlan *plan = &spec->repairs[i];
    TRY(check_scales(reader, spec, plan->mode, reader_place(reader, plan, "mode")));
    TRY(check_scales(reader, spec, plan->to, reader_place(reader, plan, "to")));
  }
  for (int i = 0; i < spec->micro_count; i++)
    TRY(check_list_scales(reader, spec, spec->micro[i].modes, spec->micro[i].mode_count));
  return true;
}

bool meaning_of_studies(const Reader *reader, const Spec *spec) {
  TRY(check_lists(reader, spec));
  TRY(check_swaps(reader, spec));
  TRY(check_restore(reader, spec));
  for (int i = 0; i < spec->repair_count; i++) TRY(check_repair(reader, spec, &spec->repairs[i]));
  TRY(check_mend(reader, spec));
  TRY(check_grid(reader, spec));
  return check_calibration(reader, spec);
}
