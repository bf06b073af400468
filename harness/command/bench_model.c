/* bench: a model of any shape whose weights are made from code. Values are of the size that trained ones have, so that
 * activations stay in range; all layers have the same, in memory of their own. */
#include <math.h>

#include "base/draw.h"
#include "command/bench.h"
#include "reference/model64.h"
#include "study/calibrate.h"

enum { CALIBRATION_TOKENS = 64 };

/* Evenly spread over -size … size. */
static const double *made(Arena *arena, gsl_rng *rng, size_t count, double size) {
  double *x = ARENA_NEW(arena, double, count);
  for (size_t i = 0; i < count; i++) x[i] = size * (2 * gsl_rng_uniform(rng) - 1);
  return x;
}

static const double *filled(Arena *arena, size_t count, double value) {
  double *x = ARENA_NEW(arena, double, count);
  for (size_t i = 0; i < count; i++) x[i] = value;
  return x;
}

static const double *made_weight(Arena *arena, gsl_rng *rng, const Config *c, const WeightInfo *info) {
  const size_t count = weight_values(c, info);
  const int states = weight_cols(c, info);
  const double inputs = info->inputs ? c->family->width(c, info->inputs) : 1;
  switch (info->fill) {
    case FILL_ONE: return filled(arena, count, 1);
    case FILL_DT_BIAS: return filled(arena, count, -4.6); /* softplus: 0.01 */
    case FILL_A_LOG: {
      double *A_log = ARENA_NEW(arena, double, count);
      for (size_t i = 0; i < count; i++) A_log[i] = log((double)(i % (size_t)states + 1)); /* as training starts */
      return A_log;
    }
    default: return made(arena, rng, count, (info->deep ? 0.3 : 1.7) / sqrt(inputs));
  }
}

bool bench_model(Arena *arena, const Config *c, Model *model, Progress *progress, Status *st) {
  Arena room = *arena; /* the float64 weights go behind everything, and are gone on return */
  room.next += model_bytes(c) * 2;
  gsl_rng rng = draw_by(&room, "bench");
  Weights64 weights = {.config = *c, .hadamard = hadamard64_factor(c->E) != 0};
  weights.layer = arena_alloc(&room, (size_t)c->layers, sizeof *weights.layer);
  for (int w = 0; w < c->family->weights; w++) {
    const WeightInfo *info = &c->family->weight[w];
    const double *one = info->form == FORM_GAIN ? NULL : made_weight(&room, &rng, c, info);
    for (int i = 0; i < c->layers; i++) weights.layer[i][w] = one;
  }
  weights.end[END_EMBEDDING] = weights.end[END_HEAD] = made(&room, &rng, (size_t)c->vocab * (size_t)c->D, 1.7);
  int32_t token[CALIBRATION_TOKENS];
  for (int i = 0; i < CALIBRATION_TOKENS; i++) token[i] = i * 7919 % c->vocab;
  Calibration how = {.text = "made tokens", .windows = 1, .length = CALIBRATION_TOKENS, .alpha = 0.9999};
  progress_phase(progress, "model", 0);
  TRY(model_build(arena, &weights, model, st));
  TRY(calibrate(model, token, CALIBRATION_TOKENS, &how, NULL, progress, *arena, st));
  progress_done(progress, "made weights: %d layers, D %d, E %d, N %d", c->layers, c->D, c->E, c->N);
  return true;
}
