#include "measure/sample.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

/* The finite values, as the interval is made of them; false where one is a 0 that has no
 * logarithm. */
static bool keep_finite(const double *value, size_t n, SampleScale scale, double *kept,
                        size_t *count) {
  bool usable = true;
  *count = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(value[i])) continue;
    usable &= scale != SAMPLE_LOGS || value[i] > 0;
    kept[(*count)++] = scale == SAMPLE_LOGS ? log(value[i]) : value[i];
  }
  return usable;
}

/* The units' values replace `unit`; how many. */
static size_t make_units(const double *kept, size_t n, double *unit, int *block) {
  size_t units = interval_blocks(kept, n, 1, unit);
  for (*block = 1; interval_neighbours_alike(unit, units, sample_alike); *block *= 2) {
    size_t length = 2 * (size_t)*block;
    if ((n + length - 1) / length < SAMPLE_UNITS_LEAST) break;
    units = interval_blocks(kept, n, length, unit);
  }
  return units;
}

static double back(double x, SampleScale scale) { return scale == SAMPLE_LOGS ? exp(x) : x; }

Sample sample_of(const double *value, size_t n, SampleScale scale, Arena scratch) {
  double *kept = ARENA_NEW(&scratch, double, n), *unit = ARENA_NEW(&scratch, double, n);
  size_t count;
  bool usable = keep_finite(value, n, scale, kept, &count);
  Sample s = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, (int)count, (int)(n - count), 1};
  if (count == 0) return s;
  double mean = usable ? gsl_stats_mean(kept, 1, count) : -INFINITY;
  s.value = back(mean, scale);
  if (count < 2 || !usable) return s;
  s.lag1 = interval_lag1(kept, count);
  size_t units = make_units(kept, count, unit, &s.block);
  double sd = gsl_stats_sd(unit, 1, units),
         t = gsl_cdf_tdist_Pinv((1 + interval_level) / 2, (double)units - 1);
  s.se = sd / sqrt((double)units);
  s.low = back(mean - t * s.se, scale);
  s.high = back(mean + t * s.se, scale);
  if (scale == SAMPLE_SHARES) s.low = fmax(0, s.low), s.high = fmin(1, s.high);
  s.p = interval_p(mean, sd, units, 0);
  s.needed = s.block * interval_needed(mean, sd, 0);
  return s;
}

bool sample_tells(const Sample *s, SampleScale scale) {
  double none = scale == SAMPLE_LOGS ? 1 : 0;
  return s->low > none || s->high < none;
}
