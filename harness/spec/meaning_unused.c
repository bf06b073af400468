/* meaning_unused: what a spec defines and then names nowhere. It would be passed over, and whoever
 * wrote it believe that it had run. */
#include <string.h>

#include "spec/meaning.h"

typedef struct Named {
  const char *name;
  bool found;
} Named;

static void see_mode(void *context, const Mode *mode) {
  Named *named = context;
  named->found |= !strcmp(mode->name, named->name);
}

static bool is_named(const Spec *spec, const char *name) {
  Named named = {name, false};
  spec_each_mode(spec, see_mode, &named);
  return named.found;
}

/* Whether a mode is as it is in some of this one's layers. */
static bool gives_layers(const OwnMode *own, const char *name) {
  for (int l = 0; l < own->layer_count; l++)
    if (own->layers[l].mode && !strcmp(own->layers[l].mode, name)) return true;
  return false;
}

bool spec_needs_mode(const Spec *spec, const char *name) {
  bool needed = is_named(spec, name);
  for (int i = 0; i < spec->own_mode_count && !needed; i++) /* no circle: own_modes.c */
    needed = !strcmp(spec->own_modes[i].base, name) &&
             spec_needs_mode(spec, spec->own_modes[i].mode.name);
  return needed;
}

static bool check_mode(const Reader *reader, const Spec *spec, const OwnMode *own) {
  bool used = is_named(spec, own->mode.name);
  for (int i = 0; i < spec->own_mode_count; i++)
    used |= !strcmp(spec->own_modes[i].base, own->mode.name) ||
            gives_layers(&spec->own_modes[i], own->mode.name);
  return used || reader_fail(reader, reader_place(reader, own, NULL),
                             "mode '%s' is defined and never run: no pair, list of modes or study "
                             "names it, and no other mode is built on it; name it in pairs or "
                             "compare_all, or leave it out",
                             own->mode.name);
}

static bool check_source(const Reader *reader, const Spec *spec, const SourcePlan *source) {
  const char *name = source->name;
  bool found = false;
  for (int i = 0; i < spec->pair_count; i++)
    found |= !strcmp(spec->pairs[i].base, name) || !strcmp(spec->pairs[i].other, name);
  for (int i = 0; i < spec->third_count; i++) {
    const ThirdPlan *plan = &spec->thirds[i];
    found |= !strcmp(plan->pair.base, name) || !strcmp(plan->pair.other, name) ||
             !strcmp(plan->against, name);
  }
  for (int i = 0; i < spec->repair_count; i++) found |= !strcmp(spec->repairs[i].to, name);
  return found || reader_fail(reader, reader_place(reader, source, NULL),
                              "source '%s' is compared with nothing: name it in pairs or "
                              "three_way, or leave it out",
                              name);
}

bool meaning_of_unused(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->own_mode_count; i++) TRY(check_mode(reader, spec, &spec->own_modes[i]));
  for (int i = 0; i < spec->source_count; i++) TRY(check_source(reader, spec, &spec->sources[i]));
  return true;
}
