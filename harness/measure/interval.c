#include "measure/interval.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

/* --- over prompts ----------------------------------------------------------------------------- */

/* Student's t of a mean of n values with this deviation. */
static double half_width(double sd, size_t n) {
  return gsl_cdf_tdist_Pinv((1 + interval_level) / 2, (double)n - 1) * sd / sqrt((double)n);
}

Sampled interval_of_values(const double *value, size_t n) {
  Sampled s = {NAN, NAN, NAN, NAN, (int)n};
  if (n == 0) return s;
  s.value = gsl_stats_mean(value, 1, n);
  if (n == 1 || !isfinite(s.value)) return s;
  s.sd = gsl_stats_sd(value, 1, n);
  const double half = half_width(s.sd, n);
  s.low = s.value - half;
  s.high = s.value + half;
  return s;
}

Sampled interval_of_logs(const double *value, size_t n) {
  double mean = 0, squares = 0;
  for (size_t i = 0; i < n; i++) mean += log(value[i]) / (double)n;
  for (size_t i = 0; i < n; i++) squares += (log(value[i]) - mean) * (log(value[i]) - mean);
  Sampled s = {n ? exp(mean) : NAN, NAN, NAN, NAN, (int)n};
  if (n < 2 || !isfinite(mean)) return s;
  s.sd = sqrt(squares / (double)(n - 1));
  const double half = half_width(s.sd, n);
  s.low = exp(mean - half);
  s.high = exp(mean + half);
  return s;
}

/* --- single trials ---------------------------------------------------------------------------- */

Interval interval_wilson(int64_t hits, int64_t trials) {
  double n = (double)trials, p = (double)hits / n,
         z = gsl_cdf_ugaussian_Pinv((1 + interval_level) / 2);
  double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return (Interval){hits == 0 ? 0 : centre - half, hits == trials ? 1 : centre + half};
}

/* gsl_cdf_beta_Pinv gives up on some (a, b) of hundreds; its function halves the interval as well
 * as any. */
static double beta_quantile(double probability, double a, double b) {
  double low = 0, high = 1;
  for (int i = 0; i < 200 && high - low > 1e-15 * high; i++) {
    double middle = (low + high) / 2;
    if (gsl_cdf_beta_P(middle, a, b) < probability)
      low = middle;
    else
      high = middle;
  }
  return (low + high) / 2;
}

Interval interval_exact(int64_t hits, int64_t trials) {
  double k = (double)hits, n = (double)trials, tail = (1 - interval_level) / 2;
  return (Interval){hits == 0 ? 0 : beta_quantile(tail, k, n - k + 1),
                    hits == trials ? 1 : beta_quantile(1 - tail, k + 1, n - k)};
}

/* --- proportions, a prompt one cluster -------------------------------------------------------- */

Sampled interval_of_shares(const int64_t *hits, const int64_t *trials, size_t n, Arena scratch) {
  double *pull = ARENA_NEW(&scratch, double, n);
  int64_t all_hits = 0, all = 0;
  for (size_t i = 0; i < n; i++) {
    all_hits += hits[i];
    all += trials[i];
  }
  const double share = (double)all_hits / (double)all, size = (double)all / (double)n;
  for (size_t i = 0; i < n; i++) pull[i] = ((double)hits[i] - share * (double)trials[i]) / size;
  Sampled s = interval_of_values(pull, n);
  s.value = share;
  if (isnan(s.low)) return s;
  s.low = fmax(0, share + s.low);
  s.high = fmin(1, share + s.high);
  if (all_hits > SHARES_FEW && all - all_hits > SHARES_FEW) return s;
  Interval exact = interval_exact(all_hits, all);
  s.low = fmin(s.low, exact.low);
  s.high = fmax(s.high, exact.high);
  return s;
}

/* --- many questions --------------------------------------------------------------------------- */

double interval_p(double mean, double sd, size_t n, double null) {
  if (n < 2 || !isfinite(mean) || !isfinite(sd)) return NAN;
  if (mean == null) return 1;
  return 2 * gsl_cdf_tdist_Q(fabs(mean - null) / (sd / sqrt((double)n)), (double)n - 1);
}

void interval_holm(const double *p, size_t count, double *adjusted, Arena scratch) {
  size_t *order = ARENA_NEW(&scratch, size_t, count), asked = 0;
  double *q = ARENA_NEW(&scratch, double, count), *sorted = ARENA_NEW(&scratch, double, count);
  size_t *of = ARENA_NEW(&scratch, size_t, count);
  for (size_t i = 0; i < count; i++) {
    adjusted[i] = p[i];
    if (isnan(p[i])) continue;
    of[asked] = i;
    q[asked++] = p[i];
  }
  gsl_sort_index(order, q, 1, asked);
  for (size_t i = 0; i < asked; i++) {
    sorted[i] = fmin(1, (double)(asked - i) * q[order[i]]);
    if (i && sorted[i] < sorted[i - 1]) sorted[i] = sorted[i - 1];
    adjusted[of[order[i]]] = sorted[i];
  }
}

/* --- neighbours ------------------------------------------------------------------------------- */

double interval_lag1(const double *value, size_t n) {
  if (n < 3) return NAN;
  double mean = gsl_stats_mean(value, 1, n), product = 0, square = 0;
  for (size_t i = 0; i < n; i++) {
    square += (value[i] - mean) * (value[i] - mean);
    if (i) product += (value[i - 1] - mean) * (value[i] - mean);
  }
  return square > 0 ? product / square : NAN;
}

bool interval_neighbours_alike(const double *value, size_t n, double limit) {
  double r = interval_lag1(value, n); /* NaN is not above anything */
  return r > limit && r > gsl_cdf_ugaussian_Pinv((1 + interval_level) / 2) / sqrt((double)n);
}

size_t interval_blocks(const double *value, size_t n, size_t length, double *block) {
  size_t blocks = 0;
  for (size_t first = 0; first < n; first += length)
    block[blocks++] = gsl_stats_mean(value + first, 1, n - first < length ? n - first : length);
  return blocks;
}

/* --- how many --------------------------------------------------------------------------------- */

/* More are no number to run: what is looked for is a difference of rounding. */
static const double needed_most = 1e12;

double interval_mcnemar(int64_t a, int64_t b) {
  const unsigned n = (unsigned)(a + b), less = (unsigned)(a < b ? a : b);
  return n ? fmin(1, 2 * gsl_cdf_binomial_P(less, 0.5, n)) : 1;
}

double interval_mcnemar_needed(int64_t a, int64_t b, int64_t n) {
  const double apart = (double)(a + b) / (double)n, difference = (double)(a - b) / (double)n;
  const double root =
      gsl_cdf_ugaussian_Pinv((1 + interval_level) / 2) * sqrt(apart) +
      gsl_cdf_ugaussian_Pinv(interval_power) * sqrt(apart - difference * difference);
  const double needed = ceil(root * root / (difference * difference));
  return needed <= needed_most ? needed : NAN;
}

/* Student's quantiles are larger than the normal ones, so those give a start from below; for large
 * n the two meet, and the start is within a few prompts. */
double interval_needed(double mean, double sd, double null) {
  const double level = (1 + interval_level) / 2;
  double ratio = sd / fabs(mean - null);
  double z = gsl_cdf_ugaussian_Pinv(level) + gsl_cdf_ugaussian_Pinv(interval_power);
  if (!(z * z * ratio * ratio <= needed_most)) return NAN;
  double n = fmax(2, ceil(z * z * ratio * ratio));
  for (int step = 0; step < 64; step++, n++) {
    double t = gsl_cdf_tdist_Pinv(level, n - 1) + gsl_cdf_tdist_Pinv(interval_power, n - 1);
    if (n >= t * t * ratio * ratio) break;
  }
  return n;
}
