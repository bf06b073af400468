/* meaning_gates: limits of what is measured. */
#include "spec/meaning.h"

#include <string.h>

#include "family/family.h"

static bool is_compared(const Spec *spec, const Pair *pair) {
  for (int i = 0; i < spec->pair_count; i++)
    if (!strcmp(spec->pairs[i].base, pair->base) && !strcmp(spec->pairs[i].other, pair->other))
      return true;
  for (int i = 0; i < spec->compare_all_count && meaning_reference(pair->base); i++)
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
    bool found = meaning_reference(names[n]);
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
    TRY(meaning_defined(reader, spec, gate->pair.base, reader_place(reader, &gate->pair, "base")));
    TRY(meaning_defined(reader, spec, gate->pair.other,
                        reader_place(reader, &gate->pair, "other")));
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

bool meaning_of_gates(const Reader *reader, Spec *spec) {
  for (int i = 0; i < spec->gate_count; i++) TRY(check_gate(reader, spec, &spec->gates[i]));
  return true;
}
