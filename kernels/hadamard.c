/* hadamard: P by quadratic residues, and the loop over rows; a row is one thread's. */
#include "kernels/hadamard.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/f16.h"
#include "kernels/level.h"
#include "kernels/q8.h"

enum { MAX_ORDER = 28, LANES = 16 };

#ifdef ROOM_ONCE
int hadamard_factor(int n) {
  static const int order[] = {
      1, 12, 20, 28}; /* 3, 5 and 7 tell them apart: at most one divides to a power of two */
  if (n < 1 || n > HADAMARD_MAX_N) return 0;
  for (int i = 0; i < 4; i++) {
    int blocks = n / order[i];
    if (n % order[i] == 0 && (blocks & (blocks - 1)) == 0) return order[i];
  }
  return 0;
}

/* The quadratic character: 0 for 0 mod q, 1 for a square mod the prime q, -1 for the others. */
static int character(int a, int q) {
  a = (a % q + q) % q;
  if (a == 0) return 0;
  for (int b = 1; b < q; b++)
    if (b * b % q == a) return 1;
  return -1;
}

/* Entry of [[0, 1^T], [below, Q]]. */
static int bordered(int q, int below, int row, int col) {
  if (row == 0 || col == 0) return row ? below : col ? 1 : 0;
  return character(row - col, q);
}

int hadamard_sign(int order, int row, int col) {
  assert(order == 12 || order == 20 || order == MAX_ORDER);
  if (order != 28)
    return row == col
               ? 1
               : bordered(order - 1, -1, row, col); /* C is 0 on its diagonal, here as below */
  bool odd_row = row % 2, odd_col = col % 2;
  if (row / 2 == col / 2) return odd_row || odd_col ? -1 : 1;
  int c = bordered(order / 2 - 1, 1, row / 2, col / 2);
  return odd_row && odd_col ? -c : c;
}
#endif

/* Strides below a vector's length are shuffles, which gcc makes where the stride is a constant. */
ROOM_FN void butterflies(float *x, int n, int stride) {
  for (int i = 0; i < n; i += 2 * stride)
    for (int j = i; j < i + stride; j++) hadamard_butterfly(&x[j], &x[j + stride]);
}

/* Works in place on x [order * block]; sign [order][order]. */
static void transform(float *x, int block, int order, const float *sign) {
  int n = order * block;
  if (block > 1) butterflies(x, n, 1);
  if (block > 2) butterflies(x, n, 2);
  if (block > 4) butterflies(x, n, 4);
  if (block > 8) butterflies(x, n, 8);
  for (int stride = 16; stride < block; stride *= 2) butterflies(x, n, stride);
  for (int first = 0; order > 1 && first < block; first += LANES) {
    float sum[MAX_ORDER][LANES];
    int lanes = block - first < LANES ? block - first : LANES;
    for (int p = 0; p < order; p++) {
      for (int j = 0; j < lanes; j++) sum[p][j] = sign[p * order] * x[first + j];
      for (int q = 1; q < order; q++)
        for (int j = 0; j < lanes; j++) sum[p][j] += sign[p * order + q] * x[q * block + first + j];
    }
    for (int p = 0; p < order; p++)
      memcpy(&x[p * block + first], sum[p], (size_t)lanes * sizeof(float));
  }
  float normal = 1.0f / sqrtf((float)n);
  for (int i = 0; i < n; i++) x[i] *= normal;
}

static void widen(const uint16_t *x, int n, float *y) {
  for (int i = 0; i < n; i++) y[i] = f32_of_f16(x[i]);
}

/* Returns how many NaNs q8 met. */
static int quantise_row(const float *x, int n, float scale, int8_t *y) {
  int nans = 0;
  for (int i = 0; i < n; i++) {
    y[i] = q8_even(x[i], scale);
    nans += x[i] != x[i];
  }
  return nans;
}

#ifdef ROOM_ONCE
const char *hadamard_witness(Format x, Format y, Backend backend) {
  static const char *const name[2][2][BACKEND_COUNT] = {
      {WITNESS("hadamard f32->f32"), WITNESS("hadamard f32->i8 half-even")},
      {WITNESS("hadamard f16->f32"), WITNESS("hadamard f16->i8 half-even")}};
  return name[x == FORMAT_F16][y == FORMAT_I8][backend];
}
#endif

void ROOM_LEVEL(hadamard)(const Tensor *x, Tensor *y) {
  int n = x->cols, order = hadamard_factor(n);
  assert(order && (x->format == FORMAT_F32 || x->format == FORMAT_F16) &&
         (y->format == FORMAT_F32 || y->format == FORMAT_I8));
  assert(x->rows == y->rows && x->cols == y->cols);
  float sign[MAX_ORDER * MAX_ORDER];
  for (int i = 0; order > 1 && i < order * order; i++)
    sign[i] = (float)hadamard_sign(order, i / order, i % order);
  int64_t nans = 0;
#pragma omp parallel for reduction(+ : nans)
  for (int t = 0; t < x->rows; t++) {
    float row[HADAMARD_MAX_N];
    size_t from = (size_t)t * (size_t)x->stride, to = (size_t)t * (size_t)y->stride;
    if (x->format == FORMAT_F32)
      memcpy(row, (const float *)x->data + from, (size_t)n * sizeof *row);
    else
      widen((const uint16_t *)x->data + from, n, row);
    transform(row, n / order, order, sign);
    if (y->format == FORMAT_F32)
      memcpy((float *)y->data + to, row, (size_t)n * sizeof *row);
    else
      nans += quantise_row(row, n, y->scale.value, (int8_t *)y->data + to);
  }
  y->nans = nans;
  y->kernel = hadamard_witness(x->format, y->format, BACKEND_CPU);
}
