/* meaning_sources: sides made elsewhere, and what a spec of them can do without. */
#include "spec/meaning.h"

#include <string.h>

/* A source's name stands for it as a mode's does, in pairs and in the results file. */
bool meaning_of_sources(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->source_count; i++) {
    const char *name = spec->sources[i].name;
    const Place *place = reader_place(reader, &spec->sources[i], NULL);
    if (meaning_reference(name) || mode_name_reserved(name))
      return reader_fail(reader, place, "'%s' is a name of the results file's own", name);
    if (spec_mode(spec, name))
      return reader_fail(reader, place, "'%s' is a mode: a source needs a name of its own", name);
    if (spec->model && spec->sources[i].stream)
      return reader_fail(reader, reader_place(reader, &spec->sources[i], "stream"),
                         "is for a spec without a model: what leaves a layer of a model is known");
  }
  return true;
}

/* The first side that a pair or three-way comparison names and that no source is; NULL of none. */
static const char *side_computed(const Spec *spec) {
  for (int i = 0; i < spec->pair_count; i++) {
    const Pair *pair = &spec->pairs[i];
    if (!spec_source(spec, pair->base)) return pair->base;
    if (!spec_source(spec, pair->other)) return pair->other;
  }
  for (int i = 0; i < spec->third_count; i++) {
    const ThirdPlan *plan = &spec->thirds[i];
    const char *const side[] = {plan->pair.base, plan->pair.other, plan->against};
    for (int s = 0; s < 3; s++)
      if (!spec_source(spec, side[s])) return side[s];
  }
  return NULL;
}

/* Whether anything else is asked that a model must run for. */
static bool needs_model(const Spec *spec) {
  return spec->compare_all_count || spec->given_prompt_count || spec->swap_count ||
         spec->restore_count || spec->repair_count || spec->mend_count || spec_grids(spec) ||
         spec->micro_count || spec->cost.length_count || spec_evaluates(spec) ||
         spec->evaluation.task_count || spec_calibrated(spec) || !spec->source_count;
}

bool meaning_of_needed(const Reader *reader, const Spec *spec) {
  const char *missing = !spec->model ? "model" : !spec->given_prompt_count ? "prompts" : NULL;
  if (!missing) return true;
  const char *computed = spec->model || !spec->source_count ? NULL : side_computed(spec);
  if (computed)
    return reader_fail(reader, NULL, "required key 'model' is missing: '%.100s' is no source",
                       computed);
  return (!spec->model && !needs_model(spec)) ||
         reader_fail(reader, NULL, "required key '%s' is missing", missing);
}

/* Against something else than one of the two. */
bool meaning_of_thirds(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->third_count; i++) {
    const ThirdPlan *plan = &spec->thirds[i];
    const Place *place = reader_place(reader, plan, "against");
    const char *const side[] = {plan->pair.base, plan->pair.other, plan->against};
    TRY(meaning_defined(reader, spec, side[0], reader_place(reader, &plan->pair, "base")));
    TRY(meaning_defined(reader, spec, side[1], reader_place(reader, &plan->pair, "other")));
    TRY(meaning_defined(reader, spec, side[2], place));
    if (!strcmp(side[0], side[1]))
      return reader_fail(reader, reader_place(reader, plan, "pair"), "'%s' is paired with itself",
                         side[0]);
    if (!strcmp(side[2], side[0]) || !strcmp(side[2], side[1]))
      return reader_fail(reader, place, "'%s' is one of the two", side[2]);
  }
  return true;
}
