/* conv1d: the CPU loops. A task is a tile of tokens by channels and depends on no other; vector
 * lanes are channels. `pre` itself holds the running sums, tap by tap, so any K works without
 * memory of its own. */
#include "kernels/conv1d.h"
#include "kernels/level.h"
#include "kernels/q8.h"
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { TILE_TOKENS = 16, TILE_CHANNELS = 256 };

typedef struct Tile {
  int token, tokens, channel, channels;
} Tile;

static size_t at(const Tensor *t, int row, int col) {
  return (size_t)row * (size_t)t->stride + (size_t)col;
}

ROOM_FN void sums_f32_in(const Conv1d *w, const Tensor *x, Tensor *pre, Tile tile,
                         Precision precision) {
  int n = tile.channels;
  for (int t = tile.token; t < tile.token + tile.tokens; t++) {
    float *restrict acc = (float *)pre->data + at(pre, t, tile.channel);
    const float *restrict bias = (const float *)w->bias + tile.channel;
    for (int c = 0; c < n; c++) acc[c] = narrow32(bias[c], precision);
  }
  for (int k = 0; k < w->K; k++) {
    float tap[TILE_CHANNELS];
    for (int c = 0; c < n; c++)
      tap[c] = ((const float *)w->weight)[(size_t)(tile.channel + c) * (size_t)w->K + (size_t)k];
    for (int t = tile.token; t < tile.token + tile.tokens; t++) {
      int from = t - w->K + 1 + k;
      if (from < 0) continue;
      const float *restrict in = (const float *)x->data + at(x, from, tile.channel);
      float *restrict acc = (float *)pre->data + at(pre, t, tile.channel);
      for (int c = 0; c < n; c++)
        acc[c] = narrow32(conv1d_tap_f32(acc[c], tap[c], in[c]), precision);
    }
  }
}

ROOM_FN void sums_i8_in(const Conv1d *w, const Tensor *x, Tensor *pre, Tile tile,
                        Precision precision) {
  int n = tile.channels;
  for (int t = tile.token; t < tile.token + tile.tokens; t++)
    memset((float *)pre->data + at(pre, t, tile.channel), 0, (size_t)n * sizeof(float));
  for (int k = 0; k < w->K; k++) {
    int8_t tap[TILE_CHANNELS];
    for (int c = 0; c < n; c++)
      tap[c] = ((const int8_t *)w->weight)[(size_t)(tile.channel + c) * (size_t)w->K + (size_t)k];
    for (int t = tile.token; t < tile.token + tile.tokens; t++) {
      int from = t - w->K + 1 + k;
      if (from < 0) continue;
      const int8_t *restrict in = (const int8_t *)x->data + at(x, from, tile.channel);
      float *restrict acc = (float *)pre->data + at(pre, t, tile.channel);
      for (int c = 0; c < n; c++)
        acc[c] = narrow32(conv1d_tap_i8(acc[c], tap[c], in[c]), precision);
    }
  }
  float scale = w->weight_scale * x->scale.value;
  const int8_t *bias = (const int8_t *)w->bias + tile.channel;
  for (int t = tile.token; t < tile.token + tile.tokens; t++) {
    float *acc = (float *)pre->data + at(pre, t, tile.channel);
    for (int c = 0; c < n; c++) acc[c] = conv1d_value_i8(acc[c], scale, dq(bias[c], w->bias_scale));
  }
}

/* The float32 accumulator stands apart, so that nothing of the choice is left in its loops. */
static void sums_f32(const Conv1d *w, const Tensor *x, Tensor *pre, Tile tile) {
  sums_f32_in(w, x, pre, tile, PRECISION_F32);
}
static void sums_f32_narrow(const Conv1d *w, const Tensor *x, Tensor *pre, Tile tile) {
  sums_f32_in(w, x, pre, tile, w->acc);
}
static void sums_i8(const Conv1d *w, const Tensor *x, Tensor *pre, Tile tile) {
  sums_i8_in(w, x, pre, tile, PRECISION_F32);
}
static void sums_i8_narrow(const Conv1d *w, const Tensor *x, Tensor *pre, Tile tile) {
  sums_i8_in(w, x, pre, tile, w->acc);
}

/* Whether no e^-x is beyond what exp32_near makes, with the same bits in half the operations. A NaN
 * is. */
static bool all_near(const float *x, int n) {
  int beyond = 0;
  for (int c = 0; c < n; c++) beyond += !(fabsf(x[c]) <= EXP32_NEAR);
  return beyond == 0;
}

static void silu_f32(const float *restrict pre, int n, float *restrict y) {
  if (all_near(pre, n))
    for (int c = 0; c < n; c++) y[c] = silu32_by(pre[c], exp32_near(-pre[c]));
  else
    for (int c = 0; c < n; c++) y[c] = silu32(pre[c]);
}

/* Returns the NaNs that became 0. */
static int silu_i8(const float *restrict pre, int n, float scale, int8_t *restrict y) {
  float v[TILE_CHANNELS];
  int nans = 0;
  silu_f32(pre, n, v);
  for (int c = 0; c < n; c++) y[c] = q8_away(v[c], scale);
  for (int c = 0; c < n; c++) nans += v[c] != v[c];
  return nans;
}

static int conv1d_tile(const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu, Tile tile) {
  bool wide = w->acc == PRECISION_F32;
  if (w->format == FORMAT_F32)
    (wide ? sums_f32 : sums_f32_narrow)(w, x, pre, tile);
  else
    (wide ? sums_i8 : sums_i8_narrow)(w, x, pre, tile);
  int nans = 0;
  for (int t = tile.token; t < tile.token + tile.tokens; t++) {
    const float *v = (const float *)pre->data + at(pre, t, tile.channel);
    if (silu->format == FORMAT_F32)
      silu_f32(v, tile.channels, (float *)silu->data + at(silu, t, tile.channel));
    else
      nans += silu_i8(v, tile.channels, silu->scale.value,
                      (int8_t *)silu->data + at(silu, t, tile.channel));
  }
  return nans;
}

#ifdef ROOM_ONCE
const char *conv1d_witness(Format format, Precision acc, Conv1dOutput output, Backend backend) {
#define OUTPUTS(name)                                                                              \
  { WITNESS(name "->f32"), WITNESS(name "->silu->f32"), WITNESS(name "->silu->i8") }
#define ACCS(name)                                                                                 \
  { OUTPUTS(name), OUTPUTS(name " acc:f16"), OUTPUTS(name " acc:bf16") }
  static const char *const name[2][3][3][BACKEND_COUNT] = {ACCS("conv1d f32*f32"),
                                                           ACCS("conv1d i8*i8")};
#undef ACCS
#undef OUTPUTS
  return name[format == FORMAT_I8][acc][output][backend];
}
#endif

void ROOM_LEVEL(conv1d)(const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu) {
  int T = x->rows, E = w->E, i8 = w->format == FORMAT_I8;
  assert(x->format == w->format && (i8 || w->format == FORMAT_F32) && w->K >= 1 &&
         w->K <= CONV1D_MAX_TAPS);
  assert(w->acc == PRECISION_F32 || w->acc == PRECISION_F16 || w->acc == PRECISION_BF16);
  assert(pre->format == FORMAT_F32 && (silu->format == FORMAT_F32 || silu->format == FORMAT_I8));
  assert(x->cols == E && pre->cols == E && silu->cols == E && pre->rows == T && silu->rows == T);
  int64_t nans = 0;
#pragma omp parallel for collapse(2) reduction(+ : nans)
  for (int t = 0; t < T; t += TILE_TOKENS)
    for (int c = 0; c < E; c += TILE_CHANNELS) {
      Tile tile = {t, T - t < TILE_TOKENS ? T - t : TILE_TOKENS, c,
                   E - c < TILE_CHANNELS ? E - c : TILE_CHANNELS};
      nans += conv1d_tile(w, x, pre, silu, tile);
    }
  pre->nans = 0;
  silu->nans = nans;
  pre->kernel = conv1d_witness(w->format, w->acc, CONV1D_PRE, BACKEND_CPU);
  silu->kernel = conv1d_witness(
      w->format, w->acc, silu->format == FORMAT_I8 ? CONV1D_SILU_I8 : CONV1D_SILU_F32, BACKEND_CPU);
}
