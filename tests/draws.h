/* draws: random numbers of a test file, by GSL's mt19937: the same on every run; each file has its
 * own. */
#ifndef DS_TESTS_DRAWS_H
#define DS_TESTS_DRAWS_H
#include <gsl/gsl_rng.h>
#include <math.h>
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

/* Of 0 to n - 1. */
static inline int random_below(int n) { return (int)(random_bits() % (uint32_t)n); }

/* Between -128 and 128, and more often near 0. */
static inline float random_float(void) {
  int32_t fraction = (int32_t)random_bits();
  return ldexpf((float)fraction, -31 + (int)(random_bits() & 7));
}
#endif
