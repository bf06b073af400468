/* tile_f32: the innermost loops of linear's float32 sums, for one instruction level: `rows` rows of
 * x times `vectors` vectors of a panel's columns, all sums in registers, k = 0 … in-1 in that order
 * in each of them. Included by linear.c alone.
 *
 * AVX-512: 8 rows x 2 vectors of 16, 16 of 32 registers, and one load for two fmas; AVX2: 6 x 2 of
 * 8, 12 of 16 registers. Elsewhere 4 x 2 of 8 in plain C, which fit 32 registers of 4 floats. */
#ifndef DS_KERNELS_TILE_F32_H
#define DS_KERNELS_TILE_F32_H
#include <string.h>

#include "kernels/linear.h"

#if defined(__AVX512F__)
#include <immintrin.h>
typedef __m512 Lanes;
enum { LANES = 16, ROWS_F32 = 8 };
ROOM_FN Lanes lanes_load(const float *x) { return _mm512_loadu_ps(x); }
ROOM_FN Lanes lanes_all(float x) { return _mm512_set1_ps(x); }
ROOM_FN void lanes_store(float *y, Lanes x) { _mm512_storeu_ps(y, x); }
ROOM_FN Lanes lanes_add(Lanes sum, Lanes x, Lanes w) { return _mm512_fmadd_ps(x, w, sum); }
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
typedef __m256 Lanes;
enum { LANES = 8, ROWS_F32 = 6 };
ROOM_FN Lanes lanes_load(const float *x) { return _mm256_loadu_ps(x); }
ROOM_FN Lanes lanes_all(float x) { return _mm256_set1_ps(x); }
ROOM_FN void lanes_store(float *y, Lanes x) { _mm256_storeu_ps(y, x); }
ROOM_FN Lanes lanes_add(Lanes sum, Lanes x, Lanes w) { return _mm256_fmadd_ps(x, w, sum); }
#else
enum { LANES = 8, ROWS_F32 = 4 };
typedef struct Lanes {
  float v[LANES];
} Lanes;
ROOM_FN Lanes lanes_load(const float *x) {
  Lanes r;
  memcpy(r.v, x, sizeof r.v);
  return r;
}
ROOM_FN Lanes lanes_all(float x) {
  Lanes r;
  for (int i = 0; i < LANES; i++) r.v[i] = x;
  return r;
}
ROOM_FN void lanes_store(float *y, Lanes x) { memcpy(y, x.v, sizeof x.v); }
ROOM_FN Lanes lanes_add(Lanes sum, Lanes x, Lanes w) {
  for (int i = 0; i < LANES; i++) sum.v[i] = linear_add(sum.v[i], x.v[i], w.v[i]);
  return sum;
}
#endif

enum { VECTORS = 2, MOST_COLS_F32 = VECTORS * LANES };

/* rows, vectors: constants where this is called, so that the sums are registers. x: rows of
 * x_stride; panel: [in][panel_cols], of which the first vectors * LANES are taken; y: rows of
 * y_stride. */
ROOM_FN void tile_f32_of(int rows, int vectors, const float *x, size_t x_stride, const float *panel,
                         int panel_cols, int in, float *y, size_t y_stride) {
  Lanes sum[ROWS_F32][VECTORS];
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) sum[r][v] = lanes_all(0);
  for (int k = 0; k < in; k++) {
    Lanes w[VECTORS];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
      w[v] = lanes_load(panel + (size_t)k * (size_t)panel_cols + v * LANES);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      Lanes one = lanes_all(x[(size_t)r * x_stride + (size_t)k]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; v++) sum[r][v] = lanes_add(sum[r][v], one, w[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) lanes_store(y + (size_t)r * y_stride + v * LANES, sum[r][v]);
}
#endif
