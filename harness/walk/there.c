/* there: what of a subject is computed on a device: its modes and the reference. */
#include "walk/there.h"

#include "walk/proof.h"

/* Tokens of the longest prompt that anything runs through lanes. */
static int longest(const Spec *spec, const Subject *subject) {
  int T = subject->calibration_token ? spec->calibration.length : 1;
  if (subject_longest(spec, subject) > T) T = subject_longest(spec, subject);
  if (spec_evaluates(spec) && spec->evaluation.length > T) T = spec->evaluation.length;
  for (int t = 0; t < subject->tasks; t++)
    if (subject->task[t].longest > T) T = subject->task[t].longest;
  return T;
}

/* Of the lanes of a walk through the prompts, and of those that ride along: the calibration's, and
 * what proves the rewrite. */
static size_t lanes_bytes(const Spec *spec, const Subject *subject) {
  const size_t observed = (size_t)16 << 20; /* what statistics of its windows take there */
  const Config *c = &subject->checkpoint.config;
  const int T = longest(spec, subject);
  size_t bytes = (size_t)spec->mode_count * lane_bytes(c, FORMAT_F32, T);
  if (subject->calibration_token)
    bytes += lane_bytes(c, FORMAT_F32, spec->calibration.length) + observed;
  return bytes + lane_bytes(c, FORMAT_F64, T) + proof_there_bytes(c);
}

bool there_load(Arena *arena, const Spec *spec, Subject *subject, Status *st) {
  if (!subject->device) return true;
  const Config *c = &subject->checkpoint.config;
  const size_t lanes = lanes_bytes(spec, subject);
  Forms forms = subject_forms(spec, c);
  if (subject->calibration_token) forms = forms_of_both(forms, forms_of_mode(c->family->plain));
  const DevicePlan plan = {.model = &subject->model,
                           .layers = subject->layers,
                           .forms = forms,
                           .reference = true,
                           .T = longest(spec, subject),
                           .lanes = lanes + device64_bytes(c, true)};
  TRY(device_load(arena, &plan, subject->device, st));
  subject->device64 = ARENA_NEW(arena, Device64, 1);
  return device64_load(subject->device, &subject->weights, &subject->device->made, true,
                       subject->device64, st);
}
