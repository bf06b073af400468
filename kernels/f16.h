/* f16: IEEE binary16 as its 16 bits. Round to nearest even, overflow to infinity, subnormals kept,
 * NaN canonical 0x7e00 (and 0x7fc00000 on the way back). Every choice is a select, so that loops
 * over these vectorise.
 * Source: IEEE 754-2008, binary16.
 * Error:  none beyond the rounding: equal to the compiler's _Float16 for every half, every tie and
 *         its neighbours, and every 1021st float32 (tests/test_q8.c). */
#ifndef DS_KERNELS_F16_H
#define DS_KERNELS_F16_H
#include "kernels/math32.h"
#include "kernels/room.h"
#include <stdint.h>

/* In the low 16 bits. */
ROOM_FN uint32_t f16_code(float x) {
  uint32_t u = bits_of_f32(x), sign = (u >> 16) & 0x8000u, a = u & 0x7fffffffu;
  /* 2^-14 and above: drop 13 bits of the fraction, move the bias from 127 to 15; a carry runs into
   * the exponent. */
  uint32_t normal = (a - 0x38000000u + 0xfffu + ((a >> 13) & 1u)) >> 13;
  /* Below: units of 2^-24. A shift by 25 or more leaves nothing. */
  uint32_t fraction = (a & 0x7fffffu) | 0x800000u, e = a >> 23;
  uint32_t shift = e < 101u ? 25u : e > 113u ? 13u : 126u - e;
  uint32_t subnormal = (fraction + (1u << (shift - 1u)) - 1u + ((fraction >> shift) & 1u)) >> shift;
  uint32_t h = a < 0x38800000u ? subnormal : normal;
  h = a >= 0x47800000u ? 0x7c00u : h; /* 65536 and above; from 65520 on the carry does it */
  return a > 0x7f800000u ? 0x7e00u : (h | sign);
}
#ifdef __CUDA_ARCH__ /* an instruction's, but for NaN */
ROOM_FN uint16_t f16_of(float x) {
  uint16_t h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(x));
  return x == x ? h : (uint16_t)0x7e00u;
}
#else
ROOM_FN uint16_t f16_of(float x) { return (uint16_t)f16_code(x); }
#endif

/* The same of n floats. In two steps: a loop with f16_of in it shifts in 16 bits, for which AVX2
 * has no vectors. */
ROOM_FN void f16_of_all(const float *x, int n, uint16_t *y) {
  enum { TOGETHER = 16 };
  int i = 0;
  for (; i + TOGETHER <= n; i += TOGETHER) {
    uint32_t bits[TOGETHER];
    for (int j = 0; j < TOGETHER; j++) bits[j] = f16_code(x[i + j]);
    for (int j = 0; j < TOGETHER; j++) y[i + j] = (uint16_t)bits[j];
  }
  for (; i < n; i++) y[i] = f16_of(x[i]);
}

ROOM_FN float f32_of_f16(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000u) << 16, a = h & 0x7fffu;
  uint32_t normal = (a << 13) + 0x38000000u;
  uint32_t subnormal = bits_of_f32((float)(int32_t)a * 0x1p-24f); /* exact */
  uint32_t u = a < 0x400u ? subnormal : normal;
  u = a >= 0x7c00u ? 0x7f800000u : u;
  return f32_of_bits(a > 0x7c00u ? 0x7fc00000u : (u | sign));
}
#endif
