/* row_error: relative errors of rows against a plain second computation, at zero, at what is not finite, and where rows
 * are wider than a block. */
#include "measure/row_error.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "tests/measure_rows.h"

/* By long double, sorting and GSL's quantile. */
static void expect_rows(const Tensor *base, const Tensor *other, const PairStats *got) {
  size_t rows = (size_t)base->rows, cols = (size_t)base->cols;
  double *e = malloc(rows * sizeof *e);
  long double sum = 0, most = -1;
  int64_t worst = -1;
  for (size_t r = 0; r < rows; r++) {
    long double error = 0, size = 0;
    for (size_t c = 0; c < cols; c++) {
      long double a = tensor_value(base, r * cols + c), d = tensor_value(other, r * cols + c) - a;
      error += d * d, size += a * a;
    }
    e[r] = (double)sqrtl(error / size);
    sum += error;
    if (error > most) most = error, worst = (int64_t)r;
  }
  gsl_sort(e, 1, rows);
  NEAR(got->token_median, gsl_stats_quantile_from_sorted_data(e, 1, rows, 0.5), 1e-13 * e[rows - 1]);
  NEAR(got->token_p90, gsl_stats_quantile_from_sorted_data(e, 1, rows, 0.9), 1e-13 * e[rows - 1]);
  NEAR(got->token_p99, gsl_stats_quantile_from_sorted_data(e, 1, rows, 0.99), 1e-13 * e[rows - 1]);
  cr_expect_eq(got->token_worst, worst);
  NEAR(got->token_worst_share, (double)(most / sum), 1e-13);
  cr_expect_eq(got->tokens_left_out, 0);
  free(e);
}

Test(row_error, columns_are_those_of_a_plain_second_computation) {
  static const int shape[][2] = {{1, 1},    {2, 3},    {7, 8},    {13, 256}, {171, 31},
                                 {3, 1024}, {5, 1030}, {2, 5000}, {600, 2}};
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
    int rows = shape[s][0], cols = shape[s][1], stride = cols + 3;
    float *a = malloc((size_t)(rows * stride) * sizeof *a), *b = malloc((size_t)(rows * stride) * sizeof *b);
    for (int i = 0; i < rows * stride; i++) {
      a[i] = (float)gsl_ran_gaussian(rng, 3);
      b[i] = a[i] + (float)(gsl_ran_tdist(rng, 3) * 0.01);
    }
    Tensor base = tensor_of(a, TYPE_F32, rows, cols, 0), other = tensor_of(b, TYPE_F32, rows, cols, 0);
    base.stride = other.stride = stride;
    PairStats row = pair_row(&base, &other);
    expect_rows(&base, &other, &row);
    free(a), free(b);
  }
  gsl_rng_free(rng);
}

Test(row_error, at_a_base_of_zero_it_is_defined) {
  double a[] = {0, 0, 3, 4, 0, 0}, b[] = {0, 0, 3, 5, 0, 1};
  Tensor base = tensor_of(a, TYPE_F64, 3, 2, 0), other = tensor_of(b, TYPE_F64, 3, 2, 0);
  PairStats row = pair_row(&base, &other);
  NEAR(row.token_median, 0.2, 1e-15); /* of 0, 1/5, +Inf */
  SAME(row.token_p90, INFINITY);
  cr_expect_eq(row.token_worst, 1); /* the first of the largest |d| */
  NEAR(row.token_worst_share, 0.5, 1e-15);
  other = base;
  row = pair_row(&base, &other);
  SAME(row.token_median, 0), SAME(row.token_p99, 0), SAME(row.token_worst_share, NAN);
  cr_expect_eq(row.token_worst, -1);
}

Test(row_error, rows_with_what_is_not_finite_are_left_out_and_counted) {
  double a[] = {1, 1, NAN, 1, 2, 2, 1, 1}, b[] = {1, 2, 1, 1, 2, 4, 1, INFINITY};
  Tensor base = tensor_of(a, TYPE_F64, 4, 2, 0), other = tensor_of(b, TYPE_F64, 4, 2, 0);
  PairStats row = pair_row(&base, &other);
  cr_expect_eq(row.tokens_left_out, 2);
  NEAR(row.token_median, (sqrt(0.5) + sqrt(0.5)) / 2, 1e-15);
  cr_expect_eq(row.token_worst, 2);
  NEAR(row.token_worst_share, 0.8, 1e-15);
  for (int i = 0; i < 8; i++) a[i] = NAN;
  row = pair_row(&base, &other);
  cr_expect_eq(row.tokens_left_out, 4);
  SAME(row.token_median, NAN);
  cr_expect_eq(row.token_worst, -1);
}
