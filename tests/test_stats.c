/* stats by hand: rows computed on paper or with NumPy, and special values. */
#include "tests/measure_rows.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

Test(stats, tensor_by_hand_with_a_strided_view_and_a_nan) {
  float x[2][4] = {{1, -2, 0, NAN},
                   {3, NAN, 6, NAN}}; /* the last column is no part of the tensor */
  Tensor t = {.data = x,
              .format = FORMAT_F32,
              .rows = 2,
              .cols = 3,
              .stride = 4,
              .nans = 7,
              .kernel = "conv1d i8*i8->f32 cpu"};
  TensorStats row = tensor_row(&t, 0);
  SAME(row.rows, 2);
  SAME(row.cols, 3);
  SAME(row.n, 6);
  NEAR(row.mean, 1.6, 1e-15);
  NEAR(row.std, 2.7276363393971716, 1e-15); /* sqrt(37.2 / 5) */
  SAME(row.min, -2);
  SAME(row.max, 6);
  const double first[] = {1, -2, 0, 3, NAN, 6, NAN, NAN, NAN, NAN};
  for (int i = 0; i < FIRST_VALUES; i++) SAME(row.first[i], first[i]);
  SAME(row.nonfinite, 1);
  SAME(row.zeros, 1);
  SAME(row.q8_nans, 7);
  SAME(row.scale, NAN);
  SAME(row.on_grid, NAN);
  SAME(row.saturated, NAN);
  cr_assert_str_eq(row.type, "f32");
  cr_assert_str_eq(row.kernel, "conv1d i8*i8->f32 cpu");
}

Test(stats, rows_keep_what_the_caller_fills_in) {
  float x[] = {1, 2};
  Tensor t = tensor_of(x, FORMAT_F32, 1, 2, 0);
  TensorStats row = tensor_row(&t, 1);
  PairStats pair = pair_row(&t, &t);
  unsigned char junk[sizeof(PairStats)];
  memset(junk, 0xa5, sizeof junk);
  cr_assert_eq(memcmp(&row, junk, offsetof(TensorStats, rows)), 0,
               "the keys of a tensor's row were written");
  cr_assert_eq(memcmp(row.digest, junk, sizeof row.digest), 0, "the digest was written");
  cr_assert_eq(memcmp(&pair, junk, offsetof(PairStats, identical)), 0,
               "the keys of a pair's row were written");
  cr_assert_str_eq(row.kernel, "", "no witness is an empty text");
}

Test(stats, shares_on_grid_and_saturated_by_hand) {
  /*           on   on   on    off    off  on+sat on+sat off+sat off    sat */
  float x[] = {0, 0.5f, -3, 0.25f, 0.75f + 1e-6f, 63.5f, -64, 64, NAN, -INFINITY};
  Tensor t = tensor_of(x, FORMAT_F32, 2, 5, 0);
  TensorStats row = tensor_row(&t, 0.5f);
  SAME(row.scale, 0.5);
  NEAR(row.on_grid, 0.5, 0);
  NEAR(row.saturated, 0.4, 0);
  SAME(row.nonfinite, 2);
}

Test(stats, int8_tensor_lies_on_its_own_grid) {
  int8_t q[256];
  for (int i = 0; i < 256; i++) q[i] = (int8_t)(i - 128);
  for (float scale = 1e-7f; scale < 1e3f; scale *= 1.7f) {
    Tensor t = tensor_of(q, FORMAT_I8, 16, 16, scale);
    TensorStats row = tensor_row(&t, scale);
    NEAR(row.on_grid, 1, 0);
    NEAR(row.saturated, 3.0 / 256, 0); /* -128, -127, 127 */
    SAME(row.zeros, 1);
    cr_assert_str_eq(row.type, "i8");
  }
}

Test(stats, pair_by_hand) {
  float a[] = {1, 2, 0, -4}, b[] = {1, 2.5f, 1, -3};
  Tensor base = tensor_of(a, FORMAT_F32, 2, 2, 0), other = tensor_of(b, FORMAT_F32, 2, 2, 0);
  base.kernel = "scan blocked";
  other.kernel = "scan sequential";
  PairStats row = pair_row(&base, &other);
  SAME(row.identical, 0);
  SAME(row.same_kernel, 0);
  SAME(row.n, 4);
  SAME(row.mean_base, -0.25);
  SAME(row.mean_other, 0.375);
  SAME(row.mean_diff, 0.625);
  SAME(row.mean_rel, 2.5);
  NEAR(row.std_base, 2.2776083947860748, 1e-15);
  NEAR(row.std_other, 2.042516829796024, 1e-15);
  NEAR(row.std_diff, -0.2350915649900509, 1e-15);
  NEAR(row.std_rel, 0.10321860664380453, 1e-15);
  SAME(row.min_base, -4);
  SAME(row.min_other, -3);
  SAME(row.min_diff, 1);
  SAME(row.min_rel, 0.25);
  SAME(row.max_base, 2);
  SAME(row.max_other, 2.5);
  SAME(row.max_diff, 0.5);
  SAME(row.max_rel, 0.25);
  SAME(row.max_abs, 1);
  SAME(row.mean_abs, 0.625);
  SAME(row.rmse, 0.75);
  NEAR(row.base_l2, 4.58257569495584, 1e-14);
  NEAR(row.rel_l2, 0.32732683535398860, 1e-15);
  NEAR(row.sqnr_db, 9.700367766225568, 1e-13);
  NEAR(row.cosine, 0.9457324874869208, 1e-15);
  NEAR(row.pearson, 0.9874671522349121, 1e-15);
  SAME(row.max_rel_error, 0.25);
  NEAR(row.mean_rel_error, 0.5 / 3, 1e-16);
  SAME(row.zero_base, 1);
  SAME(row.ulp_max, 1065353216); /* from 0 to 1 */
  SAME(row.ulp_mean, 267911168); /* (0 + 2^21 + 1065353216 + 2^22) / 4 */
  cr_assert_str_eq(row.ulp_type, "f32");
  SAME(row.p50, 0.75); /* of 0, 0.5, 1, 1: half way between the second and the third */
  SAME(row.p90, 1);
  SAME(row.p95, 1);
  SAME(row.p99, 1);
  SAME(row.p999, 1);
  SAME(row.differing, 0.75);
  SAME(row.first_index, 1);
  SAME(row.worst_index, 2);
  SAME(row.nonfinite, 0);
}

/* --- special values --------------------------------------------------------------------------- */

Test(stats, nan_equals_nan_and_the_zeros_differ_in_bits_alone) {
  float a[] = {0.0f, NAN, INFINITY, 1, NAN, -INFINITY}, b[] = {-0.0f, 0, INFINITY, 1, 2, 5};
  uint32_t other_nan = 0xffc12345u;
  memcpy(&b[1], &other_nan, sizeof other_nan);
  Tensor base = tensor_of(a, FORMAT_F32, 1, 6, 0), other = tensor_of(b, FORMAT_F32, 1, 6, 0);
  PairStats row = pair_row(&base, &other);
  SAME(row.identical, 0);
  NEAR(row.differing, 0.5, 0); /* the zeros, NaN against 2, -Inf against 5 */
  SAME(row.first_index, 0);
  SAME(row.nonfinite, 4);
  SAME(row.max_abs, 0);
  SAME(row.worst_index, -1); /* no finite value differs */
  SAME(row.ulp_max, 0);
  SAME(row.mean_base, 0.5);
  SAME(row.zero_base, 1);
  cr_assert(!tensor_identical(&base, &other));

  Tensor tail_a = tensor_columns(&base, 1, 3), tail_b = tensor_columns(&other, 1, 3);
  PairStats tail = pair_row(&tail_a, &tail_b);
  SAME(tail.identical, 1);
  SAME(tail.nonfinite, 2);
  SAME(tail.first_index, -1);
  cr_assert(tensor_identical(&tail_a, &tail_b));
}

Test(stats, worst_index_is_that_of_the_tensor_where_elements_are_left_out) {
  enum { N = 5000 };
  static float a[N], b[N];
  for (int i = 0; i < N; i++) a[i] = b[i] = (float)i;
  a[3] = NAN;
  a[2000] = b[2001] = INFINITY;
  a[4000] = NAN;
  b[2050] += 8;
  b[4500] -= 8; /* as bad, but later */
  Tensor base = tensor_of(a, FORMAT_F32, 50, 100, 0), other = tensor_of(b, FORMAT_F32, 50, 100, 0);
  PairStats row = pair_row(&base, &other);
  SAME(row.worst_index, 2050);
  SAME(row.first_index, 3);
  SAME(row.nonfinite, 4);
  SAME(row.max_abs, 8);
}

Test(stats, nothing_finite_gives_nan_not_numbers) {
  float a[] = {NAN, INFINITY}, b[] = {NAN, INFINITY};
  Tensor base = tensor_of(a, FORMAT_F32, 1, 2, 0), other = tensor_of(b, FORMAT_F32, 1, 2, 0);
  PairStats row = pair_row(&base, &other);
  SAME(row.identical, 1);
  const double absent[] = {row.mean_base, row.std_other, row.min_base,      row.max_other,
                           row.max_abs,   row.mean_abs,  row.rmse,          row.rel_l2,
                           row.sqnr_db,   row.cosine,    row.pearson,       row.p50,
                           row.p999,      row.base_l2,   row.max_rel_error, row.mean_rel_error,
                           row.ulp_mean,  row.ulp_max};
  for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
    cr_assert(isnan(absent[i]), "value %zu is %g", i, absent[i]);
  TensorStats tensor = tensor_row(&base, 0);
  SAME(tensor.mean, NAN);
  SAME(tensor.std, NAN);
  SAME(tensor.min, NAN);
  SAME(tensor.max, NAN);
  SAME(tensor.nonfinite, 2);
}

Test(stats, identical_values_in_other_types_are_identical) {
  enum { N = 2500 };
  static int8_t q[N];
  static float x[N];
  const float scale = 0.037f;
  for (int i = 0; i < N; i++) q[i] = (int8_t)(i * 37 % 256 - 128), x[i] = (float)q[i] * scale;
  Tensor base = tensor_of(q, FORMAT_I8, 25, 100, scale),
         other = tensor_of(x, FORMAT_F32, 25, 100, 0);
  base.kernel = other.kernel = "conv1d";
  PairStats row = pair_row(&base, &other);
  SAME(row.identical, 1);
  SAME(row.same_kernel, 1);
  SAME(row.max_abs, 0);
  SAME(row.rel_l2, 0);
  SAME(row.sqnr_db, INFINITY);
  SAME(row.cosine, 1);
  SAME(row.pearson, 1);
  SAME(row.p999, 0);
  SAME(row.ulp_max, 0);
  SAME(row.differing, 0);
  SAME(row.first_index, -1);
  SAME(row.worst_index, -1);
  cr_assert(tensor_identical(&base, &other));
}

Test(stats, reference_is_rounded_to_float32_before_bits_are_compared) {
  double a[] = {0.1, 1 + 0x1p-30};
  float b[] = {0.1f, 1};
  Tensor base = tensor_of(a, FORMAT_F64, 1, 2, 0), other = tensor_of(b, FORMAT_F32, 1, 2, 0);
  PairStats row = pair_row(&base, &other);
  SAME(row.identical, 1);
  SAME(row.ulp_max, 0);
  SAME(row.differing, 0);
  SAME(row.first_index, -1);
  SAME(row.worst_index, -1);
  SAME(row.max_abs, (double)0.1f - 0.1); /* the error itself is that of the doubles */
}

Test(stats, float16_steps_are_counted_where_both_sides_are_float16) {
  uint16_t a[] = {0x3c00, 0x8001, 0x8000, 0x7bff}, b[] = {0x3c01, 0x0001, 0x0000, 0x7bfb};
  Tensor base = tensor_of(a, FORMAT_F16, 2, 2, 0), other = tensor_of(b, FORMAT_F16, 2, 2, 0);
  PairStats row = pair_row(&base, &other);
  cr_assert_str_eq(row.ulp_type, "f16");
  SAME(row.ulp_max, 4);
  SAME(row.ulp_mean, (1 + 2 + 0 + 4) / 4.0);
  NEAR(row.differing, 1, 0);

  float c[] = {0x1.004p0f, 0x1p-24f, 0, 65504}; /* 1 + 2^-10, the least float16 */
  Tensor wide = tensor_of(c, FORMAT_F32, 2, 2, 0);
  PairStats mixed = pair_row(&base, &wide);
  cr_assert_str_eq(mixed.ulp_type, "f32");
  SAME(mixed.ulp_max, 2.0 * 0x33800000); /* from -2^-24 through zero to 2^-24 */
}

Test(stats, witnesses_are_compared_as_text_and_may_be_absent) {
  float x[] = {1};
  char same[] = "scan";
  Tensor a = tensor_of(x, FORMAT_F32, 1, 1, 0), b = a;
  SAME(pair_row(&a, &b).same_kernel, 1);
  a.kernel = "scan";
  SAME(pair_row(&a, &b).same_kernel, 0);
  SAME(pair_row(&b, &a).same_kernel, 0);
  b.kernel = same;
  SAME(pair_row(&a, &b).same_kernel, 1);
}

Test(stats, small_deviation_on_a_large_mean_survives) {
  enum { N = 20000 };
  static double x[N];
  long double sum = 0, squares = 0;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
  for (int i = 0; i < N; i++) sum += x[i] = 1e6 + gsl_ran_gaussian(rng, 1e-3);
  gsl_rng_free(rng);
  for (int i = 0; i < N; i++) squares += (x[i] - sum / N) * (x[i] - sum / N);
  Tensor t = tensor_of(x, FORMAT_F64, 20, N / 20, 0);
  TensorStats row = tensor_row(&t, 0);
  NEAR(row.mean, (double)(sum / N), 0x1p-33); /* a unit of the last place of a million */
  NEAR(row.std, (double)sqrtl(squares / N), 1e-3 * 1e-13);
}

Test(stats, top1_takes_the_first_of_equal_maxima_row_by_row) {
  float a[] = {1, 3, 3, /**/ 9, 2, 1, /**/ -1, -2, 0}, b[] = {0, 3, 1, /**/ 1, 2, 0, /**/ 0, -2, 0};
  Tensor x = tensor_of(a, FORMAT_F32, 3, 3, 0), y = tensor_of(b, FORMAT_F32, 3, 3, 0);
  PairStats row;
  stats_top1(&x, &y, &row);
  NEAR(row.top1_agreement, 1.0 / 3, 1e-15);
  SAME(row.top1_rows, 3);
  SAME(row.top1_left_out, 0);
  stats_top1(&x, &x, &row);
  SAME(row.top1_agreement, 1);
}

/* Two rows of NaNs would otherwise agree on the first token. */
Test(stats, top1_is_of_rows_that_are_finite_on_both_sides) {
  float a[] = {NAN, NAN, /**/ 1, 2, /**/ 2, 1, /**/ 0, 1},
        b[] = {NAN, NAN, /**/ 1, INFINITY, /**/ 2, 1, /**/ 1, 0};
  Tensor x = tensor_of(a, FORMAT_F32, 4, 2, 0), y = tensor_of(b, FORMAT_F32, 4, 2, 0);
  PairStats row;
  stats_top1(&x, &y, &row);
  SAME(row.top1_agreement, 0.5);
  SAME(row.top1_rows, 2);
  SAME(row.top1_left_out, 2);
  x.rows = y.rows = 1;
  stats_top1(&x, &y, &row);
  SAME(row.top1_agreement, NAN);
}
