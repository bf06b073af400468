/* stats: the rows of measure/tables.h, block by block. A block's values are dequantised to double,
 * and GSL finds their extremes and means and centres them while they lie in the nearest cache;
 * blocks are merged by the update of Chan, Golub and LeVeque (1979), which loses nothing to
 * cancellation.
 *
 * gsl_stats_mean and gsl_stats_sd_with_fixed_mean, which define mean and std, divide in long double
 * at every element (6.5 + 6.0 ns, more than all the rest of a pair's row); gsl_vector_sum takes 0.5
 * ns; how near it comes is said in stats.h. */
#include "measure/stats.h"

#include <float.h>
#include <gsl/gsl_statistics_double.h>
#include <gsl/gsl_vector.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/quantiles.h"
#include "kernels/q8.h"

/* Elements; the arrays of a block, 8 KiB each, stay in the first or second cache. */
enum { BLOCK = 1024 };

static size_t elements(const Tensor *t) { return (size_t)t->rows * (size_t)t->cols; }

static double sum_of(double *x, size_t n) {
  gsl_vector_view v = gsl_vector_view_array(x, n);
  return gsl_vector_sum(&v.vector);
}

/* Sums of products of two centred arrays. Each is gsl_vector_sum of gsl_vector_mul in every bit,
 * since the order is kept; side by side they take the time of one, as each addition waits for the
 * one before it. */
typedef struct Products {
  double aa, bb, ab;
} Products;

static Products products_of(const double *a, const double *b, size_t n) {
  Products sum = {0};
  for (size_t i = 0; i < n; i++) {
    sum.aa += a[i] * a[i];
    sum.bb += b[i] * b[i];
    sum.ab += a[i] * b[i];
  }
  return sum;
}

/* What is known of the values so far; m2 is the sum of their squared deviations from the mean.
 * Values are first taken relative to `shift`, the first block's mean: where a mean is large and a
 * deviation small, nothing of it is lost. */
typedef struct Moments {
  double n, shift, mean, m2, min, max;
} Moments;

static const Moments no_values = {0, 0, 0, 0, INFINITY, -INFINITY};

static void add_constant(double *x, size_t n, double constant) {
  gsl_vector_view v = gsl_vector_view_array(x, n);
  gsl_vector_add_constant(&v.vector, constant);
}

/* Takes the least and the largest of n > 0 values, and centres them on their mean, which it
 * returns. */
static double moments_centre(Moments *m, double *x, size_t n) {
  double least, most;
  gsl_stats_minmax(&least, &most, x, 1, n);
  m->min = fmin(m->min, least);
  m->max = fmax(m->max, most);
  if (m->n == 0) m->shift = sum_of(x, n) / (double)n;
  add_constant(x, n, -m->shift);
  double mean = sum_of(x, n) / (double)n;
  add_constant(x, n, -mean);
  return mean;
}

/* Takes them in: n values, their mean and the sum of their squared deviations from it. Returns how
 * far the mean lies from the one so far. */
static double moments_merge(Moments *m, size_t n, double mean, double squares) {
  double all = m->n + (double)n, step = mean - m->mean;
  m->m2 += squares + step * step * (m->n * (double)n / all);
  m->mean += step * ((double)n / all);
  m->n = all;
  return step;
}

/* A sum of equal values is rounded, their mean and deviation are not; no values have no
 * statistics. */
static void moments_end(Moments *m) {
  m->mean += m->shift;
  if (m->n == 0) *m = (Moments){0, 0, NAN, NAN, NAN, NAN};
  if (m->min == m->max) m->mean = m->min, m->m2 = 0;
}

static double deviation(const Moments *m) { return sqrt(m->m2 / m->n); }
static double square_sum(const Moments *m) { return m->m2 + m->n * m->mean * m->mean; }

/* --- one tensor ------------------------------------------------------------------------------- */

typedef struct Counts {
  int64_t finite, zeros, on_grid, saturated;
} Counts;

static bool is_finite(double x) { return fabs(x) <= DBL_MAX; }

static int64_t first_nonfinite(const double *x) {
  int64_t i = 0;
  while (is_finite(x[i])) i++;
  return i;
}

ROOM_CLONES static void count_values(const double *x, size_t n, Counts *counts) {
  int64_t finites = 0, zeros = 0;
  for (size_t i = 0; i < n; i++) {
    finites += is_finite(x[i]);
    zeros += x[i] == 0;
  }
  counts->finite += finites;
  counts->zeros += zeros;
}

/* In float32, with the very quantisation of the kernels: the question is what they would do to the
 * value. */
ROOM_CLONES static void count_grid(const double *x, size_t n, float scale, Counts *counts) {
  const float edge = 127.0f * scale;
  int32_t on_grid = 0, saturated = 0;
  for (size_t i = 0; i < n; i++) {
    float value = (float)x[i];
    on_grid += value == dq(q8_away(value, scale), scale);
    saturated += fabsf(value) >= edge;
  }
  counts->on_grid += on_grid;
  counts->saturated += saturated;
}

static void keep_finite(double *x, size_t n) {
  size_t kept = 0;
  for (size_t i = 0; i < n; i++)
    if (is_finite(x[i])) x[kept++] = x[i];
}

void stats_tensor(const Tensor *t, float scale, TensorStats *row, Arena scratch) {
  const size_t n = elements(t);
  double *x = ARENA_NEW(&scratch, double, BLOCK);
  Moments moments = no_values;
  Counts counts = {0};
  row->first_nonfinite = -1;
  for (size_t first = 0, count; first < n; first += count) {
    Tensor block = tensor_block(t, first, BLOCK, &count);
    tensor_values(&block, x);
    int64_t before = counts.finite;
    count_values(x, count, &counts);
    if (scale > 0) count_grid(x, count, scale, &counts);
    size_t kept = (size_t)(counts.finite - before);
    if (kept < count && row->first_nonfinite < 0)
      row->first_nonfinite = (int64_t)first + first_nonfinite(x);
    if (kept < count) keep_finite(x, count);
    if (!kept) continue;
    double mean = moments_centre(&moments, x, kept);
    moments_merge(&moments, kept, mean, products_of(x, x, kept).aa);
  }
  moments_end(&moments);

  row->rows = t->rows;
  row->cols = t->cols;
  row->n = (int64_t)n;
  row->mean = moments.mean;
  row->std = deviation(&moments);
  row->min = moments.min;
  row->max = moments.max;
  for (size_t i = 0; i < FIRST_VALUES; i++) row->first[i] = i < n ? tensor_value(t, i) : NAN;
  row->nonfinite = (int64_t)n - counts.finite;
  row->zeros = counts.zeros;
  row->q8_nans = t->nans;
  row->scale = scale > 0 ? scale : NAN;
  row->on_grid = scale > 0 ? (double)counts.on_grid / (double)n : NAN;
  row->saturated = scale > 0 ? (double)counts.saturated / (double)n : NAN;
  snprintf(row->type, sizeof row->type, "%s", format_name(t->format));
  snprintf(row->kernel, sizeof row->kernel, "%s", t->kernel ? t->kernel : "");
}

/* --- a pair ----------------------------------------------------------------------------------- */

/* The arrays of a block: what is measured of each element. */
typedef struct PairBlock {
  double a[BLOCK], b[BLOCK]; /* values of base and other */
  double steps[BLOCK];       /* representable values between them */
  double relative[BLOCK];    /* |b - a| / |a| */
  int32_t place_a[BLOCK], place_b[BLOCK], where[BLOCK];
} PairBlock;

/* A value's place in the order of all values of its type, so that neighbours are 1 apart; both
 * zeros are at 0. */
static inline int32_t place_of(int32_t magnitude, int32_t sign) {
  return (magnitude ^ -sign) + sign;
}

ROOM_CLONES static void places_f32(const double *x, size_t n, int32_t *place) {
  for (size_t i = 0; i < n; i++) {
    uint32_t bits = bits_of_f32((float)x[i]);
    place[i] = place_of((int32_t)(bits & 0x7fffffffu), (int32_t)(bits >> 31));
  }
}

ROOM_CLONES static void places_f16(const Tensor *t, int32_t *place) {
  for (int r = 0; r < t->rows; r++, place += t->cols) {
    const uint16_t *h = (const uint16_t *)t->data + (size_t)r * (size_t)t->stride;
    for (int c = 0; c < t->cols; c++) place[c] = place_of(h[c] & 0x7fff, h[c] >> 15);
  }
}

/* Equal float32 bits, or two NaNs. */
static inline bool same_f32(double a, double b) {
  float x = (float)a, y = (float)b;
  return (bits_of_f32(x) == bits_of_f32(y)) | ((x != x) & (y != y));
}

ROOM_CLONES static size_t count_differing(const double *a, const double *b, size_t n) {
  int32_t differing = 0;
  for (size_t i = 0; i < n; i++) differing += !same_f32(a[i], b[i]);
  return (size_t)differing;
}

static size_t first_differing(const double *a, const double *b) {
  size_t i = 0;
  while (same_f32(a[i], b[i])) i++;
  return i;
}

ROOM_CLONES static size_t count_both_finite(const double *a, const double *b, size_t n) {
  int32_t both = 0;
  for (size_t i = 0; i < n; i++) both += (int)is_finite(a[i]) & (int)is_finite(b[i]);
  return (size_t)both;
}

/* Closes the gaps that elements leave which are not finite on either side; `where` remembers their
 * places. */
static void keep_both_finite(PairBlock *p, size_t n) {
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    if (!is_finite(p->a[i]) || !is_finite(p->b[i])) continue;
    p->a[kept] = p->a[i];
    p->b[kept] = p->b[i];
    p->steps[kept] = p->steps[i];
    p->where[kept++] = (int32_t)i;
  }
}

ROOM_CLONES static void measure_steps(PairBlock *p, size_t n) {
  for (size_t i = 0; i < n; i++) p->steps[i] = fabs((double)p->place_b[i] - (double)p->place_a[i]);
}

/* |b - a|, and relative to |a|; 0 where a is 0. Returns in how many that is. */
ROOM_CLONES static size_t measure_errors(PairBlock *p, size_t n, double *error) {
  int32_t zeros = 0;
  for (size_t i = 0; i < n; i++) {
    double a = p->a[i], d = fabs(p->b[i] - a);
    error[i] = d;
    p->relative[i] = a == 0 ? 0 : d / fabs(a);
    zeros += a == 0;
  }
  return (size_t)zeros;
}

/* Sums over all blocks. */
typedef struct PairSums {
  Moments a, b;
  double co; /* sum of products of deviations */
  double error, error_squared, max_error, relative, max_relative, steps, max_steps;
  size_t kept, differing, zero_base;
  int64_t first, worst;
} PairSums;

/* Four sums and three maxima in one pass, for the same reason as products_of. */
typedef struct ErrorSums {
  double error, squared, relative, steps, max_error, max_relative, max_steps;
} ErrorSums;

static ErrorSums sum_errors(const PairBlock *p, const double *error, size_t n) {
  ErrorSums s = {0};
  for (size_t i = 0; i < n; i++) {
    s.error += error[i];
    s.squared += error[i] * error[i];
    s.relative += p->relative[i];
    s.steps += p->steps[i];
    s.max_error = error[i] > s.max_error ? error[i] : s.max_error;
    s.max_relative = p->relative[i] > s.max_relative ? p->relative[i] : s.max_relative;
    s.max_steps = p->steps[i] > s.max_steps ? p->steps[i] : s.max_steps;
  }
  return s;
}

static void pair_add(PairSums *s, PairBlock *p, size_t first, size_t count, size_t kept,
                     double *error) {
  s->zero_base += measure_errors(p, kept, error);
  ErrorSums sums = sum_errors(p, error, kept);
  if (sums.max_error > s->max_error) {
    size_t most = 0;
    while (error[most] != sums.max_error) most++;
    s->max_error = sums.max_error;
    s->worst = (int64_t)(first + (kept < count ? (size_t)p->where[most] : most));
  }
  s->error += sums.error;
  s->error_squared += sums.squared;
  s->relative += sums.relative;
  s->max_relative = fmax(s->max_relative, sums.max_relative);
  s->steps += sums.steps;
  s->max_steps = fmax(s->max_steps, sums.max_steps);

  double before = s->a.n, n = (double)kept;
  double mean_a = moments_centre(&s->a, p->a, kept), mean_b = moments_centre(&s->b, p->b, kept);
  Products products = products_of(p->a, p->b, kept);
  double step_a = moments_merge(&s->a, kept, mean_a, products.aa);
  double step_b = moments_merge(&s->b, kept, mean_b, products.bb);
  s->co += products.ab + step_a * step_b * (before * n / (before + n));
  s->kept += kept;
}

static double relative_to(double base, double difference) {
  return difference == 0 ? 0 : base == 0 ? NAN : fabs(difference) / fabs(base);
}

static void write_moments(const PairSums *s, PairStats *row) {
  row->mean_base = s->a.mean;
  row->mean_other = s->b.mean;
  row->mean_diff = row->mean_other - row->mean_base;
  row->mean_rel = relative_to(row->mean_base, row->mean_diff);
  row->std_base = deviation(&s->a);
  row->std_other = deviation(&s->b);
  row->std_diff = row->std_other - row->std_base;
  row->std_rel = relative_to(row->std_base, row->std_diff);
  row->min_base = s->a.min;
  row->min_other = s->b.min;
  row->min_diff = row->min_other - row->min_base;
  row->min_rel = relative_to(row->min_base, row->min_diff);
  row->max_base = s->a.max;
  row->max_other = s->b.max;
  row->max_diff = row->max_other - row->max_base;
  row->max_rel = relative_to(row->max_base, row->max_diff);
}

static void write_errors(const PairSums *s, PairStats *row) {
  double n = (double)s->kept, nonzero = n - (double)s->zero_base;
  row->max_abs = s->kept ? s->max_error : NAN;
  row->mean_abs = s->error / n;
  row->rmse = sqrt(s->error_squared / n);
  row->base_l2 = s->kept ? sqrt(square_sum(&s->a)) : NAN;
  row->rel_l2 = s->kept ? relative_to(row->base_l2, sqrt(s->error_squared)) : NAN;
  row->sqnr_db = -20 * log10(row->rel_l2);
  row->max_rel_error = nonzero > 0 ? s->max_relative : NAN;
  row->mean_rel_error = s->relative / nonzero;
  row->zero_base = (int64_t)s->zero_base;
  row->ulp_max = s->kept ? s->max_steps : NAN;
  row->ulp_mean = s->steps / n;
}

/* sum / sqrt(a b), which rounding may carry beyond 1 where two vectors are nearly parallel; NaN
 * where a or b is 0. sqrt(q * q) is q: two identical tensors give exactly 1. The product of two
 * sums of squares may leave the range. */
static double angle(double sum, double a, double b) {
  if (!(a > 0) || !(b > 0)) return NAN;
  double product = a * b,
         size = product >= DBL_MIN && product <= DBL_MAX ? sqrt(product) : sqrt(a) * sqrt(b);
  double x = sum / size;
  return x > 1 ? 1 : x < -1 ? -1 : x;
}

static void write_angles(const PairSums *s, PairStats *row) {
  double dot = s->co + s->a.n * s->a.mean * s->b.mean;
  row->cosine = angle(dot, square_sum(&s->a), square_sum(&s->b));
  row->pearson = angle(s->co, s->a.m2, s->b.m2);
}

void stats_no_tokens(PairStats *row) {
  row->channel = row->token;
  row->token = (PartErrors){NAN, NAN, NAN, -1, NAN, 0, NAN};
}

void stats_pair_rows(const Tensor *base, const Tensor *other, PairStats *row, PartSquares rows,
                     Arena scratch) {
  const size_t n = elements(base);
  const bool both_f16 = base->format == FORMAT_F16 && other->format == FORMAT_F16;
  const size_t parts_most = (size_t)(base->rows > base->cols ? base->rows : base->cols);
  const PartSquares columns = part_squares(&scratch, (size_t)base->cols);
  PairBlock *p = ARENA_NEW(&scratch, PairBlock, 1);
  double *room = ARENA_NEW(&scratch, double, parts_most);
  double *error = ARENA_NEW(&scratch, double, n);
  PairSums s = {.a = no_values, .b = no_values, .first = -1, .worst = -1};
  for (size_t first = 0, count; first < n; first += count) {
    Tensor a = tensor_block(base, first, BLOCK, &count),
           b = tensor_block(other, first, BLOCK, &count);
    tensor_values(&a, p->a);
    tensor_values(&b, p->b);
    if (both_f16) {
      places_f16(&a, p->place_a);
      places_f16(&b, p->place_b);
    } else {
      places_f32(p->a, count, p->place_a);
      places_f32(p->b, count, p->place_b);
    }
    measure_steps(p, count);
    part_squares_add(p->a, p->b, first, (size_t)base->cols, count, rows, columns);
    size_t differing = count_differing(p->a, p->b, count);
    if (differing && s.first < 0) s.first = (int64_t)(first + first_differing(p->a, p->b));
    s.differing += differing;
    size_t kept = count_both_finite(p->a, p->b, count);
    if (kept < count) keep_both_finite(p, count);
    if (kept) pair_add(&s, p, first, count, kept, error + s.kept);
  }
  moments_end(&s.a);
  moments_end(&s.b);

  row->identical = s.differing == 0;
  row->same_kernel = !strcmp(base->kernel ? base->kernel : "", other->kernel ? other->kernel : "");
  row->n = (int64_t)n;
  row->nonfinite = (int64_t)(n - s.kept);
  row->differing = (double)s.differing / (double)n;
  row->first_index = s.first;
  row->worst_index = s.differing ? s.worst : -1;
  write_moments(&s, row);
  write_errors(&s, row);
  write_angles(&s, row);
  row->token = part_errors_of(rows, (size_t)base->rows, room);
  row->channel = part_errors_of(columns, (size_t)base->cols, room);
  snprintf(row->ulp_type, sizeof row->ulp_type, "%s",
           format_name(both_f16 ? FORMAT_F16 : FORMAT_F32));

  const double fraction[] = {0.5, 0.9, 0.95, 0.99, 0.999};
  double quantile[5];
  quantiles_select(error, s.kept, fraction, 5, quantile, scratch);
  row->p50 = quantile[0];
  row->p90 = quantile[1];
  row->p95 = quantile[2];
  row->p99 = quantile[3];
  row->p999 = quantile[4];
}

void stats_pair(const Tensor *base, const Tensor *other, PairStats *row, Arena scratch) {
  const PartSquares rows = part_squares(&scratch, (size_t)base->rows);
  stats_pair_rows(base, other, row, rows, scratch);
}

size_t stats_scratch_bytes(size_t n, size_t parts) {
  return (n + 3 * parts) * sizeof(double) + sizeof(PairBlock) + BLOCK * sizeof(double) +
         quantiles_scratch_bytes() + 9 * 64;
}

bool tensor_identical(const Tensor *a, const Tensor *b) {
  double x[BLOCK], y[BLOCK];
  const size_t n = elements(a);
  for (size_t first = 0, count; first < n; first += count) {
    Tensor block_a = tensor_block(a, first, BLOCK, &count),
           block_b = tensor_block(b, first, BLOCK, &count);
    tensor_values(&block_a, x);
    tensor_values(&block_b, y);
    if (count_differing(x, y, count)) return false;
  }
  return true;
}

/* Where the largest element of a row stands, the first of equal ones; -1 where one is not
 * finite. */
static int row_argmax(const Tensor *t, int row) {
  const size_t cols = (size_t)t->cols, start = (size_t)row * cols;
  size_t best = 0;
  for (size_t c = 0; c < cols; c++) {
    double x = tensor_value(t, start + c);
    if (!is_finite(x)) return -1;
    if (x > tensor_value(t, start + best)) best = c;
  }
  return (int)best;
}

void stats_top1(const Tensor *a, const Tensor *b, PairStats *row) {
  int64_t agree = 0;
  row->top1_rows = row->top1_left_out = 0;
  for (int i = 0; i < a->rows; i++) {
    int top_a = row_argmax(a, i), top_b = row_argmax(b, i);
    if (top_a < 0 || top_b < 0) {
      row->top1_left_out++;
      continue;
    }
    row->top1_rows++;
    agree += top_a == top_b;
  }
  row->top1_agreement = row->top1_rows ? (double)agree / (double)row->top1_rows : NAN;
}
