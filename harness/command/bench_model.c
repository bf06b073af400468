/* bench: a model of any shape whose weights are made from code. Values are of the size that trained ones have, so that
 * activations stay in range; all layers have the same, in memory of their own. */
#include <math.h>

#include "command/bench.h"
#include "study/calibrate.h"

enum { CALIBRATION_TOKENS = 64 };

const Config bench_130m = {
    .D = 768, .E = 1536, .N = 16, .R = 48, .K = 4, .layers = 24, .vocab = 50280, .eps = 1e-5, .tied = true};

/* Evenly spread over -size … size, by a multiplicative generator (Knuth's MMIX). */
static const double *made(Arena *arena, size_t count, double size) {
  static uint64_t state = 1;
  double *x = ARENA_NEW(arena, double, count);
  for (size_t i = 0; i < count; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    x[i] = size * ((double)(state >> 11) * 0x1p-52 - 1);
  }
  return x;
}

static const double *filled(Arena *arena, size_t count, double value) {
  double *x = ARENA_NEW(arena, double, count);
  for (size_t i = 0; i < count; i++) x[i] = value;
  return x;
}

static Layer64 made_layer(Arena *arena, const Config *c) {
  size_t D = (size_t)c->D, E = (size_t)c->E, N = (size_t)c->N, R = (size_t)c->R, K = (size_t)c->K;
  double *A_log = ARENA_NEW(arena, double, E *N);
  for (size_t i = 0; i < E * N; i++) A_log[i] = log((double)(i % N + 1)); /* as Mamba starts its training */
  return (Layer64){.in_proj = made(arena, 2 * E * D, 1.7 / sqrt((double)D)),
                   .conv_weight = made(arena, E * K, 0.5),
                   .conv_bias = made(arena, E, 0.1),
                   .x_proj = made(arena, (R + 2 * N) * E, 1.7 / sqrt((double)E)),
                   .dt_proj = made(arena, E * R, 1.7 / sqrt((double)R)),
                   .dt_bias = filled(arena, E, -4.6), /* softplus: 0.01 */
                   .A_log = A_log,
                   .D = filled(arena, E, 1),
                   .out_proj = made(arena, D * E, 0.3 / sqrt((double)E))};
}

bool bench_model(Arena *arena, const Config *c, Model *model, Progress *progress, Status *st) {
  Arena room = *arena; /* the float64 weights go behind everything, and are gone on return */
  room.next += model_bytes(c) * 2;
  Layer64 one = made_layer(&room, c), *layer = ARENA_NEW(&room, Layer64, c->layers);
  for (int i = 0; i < c->layers; i++) layer[i] = one;
  const double *embedding = made(&room, (size_t)c->vocab * (size_t)c->D, 1.7);
  Model64 weights = {.D = c->D,
                     .E = c->E,
                     .N = c->N,
                     .R = c->R,
                     .K = c->K,
                     .layers = c->layers,
                     .vocab = c->vocab,
                     .eps = c->eps,
                     .hadamard = hadamard64_factor(c->E) != 0,
                     .embedding = embedding,
                     .head = embedding,
                     .layer = layer};
  int32_t token[CALIBRATION_TOKENS];
  for (int i = 0; i < CALIBRATION_TOKENS; i++) token[i] = i * 7919 % c->vocab;
  Calibration how = {.text = "made tokens", .windows = 1, .length = CALIBRATION_TOKENS, .alpha = 0.9999};
  progress_phase(progress, "model", 0);
  TRY(model_build(arena, &weights, model, st));
  TRY(calibrate(model, c, token, CALIBRATION_TOKENS, &how, progress, *arena, st));
  progress_done(progress, "made weights: %d layers, D %d, E %d, N %d", c->layers, c->D, c->E, c->N);
  return true;
}
