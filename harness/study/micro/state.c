#include "study/micro/state.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>

#include "base/quantiles.h"
#include "family/trace.h"
#include "measure/row_error.h"

enum { VALUES_MOST = 1 << 21 };

/* Channels first to first + count of a tensor whose rows are channels. */
static Tensor first_rows(const Tensor *t, int count) {
  Tensor view = *t;
  view.rows = count;
  return view;
}

static void get_states(const Operator *scan, StateTrack *track, Arena scratch) {
  const int T = track->T, E = track->E, N = track->N;
  const Tensor *in = scan->in;
  Operator one = *scan;
  float *zero = ARENA_NEW(&scratch, float, E), *unit = ARENA_NEW(&scratch, float, T);
  for (int t = 0; t < T; t++) unit[t] = 1;
  one.in[SCAN_U] = tensor_columns(&in[SCAN_U], 0, E);
  one.in[SCAN_DT] = tensor_columns(&in[SCAN_DT], 0, E);
  one.in[SCAN_Z] = tensor_columns(&in[SCAN_Z], 0, E);
  one.in[SCAN_BIAS] = tensor_columns(&in[SCAN_BIAS], 0, E);
  one.in[SCAN_D] = tensor_of(zero, FORMAT_F32, 1, E, 0);
  one.in[SCAN_C] = tensor_of(unit, FORMAT_F32, T, 1, 0);
  Tensor A_log = first_rows(&in[SCAN_A_LOG], E);
  for (int n = 0; n < N; n++) {
    Arena room = scratch;
    one.in[SCAN_B] = tensor_columns(&in[SCAN_B], n, 1);
    one.in[SCAN_A_LOG] = tensor_columns(&A_log, n, 1);
    operator_prepare(&room, &one, 0);
    operator_run_own(&one, room);
    const float *h = one.out[1].got.data;
    for (size_t i = 0; i < (size_t)T * (size_t)E; i++)
      track->got[i * (size_t)N + (size_t)n] = (double)h[i];
  }
}

static BoundOut bound_room(Arena *arena, size_t n) {
  return (BoundOut){
      .type = BOUND_F32, .want = ARENA_NEW(arena, double, n), .bound = ARENA_NEW(arena, double, n)};
}

/* float64's, over the same channels; its other outputs are not looked at again. */
static void want_states(const Operator *scan, StateTrack *track, Arena scratch) {
  const size_t T = (size_t)track->T, E = (size_t)track->E, N = (size_t)track->N;
  BoundIn in[OPERATOR_INPUTS];
  for (int i = 0; i < OPERATOR_INPUTS; i++) in[i] = operator_bound_in(&scratch, &scan->in[i]);
  BoundScan s = operator_bound_scan(scan, in);
  s.E = track->E; /* the leading channels */
  s.delta = bound_room(&scratch, T * E);
  s.y = bound_room(&scratch, T * E);
  s.gated = bound_room(&scratch, T * E);
  s.state = bound_room(&scratch, E * N);
  s.states = track->ref;
  bound_scan(&s, arena_room(&scratch, bound_scan_room(s.T), 1));
}

void state_track(Arena *arena, const Operator *scan, StateTrack *track) {
  const int T = scan->in[SCAN_U].rows, E = scan->in[SCAN_U].cols, N = scan->in[SCAN_A_LOG].cols;
  int most = VALUES_MOST / (T * N < 1 ? 1 : T * N);
  *track = (StateTrack){.T = T, .E = most < 1 ? 1 : most < E ? most : E, .N = N};
  size_t n = (size_t)T * (size_t)track->E * (size_t)N;
  track->got = ARENA_NEW(arena, double, n);
  track->ref = bound_room(arena, n);
  get_states(scan, track, *arena);
  want_states(scan, track, *arena);
}

/* --- one token -------------------------------------------------------------------------------- */

static StateError error_at(const StateTrack *s, int item, int t, int64_t *over) {
  const size_t n = (size_t)s->E * (size_t)s->N, first = (size_t)t * n;
  const double *got = s->got + first, *want = s->ref.want + first;
  StateError e = {.item = item, .token = t + 1};
  double squares = 0, size = 0, steps = 0;
  for (size_t i = 0; i < n; i++) {
    double d = got[i] - want[i];
    if (!isinf(s->ref.bound[first + i])) {
      double used = bound_used(&s->ref, first + i, got[i]);
      e.used_max = fmax(e.used_max, used);
      *over += used > 1;
    }
    squares += d * d;
    size += want[i] * want[i];
    e.max = fmax(e.max, fabs(d));
    steps += fabs(d) / micro_ulp(&s->ref, want[i]);
  }
  e.rms = sqrt(squares / (double)n);
  e.rms_state = sqrt(size / (double)n);
  e.rel_l2 = size > 0 ? sqrt(squares / size) : NAN;
  e.ulp_mean = steps / (double)n;
  e.pearson = gsl_stats_correlation(want, 1, got, 1, n);
  return e;
}

/* The median channel's error beside that of all together. */
static void put_channels(StateError *e, const StateTrack *s, int t, Arena scratch) {
  const size_t E = (size_t)s->E, N = (size_t)s->N, first = (size_t)t * E * N;
  PartSquares channels = part_squares(&scratch, E);
  double *room = ARENA_NEW(&scratch, double, E);
  row_squares_add(s->ref.want + first, s->got + first, E, N, channels);
  e->rel_l2_median = part_errors_of(channels, E, room).median;
  for (size_t i = 0; i < E; i++)
    room[i] = isfinite(channels.error2[i]) ? sqrt(channels.error2[i] / (double)N) : INFINITY;
  e->rms_median = quantile_of(room, E, 0.5);
}

/* The sampled tokens: every one of a short scan, else geometrically spread, the last among them. */
static int sample_tokens(int T, int token[STATE_TOKENS]) {
  int count = 0;
  for (int i = 0; i < STATE_TOKENS; i++) {
    int t = T <= STATE_TOKENS ? i : (int)lround(pow(T, (double)i / (STATE_TOKENS - 1))) - 1;
    if (t < T && (count == 0 || t > token[count - 1])) token[count++] = t;
  }
  return count;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* How long each state remembers, and how large its error is at the end. */
static void put_worst(StateDrift *row, const StateTrack *s, const Operator *o, Arena scratch) {
  const size_t n = (size_t)s->E * (size_t)s->N, last = (size_t)(s->T - 1) * n,
               all = (size_t)o->in[SCAN_U].cols;
  double *memory = ARENA_NEW(&scratch, double, n), *error = ARENA_NEW(&scratch, double, n);
  size_t worst = 0;
  for (size_t i = 0; i < n; i++) {
    size_t e = i / (size_t)s->N;
    double delta = gsl_stats_mean(o->out[0].ref.want + e, all, (size_t)s->T);
    memory[i] = 1 / (delta * exp(tensor_value(&o->in[SCAN_A_LOG], i)));
    error[i] = fabs(s->got[last + i] - s->ref.want[last + i]);
    if (error[i] > error[worst]) worst = i;
  }
  row->worst_channel = row->worst_state = -1;
  row->memory_correlation = row->worst_error = row->worst_used = row->worst_decay =
      row->worst_memory = NAN;
  if (!(error[worst] > 0)) return;
  row->worst_channel = (int32_t)(worst / (size_t)s->N);
  row->worst_state = (int32_t)(worst % (size_t)s->N);
  row->worst_error = error[worst];
  row->worst_used = bound_used(&s->ref, last + worst, s->got[last + worst]);
  row->worst_memory = memory[worst];
  row->worst_decay = exp(-1 / memory[worst]);
  row->memory_correlation =
      gsl_stats_spearman(memory, 1, error, 1, n, ARENA_NEW(&scratch, double, 2 * n));
}

void state_measure(MicroRows *rows, int item, const Operator *o, Arena scratch) {
  StateTrack s;
  state_track(&scratch, o, &s);
  StateDrift *row = &rows->drift[rows->drifts++];
  *row = (StateDrift){
      .item = item, .tokens = s.T, .channels = s.E, .states = s.N, .pearson_min = INFINITY};
  int sample[STATE_TOKENS] = {0}, count = sample_tokens(s.T, sample), next = 0;
  double *token = ARENA_NEW(&scratch, double, count), *rms = ARENA_NEW(&scratch, double, count);
  StateError *kept = rows->state + rows->states;
  for (int t = 0; t < s.T; t++) {
    StateError e = error_at(&s, item, t, &row->over_bound);
    row->used_max = fmax(row->used_max, e.used_max);
    row->pearson_min = fmin(row->pearson_min, e.pearson);
    if (next == count || sample[next] != t) continue;
    token[next] = t + 1;
    rms[next] = e.rms;
    put_channels(&e, &s, t, scratch);
    kept[next++] = e;
  }
  rows->states += (size_t)count;
  if (isinf(row->pearson_min)) row->pearson_min = NAN;
  row->rms_first = kept[0].rms;
  row->rms_last = kept[count - 1].rms;
  row->max_last = kept[count - 1].max;
  row->rms_median_first = kept[0].rms_median;
  row->rms_median_last = kept[count - 1].rms_median;
  row->ulp_first = kept[0].ulp_mean;
  row->ulp_last = kept[count - 1].ulp_mean;
  StateLaw law = state_fit(token, rms, (size_t)count, scratch);
  row->power = law.power;
  row->power_low = law.power_low;
  row->power_high = law.power_high;
  row->power_residual = law.power_residual;
  row->level = law.level;
  row->level_low = law.level_low;
  row->level_high = law.level_high;
  row->tokens_to_level = law.tokens_to_level;
  row->level_residual = law.level_residual;
  table_text(row->law, sizeof row->law, law.law);
  put_worst(row, &s, o, scratch);
}
