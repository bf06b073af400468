/* resample: the percentile bootstrap, which the program does not use: as many prompts as there are,
 * drawn with replacement. With few prompts it is too narrow (measure/shape.h has how much), and
 * this is here to measure that. The same seed gives the same draws. */
#ifndef DS_TESTS_WORDS_RESAMPLE_H
#define DS_TESTS_WORDS_RESAMPLE_H
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

/* Holds the middle resample_level of `count` values, which it reorders; {NaN, NaN} where any is NaN
 * or there is none. */
Interval interval_of(double *value, size_t count);
#endif
