/* q8: quantisation to int8 with one scale a tensor.
 * q8(x, s): r = x / s (float32 division), rounded half away from zero or half to even, clamped to [-128, 127] in float
 * before the cast; NaN gives 0 and is counted by the operators. dq(q, s) = (float)q * s. */
#ifndef DS_KERNELS_Q8_H
#define DS_KERNELS_Q8_H
#include "kernels/room.h"
#include "kernels/tensor.h"

ROOM_FN int8_t q8_away(float x, float scale);
ROOM_FN int8_t q8_even(float x, float scale);
ROOM_FN float dq(int8_t q, float scale);

typedef enum Rounding { ROUND_AWAY, ROUND_EVEN } Rounding;

/* x (f32 or f16, any stride) -> y (i8) at y->scale. */
void quantise(const Tensor *x, Rounding rounding, Tensor *y);
/* x (i8, f16 or f32, any stride) -> y (f32). */
void dequantise(const Tensor *x, Tensor *y);
/* max |x| of an f32 tensor (any stride), NaN left out; 0 for an empty one. */
float absmax(const Tensor *x);
#endif
