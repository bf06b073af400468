/* bench_model: a model of any shape whose weights are made from code, as a checkpoint in memory.
 * Values are of the size that trained ones have, so that activations stay in range; all layers have
 * the same, and are prepared each for itself. */
#include <math.h>

#include "base/draw.h"
#include "base/number.h"
#include "command/bench.h"
#include "reference/model64.h"
#include "study/calibrate.h"

enum { CALIBRATION_TOKENS = 64 };

static Weight weight_of(Arena *arena, const Config *c, const WeightInfo *info) {
  const size_t count = weight_values(c, info);
  return (Weight){.name = info->name,
                  .type = WEIGHT_F32,
                  .data = arena_room(arena, count, sizeof(float)),
                  .count = count};
}

/* Evenly spread over -size … size. */
static void draw(gsl_rng *rng, double size, Weight *w) {
  float *x = (float *)(uintptr_t)w->data;
  w->most = size;
  for (size_t i = 0; i < w->count; i++) x[i] = (float)(size * (2 * gsl_rng_uniform(rng) - 1));
}

static void fill(double value, Weight *w) {
  float *x = (float *)(uintptr_t)w->data;
  w->most = fabs(value);
  for (size_t i = 0; i < w->count; i++) x[i] = (float)value;
}

static Weight made_weight(Arena *arena, gsl_rng *rng, const Config *c, const WeightInfo *info) {
  const int states = weight_cols(c, info);
  const double inputs = info->inputs ? c->family->width(c, info->inputs) : 1;
  Weight w = weight_of(arena, c, info);
  float *x = (float *)(uintptr_t)w.data;
  switch (info->fill) {
    case FILL_ONE: fill(1, &w); break;
    case FILL_DT_BIAS: fill(-4.6, &w); break; /* softplus: 0.01 */
    case FILL_A_LOG:
      for (size_t i = 0; i < w.count; i++)
        x[i] = (float)log((double)(i % (size_t)states + 1)); /* as training starts */
      break;
    default: draw(rng, (info->deep ? 0.3 : 1.7) / sqrt(inputs), &w);
  }
  return w;
}

static Checkpoint *made_checkpoint(Arena *arena, const Config *c) {
  Checkpoint *made = ARENA_NEW(arena, Checkpoint, 1);
  gsl_rng rng = draw_by(arena, "bench");
  *made = (Checkpoint){.folder = "made weights", .config = *c};
  made->layer = arena_alloc(arena, (size_t)c->layers, sizeof *made->layer);
  for (int w = 0; w < c->family->weights; w++) {
    const Weight one = made_weight(arena, &rng, c, &c->family->weight[w]);
    for (int i = 0; i < c->layers; i++) made->layer[i][w] = one;
  }
  made->end[END_NORM] = weight_of(arena, c, &c->family->end[END_NORM]);
  fill(1, &made->end[END_NORM]);
  made->end[END_EMBEDDING] = weight_of(arena, c, &c->family->end[END_EMBEDDING]);
  draw(&rng, 1.7, &made->end[END_EMBEDDING]);
  made->end[END_HEAD] = made->end[END_EMBEDDING];
  return made;
}

bool bench_model(Arena *arena, const Config *c, Layers *layers, Progress *progress, Status *st) {
  const Forms forms = {.f32 = UINT32_MAX, .i8 = UINT32_MAX, .head = true};
  const Rewrite rewrite =
      hadamard64_factor(c->E) && hadamard64_factor(c->D) ? REWRITE_QUAMBA : REWRITE_NONE;
  const LayersPlan plan = {.forms = forms, .memory = SIZE_MAX, .together = 1};
  int32_t token[CALIBRATION_TOKENS];
  for (int i = 0; i < CALIBRATION_TOKENS; i++) token[i] = i * 7919 % c->vocab;
  Calibration how = {
      .text = "made tokens", .windows = 1, .length = CALIBRATION_TOKENS, .alpha = 0.9999};
  progress_phase(progress, "model", 0);
  TRY(layers_open(arena, made_checkpoint(arena, c), rewrite, &plan, layers, st));
  TRY(layers_hold_all(layers, &forms, st));
  TRY(calibrate(&layers->model, token, CALIBRATION_TOKENS, &how, NULL, *arena, st));
  progress_done(progress, "made weights: %d layer%s, D %d, E %d, N %d", c->layers,
                plural(c->layers), c->D, c->E, c->N);
  return true;
}
