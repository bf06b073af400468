#include "measure/judge.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <gsl/gsl_vector_long_double.h>
#include <math.h>
#include <string.h>

#include "family/trace.h"
#include "measure/block.h"
#include "measure/finish.h"

/* --- one tensor ------------------------------------------------------------------------------- */

typedef struct Judged {
  double mean, std, min, max;
} Judged;

/* GSL's own mean and sd_with_fixed_mean divide once an element, which takes most of their time; its
 * sums are as exact, in long double. */
static double mean_of(const double *x, size_t n) {
  enum { PIECE = 512 };
  long double piece[PIECE], sum = 0;
  for (size_t first = 0, count; first < n; first += count) {
    count = n - first < PIECE ? n - first : PIECE;
    for (size_t i = 0; i < count; i++) piece[i] = x[first + i];
    const gsl_vector_long_double_const_view of =
        gsl_vector_long_double_const_view_array(piece, count);
    sum += gsl_vector_long_double_sum(&of.vector);
  }
  return (double)(sum / (long double)n);
}

static Judged judged(const double *x, size_t n) {
  Judged j = {NAN, NAN, NAN, NAN};
  if (!n) return j;
  gsl_stats_minmax(&j.min, &j.max, x, 1, n);
  j.mean = mean_of(x, n);
  j.std = sqrt(gsl_stats_tss_m(x, 1, n, j.mean) / (double)n);
  return j;
}

void judge_tensor(const Tensor *t, float scale, TensorStats *row, Arena scratch) {
  const size_t n = tensor_elements(t);
  double *x = arena_room(&scratch, n, sizeof *x);
  int64_t on_grid = 0, saturated = 0;
  size_t kept = 0;
  tensor_values(t, x);
  row->first_nonfinite = -1;
  row->zeros = 0;
  for (size_t i = 0; i < FIRST_VALUES; i++) row->first[i] = i < n ? x[i] : NAN;
  for (size_t i = 0; i < n; i++) {
    row->zeros += x[i] == 0;
    if (scale > 0) {
      on_grid += is_on_grid((float)x[i], scale);
      saturated += is_saturated((float)x[i], scale);
    }
    if (isfinite(x[i]))
      x[kept++] = x[i];
    else if (row->first_nonfinite < 0)
      row->first_nonfinite = (int64_t)i;
  }
  const Judged j = judged(x, kept);
  row->rows = t->rows;
  row->cols = t->cols;
  row->n = (int64_t)n;
  row->mean = j.mean;
  row->std = j.std;
  row->min = j.min;
  row->max = j.max;
  row->nonfinite = (int64_t)(n - kept);
  row->scale = scale > 0 ? scale : NAN;
  row->on_grid = scale > 0 ? (double)on_grid / (double)n : NAN;
  row->saturated = scale > 0 ? (double)saturated / (double)n : NAN;
  table_text(row->type, sizeof row->type, format_name(t->format));
  finish_witness(t, row);
}

/* A token whose base is 0 is off by Inf, and at a place of its own GSL takes 0 times the next value
 * along, which is no number where that is Inf. */
static double quantile_sorted(const double *x, size_t n, double f) {
  const double place = f * (double)(n - 1);
  const size_t k = (size_t)place;
  return n && place == (double)k ? x[k] : gsl_stats_quantile_from_sorted_data(x, 1, n, f);
}

/* --- parts of a pair -------------------------------------------------------------------------- */

/* Of `parts` parts of `each` elements, `step` apart, that begin `next` apart, in d and a. */
typedef struct Parts {
  size_t parts, each, step, next;
  int64_t claimed; /* taken for the worst where its error is the largest but for a rounding */
} Parts;

/* By tss_m about 0: a sum of squares, in long double. */
static PartErrors judge_parts(const double *d, const double *a, Parts p, double *room) {
  PartErrors e = no_part_errors;
  double *relative = room, *error = room + p.parts, most = 0, of_claimed = 0;
  size_t kept = 0;
  for (size_t i = 0; i < p.parts; i++) {
    const double error2 = gsl_stats_tss_m(d + i * p.next, p.step, p.each, 0),
                 base2 = gsl_stats_tss_m(a + i * p.next, p.step, p.each, 0);
    if (!isfinite(error2) || !isfinite(base2)) {
      e.left_out++;
      continue;
    }
    if (error2 > most) most = error2, e.worst = (int64_t)i;
    if ((int64_t)i == p.claimed) of_claimed = error2;
    error[kept] = error2;
    relative[kept++] = error2 == 0 ? 0 : sqrt(error2 / base2);
  }
  if (!kept) return e;
  if (e.worst >= 0) {
    if (of_claimed >= most * (1 - (double)p.each * 0x1p-52)) e.worst = p.claimed;
    for (size_t i = 0; i < kept; i++) error[i] /= most;
    const double sum = mean_of(error, kept) * (double)kept;
    e.worst_share = 1 / sum;
    e.effective = sum * sum / gsl_stats_tss_m(error, 1, kept, 0);
  }
  gsl_sort(relative, 1, kept);
  e.median = quantile_sorted(relative, kept, 0.5);
  e.p90 = quantile_sorted(relative, kept, 0.9);
  e.p99 = quantile_sorted(relative, kept, 0.99);
  return e;
}

/* --- a pair ----------------------------------------------------------------------------------- */

/* Values of base and other, and room for what is measured of each element. */
typedef struct Arrays {
  double *a, *b, *x;
  size_t n, kept; /* kept: after only_finite */
} Arrays;

static void judge_bits(const Arrays *v, PairStats *row) {
  size_t differing = 0;
  row->first_index = -1;
  for (size_t i = 0; i < v->n; i++) {
    if (same_f32((float)v->a[i], (float)v->b[i])) continue;
    if (!differing++) row->first_index = (int64_t)i;
  }
  row->identical = differing == 0;
  row->differing = (double)differing / (double)v->n;
}

/* The first of the largest |d|, of all elements. */
static void judge_worst(const Arrays *v, PairStats *row) {
  double most = 0;
  row->worst_index = -1;
  for (size_t i = 0; i < v->n; i++) {
    const double d = fabs(v->b[i] - v->a[i]);
    if (isfinite(v->a[i]) && isfinite(v->b[i]) && d > most) most = d, row->worst_index = (int64_t)i;
  }
  if (row->identical) row->worst_index = -1;
}

static double steps_at(const Tensor *base, const Tensor *other, bool f16, size_t i, double a,
                       double b) {
  if (!f16) return fabs((double)place_f32((float)a) - (double)place_f32((float)b));
  const size_t row = i / (size_t)base->cols, col = i % (size_t)base->cols;
  const uint16_t x = ((const uint16_t *)base->data)[row * (size_t)base->stride + col],
                 y = ((const uint16_t *)other->data)[row * (size_t)other->stride + col];
  return fabs((double)place_f16(x) - (double)place_f16(y));
}

static void judge_steps(const Tensor *base, const Tensor *other, const Arrays *v, PairStats *row) {
  const bool f16 = base->format == FORMAT_F16 && other->format == FORMAT_F16;
  size_t kept = 0;
  for (size_t i = 0; i < v->n; i++)
    if (isfinite(v->a[i]) && isfinite(v->b[i]))
      v->x[kept++] = steps_at(base, other, f16, i, v->a[i], v->b[i]);
  row->ulp_max = kept ? gsl_stats_max(v->x, 1, kept) : NAN;
  row->ulp_mean = kept ? mean_of(v->x, kept) : NAN;
  table_text(row->ulp_type, sizeof row->ulp_type, f16 ? "f16" : "f32");
}

static void only_finite(Arrays *v) {
  v->kept = 0;
  for (size_t i = 0; i < v->n; i++) {
    if (!isfinite(v->a[i]) || !isfinite(v->b[i])) continue;
    v->a[v->kept] = v->a[i];
    v->b[v->kept++] = v->b[i];
  }
}

static double relative_to(double base, double difference) {
  return difference == 0 ? 0 : base == 0 ? NAN : fabs(difference) / fabs(base);
}

/* Equal values have equal figures, which need not be computed twice. */
static bool are_equal(const Arrays *v) {
  return v->kept > 0 && !memcmp(v->a, v->b, v->kept * sizeof *v->a);
}

static void judge_moments(const Arrays *v, bool equal, PairStats *row) {
  const Judged a = judged(v->a, v->kept), b = equal ? a : judged(v->b, v->kept);
  row->mean_base = a.mean;
  row->mean_other = b.mean;
  row->std_base = a.std;
  row->std_other = b.std;
  row->min_base = a.min;
  row->min_other = b.min;
  row->max_base = a.max;
  row->max_other = b.max;
  row->mean_diff = b.mean - a.mean;
  row->std_diff = b.std - a.std;
  row->min_diff = b.min - a.min;
  row->max_diff = b.max - a.max;
  row->mean_rel = relative_to(a.mean, row->mean_diff);
  row->std_rel = relative_to(a.std, row->std_diff);
  row->min_rel = relative_to(a.min, row->min_diff);
  row->max_rel = relative_to(a.max, row->max_diff);
}

/* Sums of squares: of the base, the other, and the difference. */
typedef struct Squares {
  double base, other, error;
} Squares;

static Squares squares_of(const Arrays *v, bool equal) {
  Squares s;
  s.base = gsl_stats_tss_m(v->a, 1, v->kept, 0);
  s.other = equal ? s.base : gsl_stats_tss_m(v->b, 1, v->kept, 0);
  for (size_t i = 0; i < v->kept; i++) v->x[i] = v->b[i] - v->a[i];
  s.error = equal ? 0 : gsl_stats_tss_m(v->x, 1, v->kept, 0);
  return s;
}

/* By the law of cosines, where the sizes are near each other. GSL's covariance about 0, which
 * divides once an element, is sum (a b) / (n - 1); of one element it is not. */
static double dot_of(const Arrays *v, Squares s) {
  const double n = (double)v->kept;
  if (s.other > s.base / 4 && s.other < s.base * 4) return (s.base + s.other - s.error) / 2;
  if (v->kept == 1) return v->a[0] * v->b[0];
  return gsl_stats_covariance_m(v->a, 1, v->b, 1, v->kept, 0, 0) * (n - 1);
}

static double within_one(double x) { return x > 1 ? 1 : x < -1 ? -1 : x; }

static void judge_angles(const Arrays *v, Squares s, PairStats *row) {
  const size_t n = v->kept;
  row->cosine = row->pearson = row->base_l2 = row->rmse = row->rel_l2 = row->sqnr_db = NAN;
  if (!n) return;
  row->base_l2 = sqrt(s.base);
  row->rmse = sqrt(s.error / (double)n);
  row->rel_l2 = relative_to(row->base_l2, sqrt(s.error));
  row->sqnr_db = -20 * log10(row->rel_l2);
  if (s.base > 0 && s.other > 0)
    row->cosine = within_one(dot_of(v, s) / (sqrt(s.base) * sqrt(s.other)));
  if (row->min_base < row->max_base && row->min_other < row->max_other)
    row->pearson = within_one(gsl_stats_correlation(v->a, 1, v->b, 1, n));
}

static void judge_relative(const Arrays *v, PairStats *row) {
  size_t nonzero = 0;
  for (size_t i = 0; i < v->kept; i++)
    if (v->a[i] != 0) v->x[nonzero++] = fabs(v->b[i] - v->a[i]) / fabs(v->a[i]);
  row->zero_base = (int64_t)(v->kept - nonzero);
  row->max_rel_error = nonzero ? gsl_stats_max(v->x, 1, nonzero) : NAN;
  row->mean_rel_error = nonzero ? mean_of(v->x, nonzero) : NAN;
}

/* GSL's quantile of sorted data of the two neighbours that GSL selects: the others need not be in
 * order. What stands before `from` is no larger than what stands behind it. */
static double quantile_behind(double *x, size_t n, double f, size_t *from) {
  const double place = f * (double)(n - 1);
  const size_t k = (size_t)place;
  const double at = gsl_stats_select(x + *from, 1, n - *from, k - *from);
  const double pair[2] = {at, k + 1 < n ? gsl_stats_min(x + k + 1, 1, n - k - 1) : at};
  *from = k;
  return k + 1 < n ? gsl_stats_quantile_from_sorted_data(pair, 1, 2, place - (double)k) : at;
}

static void judge_errors(const Arrays *v, PairStats *row) {
  const size_t n = v->kept;
  double *quantile[] = {&row->p50, &row->p90, &row->p95, &row->p99, &row->p999};
  for (size_t i = 0; i < n; i++) v->x[i] = fabs(v->b[i] - v->a[i]);
  row->max_abs = n ? gsl_stats_max(v->x, 1, n) : NAN;
  row->mean_abs = n ? mean_of(v->x, n) : NAN;
  size_t from = 0;
  for (int i = 0; i < PAIR_QUANTILES; i++)
    *quantile[i] = n ? quantile_behind(v->x, n, pair_quantiles[i], &from) : NAN;
}

void judge_pair(const Tensor *base, const Tensor *other, bool rows_are_tokens,
                const PairStats *claim, PairStats *row, Arena scratch) {
  const int64_t token = claim ? claim->token.worst : -1,
                channel = claim ? claim->channel.worst : -1;
  const size_t n = tensor_elements(base), rows = (size_t)base->rows, cols = (size_t)base->cols;
  Arrays v = {.n = n};
  v.a = arena_room(&scratch, n, sizeof(double));
  v.b = arena_room(&scratch, n, sizeof(double));
  v.x = arena_room(&scratch, n, sizeof(double));
  double *room = arena_room(&scratch, 2 * (rows + cols), sizeof *room);
  tensor_values(base, v.a);
  tensor_values(other, v.b);
  row->n = (int64_t)n;
  row->same_kernel = tensors_of_one_kernel(base, other);
  judge_bits(&v, row);
  judge_worst(&v, row);
  judge_steps(base, other, &v, row);
  for (size_t i = 0; i < n; i++) v.x[i] = v.b[i] - v.a[i];
  row->token =
      judge_parts(v.x, v.a, (Parts){rows, cols, 1, cols, rows_are_tokens ? token : channel}, room);
  row->channel = rows_are_tokens
                     ? judge_parts(v.x, v.a, (Parts){cols, rows, cols, 1, channel}, room)
                     : row->token;
  if (!rows_are_tokens) row->token = no_part_errors;
  only_finite(&v);
  row->nonfinite = (int64_t)(n - v.kept);
  const bool equal = are_equal(&v);
  judge_moments(&v, equal, row);
  judge_angles(&v, squares_of(&v, equal), row);
  judge_relative(&v, row);
  judge_errors(&v, row);
}

void judge_top1(const Tensor *a, const Tensor *b, PairStats *row, Arena scratch) {
  const size_t cols = (size_t)a->cols;
  double *x = arena_room(&scratch, cols, sizeof *x), *y = arena_room(&scratch, cols, sizeof *y);
  int64_t agree = 0;
  row->top1_rows = row->top1_left_out = 0;
  for (int r = 0; r < a->rows; r++) {
    const Tensor of_a = tensor_rows(a, r, 1), of_b = tensor_rows(b, r, 1);
    bool finite = true;
    tensor_values(&of_a, x);
    tensor_values(&of_b, y);
    for (size_t c = 0; c < cols; c++) finite &= isfinite(x[c]) && isfinite(y[c]);
    row->top1_rows += finite;
    row->top1_left_out += !finite;
    if (finite) agree += gsl_stats_max_index(x, 1, cols) == gsl_stats_max_index(y, 1, cols);
  }
  row->top1_agreement = row->top1_rows ? (double)agree / (double)row->top1_rows : NAN;
}

size_t judge_scratch_bytes(size_t n, size_t parts) {
  return (3 * n + 4 * parts) * sizeof(double) + 6 * 64;
}
