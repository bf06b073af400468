/* draws: random numbers of a test file, by GSL's mt19937: the same on every run; each file has its
 * own. */
#ifndef DS_TESTS_DRAWS_H
#define DS_TESTS_DRAWS_H
#include <gsl/gsl_rng.h>
#include <stdint.h>

/* A generator that starts again. */
static inline gsl_rng *draws_from(unsigned long seed) {
  static gsl_rng *rng;
  if (!rng) rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, seed);
  return rng;
}

/* Of one that never does. */
static inline uint32_t random_bits(void) {
  static gsl_rng *rng;
  if (!rng) rng = gsl_rng_alloc(gsl_rng_mt19937);
  return (uint32_t)gsl_rng_get(rng);
}
#endif
