/* spec: reading a file, and the checks of meaning: what no single value can say, such as a pair
 * whose modes are the same computation. Every refusal points to the value that is wrong. */
#include "spec/spec.h"

#include <string.h>

#include "base/file.h"
#include "family/family.h"
#include "spec/document.h"
#include "spec/nearest.h"
#include "spec/reader.h"

static bool is_reference(const char *name) { return !strcmp(name, MODE_REFERENCE); }

const Mode *spec_mode(const Spec *spec, const char *name) {
  for (int i = 0; i < spec->mode_count; i++)
    if (!strcmp(spec->modes[i].name, name)) return &spec->modes[i];
  for (int i = 0; i < spec->own_mode_count; i++)
    if (!strcmp(spec->own_modes[i].mode.name, name)) return &spec->own_modes[i].mode;
  return mode_preset(name);
}

const SourcePlan *spec_source(const Spec *spec, const char *name) {
  for (int i = 0; i < spec->source_count; i++)
    if (!strcmp(spec->sources[i].name, name)) return &spec->sources[i];
  return NULL;
}

bool spec_calibrated(const Spec *spec) {
  return spec->calibration.text || spec->calibration.tokens;
}

bool spec_evaluates(const Spec *spec) { return spec->evaluation.text || spec->evaluation.tokens; }

static bool asks_tasks(const Spec *spec) { return spec->evaluation.task_count > 0; }

static bool check_prompt_name(const Reader *reader, const Prompt *prompt) {
  return !mode_name_reserved(prompt->name) ||
         reader_fail(reader, reader_place(reader, prompt, "name"),
                     "'%s' is a name of the results file's own", prompt->name);
}

/* Name of a window: its prompt's, and a number of as many digits as the last one needs, at least
 * two. */
static bool name_window(const Reader *reader, const Prompt *given, Prompt *window) {
  int digits = given->windows > 1000 ? 4 : given->windows > 100 ? 3 : 2;
  window->name = arena_printf(reader->arena, "%s%0*d", given->name, digits, window->window);
  return name_valid(window->name) ||
         reader_fail(
             reader, reader_place(reader, given, "name"),
             "'%s' with the number of a window behind it has %zu bytes, a name has at most %d",
             given->name, strlen(window->name), NAME_BYTES_MAX);
}

static bool add_prompt(const Reader *reader, Spec *spec, const Prompt *given, int window) {
  if (spec->prompt_count == PROMPTS_MAX)
    return reader_fail(reader, reader_place(reader, given, NULL), "makes more than %d prompts",
                       PROMPTS_MAX);
  Prompt *prompt = &spec->prompts[spec->prompt_count];
  *prompt = *given;
  prompt->given = given;
  prompt->window = window;
  if (given->windows) TRY(name_window(reader, given, prompt));
  for (int i = 0; i < spec->prompt_count; i++)
    if (!strcmp(prompt->name, spec->prompts[i].name))
      return reader_fail(reader, reader_place(reader, given, "name"),
                         "'%s' is already the name of another prompt", prompt->name);
  spec->prompt_count++;
  return true;
}

static bool collect_prompts(const Reader *reader, Spec *spec) {
  spec->prompts = ARENA_NEW(reader->arena, Prompt, PROMPTS_MAX);
  for (int i = 0; i < spec->given_prompt_count; i++) {
    const Prompt *given = &spec->given_prompts[i];
    TRY(check_prompt_name(reader, given));
    for (int window = 0; window < (given->windows ? given->windows : 1); window++)
      TRY(add_prompt(reader, spec, given, window));
  }
  return true;
}

static bool check_defined(const Reader *reader, const Spec *spec, const char *name,
                          const Place *place) {
  if (is_reference(name) || spec_mode(spec, name) || spec_source(spec, name)) return true;
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
  TRY(check_defined(reader, spec, pair->base, reader_place(reader, pair, "base")));
  TRY(check_defined(reader, spec, pair->other, other));
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

static bool check_pairs(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->pair_count; i++) TRY(check_pair(reader, spec, &spec->pairs[i]));
  return true;
}

/* Against something else than one of the two. */
static bool check_thirds(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->third_count; i++) {
    const ThirdPlan *plan = &spec->thirds[i];
    const Place *place = reader_place(reader, plan, "against");
    const char *const side[] = {plan->pair.base, plan->pair.other, plan->against};
    TRY(check_defined(reader, spec, side[0], reader_place(reader, &plan->pair, "base")));
    TRY(check_defined(reader, spec, side[1], reader_place(reader, &plan->pair, "other")));
    TRY(check_defined(reader, spec, side[2], place));
    if (!strcmp(side[0], side[1]))
      return reader_fail(reader, reader_place(reader, plan, "pair"), "'%s' is paired with itself",
                         side[0]);
    if (!strcmp(side[2], side[0]) || !strcmp(side[2], side[1]))
      return reader_fail(reader, place, "'%s' is one of the two", side[2]);
  }
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

static bool check_layers(const Reader *reader, const int *layers, int count) {
  for (int i = 0; i < count; i++)
    for (int j = 0; j < i; j++)
      if (layers[i] == layers[j])
        return reader_fail(reader, reader_place(reader, &layers[i], NULL), "layer %d stands twice",
                           layers[i]);
  return true;
}

static bool check_lengths(const Reader *reader, const int *lengths, int count) {
  for (int i = 0; i < count; i++)
    for (int j = 0; j < i; j++)
      if (lengths[i] == lengths[j])
        return reader_fail(reader, reader_place(reader, &lengths[i], NULL),
                           "length %d stands twice", lengths[i]);
  return true;
}

/* A list of modes that may not hold the reference. */
static bool check_mode_list(const Reader *reader, const Spec *spec, const char **names, int count) {
  for (int i = 0; i < count; i++) {
    const Place *place = reader_place(reader, &names[i], NULL);
    if (is_reference(names[i]))
      return reader_fail(reader, place,
                         "fp64 is the reference, which is always computed: leave it out");
    TRY(check_no_source(reader, spec, names[i], place));
    TRY(check_defined(reader, spec, names[i], place));
  }
  return check_twice(reader, names, count);
}

/* A budget is of what is compared. */
static bool check_budget(const Reader *reader, const Spec *spec) {
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

static bool in_budget(const Spec *spec, const char *name) {
  bool listed = spec->budget_all || is_reference(name);
  for (int i = 0; i < spec->budget_count; i++) listed |= !strcmp(spec->budget[i], name);
  return listed;
}

bool spec_budget(const Spec *spec, const char *base, const char *other) {
  return (spec->budget_all || spec->budget_count) && in_budget(spec, base) &&
         in_budget(spec, other) && !spec_source(spec, base) && !spec_source(spec, other);
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
  if (is_reference(name))
    return reader_fail(reader, place, "fp64 is the reference, which has no stages: name a mode");
  TRY(check_no_source(reader, spec, name, place));
  return check_defined(reader, spec, name, place);
}

/* A mode that is taken apart, stage by stage. */
static bool check_parts(const Reader *reader, const Spec *spec, const char *name,
                        const Place *place) {
  TRY(check_mode(reader, spec, name, place));
  return check_alike(reader, spec, name, place,
                     "its stages are taken from each other as they are in every layer; name a mode "
                     "of which all layers "
                     "are alike");
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
  TRY(check_defined(reader, spec, plan->to, to ? to : mode));
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
  TRY(check_lengths(reader, spec->cost.lengths, spec->cost.length_count));
  TRY(check_twice(reader, spec->keep.tensors, spec->keep.tensor_count));
  TRY(check_layers(reader, spec->keep.layers, spec->keep.layer_count));
  for (int i = 0; i < spec->micro_count; i++) {
    const Micro *micro = &spec->micro[i];
    TRY(check_twice(reader, micro->inputs, micro->input_count));
    TRY(check_layers(reader, micro->layers, micro->layer_count));
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
                     "(or a mode of floats alone, "
                     "as 1 and fp32 are)",
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

/* Adds a mode to those that run, unless it is none, or already there. */
static void run_mode(Spec *spec, const char *name) {
  if (is_reference(name) || spec_source(spec, name)) return;
  for (int i = 0; i < spec->mode_count; i++)
    if (!strcmp(spec->modes[i].name, name)) return;
  spec->modes[spec->mode_count++] = *spec_mode(spec, name);
}

/* All modes that run, where the list is wanted and the spec leaves it out. */
static void default_modes(Arena *arena, const Spec *spec, bool wanted, const char ***names,
                          int *count) {
  if (!wanted || *count) return;
  *names = ARENA_NEW(arena, const char *, spec->mode_count);
  *count = spec->mode_count;
  for (int i = 0; i < spec->mode_count; i++) (*names)[i] = spec->modes[i].name;
}

/* Settles which modes run and, where the spec does not say it, which of them are compared with the
 * reference, evaluated and timed. */
static void collect_modes(Arena *arena, Spec *spec) {
  spec->modes = ARENA_NEW(arena, Mode,
                          2 * spec->pair_count + 3 * spec->third_count + spec->compare_all_count);
  for (int i = 0; i < spec->pair_count; i++) {
    run_mode(spec, spec->pairs[i].base);
    run_mode(spec, spec->pairs[i].other);
  }
  for (int i = 0; i < spec->third_count; i++) {
    run_mode(spec, spec->thirds[i].pair.base);
    run_mode(spec, spec->thirds[i].pair.other);
    run_mode(spec, spec->thirds[i].against);
  }
  for (int i = 0; i < spec->compare_all_count; i++) run_mode(spec, spec->compare_all[i]);
  default_modes(arena, spec, true, &spec->compare_all, &spec->compare_all_count);
  default_modes(arena, spec, spec_evaluates(spec) || asks_tasks(spec), &spec->evaluation.modes,
                &spec->evaluation.mode_count);
  default_modes(arena, spec, spec->cost.length_count, &spec->cost.modes, &spec->cost.mode_count);
}

static bool is_compared(const Spec *spec, const Pair *pair) {
  for (int i = 0; i < spec->pair_count; i++)
    if (!strcmp(spec->pairs[i].base, pair->base) && !strcmp(spec->pairs[i].other, pair->other))
      return true;
  for (int i = 0; i < spec->compare_all_count && is_reference(pair->base); i++)
    if (!strcmp(spec->compare_all[i], pair->other)) return true;
  return false;
}

static bool is_running(const Spec *spec, const char *mode) {
  for (int i = 0; i < spec->mode_count; i++)
    if (!strcmp(spec->modes[i].name, mode)) return true;
  return false;
}

static bool check_evaluated(const Reader *reader, const Spec *spec, const Pair *pair,
                            const Place *gate) {
  if (!spec_evaluates(spec))
    return reader_fail(reader, gate, "bits_per_byte needs 'evaluation', a text that is predicted");
  const char *const names[] = {pair->base, pair->other}, *const keys[] = {"base", "other"};
  for (int n = 0; n < 2; n++) {
    bool found = is_reference(names[n]);
    for (int i = 0; i < spec->evaluation.mode_count; i++)
      found |= !strcmp(spec->evaluation.modes[i], names[n]);
    if (!found)
      return reader_fail(reader, reader_place(reader, pair, keys[n]),
                         "mode '%s' is not evaluated here", names[n]);
  }
  return true;
}

/* Factors over the layers are of tokens, and of all layers. */
static bool check_course_gate(const Reader *reader, Gate *gate, const Place *here) {
  const Place *layer = reader_place(reader, gate, "layer"),
              *tensor = reader_place(reader, gate, "tensor");
  const Tensors *tensors = family_tensors_with(gate->tensor);
  const int id = tensors_find(tensors, gate->tensor);
  if (id >= tensors->layer || tensors->info[id].rows != DIM_TOKEN)
    return reader_fail(reader, tensor ? tensor : here,
                       "'%s' has no token in each layer, whose error could grow", gate->tensor);
  if (layer && gate->layer != GATE_ALL)
    return reader_fail(reader, layer,
                       "has no sense with a limit on what the error does over the layers");
  gate->layer = GATE_ALL;
  return true;
}

/* What a gate looks at must be measured, and nothing may be said of it that has no sense. */
static bool check_gate(const Reader *reader, const Spec *spec, Gate *gate) {
  const Place *here = reader_place(reader, gate, NULL),
              *layer = reader_place(reader, gate, "layer");
  const Place *tensor = reader_place(reader, gate, "tensor"),
              *pair = reader_place(reader, gate, "pair");
  const Tensors *tensors = family_tensors_with(gate->tensor);
  gate->place = arena_printf(reader->arena, "%s:%zu:%zu", reader->path, here->mark.line + 1,
                             here->mark.column + 1);
  if (gate->on_grid.set) {
    if (pair)
      return reader_fail(reader, pair,
                         "has no sense beside 'on_grid', which is of one mode: give 'mode'");
    if (!gate->mode)
      return reader_fail(reader, here, "on_grid needs 'mode', the mode whose values are looked at");
    if (!is_running(spec, gate->mode))
      return reader_fail(reader, reader_place(reader, gate, "mode"),
                         "mode '%.100s' does not run here: name it in pairs or compare_all",
                         gate->mode);
    if (tensors->info[tensors_find(tensors, gate->tensor)].scale == ABSENT)
      return reader_fail(reader, tensor ? tensor : here, "'%s' has no INT8 grid", gate->tensor);
  } else {
    if (!pair) return reader_fail(reader, here, "needs 'pair', the two that are compared");
    TRY(check_defined(reader, spec, gate->pair.base, reader_place(reader, &gate->pair, "base")));
    TRY(check_defined(reader, spec, gate->pair.other, reader_place(reader, &gate->pair, "other")));
    if (gate->bits_per_byte.set)
      TRY(check_evaluated(reader, spec, &gate->pair, here));
    else if (!is_compared(spec, &gate->pair))
      return reader_fail(reader, pair, "[%s, %s] is not compared here: add it to pairs",
                         gate->pair.base, gate->pair.other);
  }
  const bool of_model = gate->top1_agreement.set || gate->bits_per_byte.set;
  const char *logits = tensors_role_name(tensors, ROLE_LOGITS);
  if (of_model && tensor && strcmp(gate->tensor, logits))
    return reader_fail(reader, tensor, "has no sense with a limit on what the model predicts");
  if (of_model) gate->tensor = logits, tensors = family_tensors_with(logits);
  if (gate->token_median.set &&
      tensors->info[tensors_find(tensors, gate->tensor)].rows != DIM_TOKEN)
    return reader_fail(reader, tensor ? tensor : here, "'%s' has no tokens, and so no median one",
                       gate->tensor);
  if (gate->growth.set || gate->step.set || gate->peak.set)
    return check_course_gate(reader, gate, here);
  if (gate->layer != GATE_LAST && tensors_find(tensors, gate->tensor) >= tensors->layer)
    return reader_fail(reader, layer, "has no sense here: '%s' stands once, not in each layer",
                       gate->tensor);
  return true;
}

static bool check_gates(const Reader *reader, Spec *spec) {
  for (int i = 0; i < spec->gate_count; i++) TRY(check_gate(reader, spec, &spec->gates[i]));
  return true;
}

/* A source's name stands for it as a mode's does, in pairs and in the results file. */
static bool check_sources(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->source_count; i++) {
    const char *name = spec->sources[i].name;
    const Place *place = reader_place(reader, &spec->sources[i], NULL);
    if (is_reference(name) || mode_name_reserved(name))
      return reader_fail(reader, place, "'%s' is a name of the results file's own", name);
    if (spec_mode(spec, name))
      return reader_fail(reader, place, "'%s' is a mode: a source needs a name of its own", name);
  }
  return true;
}

/* A rotated stream has other values in each channel than one that is not. */
static bool check_rewritten(const Reader *reader, const Spec *spec, const char *base,
                            const char *other, const void *given) {
  const SourcePlan *a = spec_source(spec, base), *b = spec_source(spec, other);
  if ((!a && !b) || (a ? a->rewrite : spec->rewrite) == (b ? b->rewrite : spec->rewrite))
    return true;
  return reader_fail(reader, reader_place(reader, given, NULL),
                     "one of [%s, %s] is of rewritten weights, whose stream is rotated, and the "
                     "other is not: nothing in them can be compared (`rewrite` of the spec, and "
                     "of a source)",
                     base, other);
}

static bool check_rewrites(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->pair_count; i++)
    TRY(check_rewritten(reader, spec, spec->pairs[i].base, spec->pairs[i].other, &spec->pairs[i]));
  for (int i = 0; i < spec->third_count; i++) {
    const ThirdPlan *plan = &spec->thirds[i];
    TRY(check_rewritten(reader, spec, plan->against, plan->pair.base, plan));
    TRY(check_rewritten(reader, spec, plan->against, plan->pair.other, plan));
  }
  return true;
}

/* Whether anything is asked that a model must run for. */
static bool needs_model(const Spec *spec) {
  for (int i = 0; i < spec->pair_count; i++)
    if (!spec_source(spec, spec->pairs[i].base) || !spec_source(spec, spec->pairs[i].other))
      return true;
  for (int i = 0; i < spec->third_count; i++) {
    const ThirdPlan *plan = &spec->thirds[i];
    if (!spec_source(spec, plan->pair.base) || !spec_source(spec, plan->pair.other) ||
        !spec_source(spec, plan->against))
      return true;
  }
  return spec->compare_all_count || spec->given_prompt_count || spec->swap_count ||
         spec->restore_count || spec->repair_count || spec->mend_count || spec->micro_count ||
         spec->cost.length_count || spec_evaluates(spec) || asks_tasks(spec) ||
         spec_calibrated(spec) || !spec->source_count;
}

static bool check_needed(const Reader *reader, const Spec *spec) {
  const char *missing = !spec->model ? "model" : !spec->given_prompt_count ? "prompts" : NULL;
  if (!missing || (!spec->model && !needs_model(spec))) return true;
  return reader_fail(reader, NULL, "required key '%s' is missing", missing);
}

static bool reader_spec(Reader *reader, Spec *spec) {
  TRY(reader_object(reader, &schema_spec, yaml_document_get_root_node(reader->document), NULL,
                    spec));
  TRY(check_needed(reader, spec));
  TRY(collect_prompts(reader, spec));
  TRY(own_modes_check(reader, spec));
  TRY(check_sources(reader, spec));
  TRY(check_pairs(reader, spec));
  TRY(check_thirds(reader, spec));
  TRY(check_rewrites(reader, spec));
  TRY(check_lists(reader, spec));
  TRY(check_swaps(reader, spec));
  TRY(check_restore(reader, spec));
  for (int i = 0; i < spec->repair_count; i++) TRY(check_repair(reader, spec, &spec->repairs[i]));
  TRY(check_mend(reader, spec));
  TRY(check_calibration(reader, spec));
  collect_modes(reader->arena, spec);
  TRY(check_gates(reader, spec));
  return check_budget(reader, spec);
}

static bool parse(Arena *arena, const char *path, Bytes text, bool made, Spec *spec, Status *st) {
  text = file_unmarked(text);
  yaml_document_t document;
  TRY(document_load(&document, path, text.data, text.count, st));
  char *raw = arena_alloc(arena, text.count + 1, 1);
  memcpy(raw, text.data, text.count);
  *spec = (Spec){
      .path = arena_printf(arena, "%s", path), .folder = file_folder(arena, path), .raw = raw};
  Reader reader = {.arena = arena, .path = path, .document = &document, .made = made, .st = st};
  bool valid = reader_spec(&reader, spec);
  if (!made) spec->places = reader.places;
  yaml_document_delete(&document);
  return valid;
}

bool spec_parse(Arena *arena, const char *path, const char *text, size_t count, Spec *spec,
                Status *st) {
  return parse(arena, path, (Bytes){text, count}, false, spec, st);
}

bool spec_parse_made(Arena *arena, const char *command, const char *text, Spec *spec, Status *st) {
  return parse(arena, command, (Bytes){text, strlen(text)}, true, spec, st);
}

bool spec_blame(const Spec *spec, const void *owner, const char *key, Status *st, bool ok) {
  if (ok || !spec->places) return ok;
  const Place *place = place_of(spec->places, owner, key);
  if (place && place->label)
    status_lead(st, "%s:%zu:%zu: key '%.100s': ", spec->path, place->mark.line + 1,
                place->mark.column + 1, place->label);
  else
    status_lead(st, "%s: ", spec->path);
  return false;
}

bool spec_read(Arena *arena, const char *path, Spec *spec, Status *st) {
  Bytes text;
  TRY(file_read(arena, path, DOCUMENT_BYTES_MAX, &text, st));
  return spec_parse(arena, path, text.data, text.count, spec, st);
}
