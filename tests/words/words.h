/* words: how often what is said of a few prompts is right, measured on a population whose truth is
 * known: the windows of the shipped text (population.h), from which a few are drawn again and
 * again, and made curves of every shape.
 *
 * The program `words` (make check-words) says it at length; tests/test_words.c holds a part of it,
 * on curves that tests/words/curves.bin keeps. */
#ifndef DS_TESTS_WORDS_WORDS_H
#define DS_TESTS_WORDS_WORDS_H
#include <gsl/gsl_rng.h>

#include "base/arena.h"
#include "measure/shape.h"
#include "population.h"

/* Curves of block_out: the median token's error and the relative L2, [pairs][windows][layers]. */
typedef struct Population {
  int windows, layers, pairs;
  int tokens; /* predicted in each window; 0 where that was not kept */
  char name[POPULATION_PAIRS][24];
  double *e, *pooled;
  End *end; /* [windows][POPULATION_SIDES]; NULL where it was not kept */
} Population;

/* Writes what population.h describes. Status 0, or 2 after a message. */
int population_run(const char *path, int length);
bool population_read(Arena *arena, const char *path, Population *population, Status *st);
/* Some pairs of it in few bytes: logarithms in steps of 1/1500. */
bool curves_write(const Population *population, const int *pair, int pairs, const char *path,
                  Arena scratch, Status *st);
bool curves_read(Arena *arena, const char *path, Population *population, Status *st);

/* The defaults of a spec. */
DriftLimits words_limits(Arena scratch);

/* --- coverage: does the interval hold the population's value? --------------------------------- */

typedef enum Quantity {
  Q_LAST,
  Q_GROWTH,
  Q_RISE,
  Q_FALL,
  Q_STEP,
  Q_QUARTER,
  Q_POOLED_GROWTH,
  Q_POOLED_LAST,      /* relative L2 of the last layer: geometric mean over prompts */
  Q_POOLED_BOOTSTRAP, /* of all prompts pooled, prompts drawn again (resample.h) */
  Q_POOLED_LINEAR,    /* of all prompts pooled, Student's t of the linearised logarithm */
  QUANTITIES
} Quantity;
extern const char *const quantity_names[QUANTITIES];

typedef struct Coverage {
  int asked[QUANTITIES], covered[QUANTITIES];
  double width[QUANTITIES]; /* sum of high / low */
  int told, wrong, cannot;  /* shapes: as the population's, another, none said */
  int wrong_needed;         /* cannot tell, and no number of prompts given */
} Coverage;

/* `draws` times: n of the windows of a pair, with replacement. */
Coverage words_coverage(const Population *population, int pair, int n, int draws,
                        const DriftLimits *limits, int64_t seed, Arena scratch);
/* The population's own row. */
DriftShape words_truth(const Population *population, int pair, const DriftLimits *limits,
                       Arena scratch);

/* What modes predict: the mean of a figure of `side` less that of the reference, or the figure
 * alone. */
typedef enum EndQuantity {
  END_BITS_DIFFERENCE,
  END_KL_VALUES,
  END_KL_LOGS,
  END_AGREEMENT,
  END_ACCURACY,
  END_QUANTITIES
} EndQuantity;
extern const char *const end_quantity_names[END_QUANTITIES];
int words_end_coverage(const Population *population, int side, EndQuantity quantity, int n,
                       int draws, int64_t seed, Arena scratch);

/* --- confusion: is a made curve's shape named? ------------------------------------------------ */

typedef struct Made {
  const char *name;
  Shape truth;
  double (*y)(int layer); /* logarithm, 24 layers */
} Made;
extern const Made made_curves[];
extern const int made_count;

typedef enum Noise { NOISE_WHITE, NOISE_AR, NOISE_HEAVY, NOISE_EVENTS, NOISES } Noise;
extern const char *const noise_names[NOISES];

typedef struct Named {
  int right, cannot, wrong;
  int said[SHAPE_KINDS]; /* told */
} Named;

/* `draws` times: n prompts of a made curve, each with a level of its own and noise of that size on
 * its layers. `of_the_model` > 0: the model's own layers lie off the made curve by so much too, in
 * every prompt alike; the truth is then the shape of that rougher curve. */
Named words_named(const Made *made, Noise noise, double size, double of_the_model, int n, int draws,
                  const DriftLimits *limits, int64_t seed, Arena scratch);
#endif
