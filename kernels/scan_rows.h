/* scan_rows: a token's values of WIDTH channels, and what scan.c does with them: to and from
 * tensors, exps, narrowing. WIDTH is a line of the cache, and one or two vectors of the level (of
 * scan.c alone). Every loop is over a constant number of channels, so that it becomes vectors. */
#ifndef DS_KERNELS_SCAN_ROWS_H
#define DS_KERNELS_SCAN_ROWS_H
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/f16.h"
#include "kernels/narrow.h"
#include "kernels/q8.h"
#include "kernels/tensor.h"

enum { WIDTH = 16 };
#ifdef __AVX512F__
enum { VECTOR = 16 }; /* lanes of a register */
#else
enum { VECTOR = 8 };
#endif

typedef struct Row {
  float v[WIDTH];
} Row;

/* As one vector: what gcc makes of a struct's copy, or of a loop that copies, comes in pieces,
 * which the whole vector's next load must wait for. */
typedef float Lanes __attribute__((vector_size(VECTOR * sizeof(float)), aligned(4), may_alias));
ROOM_FN void copy_lanes(const float *from, float *to) {
#pragma GCC unroll 2
  for (int v = 0; v < WIDTH; v += VECTOR) *(Lanes *)(to + v) = *(const Lanes *)(from + v);
}
ROOM_FN void copy_row(const Row *from, Row *to) { copy_lanes(from->v, to->v); }

ROOM_FN void set_row(Row *r, float x) {
#pragma omp simd
  for (int c = 0; c < WIDTH; c++) r->v[c] = x;
}

ROOM_FN size_t at(const Tensor *t, int row, int col) {
  return (size_t)row * (size_t)t->stride + (size_t)col;
}

/* Elements col … col + n - 1 of a row, dequantised. */
ROOM_FN void load(const Tensor *t, int row, int col, int n, float *x) {
  if (t->format == FORMAT_I8) {
    const int8_t *from = (const int8_t *)t->data + at(t, row, col);
#pragma omp simd
    for (int c = 0; c < n; c++) x[c] = dq(from[c], t->scale.value);
  } else {
    const float *from = (const float *)t->data + at(t, row, col);
    if (n == WIDTH)
      copy_lanes(from, x);
    else
      memcpy(x, from, (size_t)n * sizeof *x);
  }
}

/* The rest of the row is 0. */
ROOM_FN void load_row(const Tensor *t, int row, int col, int n, Row *r) {
  if (n == WIDTH) {
    load(t, row, col, WIDTH, r->v);
  } else {
    memset(r, 0, sizeof *r);
    load(t, row, col, n, r->v);
  }
}

ROOM_FN void store_in(const Row *r, int n, Tensor *t, int row, int col) {
  if (t->format == FORMAT_F16) {
    f16_of_all(r->v, n, (uint16_t *)t->data + at(t, row, col));
  } else if (n == WIDTH) {
    copy_lanes(r->v, (float *)t->data + at(t, row, col));
  } else {
    memcpy((float *)t->data + at(t, row, col), r->v, (size_t)n * sizeof(float));
  }
}

ROOM_FN void store_row(const Row *r, int n, Tensor *t, int row, int col) {
  /* NOLINTBEGIN(bugprone-branch-clone): the branches differ in a constant */
  if (n == WIDTH)
    store_in(r, WIDTH, t, row, col);
  else
    store_in(r, n, t, row, col);
  /* NOLINTEND(bugprone-branch-clone) */
}

/* Whether x * by is near in every channel. A NaN is not. */
ROOM_FN bool is_near(const Row *x, const Row *by) {
  int beyond = 0;
#pragma omp simd reduction(+ : beyond)
  for (int c = 0; c < WIDTH; c++) beyond += !(fabsf(x->v[c] * by->v[c]) <= EXP32_NEAR);
  return beyond == 0;
}

/* y = e^(x * by), near: whether no product is beyond EXP32_NEAR. */
ROOM_FN void exps(const Row *x, const Row *by, bool near, Row *y) {
  /* NOLINTBEGIN(bugprone-branch-clone): they differ */
  if (near)
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) y->v[c] = exp32_near(x->v[c] * by->v[c]);
  else
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) y->v[c] = exp32(x->v[c] * by->v[c]);
  /* NOLINTEND(bugprone-branch-clone) */
}

/* The choice stands outside of the loops, so that each of them vectorises. */
ROOM_FN void narrow_lanes(float *x, int n, Precision to, float scale) {
  /* NOLINTBEGIN(bugprone-branch-clone): the branches differ in a constant */
  if (to == PRECISION_F16)
#pragma omp simd
    for (int c = 0; c < n; c++) x[c] = narrow32(x[c], PRECISION_F16);
  else if (to == PRECISION_BF16)
#pragma omp simd
    for (int c = 0; c < n; c++) x[c] = narrow32(x[c], PRECISION_BF16);
  else if (to == PRECISION_I8)
#pragma omp simd
    for (int c = 0; c < n; c++) x[c] = narrow32_or_i8(x[c], PRECISION_I8, scale);
  /* NOLINTEND(bugprone-branch-clone) */
}
#endif
