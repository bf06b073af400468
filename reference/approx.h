/* approx: float64 numbers and how far their float32 counterparts may be from them, the arithmetic
 * of the bounds. An Approx is a float64 result v and a bound e: the float32 number that stands for
 * it is within e of it. Each function below is one float32 operation: given that its operands keep
 * their promise, so does its result. For any x, y that the promise allows, the exact result of the
 * operation is within `spread` of that on the two v (an inequality, stated at each), and rounding
 * it to float32 adds half a unit of the last place of the largest number that it may be. e =
 * infinity: nothing is promised (overflow, a denominator that may be 0, an input that is not
 * finite); so it stays through every later step.
 *
 * Computing v and spread in float64 errs by a few 2^-53 of their size: SLACK covers it with room to
 * spare, and is less than a millionth of what float32's rounding adds.
 * Source: the standard model of rounding; the float32 functions' own figures are those of
 * kernels/math32.h.
 * Error:  each inequality is a theorem, stated at its function. */
#ifndef DS_REFERENCE_APPROX_H
#define DS_REFERENCE_APPROX_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "reference/bounds.h"
#include "reference/operators64.h"

typedef struct Approx {
  double v, e;
} Approx;

/* What the float32 functions promise: at most so many units of the last place off, over all float32
 * of the range. */
#define EXP32_ULP 0.67
#define LOG1P32_ULP 0.67
#define SOFTPLUS32_ULP 1.50
#define SILU32_ULP 2.39
#define SILU32_LOWEST (-88.72) /* below, e^-x overflows in float32 and silu32 is -0 */

#define FLOAT32_OVERFLOW 0x1.ffffffp127 /* from here on to nearest is infinity */
#define FLOAT16_OVERFLOW 65520.0
#define SLACK 0x1p-48

/* The power of two at or below m >= 0. */
static inline double binade(double m) {
  uint64_t bits;
  memcpy(&bits, &m, sizeof bits);
  bits &= 0x7ff0000000000000u;
  memcpy(&m, &bits, sizeof bits);
  return m;
}

/* Half a unit of the last place of a float32 of size m, at least that of the subnormals; 0 for 0,
 * which is exact. */
static inline double half_ulp32(double m) {
  double half = binade(m) * 0x1p-24;
  half = half > 0x1p-150 ? half : 0x1p-150;
  return m > 0 ? half : 0;
}

/* The same of an f16. */
static inline double half_ulp16(double m) {
  double half = binade(m) * 0x1p-11;
  half = half > 0x1p-25 ? half : 0x1p-25;
  return m > 0 ? half : 0;
}

static inline Approx exactly(double v) { return (Approx){v, isfinite(v) ? 0 : INFINITY}; }

/* `own` of rounding at a result of at most m = |v| + spread. */
static inline Approx approx_settle(double v, double spread, double m, double own) {
  return (Approx){v, m < FLOAT32_OVERFLOW ? spread + own + SLACK * m : INFINITY};
}

/* One rounding to float32. */
static inline Approx approx_round(double v, double spread) {
  double m = fabs(v) + spread;
  return approx_settle(v, spread, m, half_ulp32(m));
}

/* Whole numbers up to 2^24 are float32 numbers. */
static inline Approx approx_whole(double v) {
  return fabs(v) <= 0x1p24 ? exactly(v) : approx_round(v, 0);
}

static inline Approx approx_minus(Approx x) { return (Approx){-x.v, x.e}; }

/* A sum with 0, a product with 1 or -1 and an fma whose product is 0 change nothing. */
static inline bool is_zero(Approx x) { return x.v == 0 && x.e == 0; }
static inline bool is_unit(Approx x) { return fabs(x.v) == 1 && x.e == 0; }

/* Float32 numbers are multiples of 2^-149, and so is their sum: below 2^-125 it is one itself. */
static inline Approx approx_add(Approx x, Approx y) {
  if (is_zero(x)) return y;
  if (is_zero(y)) return x;
  double v = x.v + y.v, spread = x.e + y.e, m = fabs(v) + spread;
  return approx_settle(v, spread, m, m < 0x1p-125 ? 0 : half_ulp32(m));
}

/* (x + dx)(y + dy) - x y = x dy + y dx + dx dy. */
static inline double product_spread(Approx x, Approx y) {
  return fabs(x.v) * y.e + fabs(y.v) * x.e + x.e * y.e;
}
static inline Approx approx_mul(Approx x, Approx y) {
  if (is_unit(x)) return (Approx){x.v * y.v, y.e};
  if (is_unit(y)) return (Approx){x.v * y.v, x.e};
  return approx_round(x.v * y.v, product_spread(x, y));
}
static inline Approx approx_fma(Approx x, Approx y, Approx z) {
  if ((is_zero(x) && y.e < INFINITY) || (is_zero(y) && x.e < INFINITY)) return z;
  return approx_round(x.v * y.v + z.v, product_spread(x, y) + z.e);
}

/* (x + dx)/(y + dy) - x/y = (dx - (x/y) dy)/(y + dy). */
static inline Approx approx_div(Approx x, Approx y) {
  double v = x.v / y.v, least = fabs(y.v) - y.e;
  if (!(least > 0)) return (Approx){v, INFINITY};
  return approx_round(v, (x.e + fabs(v) * y.e) / least);
}

/* sqrt(x + dx) - sqrt(x) = dx / (sqrt(x + dx) + sqrt(x)), x and x + dx >= 0. */
static inline Approx approx_sqrt(Approx x) {
  double v = sqrt(x.v);
  return approx_round(v, x.e > 0 ? x.e / (v + sqrt(fmax(x.v - x.e, 0))) : 0);
}

/* exp(x + dx) - exp(x) = exp(x) expm1(dx); expm1(e) <= e + e^2 up to 1. Beyond, it is below exp(x +
 * e), where the 2^-40 outweighs the rounding of x + e for every sum that does not give 0. */
static inline Approx approx_exp(Approx x) {
  double v = exp64(x.v),
         spread = x.e < 1 ? v * (x.e * (1 + x.e)) : exp64(x.v + x.e * (1 + 0x1p-40)),
         m = v + spread;
  return approx_settle(v, spread, m,
                       EXP32_ULP * 2 * half_ulp32(m > 0 ? m : 0x1p-149)); /* never exactly 0 */
}

/* The slope 1 / (1 + x) is greatest at the lower end. */
static inline Approx approx_log1p(Approx x) {
  double v = log1p64(x.v), least = 1 + x.v - x.e;
  if (!(least > 0)) return (Approx){v, INFINITY};
  double spread = x.e / least, m = fabs(v) + spread;
  return approx_settle(v, spread, m, LOG1P32_ULP * 2 * half_ulp32(m));
}

/* The slope 1 / (1 + e^-x) grows with x up to 20; there the definition steps up by log1p(e^-20) to
 * x itself, which rounds nothing. */
static inline Approx approx_softplus(Approx x) {
  bool below = x.v - x.e <= 20, above = x.v + x.e > 20;
  double v = softplus64(x.v), spread = above ? x.e : x.e / (1 + exp64(-(x.v + x.e)));
  if (below && above) spread += log1p64(exp64(-20));
  double m = v + spread;
  return approx_settle(v, spread, m,
                       below ? SOFTPLUS32_ULP * 2 * half_ulp32(m > 0 ? m : 0x1p-149) : 0);
}

/* Its slope is s (1 + x (1 - s)), s = 1 / (1 + e^-x), and the slope of that is nowhere above 1/2 in
 * size. Two bounds hold of the rounding: the stated one, better high in a binade, and the sum of
 * the three steps', better low in it: exp32's error reaches the denominator with the weight 1 - s,
 * the sum adds 2^-24 (their products, below 7 2^-48, are in the 2^-45), and the quotient is
 * rounded. Where e^-x may overflow, 0 may come out. */
static inline Approx approx_silu(Approx x) {
  double v = silu64(x.v), s = 1 / (1 + exp64(-x.v)), low = x.v - x.e;
  double spread = x.e * (fabs(s * (1 + x.v * (1 - s))) + x.e / 4), m = fabs(v) + spread;
  if (low < SILU32_LOWEST) return approx_settle(v, spread, m, m + half_ulp32(m));
  double rest = 1 / (1 + exp64(low)), part = m * (rest * EXP32_ULP * 0x1p-23 + 0x1p-24 + 0x1p-45);
  return approx_settle(v, spread, m,
                       fmin(SILU32_ULP * 2 * half_ulp32(m), part + half_ulp32(m + part)));
}

/* (y z) / (1 + e^-z). Where e^-z may overflow the quotient may be 0, and is no larger than over the
 * least denominator there may be. */
static inline Approx approx_gate(Approx y, Approx z) {
  Approx product = approx_mul(y, z), power = approx_exp(approx_minus(z));
  if (power.e < INFINITY) return approx_div(product, approx_add(exactly(1), power));
  double v = y.v * silu64(z.v), least = fmin(exp64(-z.v - z.e) * (1 - 0x1p-22), 0x1.fffffep127);
  return approx_round(v, fabs(v) + (fabs(product.v) + product.e) / least);
}

/* Element (row, col) of an input: a float32 number, or int8 times its scale, rounded. */
static inline Approx bound_take(const BoundIn *in, int row, int col) {
  double value = in->value[(size_t)row * (size_t)in->stride + (size_t)col];
  return in->scale == 0 ? exactly(value) : approx_round(value * in->scale, 0);
}

/* The float32 result x as element i of an output, brought to its type. In bounds.c. */
void bound_put(const BoundOut *out, size_t i, Approx x);

#endif
