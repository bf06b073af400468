/* narrow: float32 values rounded to a narrower float format and kept as float32: what is left of a
 * number that was held in a register, or stored, in that format. A stage inside an operator is
 * narrowed by narrow32 where the operator says so; a whole tensor by narrow.
 * Source: IEEE 754 binary16; bfloat16 (bf16.h).
 * Error:  rounded once, to nearest even: at most half a step of the format (tests/test_narrow.c,
 * tests/test_q8.c). */
#ifndef DS_KERNELS_NARROW_H
#define DS_KERNELS_NARROW_H
#include "kernels/bf16.h"
#include "kernels/f16.h"
#include "kernels/q8.h"
#include "kernels/room.h"
#include "kernels/tensor.h"
#include "kernels/witness.h"

typedef enum Precision {
  PRECISION_F32,
  PRECISION_F16,
  PRECISION_BF16,
  PRECISION_I8,
  PRECISION_COUNT
} Precision;

/* f32: x itself; f16, bf16: to nearest even. With a constant precision, no choice is left at run
 * time. */
ROOM_FN float narrow32(float x, Precision to) {
  return to == PRECISION_F16    ? f32_of_f16(f16_of(x))
         : to == PRECISION_BF16 ? f32_of_bf16(bf16_of(x))
                                : x;
}

/* The same, and i8: what q8_away leaves of x at `scale`. */
ROOM_FN float narrow32_or_i8(float x, Precision to, float scale) {
  return to == PRECISION_I8 ? dq(q8_away(x, scale), scale) : narrow32(x, to);
}

/* x (f32, any stride) -> y (f32; may be x): each value by narrow32 to f16 or bf16. */
void narrow(const Tensor *x, Precision to, Tensor *y);
const char *narrow_witness(Precision to, Backend backend);
#endif
