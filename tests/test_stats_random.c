/* stats at random: tensors of every type and shape against long double in two passes, GSL's own
 * mean, deviation and correlation, and quantiles of the sorted array. */
#include "tests/measure_rows.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "kernels/f16.h"

/* A float16 by its definition. */
static double value_of_f16(uint16_t h) {
  int e = h >> 10 & 31, f = h & 1023;
  double magnitude = e == 31 ? (f ? NAN : INFINITY) : e ? ldexp(1024 + f, e - 25) : ldexp(f, -24);
  return h >> 15 ? -magnitude : magnitude;
}

/* A tensor of random values, some of them special, with junk between its rows; values[] as they
 * must read. */
static Tensor random_tensor(gsl_rng *rng, Arena *arena, Format format, int rows, int cols,
                            double size, double *values) {
  int stride = cols + (int)gsl_rng_uniform_int(rng, 3);
  char *data = arena_alloc(arena, (size_t)rows * (size_t)stride, 8);
  memset(data, 0xff, (size_t)rows * (size_t)stride * 8); /* NaN in every type */
  Tensor t = {.data = data, .format = format, .rows = rows, .cols = cols, .stride = stride};
  if (format == FORMAT_I8) t.scale.value = (float)(size / 50);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) {
      size_t at = (size_t)r * (size_t)stride + (size_t)c;
      double x = gsl_ran_gaussian(rng, size),
             *value = &values[(size_t)r * (size_t)cols + (size_t)c];
      unsigned long dice = gsl_rng_uniform_int(rng, 200);
      if (dice == 0) x = 0;
      if (dice == 1) x = NAN;
      if (dice == 2) x = -INFINITY;
      switch (format) {
        case FORMAT_F64: *value = ((double *)t.data)[at] = x; break;
        case FORMAT_F32: *value = ((float *)t.data)[at] = (float)x; break;
        case FORMAT_F16: *value = value_of_f16(((uint16_t *)t.data)[at] = f16_of((float)x)); break;
        default: {
          int q = (int)gsl_rng_uniform_int(rng, 256) - 128;
          ((int8_t *)t.data)[at] = (int8_t)q;
          volatile float product = (float)q * t.scale.value;
          *value = product;
        }
      }
    }
  return t;
}

/* The steps between two floats, walked by the size of a unit: no bits. */
static double units_to_zero(double x) {
  float f = fabsf((float)x);
  if (f < 0x1p-126f) return (double)f * 0x1p149;
  int e;
  double fraction =
      frexp(f, &e); /* 0.5 … 1; 2^23 steps an exponent, the first normal is step 2^23 */
  return (fraction - 0.5) * 0x1p24 + (e + 126) * 0x1p23;
}
static double units_between(double a, double b) {
  double x = units_to_zero(a), y = units_to_zero(b);
  return fabs((signbit((float)a) ? -x : x) - (signbit((float)b) ? -y : y));
}

static void check_tensor(const Tensor *t, const double *values) {
  const size_t n = (size_t)t->rows * (size_t)t->cols;
  double *finite = malloc(n * sizeof *finite);
  size_t m = 0;
  int64_t zeros = 0;
  long double sum = 0, squares = 0, deviations = 0;
  for (size_t i = 0; i < n; i++) {
    zeros += values[i] == 0;
    if (!isfinite(values[i])) continue;
    finite[m++] = values[i];
    sum += values[i];
    squares += (long double)values[i] * values[i];
  }
  for (size_t i = 0; i < m; i++) deviations += (finite[i] - sum / m) * (finite[i] - sum / m);
  double rms = (double)sqrtl(squares / m);

  TensorStats row = tensor_row(t, t->format == FORMAT_I8 ? t->scale.value : 0);
  SAME(row.n, n);
  SAME(row.nonfinite, n - m);
  SAME(row.zeros, zeros);
  for (size_t i = 0; i < FIRST_VALUES; i++) SAME(row.first[i], i < n ? values[i] : NAN);
  if (m) {
    double gsl_mean = gsl_stats_mean(finite, 1, m);
    NEAR(row.mean, (double)(sum / m), 1e-14 * rms);
    NEAR(row.std, (double)sqrtl(deviations / m), 1e-14 * rms);
    NEAR(row.mean, gsl_mean, 1e-14 * rms);
    NEAR(row.std, gsl_stats_sd_with_fixed_mean(finite, 1, m, gsl_mean), 1e-14 * rms);
    SAME(row.min, gsl_stats_min(finite, 1, m));
    SAME(row.max, gsl_stats_max(finite, 1, m));
  } else {
    SAME(row.mean, NAN);
  }
  if (t->format == FORMAT_I8) SAME(row.on_grid, 1);
  free(finite);
}

static void check_pair(const Tensor *base, const Tensor *other, const double *a, const double *b) {
  const size_t n = (size_t)base->rows * (size_t)base->cols;
  double *error = malloc(n * sizeof *error), *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);
  const bool f16 = base->format == FORMAT_F16 && other->format == FORMAT_F16;
  size_t m = 0, differing = 0, zero = 0;
  long worst = -1, first = -1;
  double max_error = 0, max_relative = 0, max_steps = 0;
  long double sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0, dd = 0, absolute = 0, relative = 0,
              steps = 0;
  for (size_t i = 0; i < n; i++) {
    float fa = (float)a[i], fb = (float)b[i];
    bool same =
        isnan(fa) || isnan(fb) ? isnan(fa) && isnan(fb) : fa == fb && !signbit(fa) == !signbit(fb);
    differing += !same;
    if (!same && first < 0) first = (long)i;
    if (!isfinite(a[i]) || !isfinite(b[i])) continue;
    double d = fabs(b[i] - a[i]);
    if (d > max_error) max_error = d, worst = (long)i;
    /* a float16 is a whole number of units of 2^-24 below 2^-14, where its steps are counted;
     * above, floats without their last 13 bits */
    double s = units_between(a[i], b[i]);
    if (f16) {
      double p =
          fabs(a[i]) < 0x1p-14 ? fabs(a[i]) * 0x1p24 : (units_to_zero(a[i]) - 0x38000000) / 0x1p13;
      double q =
          fabs(b[i]) < 0x1p-14 ? fabs(b[i]) * 0x1p24 : (units_to_zero(b[i]) - 0x38000000) / 0x1p13;
      s = fabs((signbit(a[i]) ? -p : p) - (signbit(b[i]) ? -q : q));
    }
    steps += s;
    max_steps = fmax(max_steps, s);
    if (a[i] == 0)
      zero++;
    else
      relative += d / fabs(a[i]), max_relative = fmax(max_relative, d / fabs(a[i]));
    absolute += d;
    dd += (long double)d * d;
    error[m] = d, x[m] = a[i], y[m++] = b[i];
  }
  for (size_t i = 0; i < m; i++) sum_a += x[i], sum_b += y[i];
  long double dev_a = 0, dev_b = 0, co = 0;
  for (size_t i = 0; i < m; i++) {
    long double p = x[i] - sum_a / m, q = y[i] - sum_b / m;
    aa += (long double)x[i] * x[i], bb += (long double)y[i] * y[i], ab += (long double)x[i] * y[i];
    dev_a += p * p, dev_b += q * q, co += p * q;
  }

  PairStats row = pair_row(base, other);
  SAME(row.n, n);
  SAME(row.nonfinite, n - m);
  SAME(row.identical, differing == 0);
  SAME(tensor_identical(base, other), differing == 0);
  NEAR(row.differing, (double)differing / (double)n, 0);
  SAME(row.first_index, first);
  SAME(row.worst_index, differing ? worst : -1);
  if (m) {
    SAME(row.max_abs, max_error);
    SAME(row.zero_base, zero);
    SAME(row.ulp_max, max_steps);
    NEAR(row.ulp_mean, (double)(steps / m), 1e-15 * (double)(steps / m));
    NEAR(row.mean_abs, (double)(absolute / m), 1e-14 * max_error);
    NEAR(row.rmse, (double)sqrtl(dd / m), 1e-14 * max_error);
    NEAR(row.base_l2, (double)sqrtl(aa), 1e-14 * (double)sqrtl(aa));
    NEAR(row.rel_l2, aa > 0 ? (double)sqrtl(dd / aa) : NAN, 1e-14 * (double)sqrtl(dd / aa));
    NEAR(row.sqnr_db, aa > 0 ? (double)(10 * log10l(aa / dd)) : NAN, 1e-12);
    NEAR(row.cosine, (double)(ab / sqrtl(aa) / sqrtl(bb)), 1e-14);
    if (m > 1) {
      NEAR(row.pearson, (double)(co / sqrtl(dev_a) / sqrtl(dev_b)), 1e-13);
      NEAR(row.pearson, gsl_stats_correlation(x, 1, y, 1, m), 1e-13);
    } else {
      SAME(row.pearson, NAN);
    }
    SAME(row.max_rel_error, zero < m ? max_relative : NAN);
    NEAR(row.mean_rel_error, (double)(relative / (m - zero)), 1e-14 * max_relative);
    gsl_sort(error, 1, m);
    SAME(row.p50, gsl_stats_quantile_from_sorted_data(error, 1, m, 0.5));
    SAME(row.p90, gsl_stats_quantile_from_sorted_data(error, 1, m, 0.9));
    SAME(row.p95, gsl_stats_quantile_from_sorted_data(error, 1, m, 0.95));
    SAME(row.p99, gsl_stats_quantile_from_sorted_data(error, 1, m, 0.99));
    SAME(row.p999, gsl_stats_quantile_from_sorted_data(error, 1, m, 0.999));
    /* The sides read the same here and in the row of one tensor. */
    if (m == n) {
      TensorStats one = tensor_row(base, 0), two = tensor_row(other, 0);
      SAME(row.mean_base, one.mean);
      SAME(row.std_base, one.std);
      SAME(row.min_other, two.min);
      SAME(row.mean_other, two.mean);
      SAME(row.std_other, two.std);
      SAME(row.max_other, two.max);
    }
  }
  free(error), free(x), free(y);
}

/* Around the size of a block, rows longer than one, and the smallest. */
static const int shapes[][2] = {{1, 1},    {1, 2},    {3, 1},    {1, 1023}, {2, 512},  {5, 205},
                                {1, 1025}, {3, 2500}, {40, 256}, {7, 97},   {1024, 1}, {171, 48}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

Test(stats, tensors_of_every_type_agree_with_long_double_and_with_gsl) {
  Arena arena = new_arena();
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, 2024);
  for (int i = 0; i < SHAPES; i++)
    for (Format format = 0; format < FORMAT_COUNT; format++)
      for (double size = 1e-6; size < 1e5; size *= 1e5) {
        Arena scratch = arena;
        double *values = ARENA_NEW(&scratch, double, (size_t)shapes[i][0] * (size_t)shapes[i][1]);
        Tensor t = random_tensor(rng, &scratch, format, shapes[i][0], shapes[i][1], size, values);
        check_tensor(&t, values);
      }
  gsl_rng_free(rng);
  arena_release(&arena);
}

Test(stats, pairs_of_all_types_agree_with_naive_formulas) {
  Arena arena = new_arena();
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, 7);
  for (int i = 0; i < SHAPES; i++)
    for (Format format_a = 0; format_a < FORMAT_COUNT; format_a++)
      for (Format format_b = 0; format_b < FORMAT_COUNT; format_b++) {
        Arena scratch = arena;
        const int rows = shapes[i][0], cols = shapes[i][1];
        double *a = ARENA_NEW(&scratch, double, rows *cols),
               *b = ARENA_NEW(&scratch, double, rows *cols);
        Tensor base = random_tensor(rng, &scratch, format_a, rows, cols, 0.01, a);
        Tensor other = random_tensor(rng, &scratch, format_b, rows, cols, 0.02, b);
        check_pair(&base, &other, a, b);
      }
  gsl_rng_free(rng);
  arena_release(&arena);
}

Test(stats, values_read_one_by_one_and_all_at_once_are_equal) {
  Arena arena = new_arena();
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (Format format = 0; format < FORMAT_COUNT; format++) {
    double want[7 * 97], got[7 * 97];
    Tensor t = random_tensor(rng, &arena, format, 7, 97, 1, want);
    memset(got, 0xa5, sizeof got);
    tensor_values(&t, got);
    for (size_t i = 0; i < 7 * 97; i++) {
      SAME(got[i], want[i]);
      SAME(tensor_value(&t, i), want[i]);
    }
  }
  gsl_rng_free(rng);
  arena_release(&arena);
}
