/* ops64: the table of the CPU. */
#include <string.h>

#include "reference/model64.h"
#include "reference/ops64.h"

static void embed(void *context, const double *table, const int32_t *token, int T, int D,
                  double *y) {
  (void)context;
  const size_t width = (size_t)D;
  for (int t = 0; t < T; t++)
    memcpy(y + (size_t)t * width, table + (size_t)token[t] * width, width * sizeof *y);
}

static void linear(void *context, const double *x, int stride, int T, int in, const double *weight,
                   int out, double *y, int y_stride) {
  (void)context;
  linear64(x, stride, T, in, weight, out, y, y_stride);
}

static void rmsnorm(void *context, const double *x, int stride, const double *gain, double eps,
                    int T, int D, double *y, int y_stride) {
  (void)context;
  rmsnorm64(x, stride, gain, eps, T, D, y, y_stride);
}

static void conv1d(void *context, const double *x, int stride, int T, int E, int K,
                   const double *weight, const double *bias, double *pre, double *silu) {
  (void)context;
  conv1d64(x, stride, T, E, K, weight, bias, pre, silu);
}

static void scan(void *context, const Scan64 *s) {
  (void)context;
  scan64(s);
}

static void copy(void *context, const double *x, size_t n, double *y) {
  (void)context;
  memmove(y, x, n * sizeof *y);
}

static void hadamard(void *context, const double *x, int T, int n, double *y) {
  copy(context, x, (size_t)T * (size_t)n, y);
  hadamard64(y, T, n);
}

static void hadamard_columns(void *context, double *x, int rows, int cols) {
  (void)context;
  hadamard64_columns(x, rows, cols);
}

static void add(void *context, const double *a, const double *b, size_t n, double *y) {
  (void)context;
  for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

static void scale_columns(void *context, double *x, int rows, int cols, const double *gain) {
  (void)context;
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) x[(size_t)r * (size_t)cols + (size_t)c] *= gain[c];
}

static void round32(void *context, const double *x, size_t n, float *y) {
  (void)context;
  for (size_t i = 0; i < n; i++) y[i] = (float)x[i];
}

const Ops64 ops64_cpu = {.backend = "cpu",
                         .embed = embed,
                         .linear = linear,
                         .rmsnorm = rmsnorm,
                         .conv1d = conv1d,
                         .scan = scan,
                         .hadamard = hadamard,
                         .hadamard_columns = hadamard_columns,
                         .copy = copy,
                         .add = add,
                         .scale_columns = scale_columns,
                         .round32 = round32};
