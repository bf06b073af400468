/* The blocked transform of the reference against the plain one: the same additions of the same
 * numbers, so the same bits, along rows and down columns, on any number of threads. */
#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "reference/model64.h"

/* As it is defined: P, sums from 0 left to right, then halvings from the widest stride, then a
 * division. */
static void plain_row(double *x, int n) {
  const int order = hadamard64_factor(n), width = n / order;
  double *sign = malloc((size_t)order * (size_t)order * sizeof *sign), column[HADAMARD64_MAX_ORDER];
  hadamard64_signs(order, sign);
  for (int j = 0; order > 1 && j < width; j++) {
    for (int p = 0; p < order; p++) column[p] = x[p * width + j];
    for (int p = 0; p < order; p++) {
      double sum = 0;
      for (int c = 0; c < order; c++) sum += sign[p * order + c] * column[c];
      x[p * width + j] = sum;
    }
  }
  for (int stride = width / 2; stride; stride /= 2)
    for (int first = 0; first < n; first += 2 * stride)
      for (int j = first; j < first + stride; j++) {
        const double a = x[j], b = x[j + stride];
        x[j] = a + b;
        x[j + stride] = a - b;
      }
  for (int i = 0; i < n; i++) x[i] /= sqrt(n);
  free(sign);
}

/* Of every size, with zeros of both signs among them. */
static double value(size_t i) {
  const unsigned h = (unsigned)(i * 2654435761u) >> 7;
  const double x = ldexp((double)(h % 20011) - 10005, (int)(h % 61) - 30);
  return h % 11 == 0 ? copysign(0, x) : x;
}

static double *values(size_t n) {
  double *x = malloc(n * sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = value(i);
  return x;
}

static void expect_same_bits(const double *got, const double *want, size_t n, const char *what,
                             int size, int other, int threads) {
  for (size_t i = 0; i < n; i++)
    cr_assert_eq(memcmp(&got[i], &want[i], sizeof *got), 0,
                 "%s, n %d, %d of them, %d threads: [%zu] got %a, want %a", what, size, other,
                 threads, i, got[i], want[i]);
}

/* `count` rows of n, and the matrix whose columns they are. */
static void check(int n, int count, int threads) {
  const size_t all = (size_t)n * (size_t)count;
  double *want = values(all), *row = values(all), *column = malloc(all * sizeof *column);
  double *turned = malloc(all * sizeof *turned);
  for (int r = 0; r < n; r++)
    for (int c = 0; c < count; c++) column[r * count + c] = want[c * n + r];
  for (int c = 0; c < count; c++) plain_row(want + (size_t)c * (size_t)n, n);
  omp_set_num_threads(threads);
  hadamard64(row, count, n);
  hadamard64_columns(column, n, count);
  for (int r = 0; r < n; r++)
    for (int c = 0; c < count; c++) turned[c * n + r] = column[r * count + c];
  expect_same_bits(row, want, all, "rows", n, count, threads);
  expect_same_bits(turned, want, all, "columns", n, count, threads);
  free(want), free(row), free(column), free(turned);
}

Test(hadamard64, blocked_rows_and_columns_have_the_bits_of_the_plain_transform) {
  static const int sizes[] = {1,   2,  4,  8,  16,  32,  64, 128, 512, 12,  24,  48,   96,   192,
                              384, 20, 40, 80, 160, 640, 28, 56,  112, 224, 448, 1536, 2560, 8192};
  static const int counts[] = {1, 7, 8, 31, 32, 33, 75};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) check(sizes[s], counts[k], 1);
}

Test(hadamard64, threads_and_callers_that_are_threads_change_no_bit) {
  for (int threads = 2; threads <= 7; threads++) check(768, 100, threads);
#pragma omp parallel for num_threads(3)
  for (int i = 0; i < 3; i++) check(1536, 20 + i, 2);
}

Test(hadamard64, nothing_beside_the_columns_is_written) {
  double *x = values(24 * 40 + 2);
  hadamard64_columns(x + 1, 24, 40);
  cr_expect_eq(x[0], value(0));
  cr_expect_eq(x[24 * 40 + 1], value(24 * 40 + 1));
  free(x);
}
