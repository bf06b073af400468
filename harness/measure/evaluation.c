#include "measure/evaluation.h"

#include <gsl/gsl_math.h>
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/quantiles.h"
#include "family/trace.h"
#include "kernels/room.h"
#include "measure/sample.h"
#include "reference/math64.h"

/* --- one window ------------------------------------------------------------------------------- */

/* Sums in so many lanes, element i in lane i % LANES, then lane by lane. */
enum { LANES = 16 };

static double lanes_in_order(const double *lane) {
  double sum = 0;
  for (int l = 0; l < LANES; l++) sum += lane[l];
  return sum;
}

/* Where the largest of n stands; -1 where a value is not finite. */
ROOM_CLONES static int argmax(const double *x, int n) {
  int top = 0;
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i] * 0; /* NaN where one is not finite */
  if (sum != 0) return -1;
  for (int i = 1; i < n; i++)
    if (x[i] > x[top]) top = i;
  return top;
}

/* x <- x - log sum exp x, the largest taken out first: the sum is 1 or more. */
ROOM_CLONES static void log_softmax(double *x, int n, double largest) {
  double lane[LANES] = {0};
  int i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) lane[l] += exp64(x[i + l] - largest);
  for (int l = 0; i < n; i++, l++) lane[l] += exp64(x[i] - largest);
  const double log_sum = largest + log1p64(lanes_in_order(lane) - 1);
  for (i = 0; i < n; i++) x[i] -= log_sum;
}

/* (e^d - 1 - d) / d^2 for |d| < 1: its series, the last term below 1e-19. */
ROOM_FN double half_square(double d) {
  static const double term[] = {1.0 / 2,
                                1.0 / 6,
                                1.0 / 24,
                                1.0 / 120,
                                1.0 / 720,
                                1.0 / 5040,
                                1.0 / 40320,
                                1.0 / 362880,
                                1.0 / 3628800,
                                1.0 / 39916800,
                                1.0 / 479001600,
                                1.0 / 6227020800,
                                1.0 / 87178291200,
                                1.0 / 1307674368000,
                                1.0 / 20922789888000,
                                1.0 / 355687428096000,
                                1.0 / 6402373705728000,
                                1.0 / 121645100408832000};
  enum { TERMS = sizeof term / sizeof *term };
  double y = term[TERMS - 1];
  for (int k = TERMS - 2; k >= 0; k--) y = fma(y, d, term[k]);
  return y;
}

/* Sum of p log(p / q), natural, written with d = log q - log p as sum of p (e^d - 1 - d): the sums
 * of p and of q being 1, that is the same, but its terms are never negative. Nothing cancels where
 * two modes are close and KL is of the order of d^2. */
ROOM_FN double divergence_of(double log_p, double log_q) {
  const double d = log_q - log_p, p = exp64(log_p);
  const double near = p * d * d * half_square(d), far = exp64(log_q) - p - p * d;
  return fabs(d) < 1 ? near : far;
}

ROOM_CLONES static double divergence(const double *log_p, const double *log_q, int n) {
  double lane[LANES] = {0};
  int i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) lane[l] += divergence_of(log_p[i + l], log_q[i + l]);
  for (int l = 0; i < n; i++, l++) lane[l] += divergence_of(log_p[i], log_q[i]);
  return lanes_in_order(lane);
}

static void row_values(const Tensor *t, int row, double *out) {
  Tensor view = tensor_rows(t, row, 1);
  tensor_values(&view, out);
}

static EvaluationPosition position_of(const Tensor *reference, const Tensor *logits, int t,
                                      int32_t target, double *p, double *q) {
  const int vocab = logits->cols;
  row_values(logits, t, q);
  if (reference) row_values(reference, t, p);
  const int top_q = argmax(q, vocab), top_p = reference ? argmax(p, vocab) : top_q;
  if (top_p < 0 || top_q < 0) return (EvaluationPosition){NAN, NAN, false, false};
  log_softmax(q, vocab, q[top_q]);
  if (reference) log_softmax(p, vocab, p[top_p]);
  return (EvaluationPosition){-q[target], reference ? divergence(p, q, vocab) : 0, top_p == top_q,
                              top_q == target};
}

size_t evaluation_positions_bytes(int vocab) {
  return 2 * (size_t)omp_get_max_threads() * (size_t)vocab * sizeof(double) + 4096;
}

void evaluation_positions(const Tensor *reference, const Tensor *logits, const int32_t *target,
                          EvaluationPosition *at, Arena scratch) {
  const size_t vocab = (size_t)logits->cols;
  double *room = arena_room(&scratch, 2 * (size_t)omp_get_max_threads() * vocab, sizeof *room);
#pragma omp parallel for
  for (int t = 0; t < logits->rows; t++) {
    double *p = room + 2 * (size_t)omp_get_thread_num() * vocab;
    at[t] = position_of(reference, logits, t, target[t], p, p + vocab);
  }
}

size_t evaluation_window_bytes(int rows, int vocab) {
  return (size_t)rows * (sizeof(EvaluationPosition) + sizeof(double)) +
         evaluation_positions_bytes(vocab) + quantiles_scratch_bytes();
}

void evaluation_window(const Tensor *reference, const Tensor *logits, const int32_t *target,
                       Predicted *each, EvaluationWindow *row, Arena scratch) {
  static const double shares[] = {0.5, 0.99, 1};
  int T = logits->rows;
  double *kl = ARENA_NEW(&scratch, double, T), quantile[3], nats = 0, kl_sum = 0;
  EvaluationPosition *at = ARENA_NEW(&scratch, EvaluationPosition, T);
  int agreeing = 0, right = 0, nonfinite = 0;
  evaluation_positions(reference, logits, target, at, scratch);
  for (int t = 0; t < T; t++) {
    if (each) each[t].bits = at[t].nats / M_LN2, each[t].kl = at[t].kl / M_LN2;
    kl[t] = at[t].kl;
    nats += at[t].nats;
    kl_sum += at[t].kl;
    agreeing += at[t].agrees;
    right += at[t].right;
    nonfinite += isnan(at[t].nats) != 0;
  }
  row->tokens = T;
  row->nonfinite = nonfinite;
  row->bits = row->kl_mean = row->kl_median = row->kl_p99 = row->kl_max = row->top1_agreement =
      row->top1_accuracy = NAN;
  if (nonfinite || T == 0) return;
  quantiles_select(kl, (size_t)T, shares, 3, quantile, scratch);
  row->bits = nats / T / M_LN2;
  row->kl_mean = kl_sum / T / M_LN2;
  row->kl_median = quantile[0] / M_LN2;
  row->kl_p99 = quantile[1] / M_LN2;
  row->kl_max = quantile[2] / M_LN2;
  row->top1_agreement = (double)agreeing / T;
  row->top1_accuracy = (double)right / T;
}

/* --- over windows ----------------------------------------------------------------------------- */

bool evaluation_overlaps(const EvaluationWindow *row, int windows) {
  for (int w = 1; w < windows; w++)
    if (row[w].first - row[w - 1].first <= row[w - 1].tokens)
      return true; /* a window is its tokens and one in front */
  return false;
}

static Sample sample_of_column(const EvaluationWindow *row, int windows, size_t offset,
                               SampleScale scale, Arena scratch) {
  double *value = ARENA_NEW(&scratch, double, windows);
  for (int w = 0; w < windows; w++) value[w] = table_double(&row[w], offset);
  return sample_of(value, (size_t)windows, scale, scratch);
}

/* Tokens of the finite windows, in clusters; where neighbours are alike, the wider of that and of
 * blocks. */
static void put_share(const EvaluationWindow *row, int windows, size_t offset, double *low,
                      double *high, Arena scratch) {
  int64_t *hits = ARENA_NEW(&scratch, int64_t, windows),
          *trials = ARENA_NEW(&scratch, int64_t, windows);
  size_t n = 0;
  for (int w = 0; w < windows; w++) {
    double share = table_double(&row[w], offset);
    if (!isfinite(share)) continue;
    trials[n] = row[w].tokens;
    hits[n++] = llround(share * row[w].tokens);
  }
  Sampled clustered = interval_of_shares(hits, trials, n, scratch);
  Sample blocks = sample_of_column(row, windows, offset, SAMPLE_SHARES, scratch);
  *low = fmin(clustered.low, blocks.low);
  *high = fmax(clustered.high, blocks.high);
}

Evaluation evaluation_of(const EvaluationWindow *rows, int windows, Arena scratch) {
  Evaluation e = {.windows = windows};
  bool overlap = evaluation_overlaps(rows, windows);
  snprintf(e.mode, sizeof e.mode, "%s", rows->mode);
#define FIGURE(member, scale)                                                                      \
  do {                                                                                             \
    Sample s =                                                                                     \
        sample_of_column(rows, windows, offsetof(EvaluationWindow, member), scale, scratch);       \
    e.member = s.value;                                                                            \
    e.member##_se = overlap ? NAN : s.se;                                                          \
  } while (0)
  FIGURE(bits, SAMPLE_VALUES);
  FIGURE(kl_mean, SAMPLE_VALUES);
  FIGURE(kl_median, SAMPLE_VALUES);
  FIGURE(kl_p99, SAMPLE_VALUES);
  FIGURE(kl_max, SAMPLE_VALUES);
  FIGURE(top1_agreement, SAMPLE_SHARES);
  FIGURE(top1_accuracy, SAMPLE_SHARES);
#undef FIGURE
  e.top1_agreement_low = e.top1_agreement_high = e.top1_accuracy_low = e.top1_accuracy_high = NAN;
  if (!overlap) {
    put_share(rows, windows, offsetof(EvaluationWindow, top1_agreement), &e.top1_agreement_low,
              &e.top1_agreement_high, scratch);
    put_share(rows, windows, offsetof(EvaluationWindow, top1_accuracy), &e.top1_accuracy_low,
              &e.top1_accuracy_high, scratch);
  }
  Sample kl =
      sample_of_column(rows, windows, offsetof(EvaluationWindow, kl_mean), SAMPLE_LOGS, scratch);
  e.kl_geometric = kl.value;
  e.kl_geometric_low = overlap ? NAN : kl.low;
  e.kl_geometric_high = overlap ? NAN : kl.high;
  Sample bits =
      sample_of_column(rows, windows, offsetof(EvaluationWindow, bits), SAMPLE_VALUES, scratch);
  e.left_out = bits.left_out;
  e.lag1 = bits.lag1;
  e.block = bits.block;
  e.kl_worst = NAN;
  for (int w = 0; w < windows; w++) {
    e.kl_worst = fmax(e.kl_worst, rows[w].kl_max); /* NaN is passed over */
    e.nonfinite += rows[w].nonfinite;
  }
  e.perplexity = exp2(e.bits);
  e.perplexity_se = e.perplexity * M_LN2 * e.bits_se;
  return e;
}

/* --- two modes -------------------------------------------------------------------------------- */

const EvaluationMetric evaluation_metrics[EVALUATION_METRICS] = {
    {"bits", offsetof(EvaluationWindow, bits), SAMPLE_VALUES, true, true},
    {"kl_factor", offsetof(EvaluationWindow, kl_mean), SAMPLE_LOGS, true, false},
    {"top1_agreement", offsetof(EvaluationWindow, top1_agreement), SAMPLE_VALUES, false, false},
    {"top1_accuracy", offsetof(EvaluationWindow, top1_accuracy), SAMPLE_VALUES, false, true},
};

/* Of each window the difference, or the factor; of the windows that are finite in both modes each
 * mode's own value. Returns whether all windows are, and no difference is there. */
static bool fill_differences(EvaluationPair *pair, const EvaluationMetric *metric,
                             const EvaluationWindow *base, const EvaluationWindow *other,
                             int windows, double *difference, Arena scratch) {
  double *x = ARENA_NEW(&scratch, double, windows), *y = ARENA_NEW(&scratch, double, windows);
  bool identical = true;
  for (int w = 0; w < windows; w++) {
    x[w] = table_double(&base[w], metric->offset);
    y[w] = table_double(&other[w], metric->offset);
    difference[w] = metric->scale == SAMPLE_LOGS ? y[w] / x[w] : y[w] - x[w];
    identical &= x[w] == y[w];
    if (!isfinite(difference[w])) x[w] = y[w] = NAN;
  }
  pair->base_value = sample_of(x, (size_t)windows, metric->scale, scratch).value;
  pair->other_value = sample_of(y, (size_t)windows, metric->scale, scratch).value;
  return identical;
}

/* Why nothing is said; "" where something is. */
static const char *withheld(const Sample *s, bool overlap) {
  return s->prompts < 2 ? "few" : overlap ? "overlap" : "";
}

EvaluationPair evaluation_pair(const EvaluationMetric *metric, const EvaluationWindow *base,
                               const EvaluationWindow *other, int windows, Arena scratch) {
  EvaluationPair pair = {
      .se = NAN, .low = NAN, .high = NAN, .p = NAN, .holm = NAN, .windows_needed = NAN};
  pair.top_share = pair.reached_share = pair.reached_part = pair.apart = pair.apart_low =
      pair.apart_high = NAN;
  double *difference = ARENA_NEW(&scratch, double, windows);
  snprintf(pair.base, sizeof pair.base, "%s", base->mode);
  snprintf(pair.other, sizeof pair.other, "%s", other->mode);
  snprintf(pair.metric, sizeof pair.metric, "%s", metric->name);
  bool identical = fill_differences(&pair, metric, base, other, windows, difference, scratch);
  Sample s = sample_of(difference, (size_t)windows, metric->scale, scratch);
  pair.windows = s.prompts;
  pair.left_out = s.left_out;
  pair.diff = s.value;
  pair.lag1 = s.lag1;
  pair.block = s.block;
  const char *answer = "undecided", *reason = withheld(&s, evaluation_overlaps(base, windows));
  if (identical) {
    answer = "identical";
  } else if (*reason) {
    answer = "unknown";
    table_text(pair.reason, sizeof pair.reason, reason);
  } else {
    pair.se = s.se;
    pair.low = s.low;
    pair.high = s.high;
    pair.p = s.p;
    pair.windows_needed = s.needed;
    bool less = pair.diff < (metric->scale == SAMPLE_LOGS ? 1 : 0);
    if (sample_tells(&s, metric->scale))
      answer = less == metric->less_is_better ? "better" : "worse";
  }
  table_text(pair.answer, sizeof pair.answer, answer);
  return pair;
}

void evaluation_holm(EvaluationPair *pair, int pairs, Arena scratch) {
  double *p = ARENA_NEW(&scratch, double, pairs);
  EvaluationPair **of = ARENA_NEW(&scratch, EvaluationPair *, pairs);
  for (int m = 0; m < EVALUATION_METRICS; m++) {
    size_t asked = 0;
    for (int i = 0; i < pairs; i++)
      if (!strcmp(pair[i].metric, evaluation_metrics[m].name))
        p[asked] = pair[i].p, of[asked++] = &pair[i];
    interval_holm(p, asked, p, scratch);
    for (size_t i = 0; i < asked; i++) of[i]->holm = p[i];
  }
}
