/* math32: exp, log1p, softplus and silu as fixed sequences of IEEE float32 operations, the same
 * bits on every machine, scalar or vectorised, with and without FMA hardware. No branch: gcc turns
 * every choice into a select.
 *
 * Source: the textbook method (Cody and Waite 1980):
 *   exp:   x = n ln2 + r,        e^x = 2^n (1 + r + r^2/2 + r^3 q(r))
 *   log1p: 1 + y = 2^k (1 + f),  log(1 + y) = k ln2 + f - f^2/2 + f^3 q(f)
 * What the reductions and the large terms round away is carried along in `rest` and `v`.
 * Coefficients: own minimax fits of q by Lawson's iteration (least squares of the error relative to
 * the function on 1601 Chebyshev nodes, weights multiplied by the error, 400 rounds); rounded to
 * float32 from the lowest power up, the remaining ones fitted again each time. Relative error left:
 * exp 9.8e-11 on |r| <= ln2/2, log1p 5.9e-9 on sqrt(1/2) - 1 <= f <= sqrt(2) - 1.
 * Error:  the worst against libm in double, every float32 tried (make check-exhaustive), rounded
 *         up: exp32 0.67 ULP, log1p32 0.67 ULP, softplus32 1.50 ULP, silu32 2.39 ULP from -88.72
 *         up. */
#ifndef DS_KERNELS_MATH32_H
#define DS_KERNELS_MATH32_H
#include "kernels/room.h"
#include <math.h>
#include <stdint.h>

ROOM_FN uint32_t bits_of_f32(float x) {
  union {
    float f;
    uint32_t u;
  } v;
  v.f = x;
  return v.u;
}

ROOM_FN float f32_of_bits(uint32_t u) {
  union {
    uint32_t u;
    float f;
  } v;
  v.u = u;
  return v.f;
}

/* e^x = 2^n (one_r + v): what both ways of putting it together need. */
typedef struct Exp32 {
  float k;        /* n above 1.5 * 2^23: a whole number in its low bits */
  float r, w;     /* e^r = 1 + r + w */
  float one_r, v; /* e^r = one_r + v, |v| small beside one_r = 1 + r rounded */
} Exp32;

#define EXP32_ROUND_TO_INT 0x1.8p23f /* adding it leaves a whole number in the low bits */

ROOM_FN float exp32_nearest_power(float x) {
  return fmaf(x, 0x1.715476p0f, EXP32_ROUND_TO_INT);
} /* 1 / ln2 */

ROOM_FN Exp32 exp32_parts(float x, float k) {
  Exp32 e;
  e.k = k;
  float n = k - EXP32_ROUND_TO_INT;
  float r0 = fmaf(n, -0x1.62e43p-1f, x); /* exact */
  float r = fmaf(n, 0x1.05c61p-29f, r0);
  float rest = fmaf(n, 0x1.05c61p-29f, r0 - r);
  float q = fmaf(r, 0x1.9dfbc8p-13f, 0x1.6d4ccp-10f);
  q = fmaf(r, q, 0x1.11130ep-7f);
  q = fmaf(r, q, 0x1.5554e8p-5f);
  q = fmaf(r, q, 0x1.555554p-3f);
  float r2 = r * r;
  e.r = r;
  e.w = fmaf(0.5f, r2, fmaf(r2, r * q, rest));
  e.one_r = 1.0f + r;
  e.v = ((1.0f - e.one_r) + r) + e.w;
  return e;
}

/* exp32 where |x| <= EXP32_NEAR, the same bits in half the operations: e^r and the result are
 * normal, so 2^n is a sum in the field of the exponent. */
#define EXP32_NEAR 86.0f
ROOM_FN float exp32_near(float x) {
  Exp32 e = exp32_parts(x, exp32_nearest_power(x));
  return f32_of_bits(bits_of_f32(e.one_r + e.v) +
                     (bits_of_f32(e.k) << 23)); /* EXP32_ROUND_TO_INT's low 9 bits are zero */
}

/* e^x. Denormal results are rounded once. exp32(-Inf) = 0, overflow and +Inf give Inf, NaN gives
 * NaN. */
ROOM_FN float exp32(float x) {
#ifdef __CUDA_ARCH__
  if (fabsf(x) <= EXP32_NEAR)
    return exp32_near(x); /* a warp nearly always agrees; vector lanes would do both */
#endif
  x = x > 89.0f ? 89.0f : x;     /* e^89 > FLT_MAX; a NaN passes both comparisons */
  x = x < -104.0f ? -104.0f : x; /* e^-104 < 2^-150 */
  float k = exp32_nearest_power(x);
  k = k < 0x1.8p23f - 149.0f ? 0x1.8p23f - 149.0f : k; /* 2^-150 is not a float: r takes the rest */
  Exp32 e = exp32_parts(x, k);

  /* s = 2^n as a product of two normal powers; 2^128 is no float, so the last factor 2 comes after
   * the rounding. */
  int32_t whole = (int32_t)(bits_of_f32(e.k) - bits_of_f32(EXP32_ROUND_TO_INT));
  int32_t top = whole > 127;
  int32_t half = (whole - top) >> 1;
  float s = f32_of_bits((uint32_t)(half + 127) << 23) *
            f32_of_bits((uint32_t)(whole - top - half + 127) << 23);
  int32_t tiny = whole < -125; /* one_r * s would round: there, 1 is the large part */
  float y = fmaf(tiny ? e.r + e.w : e.v, s, tiny ? s : e.one_r * s);
  return y * (top ? 2.0f : 1.0f);
}

/* log(1 + y), also for negative y: log1p32(-1) = -Inf, below NaN; log1p32(Inf) = Inf, log1p32(-0) =
 * -0. */
ROOM_FN float log1p32(float y) {
  float u = 1.0f + y;
  float lost = y < 1.0f ? y - (u - 1.0f) : 1.0f - (u - y); /* 1 + y = u + lost exactly */
  int32_t k =
      (int32_t)(bits_of_f32(u) - 0x3f3504f3u) >> 23; /* u = 2^k m, sqrt(1/2) <= m < sqrt(2) */
  float m = f32_of_bits(bits_of_f32(u) - ((uint32_t)k << 23));
  int32_t down = k > 126 ? 126 : k; /* 2^-127 is not normal; there, lost does not count */
  lost *= f32_of_bits((uint32_t)(127 - down) << 23);
  float f0 = m - 1.0f; /* exact */
  float f = f0 + lost;
  float rest = (f0 - f) + lost; /* d log(1 + f) = rest / (1 + f), to the precision it needs: */
  rest = fmaf(rest, f * f - f, rest);
  float q = fmaf(f, -0x1.38c428p-4f, 0x1.055e3cp-3f);
  q = fmaf(f, q, -0x1.0d8302p-3f);
  q = fmaf(f, q, 0x1.22d956p-3f);
  q = fmaf(f, q, -0x1.54728p-3f);
  q = fmaf(f, q, 0x1.99a01ap-3f);
  q = fmaf(f, q, -0x1.000226p-2f);
  q = fmaf(f, q, 0x1.555554p-2f);
  float kf = (float)k;
  float large = kf * 0x1.62e4p-1f; /* exact: 16 bits of ln2 */
  float sum = large + f;
  float v = fmaf(kf, 0x1.7f7d1cp-20f, rest) + ((large - sum) + f);
  float f2 = f * f;
  v = fmaf(f2, f * q, fmaf(-0.5f, fmaf(f, f, -f2), v));
  float log_u = fmaf(-0.5f, f2, sum);
  log_u += v + fmaf(-0.5f, f2, sum - log_u);
  log_u = y < INFINITY ? log_u : y;
  log_u = y > -1.0f ? log_u : y == -1.0f ? -INFINITY : NAN;
  return y == 0.0f ? y : log_u;
}

/* log(1 + e^d), the identity above 20. e = e^d: loops make it for many at once. */
ROOM_FN float softplus32_by(float d, float e) { return d <= 20.0f ? log1p32(e) : d; }
ROOM_FN float softplus32(float d) { return softplus32_by(d, exp32(d)); }
/* The same bits where |d| <= EXP32_NEAR. */
ROOM_FN float softplus32_near(float d) { return softplus32_by(d, exp32_near(d)); }

/* x / (1 + e^-x). Below -88.72 e^-x overflows and the result is -0; silu32(-Inf) is NaN. e = e^-x.
 */
ROOM_FN float silu32_by(float x, float e) { return x / (1.0f + e); }
ROOM_FN float silu32(float x) { return silu32_by(x, exp32(-x)); }
#endif
