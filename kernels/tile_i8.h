/* tile_i8: the innermost loops of linear's int8 sums, for one instruction level. Sums are exact in
 * int32, so that every way of making them gives the same bits. Included by linear.c alone.
 *
 * A panel holds groups of GROUP = 4 k: weight[group][column][4]. x is prepared once for many
 * panels, a group of a row as the level's multiplication takes it (XGroup): VNNI (vpdpbusd: 4
 * products of an unsigned and a signed byte, added to a sum): x + 128, which is x with its top bit
 * flipped; the 128 * sum of w that this adds is what `start` takes away before. Sums wrap on the
 * way, and end where the exact sum is. AVX-512, AVX2 (vpmaddwd: 2 products of 16 bits, and their
 * sum): the pairs (k0, k2), (k1, k3) as 16 bits each, which of a column's 4 bytes in a register are
 * one shift to the left and two to the right. Elsewhere plain C: 4 numbers of 16 bits. */
#ifndef DS_KERNELS_TILE_I8_H
#define DS_KERNELS_TILE_I8_H
#include <string.h>

#include "kernels/linear.h"

enum { GROUP = 4 };

#if defined(__AVX512VNNI__)
#include <immintrin.h>
typedef struct XGroup {
  uint8_t k[GROUP];
} XGroup;
typedef __m512i Sums;
enum { SUMS = 16, ROWS_I8 = 8, VECTORS_I8 = 2, UNSIGNED_X = 1 };
typedef __m512i Weights;
ROOM_FN Sums sums_load(const int32_t *x) { return _mm512_loadu_si512(x); }
ROOM_FN void sums_store(int32_t *y, Sums x) { _mm512_storeu_si512(y, x); }
ROOM_FN Weights weights_load(const int8_t *w) { return _mm512_loadu_si512(w); }
typedef __m512i XAll; /* a group of a row, for every column */
ROOM_FN XAll x_all(const XGroup *x) {
  int32_t four;
  memcpy(&four, x->k, sizeof four);
  return _mm512_set1_epi32(four);
}
ROOM_FN Sums sums_add(Sums sum, XAll x, Weights w) { return _mm512_dpbusd_epi32(sum, x, w); }
#elif defined(__AVX2__)
#include <immintrin.h>
typedef struct XGroup {
  int16_t even[2], odd[2];
} XGroup;
enum { UNSIGNED_X = 0 };
#if defined(__AVX512BW__)
typedef __m512i Sums;
enum { SUMS = 16, ROWS_I8 = 8, VECTORS_I8 = 2 };
#define SUMS_OP(name) _mm512_##name
#define SUMS_ALL(name) _mm512_##name##_si512
#else
typedef __m256i Sums;
enum { SUMS = 8, ROWS_I8 = 4, VECTORS_I8 = 2 };
#define SUMS_OP(name) _mm256_##name
#define SUMS_ALL(name) _mm256_##name##_si256
#endif
typedef struct Weights {
  Sums even, odd;
} Weights;
ROOM_FN Sums sums_load(const int32_t *x) { return SUMS_ALL(loadu)((const void *)x); }
ROOM_FN void sums_store(int32_t *y, Sums x) { SUMS_ALL(storeu)((void *)y, x); }
ROOM_FN Weights weights_load(const int8_t *w) {
  Sums four = SUMS_ALL(loadu)((const void *)w);
  Weights wide = {SUMS_OP(srai_epi16)(SUMS_OP(slli_epi16)(four, 8), 8),
                  SUMS_OP(srai_epi16)(four, 8)};
  return wide;
}
typedef struct XAll {
  Sums even, odd;
} XAll; /* a group of a row, for every column */
ROOM_FN XAll x_all(const XGroup *x) {
  int32_t even, odd;
  memcpy(&even, x->even, sizeof even);
  memcpy(&odd, x->odd, sizeof odd);
  XAll all = {SUMS_OP(set1_epi32)(even), SUMS_OP(set1_epi32)(odd)};
  return all;
}
ROOM_FN Sums sums_add(Sums sum, XAll x, Weights w) {
  sum = SUMS_OP(add_epi32)(sum, SUMS_OP(madd_epi16)(x.even, w.even));
  return SUMS_OP(add_epi32)(sum, SUMS_OP(madd_epi16)(x.odd, w.odd));
}
#undef SUMS_OP
#undef SUMS_ALL
#else
typedef struct XGroup {
  int16_t k[GROUP];
} XGroup;
enum { SUMS = 16, ROWS_I8 = 8, VECTORS_I8 = 1, UNSIGNED_X = 0 };
typedef struct Sums {
  int32_t v[SUMS];
} Sums;
typedef struct Weights {
  int16_t v[GROUP][SUMS];
} Weights;
ROOM_FN Sums sums_load(const int32_t *x) {
  Sums s;
  memcpy(s.v, x, sizeof s.v);
  return s;
}
ROOM_FN void sums_store(int32_t *y, Sums x) { memcpy(y, x.v, sizeof x.v); }
ROOM_FN Weights weights_load(const int8_t *w) {
  Weights wide;
  for (int k = 0; k < GROUP; k++)
    for (int i = 0; i < SUMS; i++) wide.v[k][i] = (int16_t)w[i * GROUP + k];
  return wide;
}
typedef XGroup XAll;
ROOM_FN XAll x_all(const XGroup *x) { return *x; }
ROOM_FN Sums sums_add(Sums sum, XAll x, Weights w) {
  for (int k = 0; k < GROUP; k++)
    for (int i = 0; i < SUMS; i++) sum.v[i] += (int32_t)x.k[k] * (int32_t)w.v[k][i];
  return sum;
}
#endif

enum { COLS_I8 = VECTORS_I8 * SUMS };

ROOM_FN XGroup x_group(const int8_t x[GROUP]) {
#if defined(__AVX512VNNI__)
  XGroup g;
  for (int k = 0; k < GROUP; k++) g.k[k] = (uint8_t)((uint8_t)x[k] ^ 0x80u);
#elif defined(__AVX2__)
  XGroup g = {{x[0], x[2]}, {x[1], x[3]}};
#else
  XGroup g = {{x[0], x[1], x[2], x[3]}};
#endif
  return g;
}

/* Adds `groups` groups of k to `rows` rows of VECTORS_I8 * SUMS columns. rows: a constant where
 * this is called. x: rows of x_stride groups; weight: [groups][cols][GROUP], from the first column
 * that is meant. */
ROOM_FN void tile_i8_of(int rows, const XGroup *x, size_t x_stride, const int8_t *weight, int cols,
                        int groups, int32_t *acc, size_t acc_stride) {
  Sums sum[ROWS_I8][VECTORS_I8];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS_I8; v++)
      sum[r][v] = sums_load(acc + (size_t)r * acc_stride + v * SUMS);
  for (int g = 0; g < groups; g++) {
    Weights w[VECTORS_I8];
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS_I8; v++)
      w[v] = weights_load(weight + ((size_t)g * (size_t)cols + (size_t)v * SUMS) * GROUP);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
      const XAll all = x_all(&x[(size_t)r * x_stride + (size_t)g]);
#pragma GCC unroll 2
      for (int v = 0; v < VECTORS_I8; v++) sum[r][v] = sums_add(sum[r][v], all, w[v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS_I8; v++)
      sums_store(acc + (size_t)r * acc_stride + v * SUMS, sum[r][v]);
}
#endif
