/* sample: a figure over prompts, or windows, in the order of the text, as far as it can be said: interval.h with what a
 * run brings along.
 *   - A prompt without a finite value is left out and counted; who calls names it.
 *   - Neighbours whose values are alike say less than as many strangers. Where their correlation is above
 *     sample_alike, and above chance, means of blocks of 2, 4, 8 … neighbours are the unit, until theirs are not, or
 *     SAMPLE_UNITS_LEAST blocks are left.
 * The figure is the mean (of logarithms: the geometric mean) of all finite values, whatever the unit is.
 *
 * How often an interval at 95 % holds the mean of the whole text, measured on the 533 windows of 512 tokens of the
 * shipped test text as the population, drawn again 2,000 times: see tests/test_coverage.c. */
#ifndef DS_MEASURE_SAMPLE_H
#define DS_MEASURE_SAMPLE_H
#include "measure/interval.h"

static const double sample_alike = 0.2;
enum { SAMPLE_UNITS_LEAST = 4 };

typedef enum SampleScale {
  SAMPLE_VALUES,
  SAMPLE_SHARES, /* proportions of a prompt's tokens: the interval is cut to [0, 1] */
  SAMPLE_LOGS    /* values > 0: errors, factors */
} SampleScale;

typedef struct Sample {
  double value, low, high;
  double se;     /* standard error of the mean; of the logarithm in SAMPLE_LOGS */
  double p;      /* that there is no difference: a mean of 0, a factor of 1; for differences and factors */
  double needed; /* prompts that would tell such a one (interval_needed); NaN: no number */
  double lag1;   /* correlation of neighbouring prompts */
  int prompts;   /* with a finite value */
  int left_out;  /* without */
  int block;     /* prompts in a unit */
} Sample;

/* Values that are not finite are left out; in SAMPLE_LOGS a 0 makes the figure 0, without an interval. */
Sample sample_of(const double *value, size_t n, SampleScale scale, Arena scratch);
/* Whether the interval leaves out what stands for no difference: 0, of logarithms 1. False where there is none. */
bool sample_tells(const Sample *s, SampleScale scale);
#endif
