#include "measure/predicted.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/quantiles.h"
#include "measure/evaluation.h"
#include "measure/events.h"
#include "measure/sample.h"

void predicted_reach(const double *error2, int rows, Predicted *each) {
  double sum = 0;
  for (int t = 0; t < rows; t++)
    if (isfinite(error2[t])) sum += error2[t];
  for (int t = 0; t < rows && sum > 0; t++)
    if (isfinite(error2[t])) each[t].reach = fmax(each[t].reach, error2[t] / sum);
}

/* A window that is finite in both. */
static bool counts(const PredictedMode *a, const PredictedMode *b, int w) {
  return isfinite(a->window[w].bits) && isfinite(b->window[w].bits);
}

static double reach_of(const PredictedMode *a, const PredictedMode *b, int w, int t) {
  return fmax(a->token[w][t].reach, b->token[w][t].reach);
}

static bool in_reach(const PredictedMode *a, const PredictedMode *b, int w, int t, double share) {
  return reach_of(a, b, w, t) > event_limit(share, a->window[w].tokens);
}

double predicted_kl_median(const PredictedMode *mode, Arena scratch) {
  size_t n = 0, most = 0;
  for (int w = 0; w < mode->windows; w++) most += (size_t)mode->window[w].tokens;
  double *kl = ARENA_NEW(&scratch, double, most);
  for (int w = 0; w < mode->windows; w++)
    for (int t = 0; counts(mode, mode, w) && t < mode->window[w].tokens; t++)
      kl[n++] = mode->token[w][t].kl;
  return quantile_of(kl, n, 0.5);
}

/* --- the largest ------------------------------------------------------------------------------ */

typedef double Figure(const Predicted *base, const Predicted *other);

static double kl_of(const Predicted *base, const Predicted *other) { return (void)base, other->kl; }
static double difference(const Predicted *base, const Predicted *other) {
  return fabs(other->bits - base->bits);
}

typedef struct Place {
  int window, token;
  double figure;
} Place;

/* Keeps the list in order; an equal one stays behind those that came before it. */
static int add_place(Place *list, int count, Place place) {
  int at = count < PREDICTED_NAMED ? count++ : PREDICTED_NAMED;
  for (; at > 0 && list[at - 1].figure < place.figure; at--)
    if (at < PREDICTED_NAMED) list[at] = list[at - 1];
  if (at < PREDICTED_NAMED) list[at] = place;
  return count;
}

static int largest(const PredictedMode *base, const PredictedMode *other, Figure *figure,
                   const char *by, double share, EvaluationToken *row) {
  Place list[PREDICTED_NAMED];
  int count = 0;
  double sum = 0;
  for (int w = 0; w < other->windows; w++)
    for (int t = 0; counts(base, other, w) && t < other->window[w].tokens; t++) {
      Place place = {w, t, figure(&base->token[w][t], &other->token[w][t])};
      sum += place.figure;
      if (place.figure > 0) count = add_place(list, count, place);
    }
  for (int i = 0; i < count; i++) {
    const int w = list[i].window, t = list[i].token;
    const Predicted *a = &base->token[w][t], *b = &other->token[w][t];
    row[i] = (EvaluationToken){.rank = i + 1,
                               .window = w,
                               .position = t + 1,
                               .at = other->window[w].first + t + 1,
                               .bits_base = a->bits,
                               .bits_other = b->bits,
                               .kl_base = a->kl,
                               .kl_other = b->kl,
                               .share = list[i].figure / sum,
                               .reach = reach_of(base, other, w, t),
                               .in_reach = in_reach(base, other, w, t, share)};
    table_text(row[i].base, sizeof row[i].base, base->window->mode);
    table_text(row[i].other, sizeof row[i].other, other->window->mode);
    table_text(row[i].by, sizeof row[i].by, by);
  }
  return count;
}

int predicted_by_kl(const PredictedMode *reference, const PredictedMode *mode, double share,
                    EvaluationToken *row) {
  return largest(reference, mode, kl_of, "kl", share, row);
}

int predicted_by_bits(const PredictedMode *base, const PredictedMode *other, double share,
                      EvaluationToken *row) {
  return largest(base, other, difference, "bits", share, row);
}

/* --- all of a pair ---------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

/* What the hundredth part of the values (one at least) has of their sum; reorders them. NaN where
 * that is 0. */
static double share_of_top(double *value, size_t n) {
  const size_t top = n / 100 > 1 ? n / 100 : 1;
  double sum = 0, most = 0;
  qsort(value, n, sizeof *value, by_size);
  for (size_t i = 0; i < n; i++) sum += value[i];
  for (size_t i = 0; i < n && i < top; i++) most += value[i];
  return sum > 0 ? most / sum : NAN;
}

typedef struct PairSums {
  double sum, sizes;             /* of the differences, and of their magnitudes */
  double reached, reached_sizes; /* the same of tokens in reach */
} PairSums;

/* Adds a window's tokens to sums, magnitudes and the pair's counts. Returns the mean difference
 * without those in reach: where none is, the window's own. */
static double add_window(const PredictedMode *base, const PredictedMode *other, int w, double share,
                         PairSums *sums, double *size, EvaluationPair *pair) {
  const int tokens = base->window[w].tokens;
  double left = 0;
  int reached = 0;
  for (int t = 0; t < tokens; t++) {
    const double d = other->token[w][t].bits - base->token[w][t].bits;
    sums->sum += d, sums->sizes += fabs(d), size[pair->tokens++] = fabs(d);
    if (in_reach(base, other, w, t, share))
      sums->reached += d, sums->reached_sizes += fabs(d), reached++;
    else
      left += d;
  }
  pair->reached_tokens += reached;
  return !reached           ? other->window[w].bits - base->window[w].bits
         : reached < tokens ? left / (tokens - reached)
                            : NAN;
}

void predicted_pair(const PredictedMode *base, const PredictedMode *other, double share,
                    EvaluationPair *pair, Arena scratch) {
  const int windows = base->windows;
  size_t most = 0;
  PairSums sums = {0};
  for (int w = 0; w < windows; w++) most += (size_t)base->window[w].tokens;
  double *size = arena_room(&scratch, most, sizeof *size),
         *apart = ARENA_NEW(&scratch, double, windows);
  pair->tokens = pair->reached_tokens = 0;
  for (int w = 0; w < windows; w++)
    apart[w] = counts(base, other, w) ? add_window(base, other, w, share, &sums, size, pair) : NAN;
  pair->top_share = pair->tokens ? share_of_top(size, (size_t)pair->tokens) : NAN;
  pair->reached_share = sums.sizes > 0 ? sums.reached_sizes / sums.sizes : NAN;
  pair->reached_part = sums.sum != 0 ? sums.reached / sums.sum : NAN;
  const Sample s = sample_of(apart, (size_t)windows, SAMPLE_VALUES, scratch);
  const bool sampled = s.prompts > 1 && !evaluation_overlaps(base->window, windows);
  pair->apart = s.value;
  pair->apart_low = sampled ? s.low : NAN;
  pair->apart_high = sampled ? s.high : NAN;
}
