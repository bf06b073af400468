#include "study/calibrate_subject.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/run_key.h"
#include "study/calibrate.h"
#include "study/calibration.h"
#include "study/choices.h"

/* What the statistics depend on. */
static Digest calibration_key(const Spec *spec, const Subject *subject, const Digest *program,
                              Arena scratch) {
  const Calibration *c = &spec->calibration;
  const char *all = arena_printf(
      &scratch, "%s %s %s %d %d %d %.17g", subject->checkpoint.digest.hex, program->hex,
      subject->calibration_text.hex, spec->rewrite, c->windows, c->length, c->alpha);
  for (int a = 0; a < spec->grid.alpha_count; a++)
    all = arena_printf(&scratch, "%s %.17g", all, spec->grid.alphas[a]);
  return digest_of(all, strlen(all));
}

/* A rider: what it finds is told and left in the cache when it has seen the last layer. */
typedef struct Riding {
  Calibrator *calibrator;
  Subject *subject;
  CalibrationValues values;
  Progress *progress;
  Calibration how;
  const char *path; /* NULL: no cache */
  Digest key;
} Riding;

static bool ride(void *context, int layer, Status *st) {
  Riding *r = context;
  Subject *subject = r->subject;
  const double start = clock_s();
  TRY(calibrate_layer(r->calibrator, layer, st));
  subject->calibrate_s += clock_s() - start;
  if (layer + 1 < subject->model.layers) return true;
  progress_tell(r->progress, "calibrate", subject->calibrate_s, "%s of %s of %s",
                progress_count(r->progress, r->how.windows, "window").text,
                progress_count(r->progress, r->how.length, "token").text,
                subject->calibration_path);
  if (!r->path) return true;
  char *text = calibration_json(&r->values, &r->key);
  bool ok = file_write(r->path, text, strlen(text), false, st);
  free(text);
  return ok;
}

/* What is to be found of it. */
static CalibrationValues values_of(Arena *arena, const Spec *spec, Model *model) {
  CalibrationValues v = {.model = model, .alphas = spec->grid.alpha_count};
  if (spec->mend_count) v.choice = ARENA_NEW(arena, ScaleChoice, choices_count(&model->config));
  if (v.alphas) v.statistic = ARENA_NEW(arena, double, calibration_statistics(&v));
  return v;
}

static const char *path_in(Arena *arena, const char *cache) {
  return arena_printf(arena, "%s/calibration.json", cache);
}

bool calibrate_may_leave(const Subject *subject, const char *cache, Arena scratch, Status *st) {
  return !subject->calibration_token || calibration_may_stand(path_in(&scratch, cache), st);
}

/* None is refused: what is made again is the same to the last bit, so nothing depends on the file
 * that is replaced but the time. */
static void tell_why_anew(const Progress *progress, const char *path, CalibrationFound found) {
  if (found == CALIBRATION_DAMAGED)
    progress_say(progress,
                 "%s: is damaged (its values are not those that were written): calibrated anew",
                 path);
  if (found == CALIBRATION_OTHER)
    progress_say(progress, "%s: is of another model, text, setting or program: calibrated anew",
                 path);
  if (found == CALIBRATION_LESS)
    progress_say(progress, "%s: was made without the choices for `mend`: calibrated anew", path);
}

/* Whether the cache has them; else why not is told. */
static bool take_cached(Riding *r, Arena scratch) {
  const double start = clock_s();
  if (!r->path) return false;
  const CalibrationFound found = calibration_load(r->path, &r->key, &r->values, scratch);
  tell_why_anew(r->progress, r->path, found);
  if (found != CALIBRATION_TAKEN) return false;
  r->subject->calibrate_s = clock_s() - start;
  progress_tell(r->progress, "calibrate", r->subject->calibrate_s, "scales of %s", r->path);
  return true;
}

static bool ride_along(Arena *arena, const Spec *spec, const Keeper *keeper, Riding *r,
                       Status *st) {
  Subject *subject = r->subject;
  const bool stay = layers_stay(subject->layers);
  CalibrationAsked asked = {.model = &subject->model,
                            .token = subject->calibration_token,
                            .count = subject->calibration_count,
                            .how = spec->calibration,
                            .choice = r->values.choice,
                            .alpha = spec->grid.alphas,
                            .alphas = spec->grid.alpha_count,
                            .statistic = r->values.statistic,
                            .device = subject->device,
                            .sparing = !stay,
                            .keeper = stay ? NULL : keeper};
  asked.how.text = subject->calibration_path;
  TRY(calibrate_begin(arena, &asked, &r->calibrator, st));
  Forms here = {0};
  if (!subject->device) here = forms_of_mode(subject->model.config.family->plain);
  layers_ride(subject->layers, &(Rider){.context = r, .forms = here, .ride = ride});
  return true;
}

bool calibrate_subject(Arena *arena, const Spec *spec, const char *cache, const Keeper *keeper,
                       Progress *progress, Subject *subject, Status *st) {
  Digest program;
  if (!subject->calibration_token) return true;
  TRY(run_program_digest(&program, st));
  Riding *r = ARENA_NEW(arena, Riding, 1);
  *r = (Riding){.subject = subject,
                .progress = progress,
                .how = spec->calibration,
                .values = values_of(arena, spec, &subject->model),
                .path = cache ? path_in(arena, cache) : NULL,
                .key = calibration_key(spec, subject, &program, *arena)};
  subject->choice = r->values.choice;
  subject->statistic = r->values.statistic;
  return take_cached(r, *arena) || ride_along(arena, spec, keeper, r, st);
}

float calibrate_scale_at(const Spec *spec, const Subject *subject, int layer, int scale,
                         int number) {
  const Model *model = &subject->model;
  const Tensors *tensors = &model->config.family->tensors;
  const int at = (layer * tensors->scales + scale) * spec->grid.alpha_count + number;
  if (!subject->statistic || isnan(subject->statistic[at]))
    return model->scales[layer].scale[scale];
  return scale_of(subject->statistic[at]);
}
