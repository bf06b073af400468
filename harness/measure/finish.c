#include "measure/finish.h"

const double pair_quantiles[PAIR_QUANTILES] = {0.5, 0.9, 0.95, 0.99, 0.999};

/* --- moments ---------------------------------------------------------------------------------- */

typedef struct Moments {
  double n, mean, m2, min, max; /* m2: sum of squared deviations */
} Moments;

/* Sums of all blocks so far, and then of deviations from the mean. */
typedef struct MomentSums {
  Wide sum, squares;
  double n, min, max;
} MomentSums;

static const MomentSums no_values = {.min = INFINITY, .max = -INFINITY};

static void add_block(MomentSums *s, const MomentBlock *block) {
  wide_add(&s->sum, block->sum);
  s->n += block->n;
  s->min = fmin(s->min, block->min);
  s->max = fmax(s->max, block->max);
}

/* A sum of equal values is rounded, their mean is not. */
static double mean_of(const MomentSums *s) {
  return s->n == 0 ? NAN : s->min == s->max ? s->min : wide_value(s->sum) / s->n;
}

/* What a block's sum of products of deviations becomes about the means, whose distances from its
 * centres are a and b. */
static double moved(double products, const MomentBlock *of_a, const MomentBlock *of_b, double a,
                    double b) {
  return products + ((a * of_b->rest + b * of_a->rest) + of_a->n * a * b);
}

/* No values have no statistics. */
static Moments moments_end(const MomentSums *s, double mean) {
  if (s->n == 0) return (Moments){0, NAN, NAN, NAN, NAN};
  return (Moments){s->n, mean, s->min == s->max ? 0 : wide_value(s->squares), s->min, s->max};
}

static double deviation(const Moments *m) { return sqrt(m->m2 / m->n); }
static double square_sum(const Moments *m) { return m->m2 + m->n * m->mean * m->mean; }

/* NaNs have many bits, of which a processor and a device make others. */
static double plain(double x) { return isnan(x) ? NAN : x; }

static void make_plain(double *x, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] = plain(x[i]);
}

/* --- one tensor ------------------------------------------------------------------------------- */

static Moments tensor_moments(const TensorBlock *block, size_t blocks) {
  MomentSums s = no_values;
  for (size_t i = 0; i < blocks; i++) add_block(&s, &block[i].moments);
  const double mean = mean_of(&s);
  for (size_t i = 0; i < blocks; i++) {
    const MomentBlock *m = &block[i].moments;
    if (m->n > 0) wide_add(&s.squares, moved(m->squares, m, m, m->centre - mean, m->centre - mean));
  }
  return moments_end(&s, mean);
}

typedef struct Counts {
  int64_t zeros, on_grid, saturated, first_nonfinite;
} Counts;

static Counts tensor_counts(const TensorBlock *block, const Blocks *blocks) {
  Counts c = {.first_nonfinite = -1};
  for (size_t i = 0; i < blocks->count; i++) {
    c.zeros += block[i].zeros;
    c.on_grid += block[i].on_grid;
    c.saturated += block[i].saturated;
    if (c.first_nonfinite < 0 && block[i].first_nonfinite >= 0)
      c.first_nonfinite = (int64_t)block_place(blocks, i).first + block[i].first_nonfinite;
  }
  return c;
}

static const char *kernel_of(const Tensor *t) { return t->kernel ? t->kernel : ""; }

void finish_witness(const Tensor *t, TensorStats *row) {
  row->q8_nans = t->nans;
  table_text(row->kernel, sizeof row->kernel, kernel_of(t));
}

bool tensors_of_one_kernel(const Tensor *a, const Tensor *b) {
  return !strcmp(kernel_of(a), kernel_of(b));
}

void finish_tensor(const Tensor *t, float scale, const TensorBlock *block, const double *first,
                   TensorStats *row) {
  const Blocks blocks = blocks_of((size_t)t->rows, (size_t)t->cols);
  const Moments moments = tensor_moments(block, blocks.count);
  const Counts counts = tensor_counts(block, &blocks);
  const double n = (double)(blocks.rows * blocks.cols);
  row->rows = t->rows;
  row->cols = t->cols;
  row->n = (int64_t)n;
  row->mean = moments.mean;
  row->std = deviation(&moments);
  row->min = moments.min;
  row->max = moments.max;
  for (int i = 0; i < FIRST_VALUES; i++) row->first[i] = i < row->n ? plain(first[i]) : NAN;
  row->nonfinite = row->n - (int64_t)moments.n;
  row->first_nonfinite = counts.first_nonfinite;
  row->zeros = counts.zeros;
  row->scale = scale > 0 ? scale : NAN;
  row->on_grid = scale > 0 ? (double)counts.on_grid / n : NAN;
  row->saturated = scale > 0 ? (double)counts.saturated / n : NAN;
  table_text(row->type, sizeof row->type, format_name(t->format));
  finish_witness(t, row);
}

/* --- a pair ----------------------------------------------------------------------------------- */

/* Over all blocks. */
typedef struct PairSums {
  Moments a, b;
  double co; /* sum of products of deviations */
  double error, error2, base2, relative, max_error, max_relative;
  uint64_t steps;
  uint32_t max_steps;
  int64_t kept, zero_base, differing, first, worst;
} PairSums;

/* Means first, then all deviations about them. */
static void pair_moments(const PairBlock *block, size_t blocks, PairSums *to) {
  MomentSums a = no_values, b = no_values;
  Wide co = {0, 0};
  for (size_t i = 0; i < blocks; i++) {
    add_block(&a, &block[i].a);
    add_block(&b, &block[i].b);
  }
  const double mean_a = mean_of(&a), mean_b = mean_of(&b);
  for (size_t i = 0; i < blocks; i++) {
    const MomentBlock *x = &block[i].a, *y = &block[i].b;
    const double from_a = x->centre - mean_a, from_b = y->centre - mean_b;
    if (!(x->n > 0)) continue;
    wide_add(&a.squares, moved(x->squares, x, x, from_a, from_a));
    wide_add(&b.squares, moved(y->squares, y, y, from_b, from_b));
    wide_add(&co, moved(block[i].co, x, y, from_a, from_b));
  }
  to->a = moments_end(&a, mean_a);
  to->b = moments_end(&b, mean_b);
  to->co = wide_value(co);
}

static void pair_errors(const PairBlock *block, const Blocks *blocks, PairSums *to) {
  Wide error = {0, 0}, error2 = {0, 0}, base2 = {0, 0}, relative = {0, 0};
  to->first = to->worst = -1;
  for (size_t i = 0; i < blocks->count; i++) {
    const PairBlock *of = &block[i];
    const int64_t first = (int64_t)block_place(blocks, i).first;
    wide_add(&error, of->error);
    wide_add(&error2, of->error2);
    wide_add(&base2, of->base2);
    wide_add(&relative, of->relative);
    if (of->max_error > to->max_error) {
      to->max_error = of->max_error;
      to->worst = first + of->worst;
    }
    to->max_relative = fmax(to->max_relative, of->max_relative);
    to->steps += of->steps;
    to->max_steps = of->max_steps > to->max_steps ? of->max_steps : to->max_steps;
    to->kept += of->kept;
    to->zero_base += of->zero_base;
    to->differing += of->differing;
    if (to->first < 0 && of->first_differing >= 0) to->first = first + of->first_differing;
  }
  to->error = wide_value(error);
  to->error2 = wide_value(error2);
  to->base2 = wide_value(base2);
  to->relative = wide_value(relative);
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
  const double n = (double)s->kept, nonzero = n - (double)s->zero_base;
  row->max_abs = s->kept ? s->max_error : NAN;
  row->mean_abs = s->error / n;
  row->rmse = sqrt(s->error2 / n);
  row->base_l2 = s->kept ? sqrt(s->base2) : NAN;
  row->rel_l2 = s->kept ? relative_to(row->base_l2, sqrt(s->error2)) : NAN;
  row->sqnr_db = -20 * log10(row->rel_l2);
  row->max_rel_error = nonzero > 0 ? s->max_relative : NAN;
  row->mean_rel_error = s->relative / nonzero;
  row->zero_base = s->zero_base;
  row->ulp_max = s->kept ? (double)s->max_steps : NAN;
  row->ulp_mean = (double)s->steps / n;
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

void finish_pair(const Tensor *base, const Tensor *other, const PairBlock *block,
                 const PairRest *rest, PairStats *row) {
  const Blocks blocks = blocks_of((size_t)base->rows, (size_t)base->cols);
  const bool both_f16 = base->format == FORMAT_F16 && other->format == FORMAT_F16;
  const double n = (double)(blocks.rows * blocks.cols);
  PairSums s = {0};
  pair_moments(block, blocks.count, &s);
  pair_errors(block, &blocks, &s);
  make_plain(rest->rows.error2, blocks.rows);
  make_plain(rest->rows.base2, blocks.rows);
  row->identical = s.differing == 0;
  row->same_kernel = tensors_of_one_kernel(base, other);
  row->n = (int64_t)n;
  row->nonfinite = row->n - s.kept;
  row->differing = (double)s.differing / n;
  row->first_index = s.first;
  row->worst_index = s.differing ? s.worst : -1;
  write_moments(&s, row);
  write_errors(&s, row);
  write_angles(&s, row);
  row->token = part_errors_of(rest->rows, blocks.rows, rest->room);
  row->channel = part_errors_of(rest->columns, blocks.cols, rest->room);
  table_text(row->ulp_type, sizeof row->ulp_type, format_name(both_f16 ? FORMAT_F16 : FORMAT_F32));
  row->p50 = rest->quantile[0];
  row->p90 = rest->quantile[1];
  row->p95 = rest->quantile[2];
  row->p99 = rest->quantile[3];
  row->p999 = rest->quantile[4];
}
