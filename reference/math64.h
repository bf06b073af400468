/* math64: exp, log1p, softplus and silu as fixed sequences of IEEE float64 operations, the same
 * bits on every machine, scalar or vectorised, with and without FMA hardware. No branch and no
 * table: gcc turns every choice into a select, and eight go through an AVX-512 register at once.
 *
 * Source: the textbook method (Cody and Waite 1980):
 *   exp:   x = n ln2 + r,        e^x = 2^n (1 + r + r^2/2 + r^3 q(r))
 *   log1p: 1 + y = 2^k (1 + f),  log(1 + y) = k ln2 + 2 atanh(s),  s = f / (2 + f),
 *          2 atanh(s) = f - f^2/2 + s (f^2/2 + s^2 p(s^2))
 * What the reductions and the large terms round away is carried along in `rest` and `lost`.
 * Coefficients: own minimax fits of q and p by Lawson's iteration (least squares of the error
 * relative to the function on 60 Chebyshev nodes in 200 bits, weights multiplied by the error, 60
 * rounds); rounded to float64 from the lowest power up, the remaining ones fitted again each time.
 * Relative error left: exp 2^-63.9 on |r| <= ln2/2, log1p 2^-59.5 on sqrt(1/2) - 1 <= f <= sqrt(2)
 * - 1.
 *
 * Error: the worst against long double (64 bits), of 105 million points in each of five to seven
 * ranges (make check-exhaustive), rounded up: exp64 0.77 ULP (0.64 where the result is normal),
 * log1p64 0.90 ULP, softplus64 1.52 ULP, silu64 3.03 ULP from -708 up. */
#ifndef DS_REFERENCE_MATH64_H
#define DS_REFERENCE_MATH64_H
#include <math.h>
#include <stdint.h>

#include "reference/room.h"

REF_FN uint64_t bits_of_f64(double x) {
  union {
    double f;
    uint64_t u;
  } v;
  v.f = x;
  return v.u;
}

REF_FN double f64_of_bits(uint64_t u) {
  union {
    uint64_t u;
    double f;
  } v;
  v.u = u;
  return v.f;
}

#define MATH64_ROUND_TO_INT 0x1.8p52       /* adding it leaves a whole number in the low bits */
#define MATH64_LN2_HIGH 0x1.62e42fefa38p-1 /* 42 bits: times a whole number of 11, exact */
#define MATH64_LN2_LOW 0x1.ef35793c7673p-45

/* e^x. exp64(-Inf) = 0, overflow and +Inf give Inf, NaN gives NaN; a denormal result is rounded
 * twice. */
REF_FN double exp64(double x) {
  double k = fma(x, 0x1.71547652b82fep0, MATH64_ROUND_TO_INT); /* 1 / ln2 */
  double n = k - MATH64_ROUND_TO_INT;
  double r0 = fma(n, -MATH64_LN2_HIGH, x); /* exact */
  double r = fma(n, -MATH64_LN2_LOW, r0);
  double rest = fma(n, -MATH64_LN2_LOW, r0 - r);
  double q = fma(r, 0x1.1e60f1d619690p-29, 0x1.af66b864afecep-26);
  q = fma(r, q, 0x1.27e58fe6f1094p-22);
  q = fma(r, q, 0x1.71ddf3869d35fp-19);
  q = fma(r, q, 0x1.a01a0151baa1bp-16);
  q = fma(r, q, 0x1.a01a01b1e5fd4p-13);
  q = fma(r, q, 0x1.6c16c16c26fb6p-10);
  q = fma(r, q, 0x1.111111110f162p-7);
  q = fma(r, q, 0x1.5555555555531p-5);
  q = fma(r, q, 0x1.555555555555ap-3);
  double r2 = r * r;
  double w = fma(0.5, r2, fma(r2, r * q, rest));
  double one_r = 1.0 + r;
  double y = one_r + (((1.0 - one_r) + r) + w);
  /* 2^n as a product of two normal powers, whose biased exponents are halves of n + 2046. */
  uint64_t both = bits_of_f64(k) - bits_of_f64(MATH64_ROUND_TO_INT) + 2046u, half = both >> 1;
  y = y * f64_of_bits(half << 52) * f64_of_bits((both - half) << 52);
  y = x > 710.0 ? INFINITY : y; /* e^710 > DBL_MAX; n was no number of bits */
  return x < -746.0 ? 0.0 : y;  /* e^-746 < 2^-1075; a NaN passes both comparisons */
}

/* log(1 + y), also for negative y: log1p64(-1) = -Inf, below NaN; log1p64(Inf) = Inf, log1p64(-0) =
 * -0. */
REF_FN double log1p64(double y) {
  double u = 1.0 + y;
  double lost = y < 1.0 ? y - (u - 1.0) : 1.0 - (u - y); /* 1 + y = u + lost exactly */
  /* u = 2^k m, sqrt(1/2) <= m < sqrt(2); `biased` is k + 1023. */
  uint64_t biased = (bits_of_f64(u) - 0x3fe6a09e667f3bcdu + ((uint64_t)1023 << 52)) >> 52;
  double m = f64_of_bits(bits_of_f64(u) - (biased << 52) + ((uint64_t)1023 << 52));
  double k = f64_of_bits(bits_of_f64(0x1p52) + biased) - (0x1p52 + 1023.0);
  uint64_t up = biased < 2045u ? 2046u - biased : 1u; /* 2^-k; of a u so large lost is no part */
  lost *= f64_of_bits(up << 52);
  double f0 = m - 1.0; /* exact */
  double f = f0 + lost;
  double rest = (f0 - f) + lost; /* d log(1 + f) = rest / (1 + f), to the precision it needs: */
  rest = fma(rest, fma(f, f, -f), rest);
  double s = f / (2.0 + f), z = s * s;
  double p = fma(z, 0x1.2f0202139819fp-3, 0x1.39a213cf61748p-3);
  p = fma(z, p, 0x1.74663b4f13ac1p-3);
  p = fma(z, p, 0x1.c71c521bc3311p-3);
  p = fma(z, p, 0x1.24924941d939cp-2);
  p = fma(z, p, 0x1.999999997ff82p-2);
  p = fma(z, p, 0x1.5555555555592p-1);
  double half_f2 = 0.5 * f * f;
  double large = k * MATH64_LN2_HIGH; /* exact */
  double sum = large + f;
  double v = ((large - sum) + f) + fma(k, MATH64_LN2_LOW, rest);
  double log_u = sum + (v - fma(-s, fma(z, p, half_f2), half_f2));
  log_u = y < INFINITY ? log_u : y;
  log_u = y > -1.0 ? log_u : y == -1.0 ? -INFINITY : NAN;
  return y == 0.0 ? y : log_u;
}

/* x / (1 + e^-x), with an exponential that cannot overflow; NaN at -infinity, as the plain formula
 * gives. */
REF_FN double silu64(double x) {
  double e = exp64(-fabs(x));
  return (x >= 0.0 ? x : x * e) / (1.0 + e);
}

/* log(1 + e^x), and x itself above 20: the model's definition, 2e-9 below the logarithm at the
 * seam. */
REF_FN double softplus64(double x) {
  double soft = (x > 0.0 ? x : 0.0) + log1p64(exp64(-fabs(x)));
  return x > 20.0 ? x : soft;
}
#endif
