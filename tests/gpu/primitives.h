/* primitives: the unary functions that every operator is made of, over a range of all float32 bit
 * patterns. */
#ifndef DS_TESTS_GPU_PRIMITIVES_H
#define DS_TESTS_GPU_PRIMITIVES_H
#include <stddef.h>
#include <stdint.h>

#include "kernels/f16.h"
#include "kernels/q8.h"

typedef enum Primitive { EXP32, LOG1P32, SOFTPLUS32, SILU32, SQRTF, ROUNDED, PRIMITIVES } Primitive;

/* ROUNDED: f16_of, q8_away and q8_even in one word. */
ROOM_FN uint32_t primitive_bits(Primitive which, uint32_t input) {
  float x = f32_of_bits(input);
  if (which == ROUNDED)
    return (uint32_t)f16_of(x) << 16 | (uint32_t)(uint8_t)q8_away(x, 0.37f) << 8 |
           (uint8_t)q8_even(x, 0.37f);
  float y = which == EXP32        ? exp32(x)
            : which == LOG1P32    ? log1p32(x)
            : which == SOFTPLUS32 ? softplus32(x)
            : which == SILU32     ? silu32(x)
                                  : sqrtf(x);
  return y == y ? bits_of_f32(y) : 0x7fc00000u;
}

/* out[i] = primitive_bits(which, first + i), queued on the device. */
#ifdef __cplusplus
extern "C"
#endif
    void
    primitives_cuda(struct Cuda *cuda, Primitive which, uint32_t first, size_t n, uint32_t *out);
#endif
