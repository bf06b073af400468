/* conv1d: causal depthwise convolution over tokens, K taps, with bias, and SiLU after it; x [T, E], both outputs [T, E]. */
#ifndef DS_KERNELS_CONV1D_H
#define DS_KERNELS_CONV1D_H
#include "kernels/room.h"
#include "kernels/tensor.h"

typedef struct Conv1d {
  int E, K;
  Type type;                       /* TYPE_F32: float arithmetic; TYPE_I8: int8 weights and input */
  const void *weight;              /* [E, K] float or int8_t */
  const void *bias;                /* [E] float or int8_t */
  float weight_scale, bias_scale;  /* TYPE_I8 */
} Conv1d;

/* x: f32 or i8 as w->type (any stride) -> pre: f32, before SiLU; silu: f32, or i8 by q8_away at silu->scale. */
void conv1d(const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu);
#endif
