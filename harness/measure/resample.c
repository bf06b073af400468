#include "measure/resample.h"

#include <gsl/gsl_rng.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

static void draw_prompts(gsl_rng *rng, uint16_t *times, int prompts) {
  for (int i = 0; i < prompts; i++) times[gsl_rng_uniform_int(rng, (unsigned long)prompts)]++;
}

static void take_steps(gsl_rng *rng, uint8_t *taken, int steps) {
  for (int i = 0; i < steps; i++) taken[i] = (uint8_t)gsl_rng_uniform_int(rng, 2);
}

Resampling resampling_of(Arena *arena, int prompts, int steps, int64_t seed) {
  uint16_t *times = ARENA_NEW(arena, uint16_t, RESAMPLES * (size_t)prompts);
  uint8_t *taken = ARENA_NEW(arena, uint8_t, RESAMPLES * (size_t)steps);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  if (!rng) { /* GSL passes a failed allocation on to here */
    arena->exhausted(0, (size_t)(arena->end - arena->base));
    abort();
  }
  gsl_rng_set(rng, (unsigned long)seed);
  for (size_t b = 0; b < RESAMPLES; b++) draw_prompts(rng, times + b * (size_t)prompts, prompts);
  for (size_t b = 0; b < RESAMPLES; b++) take_steps(rng, taken + b * (size_t)steps, steps);
  gsl_rng_free(rng);
  return (Resampling){prompts, steps, times, taken};
}

/* gsl_stats_quantile_from_sorted_data without sorting: what stands behind a selected place is no smaller than it. */
static double quantile(double *value, size_t count, double f) {
  double place = f * (double)(count - 1);
  size_t k = (size_t)place;
  double at = gsl_stats_select(value, 1, count, k);
  if (k + 1 == count) return at;
  double pair[2] = {at, gsl_stats_min(value + k + 1, 1, count - k - 1)};
  return gsl_stats_quantile_from_sorted_data(pair, 1, 2, place - (double)k);
}

Interval interval_of(double *value, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (isnan(value[i])) return (Interval){NAN, NAN};
  if (count == 0) return (Interval){NAN, NAN};
  double low = quantile(value, count, (1 - resample_level) / 2);
  return (Interval){low, quantile(value, count, (1 + resample_level) / 2)};
}
