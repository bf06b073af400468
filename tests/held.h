/* held: what is left of a float32 that was held in a narrower format, by other means than the
 * kernels': the compiler's binary16 (half.h), the nearer of two bfloat16 neighbours in double,
 * libm's round. */
#ifndef DS_TESTS_HELD_H
#define DS_TESTS_HELD_H
#include "kernels/narrow.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "tests/half.h"

static inline float held_bf16(float x) {
  if (isnan(x)) return NAN;
  if (isinf(x)) return x;
  int exponent;
  double size = fabs((double)x);
  frexp(size, &exponent); /* size < 2^exponent */
  double unit =
      ldexp(1, exponent - 8 < -133 ? -133 : exponent - 8); /* 8 bits; subnormals down to 2^-133 */
  double low = floor(size / unit) * unit, high = low + unit;
  bool up = size - low > high - size || (size - low == high - size && fmod(low / unit, 2) != 0);
  double near = up ? high : low;
  if (near >= 0x1p128) near = INFINITY;
  return (float)copysign(near, x);
}

static inline float held(float x, Precision precision, float scale) {
  if (precision == PRECISION_F16) return half_round(x);
  if (precision == PRECISION_BF16) return held_bf16(x);
  if (precision == PRECISION_F32) return x;
  double r = round((double)(x / scale)); /* half away from zero */
  int q = isnan(x) ? 0 : r < -128 ? -128 : r > 127 ? 127 : (int)r;
  return (float)q * scale; /* an integer has no -0 */
}
#endif
