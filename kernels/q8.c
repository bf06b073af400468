/* q8: the loops of quantise, dequantise and absmax. A tile is up to 4096 elements of one row; tiles
 * are independent, and a maximum does not depend on its order, so the bits do not depend on the
 * threads. */
#include "kernels/q8.h"
#include "kernels/f16.h"
#include "kernels/level.h"
#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

enum { TILE = 4096, FEW = 1 << 19 /* elements: one thread has looked before others are awake */ };

static int tiles_of(const Tensor *t) { return (t->cols + TILE - 1) / TILE; }

/* A matrix without gaps is one long row: many short rows would be as many tiles. */
static bool has_no_gaps(const Tensor *t) {
  return t->stride == t->cols && (int64_t)t->rows * t->cols <= INT_MAX;
}

static Tensor long_row(const Tensor *t) {
  Tensor row = *t;
  row.rows = t->rows > 0;
  row.cols = row.stride = t->rows * t->cols;
  return row;
}

static const void *at(const Tensor *t, int row, int col) {
  return (const char *)t->data +
         ((size_t)row * (size_t)t->stride + (size_t)col) * format_size(t->format);
}

/* Both return how many NaNs there were. */
static int quantise_f32(const float *x, int n, float scale, Rounding rounding, int8_t *y) {
  int nans = 0;
  if (rounding == ROUND_AWAY)
    for (int i = 0; i < n; i++) y[i] = q8_away(x[i], scale);
  else
    for (int i = 0; i < n; i++) y[i] = q8_even(x[i], scale);
  for (int i = 0; i < n; i++) nans += x[i] != x[i];
  return nans;
}

static int quantise_f16(const uint16_t *x, int n, float scale, Rounding rounding, int8_t *y) {
  int nans = 0;
  if (rounding == ROUND_AWAY)
    for (int i = 0; i < n; i++) y[i] = q8_away(f32_of_f16(x[i]), scale);
  else
    for (int i = 0; i < n; i++) y[i] = q8_even(f32_of_f16(x[i]), scale);
  for (int i = 0; i < n; i++) nans += (x[i] & 0x7fffu) > 0x7c00u;
  return nans;
}

#ifdef ROOM_ONCE
const char *quantise_witness(Format x, Rounding rounding, Backend backend) {
  static const char *const name[2][2][BACKEND_COUNT] = {
      {WITNESS("quantise f32->i8 half-away"), WITNESS("quantise f32->i8 half-even")},
      {WITNESS("quantise f16->i8 half-away"), WITNESS("quantise f16->i8 half-even")}};
  return name[x == FORMAT_F16][rounding == ROUND_EVEN][backend];
}

const char *dequantise_witness(Format x, Backend backend) {
  static const char *const name[FORMAT_COUNT][BACKEND_COUNT] = {
      [FORMAT_F32] = WITNESS("dequantise f32->f32"),
      [FORMAT_F16] = WITNESS("dequantise f16->f32"),
      [FORMAT_I8] = WITNESS("dequantise i8->f32")};
  return name[x][backend];
}
#endif

void ROOM_LEVEL(quantise)(const Tensor *x, Rounding rounding, Tensor *y) {
  assert((x->format == FORMAT_F32 || x->format == FORMAT_F16) && y->format == FORMAT_I8);
  assert(x->rows == y->rows && x->cols == y->cols);
  const bool joined = has_no_gaps(x) && has_no_gaps(y);
  const Tensor from = joined ? long_row(x) : *x, to = joined ? long_row(y) : *y;
  int tiles = tiles_of(&from);
  int64_t nans = 0;
#pragma omp parallel for collapse(2) reduction(+ : nans)
  for (int row = 0; row < from.rows; row++)
    for (int tile = 0; tile < tiles; tile++) {
      int col = tile * TILE, n = from.cols - col < TILE ? from.cols - col : TILE;
      int8_t *out = (int8_t *)to.data + (size_t)row * (size_t)to.stride + col;
      nans += from.format == FORMAT_F32
                  ? quantise_f32(at(&from, row, col), n, to.scale.value, rounding, out)
                  : quantise_f16(at(&from, row, col), n, to.scale.value, rounding, out);
    }
  y->nans = nans;
  y->kernel = quantise_witness(x->format, rounding, BACKEND_CPU);
}

static void dequantise_i8(const int8_t *x, int n, float scale, float *y) {
  for (int i = 0; i < n; i++) y[i] = dq(x[i], scale);
}

static void dequantise_f16(const uint16_t *x, int n, float *y) {
  for (int i = 0; i < n; i++) y[i] = f32_of_f16(x[i]);
}

void ROOM_LEVEL(dequantise)(const Tensor *x, Tensor *y) {
  assert(x->format != FORMAT_F64 && y->format == FORMAT_F32);
  assert(x->rows == y->rows && x->cols == y->cols);
  int tiles = tiles_of(x);
#pragma omp parallel for collapse(2)
  for (int row = 0; row < x->rows; row++)
    for (int tile = 0; tile < tiles; tile++) {
      int col = tile * TILE, n = x->cols - col < TILE ? x->cols - col : TILE;
      float *out = (float *)y->data + (size_t)row * (size_t)y->stride + col;
      if (x->format == FORMAT_I8)
        dequantise_i8(at(x, row, col), n, x->scale.value, out);
      else if (x->format == FORMAT_F16)
        dequantise_f16(at(x, row, col), n, out);
      else
        memcpy(out, at(x, row, col), (size_t)n * sizeof *out);
    }
  y->nans = 0;
  y->kernel = dequantise_witness(x->format, BACKEND_CPU);
}

static uint32_t absmax_row(const float *x, int n) {
  uint32_t most = 0;
  for (int i = 0; i < n; i++) {
    uint32_t bits = absmax_bits(x[i]);
    most = bits > most ? bits : most;
  }
  return most;
}

float ROOM_LEVEL(absmax)(const Tensor *x) {
  assert(x->format == FORMAT_F32);
  const Tensor from = has_no_gaps(x) ? long_row(x) : *x;
  int tiles = tiles_of(&from);
  const bool few = tensor_elements(&from) <= FEW;
  uint32_t most = 0;
#pragma omp parallel for collapse(2) reduction(max : most) if (!few)
  for (int row = 0; row < from.rows; row++)
    for (int tile = 0; tile < tiles; tile++) {
      int col = tile * TILE, n = from.cols - col < TILE ? from.cols - col : TILE;
      uint32_t bits = absmax_row(at(&from, row, col), n);
      most = bits > most ? bits : most;
    }
  return f32_of_bits(most);
}

#ifdef ROOM_ONCE
void quantise_dynamic(const Tensor *x, Tensor *y) {
  y->scale.value = q8_dynamic_scale(absmax(x));
  quantise(x, ROUND_EVEN, y);
}
#endif
