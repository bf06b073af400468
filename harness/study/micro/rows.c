#include "study/micro/rows.h"

#include <float.h>
#include <gsl/gsl_histogram.h>
#include <math.h>
#include <string.h>

#include "base/quantiles.h"
#include "kernels/f16.h"
#include "measure/stats.h"

MicroRows micro_rows_new(Arena *arena, int items_max) {
  size_t items = (size_t)items_max, outputs = items * OPERATOR_OUTPUTS;
  return (MicroRows){.micro = arena_room(arena, outputs, sizeof(MicroRow)),
                     .bin = arena_room(arena, outputs * BINS_MAX, sizeof(MicroBin)),
                     .worst = arena_room(arena, outputs * WORST, sizeof(MicroWorst)),
                     .drift = arena_room(arena, items, sizeof(StateDrift)),
                     .state = arena_room(arena, items * STATE_TOKENS, sizeof(StateError)),
                     .items_max = items_max};
}

void micro_rows_tables(const MicroRows *rows, TableRows table[MICRO_TABLES]) {
  table[0] = (TableRows){&table_micro, rows->micro, rows->micros};
  table[1] = (TableRows){&table_micro_histogram, rows->bin, rows->bins};
  table[2] = (TableRows){&table_micro_worst, rows->worst, rows->worsts};
  table[3] = (TableRows){&table_state_drift, rows->drift, rows->drifts};
  table[4] = (TableRows){&table_state_error, rows->state, rows->states};
}

bool micro_rows_fit(const MicroRows *rows, size_t size, const size_t from[MICRO_TABLES],
                    const size_t to[MICRO_TABLES]) {
  const size_t items = (size_t)rows->items_max, outputs = items * OPERATOR_OUTPUTS;
  const size_t most[MICRO_TABLES] = {outputs, outputs * BINS_MAX, outputs * WORST, items,
                                     items * STATE_TOKENS};
  TableRows table[MICRO_TABLES];
  micro_rows_tables(rows, table);
  size_t needed = 0;
  for (int i = 0; i < MICRO_TABLES; i++) {
    if (to[i] < from[i] || to[i] > most[i]) return false;
    needed += (to[i] - from[i]) * table[i].table->row_size;
  }
  return size == needed;
}

void micro_rows_append(MicroRows *rows, const char *bytes, const size_t from[MICRO_TABLES],
                       const size_t to[MICRO_TABLES]) {
  TableRows table[MICRO_TABLES];
  size_t *count[MICRO_TABLES] = {&rows->micros, &rows->bins, &rows->worsts, &rows->drifts,
                                 &rows->states};
  micro_rows_tables(rows, table);
  for (int i = 0; i < MICRO_TABLES; i++) {
    size_t row = table[i].table->row_size, size = (to[i] - from[i]) * row;
    memcpy((char *)table[i].rows + from[i] * row, bytes, size);
    bytes += size;
    *count[i] = to[i];
  }
}

/* --- error of each element -------------------------------------------------------------------- */

double micro_ulp(const BoundOut *ref, double want) {
  if (ref->type == BOUND_I8_AWAY || ref->type == BOUND_I8_EVEN) return ref->scale;
  int digits = ref->type == BOUND_F16 ? 11 : 24, least = ref->type == BOUND_F16 ? -13 : -125,
      exponent;
  frexp(want, &exponent);
  return ldexp(1, (exponent < least ? least : exponent) - digits);
}

/* want, rounded once to the output's type. */
static double rounded(const BoundOut *ref, double want) {
  if (ref->type == BOUND_F32) return (double)(float)want;
  if (ref->type == BOUND_F16) {
    /* By way of the grid itself: float32 in between would round twice. */
    double unit = micro_ulp(ref, want), steps = nearbyint(want / unit);
    return fabs(steps * unit) >= 65520 ? copysign(INFINITY, want) : steps * unit;
  }
  double steps =
      ref->type == BOUND_I8_AWAY ? round(want / ref->scale) : nearbyint(want / ref->scale);
  return (double)((float)fmin(fmax(steps, -128), 127) * (float)ref->scale);
}

typedef struct Errors {
  size_t n, bounded; /* elements; those that something is promised of */
  double *used;      /* [bounded], any order */
  double ulp_sum, ulp_max, used_max;
  size_t finite, misrounded;
  int64_t first_misrounded, used_index, over, unbounded;
  gsl_histogram *ulp, *relative;
  size_t worst[WORST];
  double worst_error[WORST];
  int worsts;
} Errors;

/* Powers of two from half a step on; the last bin takes all that is further off. */
static gsl_histogram *ulp_histogram(void) {
  double edge[28] = {0};
  for (int i = 1; i < 27; i++) edge[i] = ldexp(1, i - 2);
  edge[27] = DBL_MAX;
  gsl_histogram *h = gsl_histogram_alloc(27);
  gsl_histogram_set_ranges(h, edge, 28);
  return h;
}

/* Decades; the first and the last bin take all that lies further out. */
static gsl_histogram *relative_histogram(void) {
  double edge[23];
  for (int i = 0; i < 23; i++) edge[i] = i - 18;
  edge[0] = -400;
  edge[22] = 400;
  gsl_histogram *h = gsl_histogram_alloc(22);
  gsl_histogram_set_ranges(h, edge, 23);
  return h;
}

/* Keeps the largest errors, the earlier of equal ones first. */
static void note_worst(Errors *e, size_t i, double error) {
  if (e->worsts == WORST && !(error > e->worst_error[WORST - 1])) return;
  int at = e->worsts < WORST ? e->worsts++ : WORST - 1;
  for (; at > 0 && error > e->worst_error[at - 1]; at--) {
    e->worst[at] = e->worst[at - 1];
    e->worst_error[at] = e->worst_error[at - 1];
  }
  e->worst[at] = i;
  e->worst_error[at] = error;
}

static void look_at(Errors *e, const Output *out, size_t i) {
  const BoundOut *ref = &out->ref;
  const double want = ref->want[i], got = tensor_value(&out->got, i);
  if (rounded(ref, want) != got && !(isnan(want) && isnan(got))) {
    if (!e->misrounded++) e->first_misrounded = (int64_t)i;
  }
  if (isinf(ref->bound[i])) {
    e->unbounded++;
    return;
  }
  double used =
      bound_used(ref, i, out->got.format == FORMAT_I8 ? ((const int8_t *)out->got.data)[i] : got);
  e->used[e->bounded++] = fmin(used, DBL_MAX); /* the median is of finite numbers */
  if (used > e->used_max) {
    e->used_max = used;
    e->used_index = (int64_t)i;
  }
  e->over += used > 1;
  double error = want == got ? 0 : fabs(got - want); /* two infinities are no error */
  note_worst(e, i, isnan(error) ? INFINITY : error);
  if (!isfinite(error)) return;
  double steps = error / micro_ulp(ref, want);
  e->finite++;
  e->ulp_sum += steps;
  e->ulp_max = fmax(e->ulp_max, steps);
  gsl_histogram_increment(e->ulp, steps);
  if (error > 0 && want != 0) gsl_histogram_increment(e->relative, log10(error / fabs(want)));
}

/* --- rows ------------------------------------------------------------------------------------- */

static void put_pair(MicroRow *row, const PairStats *p) {
  row->n = p->n;
#define MOMENT(name)                                                                               \
  row->name##_want = p->name##_base, row->name##_got = p->name##_other,                            \
  row->name##_diff = p->name##_diff, row->name##_rel = p->name##_rel
  MOMENT(mean);
  MOMENT(std);
  MOMENT(min);
  MOMENT(max);
#undef MOMENT
  row->max_abs = p->max_abs;
  row->mean_abs = p->mean_abs;
  row->rmse = p->rmse;
  row->rel_l2 = p->rel_l2;
  row->sqnr_db = p->sqnr_db;
  row->cosine = p->cosine;
  row->pearson = p->pearson;
  row->max_rel_error = p->max_rel_error;
  row->mean_rel_error = p->mean_rel_error;
  row->zero_want = p->zero_base;
  row->p50 = p->p50;
  row->p90 = p->p90;
  row->p95 = p->p95;
  row->p99 = p->p99;
  row->p999 = p->p999;
  row->worst_index = p->worst_index;
  row->nonfinite = p->nonfinite;
}

static void put_bins(MicroRows *rows, const MicroRow *row, const char *kind,
                     const gsl_histogram *h) {
  for (size_t i = 0; i < h->n; i++) {
    if (h->bin[i] == 0) continue;
    MicroBin *bin = &rows->bin[rows->bins++];
    *bin = (MicroBin){.item = row->item,
                      .low = h->range[i],
                      .high = h->range[i + 1],
                      .count = (int64_t)h->bin[i]};
    table_text(bin->output, sizeof bin->output, row->output);
    table_text(bin->kind, sizeof bin->kind, kind);
  }
}

static void put_worst(MicroRows *rows, const MicroRow *row, const Operator *o, int which,
                      const Errors *e) {
  const Output *out = &o->out[which];
  for (int i = 0; i < e->worsts && e->worst_error[i] > 0; i++) {
    size_t at = e->worst[i];
    int r = (int)(at / (size_t)out->got.cols), c = (int)(at % (size_t)out->got.cols);
    double got = tensor_value(&out->got, at), bound = out->ref.bound[at];
    MicroWorst *worst = &rows->worst[rows->worsts++];
    *worst = (MicroWorst){.item = row->item,
                          .rank = i,
                          .row = r,
                          .col = c,
                          .got = got,
                          .want = out->ref.want[at],
                          .error = e->worst_error[i],
                          .bound = bound};
    worst->used = bound_used(
        &out->ref, at, out->got.format == FORMAT_I8 ? ((const int8_t *)out->got.data)[at] : got);
    table_text(worst->output, sizeof worst->output, row->output);
    operator_describe(o, which, r, c, worst->inputs, sizeof worst->inputs);
  }
}

static void put_time(MicroRow *row, const Operator *o, const Timing *timing) {
  row->time_us = timing->time_us;
  row->time_mad_us = timing->mad_us;
  row->runs = timing->runs;
  row->bytes = operator_bytes(o);
  row->gb_s = 1e-3 * (double)row->bytes / timing->time_us;
  row->copy_ratio = timing->time_us / timing->copy_us;
}

static void measure_output(MicroRows *rows, const MicroRow *label, const Operator *o, int which,
                           const Tensor *in_run, const Timing *timing, Arena scratch) {
  const Output *out = &o->out[which];
  MicroRow *row = &rows->micro[rows->micros++];
  *row = *label;
  table_text(row->output, sizeof row->output, out->name);
  table_text(row->type, sizeof row->type, format_name(out->got.format));
  table_text(row->kernel, sizeof row->kernel, out->got.kernel ? out->got.kernel : "");
  row->as_in_run = in_run ? tensor_identical(&out->got, in_run) : -1;

  PairStats pair = {0};
  Tensor want = tensor_of(out->ref.want, FORMAT_F64, out->got.rows, out->got.cols, 0);
  stats_pair(&want, &out->got, &pair, scratch);
  put_pair(row, &pair);

  Errors e = {.n = (size_t)pair.n,
              .first_misrounded = -1,
              .used_index = -1,
              .ulp = ulp_histogram(),
              .relative = relative_histogram()};
  e.used = ARENA_NEW(&scratch, double, e.n);
  for (size_t i = 0; i < e.n; i++) look_at(&e, out, i);
  const double half = 0.5;
  row->ulp_max = e.finite ? e.ulp_max : NAN;
  row->ulp_mean = e.finite ? e.ulp_sum / (double)e.finite : NAN;
  row->misrounded = (double)e.misrounded / (double)e.n;
  row->first_index = e.first_misrounded;
  row->used_max = e.bounded ? e.used_max : NAN;
  row->used_index = e.used_index;
  row->over_bound = e.over;
  row->unbounded = e.unbounded;
  put_bins(rows, row, "ulp", e.ulp);
  put_bins(rows, row, "log10_rel", e.relative);
  put_worst(rows, row, o, which, &e);
  put_time(row, o, timing);
  quantiles_select(e.used, e.bounded, &half, 1, &row->used_median, scratch);
  gsl_histogram_free(e.ulp);
  gsl_histogram_free(e.relative);
}

void micro_measure(MicroRows *rows, const MicroRow *label, const Operator *o,
                   const Tensor *const *in_run, const Timing *timing, Arena scratch) {
  for (int i = 0; i < o->outs; i++)
    measure_output(rows, label, o, i, in_run ? in_run[i] : NULL, timing, scratch);
}
