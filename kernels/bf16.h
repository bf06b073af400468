/* bf16: bfloat16 as its 16 bits, the upper half of a float32. Round to nearest even, overflow to
 * infinity, subnormals kept, NaN canonical 0x7fc0 (and 0x7fc00000 on the way back).
 * Source: the upper 16 bits of IEEE 754 binary32.
 * Error:  none beyond the rounding: the nearer neighbour, the even one at a tie, for every
 *         bfloat16, every tie and its neighbours, and every 7919th float32
 *         (tests/test_narrow.c). */
#ifndef DS_KERNELS_BF16_H
#define DS_KERNELS_BF16_H
#include "kernels/math32.h"
#include "kernels/room.h"
#include <stdint.h>

ROOM_FN uint16_t bf16_of(float x) {
  uint32_t u = bits_of_f32(x);
  uint32_t h = (u + 0x7fffu + ((u >> 16) & 1u)) >>
               16; /* a carry runs into the exponent, and from FLT_MAX to infinity */
  return (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : h);
}

ROOM_FN float f32_of_bf16(uint16_t h) {
  uint32_t u = (uint32_t)h << 16;
  return f32_of_bits((u & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : u);
}
#endif
