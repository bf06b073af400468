/* resample: how far a figure moves with other prompts. The draws are made once from the seed and
 * serve every layer, tensor and pair alike, so that what is compared was drawn together, and the same seed gives the
 * same intervals.
 *
 * Prompts: the percentile bootstrap: as many prompts as there are, drawn with replacement. With few prompts it is too
 * narrow (of 16 it covers some 91 % where it says 95). */
#ifndef DS_MEASURE_RESAMPLE_H
#define DS_MEASURE_RESAMPLE_H
#include <stdint.h>

#include "base/arena.h"
#include "measure/interval.h"

enum { RESAMPLES = 2000 };
static const double resample_level = 0.95;

typedef struct Resampling {
  int prompts;
  const uint16_t *times; /* [RESAMPLES][prompts]: how often each was drawn; sums to `prompts` */
} Resampling;

/* In the arena. */
Resampling resampling_of(Arena *arena, int prompts, int64_t seed);

/* Holds the middle resample_level of `count` values, which it reorders; {NaN, NaN} where any is NaN or there is none.
 */
Interval interval_of(double *value, size_t count);
#endif
