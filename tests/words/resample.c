#include "resample.h"

#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdlib.h>

#include "base/quantiles.h"

static void draw_prompts(gsl_rng *rng, uint16_t *times, int prompts) {
  for (int i = 0; i < prompts; i++) times[gsl_rng_uniform_int(rng, (unsigned long)prompts)]++;
}

Resampling resampling_of(Arena *arena, int prompts, int64_t seed) {
  uint16_t *times = ARENA_NEW(arena, uint16_t, RESAMPLES * (size_t)prompts);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  if (!rng) { /* GSL passes a failed allocation on to here */
    arena->exhausted(0, (size_t)(arena->end - arena->base));
    abort();
  }
  gsl_rng_set(rng, (unsigned long)seed);
  for (size_t b = 0; b < RESAMPLES; b++) draw_prompts(rng, times + b * (size_t)prompts, prompts);
  gsl_rng_free(rng);
  return (Resampling){prompts, times};
}

Interval interval_of(double *value, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (isnan(value[i])) return (Interval){NAN, NAN};
  if (count == 0) return (Interval){NAN, NAN};
  double low = quantile_of(value, count, (1 - resample_level) / 2);
  return (Interval){low, quantile_of(value, count, (1 + resample_level) / 2)};
}
