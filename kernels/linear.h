/* linear: y = x W^T, x [T, in], W [out, in], y [T, out].
 * float: y = sum over k = 0 … in-1 in that order with fmaf, from 0.
 * int8:  int32 accumulation, exact; y = (float)acc * (scale_x * scale_w). in <= 131071, so that the
 * sum cannot overflow. Output: f32 as it is, f16 rounded to nearest even, i8 by q8_even at
 * y->scale. Weights are packed once into panels of output columns; the order of a sum is the same
 * for every blocking.
 * Source: torch.nn.Linear without bias; int8 as Quamba's W8A8 linears, whose output is (float)acc
 * times one scale.
 * Error:  relative L2 against float64 at in 768, standard normal inputs: float 5.2e-7, int8 5.0e-8
 *         (the last product alone: tests/test_error.c); within its provable bound on every input
 *         tried (tests/test_bounds.c). */
#ifndef DS_KERNELS_LINEAR_H
#define DS_KERNELS_LINEAR_H
#include <math.h>

#include "kernels/room.h"
#include "kernels/tensor.h"
#include "kernels/witness.h"

enum { LINEAR_I8_MAX_IN = 131071 };

ROOM_FN float linear_add(float sum, float x, float w) { return fmaf(x, w, sum); }
ROOM_FN float linear_dequantise(int32_t acc, float scale_x, float scale_w) {
  float scale = scale_x * scale_w; /* rounded once, before it meets the sum */
  return (float)acc * scale;
}

typedef struct Linear {
  int out, in;
  Format format; /* FORMAT_F32 or FORMAT_I8: that of the weight, and of the x it takes */
  float scale;   /* FORMAT_I8 */
  void *panels;
  const char *name; /* which of a model's it is, "in_proj"; NULL where that is not said */
} Linear;

/* Bytes that `panels` needs (64-byte aligned). */
size_t linear_packed_bytes(int out, int in, Format format);
/* Packs row-major W [out, in] (float or int8_t, as `format` says) into `panels`, owned by the
 * caller. */
Linear linear_pack(const void *weight, int out, int in, Format format, float scale, void *panels);
/* Row `row` of the weight, out of its panels again: values [in], float or int8_t. */
void linear_unpack(const Linear *w, int row, void *values);
/* x (f32 or i8, as w->format; any stride) -> y (f32, f16 or i8). */
void linear(const Linear *w, const Tensor *x, Tensor *y);
/* w: the format of weight and x. */
const char *linear_witness(Format w, Format y, Backend backend);
#endif
