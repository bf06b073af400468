#include "measure/evaluation.h"

#include <gsl/gsl_math.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/quantiles.h"
#include "measure/sample.h"

/* --- one window ------------------------------------------------------------------------------- */

size_t evaluation_window_bytes(int rows, int vocab) {
  return (size_t)rows * (sizeof(EvaluationPosition) + sizeof(double)) +
         evaluation_positions_bytes(vocab) + quantiles_scratch_bytes();
}

void evaluation_window(const Tensor *reference, const Tensor *logits, const int32_t *target,
                       Predicted *each, EvaluationWindow *row, Arena scratch) {
  EvaluationPosition *at = ARENA_NEW(&scratch, EvaluationPosition, logits->rows);
  evaluation_positions(reference, logits, target, at, scratch);
  evaluation_window_of(at, logits->rows, each, row, scratch);
}

void evaluation_window_of(const EvaluationPosition *at, int T, Predicted *each,
                          EvaluationWindow *row, Arena scratch) {
  static const double shares[] = {0.5, 0.99, 1};
  double *kl = ARENA_NEW(&scratch, double, T), quantile[3], nats = 0, kl_sum = 0;
  int agreeing = 0, right = 0, nonfinite = 0;
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
  table_text(e.mode, sizeof e.mode, rows->mode);
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
  table_text(pair.base, sizeof pair.base, base->mode);
  table_text(pair.other, sizeof pair.other, other->mode);
  table_text(pair.metric, sizeof pair.metric, metric->name);
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
