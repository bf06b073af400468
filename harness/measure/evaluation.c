#include "measure/evaluation.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_rstat.h>
#include <gsl/gsl_sf_exp.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/quantiles.h"
#include "model/trace.h"

static const double level = 0.95, power = 0.8;

/* --- one window -----------------------------------------------------------------------------------------------------
 */

/* x <- x - log sum exp x, the largest taken out first. Returns where the largest stands; -1 where a value is not
 * finite. */
static int log_softmax(double *x, int n) {
  int top = 0;
  bool finite = true;
  for (int i = 0; i < n; i++) {
    finite &= isfinite(x[i]) != 0;
    if (x[i] > x[top]) top = i;
  }
  if (!finite) return -1;
  double sum = 0, largest = x[top];
  for (int i = 0; i < n; i++) sum += exp(x[i] - largest);
  double log_sum = largest + log(sum);
  for (int i = 0; i < n; i++) x[i] -= log_sum;
  return top;
}

/* Sum of p log(p / q), natural, written with d = log q - log p as sum of p (e^d - 1 - d): the sums of p and of q being
 * 1, that is the same, but its terms are never negative. Nothing cancels where two modes are close and KL is of the
 * order of d^2. */
static double divergence(const double *log_p, const double *log_q, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) {
    double d = log_q[i] - log_p[i], p = exp(log_p[i]);
    sum += fabs(d) < 1 ? p * d * d / 2 * gsl_sf_exprel_2(d) : exp(log_q[i]) - p - p * d;
  }
  return sum;
}

static void row_values(const Tensor *t, int row, double *out) {
  Tensor view = *t;
  view.data = (char *)t->data + (size_t)row * (size_t)t->stride * type_size(t->type);
  view.rows = 1;
  tensor_values(&view, out);
}

size_t evaluation_window_bytes(int rows, int vocab) {
  return ((size_t)rows + 2 * (size_t)vocab + 64) * sizeof(double) + quantiles_scratch_bytes();
}

void evaluation_window(const Tensor *reference, const Tensor *logits, const int32_t *target, EvaluationWindow *row,
                       Arena scratch) {
  static const double shares[] = {0.5, 0.99, 1};
  int T = logits->rows, vocab = logits->cols;
  double *kl = ARENA_NEW(&scratch, double, T), *p = ARENA_NEW(&scratch, double, vocab),
         *q = ARENA_NEW(&scratch, double, vocab), quantile[3];
  double nats = 0, kl_sum = 0;
  int agreeing = 0, right = 0, nonfinite = 0;
  for (int t = 0; t < T; t++) {
    row_values(reference, t, p);
    row_values(logits, t, q);
    int top_p = log_softmax(p, vocab), top_q = log_softmax(q, vocab);
    if (top_p < 0 || top_q < 0) {
      nonfinite++;
      continue;
    }
    nats -= q[target[t]];
    kl[t] = divergence(p, q, vocab);
    kl_sum += kl[t];
    agreeing += top_p == top_q;
    right += top_q == target[t];
  }
  row->tokens = T;
  row->nonfinite = nonfinite;
  row->bits = row->kl_mean = row->kl_median = row->kl_p99 = row->kl_max = row->top1_agreement = row->top1_accuracy =
      NAN;
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

/* --- over windows ---------------------------------------------------------------------------------------------------
 */

/* Standard error of the mean of n values that stand `stride` doubles apart; NaN for a single one. */
static double standard_error(const double *x, size_t stride, int n) {
  return n > 1 ? gsl_stats_sd(x, stride, (size_t)n) / sqrt(n) : NAN;
}

Evaluation evaluation_of(const EvaluationWindow *rows, int windows) {
  enum { STRIDE = sizeof(EvaluationWindow) / sizeof(double) };
  _Static_assert(sizeof(EvaluationWindow) % sizeof(double) == 0, "a column is read with a stride of whole doubles");
  Evaluation e = {.windows = windows};
  snprintf(e.mode, sizeof e.mode, "%s", rows->mode);
#define FIGURE(member)                                                                                                 \
  (e.member = gsl_stats_mean(&rows->member, STRIDE, (size_t)windows),                                                  \
   e.member##_se = standard_error(&rows->member, STRIDE, windows))
  FIGURE(bits);
  FIGURE(kl_mean);
  FIGURE(kl_median);
  FIGURE(kl_p99);
  FIGURE(kl_max);
  FIGURE(top1_agreement);
  FIGURE(top1_accuracy);
#undef FIGURE
  e.kl_worst = gsl_stats_max(&rows->kl_max, STRIDE, (size_t)windows);
  e.perplexity = exp2(e.bits);
  e.perplexity_se = e.perplexity * M_LN2 * e.bits_se;
  for (int w = 0; w < windows; w++) e.nonfinite += rows[w].nonfinite;
  return e;
}

/* --- two modes ------------------------------------------------------------------------------------------------------
 */

const EvaluationMetric evaluation_metrics[EVALUATION_METRICS] = {
    {"bits", offsetof(EvaluationWindow, bits), true, true},
    {"kl_mean", offsetof(EvaluationWindow, kl_mean), true, false},
    {"top1_agreement", offsetof(EvaluationWindow, top1_agreement), false, false},
    {"top1_accuracy", offsetof(EvaluationWindow, top1_accuracy), false, true},
};

static double value_of(const EvaluationMetric *metric, const EvaluationWindow *row) {
  return table_double(row, metric->offset);
}

/* The rule of the header. Student's quantiles are larger than the normal ones, so those give a start from below; for
 * large n the two meet, and the start is within a few windows. */
static double windows_needed(double diff, double sd) {
  double ratio = sd / fabs(diff), z = gsl_cdf_ugaussian_Pinv((1 + level) / 2) + gsl_cdf_ugaussian_Pinv(power);
  if (!(ratio < 1e6)) return NAN; /* a difference of rounding */
  double n = fmax(2, ceil(z * z * ratio * ratio));
  for (int step = 0; step < 64; step++, n++) {
    double t = gsl_cdf_tdist_Pinv((1 + level) / 2, n - 1) + gsl_cdf_tdist_Pinv(power, n - 1);
    if (n >= t * t * ratio * ratio) break;
  }
  return n;
}

/* Means of both sides, and mean and standard deviation of the difference; whether it is zero in every window. */
static bool fill_differences(EvaluationPair *pair, const EvaluationMetric *metric, const EvaluationWindow *base,
                             const EvaluationWindow *other, double *sd) {
  gsl_rstat_workspace *a = gsl_rstat_alloc(), *b = gsl_rstat_alloc(), *d = gsl_rstat_alloc();
  bool identical = true;
  for (int w = 0; w < pair->windows; w++) {
    double x = value_of(metric, &base[w]), y = value_of(metric, &other[w]);
    gsl_rstat_add(x, a);
    gsl_rstat_add(y, b);
    gsl_rstat_add(y - x, d);
    identical &= x == y;
  }
  pair->base_value = gsl_rstat_mean(a);
  pair->other_value = gsl_rstat_mean(b);
  pair->diff = gsl_rstat_mean(d);
  *sd = gsl_rstat_sd(d);
  gsl_rstat_free(a);
  gsl_rstat_free(b);
  gsl_rstat_free(d);
  return identical;
}

EvaluationPair evaluation_pair(const EvaluationMetric *metric, const EvaluationWindow *base,
                               const EvaluationWindow *other, int windows) {
  EvaluationPair pair = {.windows = windows, .se = NAN, .low = NAN, .high = NAN, .windows_needed = NAN};
  snprintf(pair.base, sizeof pair.base, "%s", base->mode);
  snprintf(pair.other, sizeof pair.other, "%s", other->mode);
  snprintf(pair.metric, sizeof pair.metric, "%s", metric->name);
  double sd;
  bool identical = fill_differences(&pair, metric, base, other, &sd);
  const char *answer = "undecided";
  if (identical) {
    answer = "identical";
  } else if (windows < 2 || !isfinite(pair.diff)) {
    answer = "unknown";
  } else {
    double t = gsl_cdf_tdist_Pinv((1 + level) / 2, windows - 1);
    pair.se = sd / sqrt(windows);
    pair.low = pair.diff - t * pair.se;
    pair.high = pair.diff + t * pair.se;
    pair.windows_needed = windows_needed(pair.diff, sd);
    if (pair.low > 0 || pair.high < 0) answer = (pair.diff < 0) == metric->less_is_better ? "better" : "worse";
  }
  snprintf(pair.answer, sizeof pair.answer, "%s", answer);
  return pair;
}
