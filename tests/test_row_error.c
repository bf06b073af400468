/* row_error: relative errors of rows and of columns against a plain second computation, at zero, at
 * what is not finite, and where rows are wider than a block. */
#include "measure/row_error.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "tests/measure_rows.h"

/* By long double, sorting and GSL's quantile: the rows of a tensor, or its columns. */
static void expect_parts(const Tensor *base, const Tensor *other, bool columns,
                         const PartErrors *got) {
  const size_t rows = (size_t)base->rows, cols = (size_t)base->cols;
  const size_t parts = columns ? cols : rows, each = columns ? rows : cols;
  double *e = malloc(parts * sizeof *e);
  long double sum = 0, sum2 = 0, most = -1;
  int64_t worst = -1;
  for (size_t p = 0; p < parts; p++) {
    long double error = 0, size = 0;
    for (size_t i = 0; i < each; i++) {
      const size_t at = columns ? i * cols + p : p * cols + i;
      long double a = tensor_value(base, at), d = tensor_value(other, at) - a;
      error += d * d, size += a * a;
    }
    e[p] = (double)sqrtl(error / size);
    sum += error;
    sum2 += error * error;
    if (error > most) most = error, worst = (int64_t)p;
  }
  gsl_sort(e, 1, parts);
  NEAR(got->median, gsl_stats_quantile_from_sorted_data(e, 1, parts, 0.5), 1e-13 * e[parts - 1]);
  NEAR(got->p90, gsl_stats_quantile_from_sorted_data(e, 1, parts, 0.9), 1e-13 * e[parts - 1]);
  NEAR(got->p99, gsl_stats_quantile_from_sorted_data(e, 1, parts, 0.99), 1e-13 * e[parts - 1]);
  cr_expect_eq(got->worst, worst);
  NEAR(got->worst_share, (double)(most / sum), 1e-13);
  NEAR(got->effective, (double)(sum * sum / sum2), 1e-13 * (double)parts);
  cr_expect_eq(got->left_out, 0);
  free(e);
}

Test(row_error, tokens_and_channels_are_those_of_a_plain_second_computation) {
  static const int shape[][2] = {{1, 1},    {2, 3},    {7, 8},    {13, 256}, {171, 31},
                                 {3, 1024}, {5, 1030}, {2, 5000}, {600, 2}};
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
    int rows = shape[s][0], cols = shape[s][1], stride = cols + 3;
    float *a = malloc((size_t)(rows * stride) * sizeof *a),
          *b = malloc((size_t)(rows * stride) * sizeof *b);
    for (int i = 0; i < rows * stride; i++) {
      a[i] = (float)gsl_ran_gaussian(rng, 3);
      b[i] = a[i] + (float)(gsl_ran_tdist(rng, 3) * 0.01);
    }
    Tensor base = tensor_of(a, FORMAT_F32, rows, cols, 0),
           other = tensor_of(b, FORMAT_F32, rows, cols, 0);
    base.stride = other.stride = stride;
    PairStats row = pair_row(&base, &other);
    expect_parts(&base, &other, false, &row.token);
    expect_parts(&base, &other, true, &row.channel);
    free(a), free(b);
  }
  gsl_rng_free(rng);
}

Test(row_error, at_a_base_of_zero_it_is_defined) {
  double a[] = {0, 0, 3, 4, 0, 0}, b[] = {0, 0, 3, 5, 0, 1};
  Tensor base = tensor_of(a, FORMAT_F64, 3, 2, 0), other = tensor_of(b, FORMAT_F64, 3, 2, 0);
  PairStats row = pair_row(&base, &other);
  NEAR(row.token.median, 0.2, 1e-15); /* of 0, 1/5, +Inf */
  SAME(row.token.p90, INFINITY);
  cr_expect_eq(row.token.worst, 1); /* the first of the largest |d| */
  NEAR(row.token.worst_share, 0.5, 1e-15);
  NEAR(row.token.effective, 2, 1e-15);          /* two of three have the same */
  SAME(row.channel.median, sqrt(2.0 / 16) / 2); /* of 0 and sqrt(2) / 4 */
  cr_expect_eq(row.channel.worst, 1);
  SAME(row.channel.worst_share, 1), SAME(row.channel.effective, 1);
  other = base;
  row = pair_row(&base, &other);
  SAME(row.token.median, 0), SAME(row.token.p99, 0), SAME(row.token.worst_share, NAN);
  SAME(row.token.effective, NAN), SAME(row.channel.effective, NAN), SAME(row.channel.p99, 0);
  cr_expect_eq(row.token.worst, -1);
  cr_expect_eq(row.channel.worst, -1);
}

Test(row_error, parts_with_what_is_not_finite_are_left_out_and_counted) {
  double a[] = {1, 1, NAN, 1, 2, 2, 1, 1}, b[] = {1, 2, 1, 1, 2, 4, 1, INFINITY};
  Tensor base = tensor_of(a, FORMAT_F64, 4, 2, 0), other = tensor_of(b, FORMAT_F64, 4, 2, 0);
  PairStats row = pair_row(&base, &other);
  cr_expect_eq(row.token.left_out, 2);
  NEAR(row.token.median, (sqrt(0.5) + sqrt(0.5)) / 2, 1e-15);
  cr_expect_eq(row.token.worst, 2);
  NEAR(row.token.worst_share, 0.8, 1e-15);
  NEAR(row.token.effective, 25.0 / 17, 1e-15); /* squared errors of 1 and 4 */
  cr_expect_eq(row.channel.left_out, 2);       /* each column has one */
  cr_expect_eq(row.channel.worst, -1);
  SAME(row.channel.median, NAN), SAME(row.channel.effective, NAN);
  for (int i = 0; i < 8; i++) a[i] = NAN;
  row = pair_row(&base, &other);
  cr_expect_eq(row.token.left_out, 4);
  SAME(row.token.median, NAN);
  cr_expect_eq(row.token.worst, -1);
}

Test(row_error, a_column_is_left_out_and_its_neighbours_are_not) {
  double a[] = {1, 2, 2, 3, 4, 1}, b[] = {1, NAN, 3, 3, 4, 3};
  Tensor base = tensor_of(a, FORMAT_F64, 2, 3, 0), other = tensor_of(b, FORMAT_F64, 2, 3, 0);
  PairStats row = pair_row(&base, &other);
  cr_expect_eq(row.channel.left_out, 1);
  cr_expect_eq(row.channel.worst, 2);
  SAME(row.channel.p99, 0.99); /* between 0 and 1 */
  cr_expect_eq(row.token.left_out, 1);
  cr_expect_eq(row.token.worst, 1);
}

/* A squared error's square leaves the range long before the error does. */
Test(row_error, the_effective_number_survives_errors_of_any_size) {
  static const double size[] = {1e-150, 1e-100, 1, 1e100, 1e150};
  for (size_t s = 0; s < sizeof size / sizeof *size; s++) {
    double a[] = {1, 1, 1, 1}, b[4];
    double x[] = {3, 1, 1, 1};
    for (int i = 0; i < 4; i++) a[i] = size[s], b[i] = a[i] + x[i] * size[s];
    Tensor base = tensor_of(a, FORMAT_F64, 4, 1, 0), other = tensor_of(b, FORMAT_F64, 4, 1, 0);
    PairStats row = pair_row(&base, &other);
    NEAR(row.token.effective, 144.0 / 84, 1e-12); /* squared errors of 9, 1, 1, 1 */
    NEAR(row.channel.effective, 1, 0);
  }
}

Test(row_error, of_a_tensor_whose_rows_are_channels_they_are_named_so) {
  double a[] = {1, 1, 1, 1, 2, 2}, b[] = {1, 1, 1, 3, 2, 2};
  Tensor base = tensor_of(a, FORMAT_F64, 3, 2, 0), other = tensor_of(b, FORMAT_F64, 3, 2, 0);
  PairStats row = pair_row(&base, &other);
  stats_no_tokens(&row);
  cr_expect_eq(row.channel.worst, 1);
  SAME(row.channel.p99, 0.98 * sqrt(2));
  cr_expect_eq(row.token.worst, -1);
  cr_expect_eq(row.token.left_out, 0);
  SAME(row.token.median, NAN), SAME(row.token.effective, NAN), SAME(row.token.worst_share, NAN);
}
