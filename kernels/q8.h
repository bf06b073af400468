/* q8: quantisation to int8 with one scale a tensor.
 * q8(x, s): r = x / s (float32 division), rounded half away from zero or half to even, clamped to
 * [-128, 127] in float before the cast; NaN gives 0 and is counted by the operators. dq(q, s) =
 * (float)q * s. s is finite and above 0, so that r is NaN only where x is.
 * Source: Quamba's kernels: half away from zero in norm, convolution and state, half to even in
 * linears and weights.
 * Error:  none beyond the definition: what libm's round and rint make of x / s, ties and their
 * neighbours among what was tried (tests/test_q8.c); so at most half a step of s, but for what
 * saturates. dq: one rounding. */
#ifndef DS_KERNELS_Q8_H
#define DS_KERNELS_Q8_H
#include "kernels/math32.h"
#include "kernels/room.h"
#include "kernels/tensor.h"
#include "kernels/witness.h"

/* r in [-128, 127], no NaN. The bounds are whole numbers, so clamping before rounding gives what
 * clamping after it would. */
ROOM_FN float q8_clamped(float x, float scale) {
  float r = x / scale;
  r = r < 127.0f ? r : 127.0f;
  r = r > -128.0f ? r : -128.0f;
  return f32_of_bits(bits_of_f32(r) &
                     -(uint32_t)(x == x)); /* a select here would become a branch around the cast */
}

ROOM_FN int8_t q8_away(float x, float scale) {
  float r = q8_clamped(x, scale);
  int32_t q = (int32_t)r;
  float fraction = r - (float)q; /* exact, unlike r + 0.5f: 0.49999997f + 0.5f is 1 */
  return (int8_t)(q +
                  (int32_t)(fraction + fraction)); /* one step on from a half in either direction */
}

ROOM_FN int8_t q8_even(float x, float scale) {
  const float round_to_int =
      0x1.8p23f; /* its unit is 1: the sum is rounded to a whole number, half to even */
  return (int8_t)((q8_clamped(x, scale) + round_to_int) - round_to_int);
}

ROOM_FN float dq(int8_t q, float scale) { return (float)q * scale; }

/* |x| as an integer, 0 for a NaN: of floats without sign, the larger one has the larger bits. */
ROOM_FN uint32_t absmax_bits(float x) {
  uint32_t bits = bits_of_f32(x) & 0x7fffffffu;
  return bits & -(uint32_t)(bits <= 0x7f800000u);
}
/* The scale at which a tensor of absolute maximum `most` is quantised dynamically. */
ROOM_FN float q8_dynamic_scale(float most) { return most > 0 ? most / 127.0f : 1.0f; }

/* The scale of a weight or of a calibrated activation, by the largest magnitude or another
 * statistic. */
ROOM_FN float q8_static_scale(double statistic) {
  return (float)((statistic > 1e-5 ? statistic : 1e-5) / 127);
}

/* x (f32 or f16, any stride) -> y (i8) at y->scale. */
void quantise(const Tensor *x, Rounding rounding, Tensor *y);
/* x (f32, any stride) -> y (i8), half to even, at absmax(x) / 127 (1 where that is 0), which
 * becomes y->scale. */
void quantise_dynamic(const Tensor *x, Tensor *y);
/* x (i8, f16 or f32, any stride) -> y (f32). */
void dequantise(const Tensor *x, Tensor *y);
const char *quantise_witness(Format x, Rounding rounding, Backend backend);
const char *dequantise_witness(Format x, Backend backend);
/* max |x| of an f32 tensor (any stride), NaN left out; 0 for an empty one. */
float absmax(const Tensor *x);
#endif
