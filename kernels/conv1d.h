/* conv1d: causal depthwise convolution over tokens, K taps, with bias, and SiLU after it.
 * x [T, E], both outputs [T, E].
 *
 *   float: pre = b, then pre = fmaf(w[k], x[t-K+1+k], pre), k = 0 … K-1; taps before t = 0 are
 *          skipped
 *   int8:  acc = sum over k of (float)w[k] * (float)x[t-K+1+k], exact
 *          pre = (s_w * s_x) * acc + b * s_b, each step rounded
 *   both:  silu = silu32(pre), as float32 or as q8_away at the output's scale
 * With an accumulator `acc` of f16 or bf16, the running sum is rounded to it at the start (float:
 * the bias) and after each tap, by narrow32. An int8 sum can then overflow to infinity: f16 ends at
 * 65504, four taps of int8 at 65536.
 *
 * Source: the published Mamba model's convolution; of the int8 form Quamba's quant_causal_conv1d
 * kernel, whose outputs it gives but for those at a rounding tie that the last place of its expf
 * decides: 2 of 512,000 (tests/test_conv1d.c).
 * Error:  relative L2 against float64 at K 4, standard normal inputs: pre 4.0e-8, int8 6.0e-8; silu
 *         6.2e-8 (tests/test_error.c); within its provable bound on every input tried
 *         (tests/test_bounds.c). */
#ifndef DS_KERNELS_CONV1D_H
#define DS_KERNELS_CONV1D_H
#include "kernels/math32.h"
#include "kernels/narrow.h"
#include "kernels/room.h"
#include "kernels/tensor.h"
#include "kernels/witness.h"

enum { CONV1D_MAX_TAPS = 1024 }; /* so that |acc| <= 2^24 and the int8 sum is exact in float32 */

typedef struct Conv1d {
  int E, K;
  Format format;      /* FORMAT_F32: float arithmetic; FORMAT_I8: int8 weights and input */
  const void *weight; /* [E, K] float or int8_t */
  const void *bias;   /* [E] float or int8_t */
  float weight_scale, bias_scale; /* FORMAT_I8 */
  Precision acc;                  /* f32, f16 or bf16 */
} Conv1d;

/* Of weight [E, K] and bias [1, E], both float32 or both int8 with their scales; they stay the
 * caller's. */
ROOM_FN Conv1d conv1d_weights(const Tensor *weight, const Tensor *bias) {
  Conv1d w = {weight->rows, weight->cols,        weight->format,    weight->data,
              bias->data,   weight->scale.value, bias->scale.value, PRECISION_F32};
  return w;
}

ROOM_FN float conv1d_tap_f32(float acc, float w, float x) { return fmaf(w, x, acc); }
ROOM_FN float conv1d_tap_i8(float acc, int8_t w, int8_t x) { return acc + (float)w * (float)x; }
/* scale = s_w * s_x, bias = b * s_b */
ROOM_FN float conv1d_value_i8(float acc, float scale, float bias) { return scale * acc + bias; }

/* x: f32 or i8 as w->format (any stride) -> pre: f32, before SiLU; silu: f32, or i8 by q8_away at
 * silu->scale. */
void conv1d(const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu);

typedef enum Conv1dOutput { CONV1D_PRE, CONV1D_SILU_F32, CONV1D_SILU_I8 } Conv1dOutput;
/* format, acc: Conv1d's. */
const char *conv1d_witness(Format format, Precision acc, Conv1dOutput output, Backend backend);
#endif
