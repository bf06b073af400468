/* values64: float64 numbers for tests of the reference: about normal ones, and among them, where
 * asked for, what arithmetic is hard on. */
#ifndef DS_TESTS_VALUES64_H
#define DS_TESTS_VALUES64_H
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/draws.h"

typedef enum Hard64 {
  PLAIN,  /* about normal, times `size` */
  SPREAD, /* the same over 2^-60 … 2^60, and zeros of both signs */
  TINY,   /* near the smallest numbers: products of two are denormal or 0 */
  STRANGE /* PLAIN, one in 40 an infinity, a NaN, a zero, a denormal or huge */
} Hard64;
#define HARD64_KINDS 4

/* About normal, variance 1, with bits down to the last place of a float64. */
static inline double normal64(void) {
  double x = -2;
  for (int i = 0; i < 4; i++) x += (double)random_bits() * 0x1p-32;
  return (x + (double)random_bits() * 0x1p-64) * 1.7320508075688772;
}

static inline double value64(Hard64 kind, double size) {
  static const double strange[] = {INFINITY, -INFINITY, NAN,    0.0,       -0.0,  0x1p-1074,
                                   -1e-310,  1e300,     -1e300, 0x1p-1022, 710.5, -746.0};
  const double x = normal64() * size;
  switch (kind) {
    case SPREAD: return random_bits() % 13 ? ldexp(x, (int)(random_bits() % 121) - 60) : x * 0;
    case TINY: return ldexp(x, -(int)(random_bits() % 600) - 400);
    case STRANGE: return random_bits() % 40 ? x : strange[random_bits() % 12];
    default: return x;
  }
}

/* `n` of them, on the heap. */
static inline double *values64(size_t n, Hard64 kind, double size) {
  double *x = malloc((n ? n : 1) * sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = value64(kind, size);
  return x;
}

/* The bits, of every NaN the same: which of two NaNs goes on is the hardware's affair. */
static inline uint64_t same_bits64(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return x == x ? bits : 0x7ff8000000000000u;
}
#endif
