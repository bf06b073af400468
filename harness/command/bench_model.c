/* bench: a model of any shape whose weights are made from code. Values are of the size that
 * trained ones have, so that activations stay in range; all layers have the same, in memory of
 * their own. */
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

static const double *made_weight(Arena *arena, gsl_rng *rng, const Config *c,
                                 const WeightInfo *info) {
  const size_t count = weight_values(c, info);
  const int states = weight_cols(c, info);
  const double inputs = info->inputs ? c->family->width(c, info->inputs) : 1;
  switch (info->fill) {
    case FILL_ONE: return filled(arena, count, 1);
    case FILL_DT_BIAS: return filled(arena, count, -4.6); /* softplus: 0.01 */
    case FILL_A_LOG: {
      double *A_log = ARENA_NEW(arena, double, count);
      for (size_t i = 0; i < count; i++)
        A_log[i] = log((double)(i % (size_t)states + 1)); /* as training starts */
      return A_log;
    }
    default: return made(arena, rng, count, (info->deep ? 0.3 : 1.7) / sqrt(inputs));
  }
}

/* Rows of the embedding and of the head, which are one. */
typedef struct MadeEnds {
  const float *row; /* [vocab, D] */
  size_t D;
} MadeEnds;

static void take_rows(const void *context, int end, int first, int rows, double *out) {
  (void)end;
  const MadeEnds *ends = context;
  for (size_t i = 0; i < (size_t)rows * ends->D; i++)
    out[i] = (double)ends->row[(size_t)first * ends->D + i];
}

static void make_ends(Arena *arena, gsl_rng *rng, Model *model) {
  const Config *c = &model->config;
  const size_t count = (size_t)c->vocab * (size_t)c->D;
  MadeEnds *ends = ARENA_NEW(arena, MadeEnds, 1);
  float *row = arena_room(arena, count, sizeof *row);
  for (size_t i = 0; i < count; i++) row[i] = (float)(1.7 * (2 * gsl_rng_uniform(rng) - 1));
  *ends = (MadeEnds){row, (size_t)c->D};
  model->ends = (EndRows){ends, take_rows};
  void *panels = arena_room(arena, prepared_bytes(c, &c->family->end[END_HEAD], FORMAT_F32), 1);
  model->head = linear_pack(row, c->vocab, c->D, FORMAT_F32, 0, panels);
  model->head.name = "head";
}

static void make_layers(Arena *arena, gsl_rng *rng, Model *model, Arena scratch) {
  const Config *c = &model->config;
  model->layer = ARENA_NEW(arena, ModelLayer, c->layers);
  model->scales = ARENA_NEW(arena, LayerScales, c->layers);
  for (int w = 0; w < c->family->weights; w++) {
    const WeightInfo *info = &c->family->weight[w];
    Arena own = scratch;
    const double *one = info->form == FORM_GAIN ? NULL : made_weight(&own, rng, c, info);
    const char *name = model_operator_name(arena, info);
    for (int i = 0; i < c->layers; i++) {
      WeightGrid grid;
      PreparedRoom room = {.f32 = arena_room(arena, prepared_bytes(c, info, FORMAT_F32), 1),
                           .name = name};
      if (info->form != FORM_GAIN)
        room.i8 = arena_room(arena, prepared_bytes(c, info, FORMAT_I8), 1);
      model_prepare(c, info, one, &room, &model->layer[i].f32[w], &model->layer[i].i8[w], &grid,
                    own);
    }
  }
}

bool bench_model(Arena *arena, const Config *c, Model *model, Progress *progress, Status *st) {
  Arena scratch =
      arena_carve(arena, family_layer_values(c) * sizeof(double) + model_prepare_bytes(c) + 4096);
  gsl_rng rng = draw_by(arena, "bench");
  int32_t token[CALIBRATION_TOKENS];
  for (int i = 0; i < CALIBRATION_TOKENS; i++) token[i] = i * 7919 % c->vocab;
  Calibration how = {
      .text = "made tokens", .windows = 1, .length = CALIBRATION_TOKENS, .alpha = 0.9999};
  progress_phase(progress, "model", 0);
  TRY(model_check(c, st));
  *model = model_empty(c, hadamard64_factor(c->E) != 0);
  make_layers(arena, &rng, model, scratch);
  arena_give_back(&scratch);
  make_ends(arena, &rng, model);
  TRY(calibrate(model, token, CALIBRATION_TOKENS, &how, NULL, *arena, st));
  progress_done(progress, "made weights: %d layers, D %d, E %d, N %d", c->layers, c->D, c->E, c->N);
  return true;
}
