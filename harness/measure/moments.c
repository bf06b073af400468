#include "measure/moments.h"

/* --- the least and the largest ---------------------------------------------------------------- */

typedef struct Extremes {
  int64_t least, most; /* orders */
} Extremes;

ROOM_CLONES static Extremes extremes_f32(const float *x, const int64_t *valid, size_t n) {
  int32_t least = INT32_MAX, most = INT32_MIN;
  if (!valid)
    for (size_t i = 0; i < n; i++) {
      const int32_t order = order_f32(x[i]);
      least = order < least ? order : least;
      most = order > most ? order : most;
    }
  else
    for (size_t i = 0; i < n; i++) {
      const int32_t order = order_f32(x[i]);
      least = valid[i] && order < least ? order : least;
      most = valid[i] && order > most ? order : most;
    }
  return (Extremes){least, most};
}

ROOM_CLONES static Extremes extremes_f64(const double *x, const int64_t *valid, size_t n) {
  int64_t least = INT64_MAX, most = INT64_MIN;
  if (!valid)
    for (size_t i = 0; i < n; i++) {
      const int64_t order = order_f64(x[i]);
      least = order < least ? order : least;
      most = order > most ? order : most;
    }
  else
    for (size_t i = 0; i < n; i++) {
      const int64_t order = order_f64(x[i]);
      least = valid[i] && order < least ? order : least;
      most = valid[i] && order > most ? order : most;
    }
  return (Extremes){least, most};
}

static Extremes extremes_of(Values v, const int64_t *valid, size_t n) {
  return v.d ? extremes_f64(v.d, valid, n) : extremes_f32(v.f, valid, n);
}

static bool all_finite(Values v, Extremes e) {
  const int64_t infinity = v.d ? ORDER_INF_F64 : ORDER_INF_F32;
  return e.most < infinity && e.least > -1 - infinity;
}

static void write_extremes(Values v, Extremes e, MomentBlock *m) {
  m->min = v.d ? f64_of_order(e.least) : (double)f32_of_order((int32_t)e.least);
  m->max = v.d ? f64_of_order(e.most) : (double)f32_of_order((int32_t)e.most);
}

/* --- sums ------------------------------------------------------------------------------------- */

ROOM_FN double sum_values(Values v, bool wide, const BlockPlace *at, const int64_t *valid) {
  Real sum[REALS] = {{0}};
  for (size_t r = 0; r < at->rows; r++) {
    size_t i = r * at->cols, j = 0;
    const size_t end = i + at->cols;
    for (; i + SUM_LANES <= end; i += SUM_LANES)
      for (size_t k = 0; k < REALS; k++)
        sum_lane(&sum[k], reals_at(v, wide, i + REAL_LANES * k),
                 mask_at(valid, i + REAL_LANES * k));
    for (; i + REAL_LANES <= end; i += REAL_LANES, j++)
      sum_lane(&sum[j], reals_at(v, wide, i), mask_at(valid, i));
    if (i < end) sum_lane(&sum[j], reals_some(v, wide, i, end - i), mask_some(valid, i, end - i));
  }
  return lanes_sum(sum);
}

/* Half of the lanes at a time: more sums than that are not held in registers. */
ROOM_FN void add_deviations(Values v, bool wide, const BlockPlace *at, const int64_t *valid,
                            Real centre, size_t from, Real rest[REALS], Real squares[REALS]) {
  for (size_t r = 0; r < at->rows; r++) {
    size_t i = r * at->cols + REAL_LANES * from, j = from;
    const size_t end = (r + 1) * at->cols, to = from + REALS / 2;
    for (; i + REAL_LANES * REALS / 2 <= end; i += SUM_LANES)
      for (size_t k = from; k < to; k++) {
        const size_t here = i + REAL_LANES * (k - from);
        moment_lane(&rest[k], &squares[k], reals_at(v, wide, here), centre, mask_at(valid, here));
      }
    for (; j < to && i + REAL_LANES <= end; i += REAL_LANES, j++)
      moment_lane(&rest[j], &squares[j], reals_at(v, wide, i), centre, mask_at(valid, i));
    if (j < to && i < end)
      moment_lane(&rest[j], &squares[j], reals_some(v, wide, i, end - i), centre,
                  mask_some(valid, i, end - i));
  }
}

ROOM_FN void find_sums(Values v, bool wide, const BlockPlace *at, const int64_t *valid, double n,
                       MomentBlock *m) {
  Real rest[REALS] = {{0}}, squares[REALS] = {{0}};
  m->n = n;
  m->sum = sum_values(v, wide, at, valid);
  m->centre = moment_centre(m->sum, n);
  add_deviations(v, wide, at, valid, real_all(m->centre), 0, rest, squares);
  add_deviations(v, wide, at, valid, real_all(m->centre), REALS / 2, rest, squares);
  m->rest = lanes_sum(rest);
  m->squares = lanes_sum(squares);
}

ROOM_CLONES static void sums_f32(Values v, const BlockPlace *at, const int64_t *valid, double n,
                                 MomentBlock *m) {
  if (valid)
    find_sums(v, false, at, valid, n, m);
  else
    find_sums(v, false, at, NULL, n, m);
}

ROOM_CLONES static void sums_f64(Values v, const BlockPlace *at, const int64_t *valid, double n,
                                 MomentBlock *m) {
  if (valid)
    find_sums(v, true, at, valid, n, m);
  else
    find_sums(v, true, at, NULL, n, m);
}

static void find_all_sums(Values v, const BlockPlace *at, const int64_t *valid, size_t kept,
                          MomentBlock *m) {
  if (v.d)
    sums_f64(v, at, valid, (double)kept, m);
  else
    sums_f32(v, at, valid, (double)kept, m);
}

void moments_find(Values v, const BlockPlace *at, const int64_t *valid, size_t kept,
                  MomentBlock *m) {
  *m = (MomentBlock){.min = INFINITY, .max = -INFINITY};
  if (!kept) return;
  write_extremes(v, extremes_of(v, valid, at->count), m);
  find_all_sums(v, at, valid, kept, m);
}

bool moments_all(Values v, const BlockPlace *at, MomentBlock *m) {
  const Extremes e = extremes_of(v, NULL, at->count);
  if (!all_finite(v, e)) return false;
  write_extremes(v, e, m);
  find_all_sums(v, at, NULL, at->count, m);
  return true;
}

/* --- what is left out ------------------------------------------------------------------------- */

static bool is_finite(Values v, size_t i) {
  if (!v.d && !v.f) return true;
  return fabs(v.d ? v.d[i] : (double)v.f[i]) <= DBL_MAX;
}

size_t moments_valid(Values a, Values b, size_t n, int64_t *valid) {
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    const bool both = is_finite(a, i) && is_finite(b, i);
    valid[i] = both ? -1 : 0;
    kept += both;
  }
  return kept;
}

void moments_keep(double *x, size_t n, const int64_t *valid) {
  size_t kept = 0;
  for (size_t i = 0; i < n; i++)
    if (valid[i]) x[kept++] = x[i];
}
