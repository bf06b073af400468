#include "study/calibrate.h"

#include <gsl/gsl_sort.h>
#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/quantiles.h"
#include "base/run_key.h"
#include "family/block.h"
#include "kernels/q8.h"
#include "study/choices.h"

static const double quantile_momentum = 0.01; /* Quamba's moving average over windows */
enum { ALPHAS_MOST = 1 + CHOICE_QUANTILES };

/* Of scratch, for a tensor of so many values. */
static size_t observe_bytes(size_t values) { return values * sizeof(double) + quantiles_scratch_bytes() + 4096; }

/* The statistics of one tensor in one window; NaN where a value is not finite. alpha [alphas], in any order; of a
 * maximum there is one alone. */
static void observe(const Tensor *t, bool quantile, const double *alpha, int alphas, double *out, Arena scratch) {
  size_t n = (size_t)t->rows * (size_t)t->cols;
  const float *x = t->data;
  bool finite = true;
  for (size_t i = 0; i < n; i++) finite &= isfinite(x[i]) != 0;
  for (int a = 0; a < alphas; a++) out[a] = NAN;
  if (!finite) return;
  if (!quantile) {
    *out = absmax(t);
    return;
  }
  double *magnitude = ARENA_NEW(&scratch, double, n), rising[ALPHAS_MOST], found[ALPHAS_MOST];
  for (size_t i = 0; i < n; i++) magnitude[i] = fabs((double)x[i]);
  memcpy(rising, alpha, (size_t)alphas * sizeof *alpha);
  gsl_sort(rising, 1, (size_t)alphas);
  quantiles_select(magnitude, n, rising, alphas, found, scratch);
  for (int a = 0; a < alphas; a++)
    for (int i = 0; i < alphas; i++)
      if (rising[i] == alpha[a]) out[a] = found[i];
}

/* The walk's visitor. */
typedef struct Observer {
  const Family *family;
  double *stat; /* [windows][layers][scales][alphas] */
  int layers, alphas;
  double alpha[ALPHAS_MOST]; /* the calibration's, then those of the choices where they are asked for */
  const Choices *choices;    /* NULL: they are not */
} Observer;

static bool observe_layer(void *context, const WalkPlace *at, int side, const Trace *trace, Arena scratch, Status *st) {
  (void)side, (void)st;
  Observer *o = context;
  const int scales = o->family->tensors.scales;
  const ScaleInfo *scale = o->family->scale;
  double *stat = &o->stat[(size_t)(at->prompt * o->layers + at->layer) * (size_t)(scales * o->alphas)];
  for (int s = 0; s < scales; s++, stat += o->alphas) {
    const Tensor *t = &trace->t[scale[s].tensor];
    observe(t, scale[s].quantile, o->alpha, o->alphas, stat, scratch);
    if (o->choices) choices_gather(o->choices, at->layer, s, t, scratch);
  }
  return true;
}

/* The statistic of one scale and layer over the windows, in their order; `step` from one window's to the next's. */
static double combined(const double *stat, size_t step, int windows, bool quantile) {
  double result = *stat;
  for (int w = 1; w < windows; w++) {
    double next = stat[(size_t)w * step];
    if (quantile)
      result += quantile_momentum * (next - result);
    else if (!(next <= result)) /* also takes a NaN over, so that it is seen */
      result = next;
  }
  return result;
}

/* Of scratch, for one window. */
static size_t window_bytes(const Config *config, int length) {
  return walk_bytes(block_bytes(config, length), length, config->D, 1, 1) +
         observe_bytes((size_t)length * (size_t)family_widest(config)) + ((size_t)1 << 16);
}

size_t calibrate_bytes(const Config *config, const Calibration *how, bool choices, int threads) {
  size_t together = (size_t)(threads < how->windows ? threads : how->windows);
  size_t window = window_bytes(config, how->length) + (choices ? choices_window_bytes(config) : 0);
  size_t statistics = (size_t)how->windows * (size_t)config->layers * (size_t)config->family->tensors.scales;
  return together * window + statistics * (choices ? ALPHAS_MOST : 1) * sizeof(double) +
         (choices ? choices_bytes(config) : 0);
}

/* The statistics of every layer over the windows. */
static bool take_statistics(const Observer *o, int windows, const char *text, Model *model, double *others,
                            Status *st) {
  const int scales = o->family->tensors.scales;
  const size_t step = (size_t)o->layers * (size_t)(scales * o->alphas);
  for (int layer = 0; layer < o->layers; layer++)
    for (int s = 0; s < scales; s++) {
      const double *stat = &o->stat[(layer * scales + s) * o->alphas];
      const bool quantile = o->family->scale[s].quantile;
      double statistic = combined(stat, step, windows, quantile);
      if (!isfinite(statistic))
        return FAIL(st, "%s: calibration: layer %d: %s has values that are not finite", text, layer,
                    o->family->tensors.info[o->family->scale[s].tensor].name);
      model->layer[layer].statistic[s] = statistic;
      model->layer[layer].scale[s] = scale_of(statistic);
      for (int a = 1; a < o->alphas; a++) *others++ = quantile ? combined(stat + a, step, windows, true) : NAN;
    }
  return true;
}

bool calibrate(Model *model, const int32_t *token, int64_t count, const Calibration *how, ScaleChoice *choice,
               Progress *progress, Arena scratch, Status *st) {
  int windows = how->windows, length = how->length, layers = model->layers;
  if (count < length)
    return FAIL(st, "%s: has %lld tokens, fewer than the %d of one calibration window", how->text, (long long)count,
                length);
  const Family *family = model->config.family;
  Observer observer = {.family = family, .layers = layers, .alphas = choice ? ALPHAS_MOST : 1, .alpha = {how->alpha}};
  memcpy(observer.alpha + 1, scale_choice_quantiles, sizeof scale_choice_quantiles);
  const size_t statistics = (size_t)layers * (size_t)(family->tensors.scales * observer.alphas);
  observer.stat = ARENA_NEW(&scratch, double, (size_t)windows *statistics);
  double *others = ARENA_NEW(&scratch, double, statistics);
  Choices choices;
  if (choice) choices = choices_begin(&scratch, &model->config), observer.choices = &choices;
  PromptShape *window = ARENA_NEW(&scratch, PromptShape, windows);
  for (int w = 0; w < windows; w++) {
    int64_t start = (int64_t)w * (count - length) / (windows > 1 ? windows - 1 : 1);
    window[w] = (PromptShape){.name = "window", .token = token + start, .T = length};
  }
  WalkSide side = {.source = source_cpu(model), .mode = family->plain, .layers = layers};
  Visitor visitor = {.context = &observer, .side = observe_layer};
  Walk walk = {.layers = layers,
               .width = model->D,
               .side = &side,
               .sides = 1,
               .prompt = window,
               .prompts = windows,
               .visitor = &visitor,
               .visitors = 1,
               .abreast = windows,
               .abreast_bytes =
                   window_bytes(&model->config, length) + (choice ? choices_window_bytes(&model->config) : 0),
               .progress = progress};
  TRY(walk_run(&walk, scratch, st));
  TRY(take_statistics(&observer, windows, how->text, model, others, st));
  if (choice) choices_rows(&choices, model, others, choice, scratch);
  return true;
}

/* Of what the file says: its key and every value, to the last bit. choice NULL: it says none. */
static Digest values_digest(const Model *model, const ScaleChoice *choice, const Digest *key) {
  Digest part[2] = {*key};
  const int scales = model->config.family->tensors.scales;
  double value[SCALES_MOST];
  for (int layer = 0; layer < model->layers; layer++) {
    for (int s = 0; s < scales; s++) value[s] = model->layer[layer].statistic[s];
    part[1] = digest_of(value, (size_t)scales * sizeof *value);
    part[0] = digest_join(part, 2);
    if (choice) part[1] = choices_digest(choice, model->config.family, layer), part[0] = digest_join(part, 2);
  }
  return part[0];
}

char *calibration_json(const Model *model, const ScaleChoice *choice, const Digest *key) {
  const Tensors *tensors = &model->config.family->tensors;
  json_t *layers = json_array();
  for (int layer = 0; layer < model->layers; layer++) {
    json_t *entry = json_object();
    for (int s = 0; s < tensors->scales; s++)
      json_object_set_new(entry, tensors->scale[s], json_real(model->layer[layer].statistic[s]));
    if (choice) json_object_set_new(entry, "choices", choices_json(choice, model->config.family, layer));
    json_array_append_new(layers, entry);
  }
  Digest digest = values_digest(model, choice, key);
  json_t *root = json_pack("{s:s, s:s, s:o}", "key", key->hex, "digest", digest.hex, "layers", layers);
  char *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
  json_decref(root);
  return text;
}

/* The choices of every layer, where the first has them; NULL where not or where they are not as they were written. */
static ScaleChoice *take_choices(const json_t *layers, const Config *config, Arena *arena) {
  if (!json_object_get(json_array_get(layers, 0), "choices")) return NULL;
  ScaleChoice *choice = ARENA_NEW(arena, ScaleChoice, choices_count(config));
  for (int layer = 0; layer < config->layers; layer++)
    if (!choices_take(json_object_get(json_array_get(layers, (size_t)layer), "choices"), config->family, layer, choice))
      return NULL;
  return choice;
}

/* The statistics of every layer into `model`; false where one is missing or could not have been written. */
static bool take_layers(const json_t *layers, Model *model) {
  const Tensors *tensors = &model->config.family->tensors;
  if (json_array_size(layers) != (size_t)model->layers) return false;
  for (int layer = 0; layer < model->layers; layer++)
    for (int s = 0; s < tensors->scales; s++) {
      const json_t *value = json_object_get(json_array_get(layers, (size_t)layer), tensors->scale[s]);
      if (!json_is_real(value) || !(json_real_value(value) >= 0)) return false;
      model->layer[layer].statistic[s] = json_real_value(value);
      model->layer[layer].scale[s] = scale_of(json_real_value(value));
    }
  return true;
}

CalibrationFound calibration_load(const char *path, const Digest *key, Model *model, ScaleChoice *choice,
                                  Arena scratch) {
  enum { CALIBRATION_BYTES = 1 << 24 }; /* LAYERS_MOST layers of SCALES_MOST scales with their choices: some 9 MB */
  Bytes text;
  Status unread = {0};
  if (!file_exists(path)) return CALIBRATION_NONE;
  if (!file_read(&scratch, path, CALIBRATION_BYTES, &text, &unread)) return CALIBRATION_DAMAGED;
  json_t *root = json_loadb(text.data, text.count, JSON_REJECT_DUPLICATES, NULL);
  const char *found_key = json_string_value(json_object_get(root, "key")),
             *digest = json_string_value(json_object_get(root, "digest"));
  const json_t *layers = json_object_get(root, "layers");
  const ScaleChoice *read = take_choices(layers, &model->config, &scratch);
  CalibrationFound found = CALIBRATION_DAMAGED;
  if (found_key && strlen(found_key) == strlen(key->hex) && strcmp(found_key, key->hex) != 0)
    found = CALIBRATION_NONE;
  else if (found_key && digest && take_layers(layers, model) && !strcmp(digest, values_digest(model, read, key).hex))
    found = choice && !read ? CALIBRATION_NONE : CALIBRATION_TAKEN;
  if (choice && found == CALIBRATION_TAKEN) memcpy(choice, read, choices_count(&model->config) * sizeof *choice);
  json_decref(root);
  return found;
}

/* --- of a subject -------------------------------------------------------------------------------------------------
 */

/* What the statistics depend on. */
static Digest calibration_key(const Spec *spec, const Subject *subject, const Digest *program, Arena scratch) {
  const Calibration *c = &spec->calibration;
  Digest text = digest_of(subject->calibration_token, (size_t)subject->calibration_count * sizeof(int32_t));
  const char *all = arena_printf(&scratch, "%s %s %s %d %d %d %.17g", subject->checkpoint.digest.hex, program->hex,
                                 text.hex, spec->rewrite, c->windows, c->length, c->alpha);
  return digest_of(all, strlen(all));
}

bool calibrate_subject(Arena *arena, const Spec *spec, const char *cache, Progress *progress, Subject *subject,
                       Status *st) {
  const Calibration *c = &spec->calibration;
  Digest program;
  if (!subject->calibration_token) return true;
  TRY(run_program_digest(&program, st));
  ScaleChoice *choice = NULL;
  if (spec->mend_count) choice = ARENA_NEW(arena, ScaleChoice, choices_count(&subject->model.config));
  subject->choice = choice;
  Arena scratch = *arena;
  Digest key = calibration_key(spec, subject, &program, scratch);
  const char *path = cache ? arena_printf(&scratch, "%s/calibration.json", cache) : NULL;
  progress_phase(progress, "calibrate", c->windows * subject->model.layers);
  CalibrationFound found = path ? calibration_load(path, &key, &subject->model, choice, scratch) : CALIBRATION_NONE;
  if (found == CALIBRATION_TAKEN) {
    subject->calibrate_s = progress_done(progress, "scales of %s", path);
    return true;
  }
  /* Not refused: what is made again is the same to the last bit, so nothing depends on the damaged file but the time.
   */
  if (found == CALIBRATION_DAMAGED) {
    progress_clear(progress);
    progress_say(progress, "%s: is damaged (its values are not those that were written): calibrated anew", path);
  }
  Calibration how = *c;
  how.text = subject->calibration_path;
  TRY(calibrate(&subject->model, subject->calibration_token, subject->calibration_count, &how, choice, progress,
                scratch, st));
  subject->calibrate_s =
      progress_done(progress, "%d windows of %d tokens of %s", c->windows, c->length, subject->calibration_path);
  if (!path) return true;
  char *text = calibration_json(&subject->model, choice, &key);
  bool ok = file_write(path, text, strlen(text), false, st);
  free(text);
  return ok;
}
