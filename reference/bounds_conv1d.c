/* bounds of conv1d: float: the bias, then fmaf of each tap, oldest first; int8: the sum of the taps
 * is exact, then pre = (s_w * s_x) * sum + b * s_b, each step rounded. SiLU of that. */
#include <assert.h>

#include "reference/approx.h"

static Approx value_f32(const BoundIn *x, const BoundIn *weight, Approx bias, int t, int e, int K) {
  Approx pre = bias;
  for (int k = t + 1 < K ? K - 1 - t : 0; k < K; k++)
    pre = approx_fma(bound_take(weight, e, k), bound_take(x, t - K + 1 + k, e), pre);
  return pre;
}

static Approx value_i8(const BoundIn *x, const BoundIn *weight, Approx bias, int t, int e, int K,
                       Approx scale) {
  double sum = 0;
  for (int k = t + 1 < K ? K - 1 - t : 0; k < K; k++)
    sum += weight->value[(size_t)e * (size_t)weight->stride + (size_t)k] *
           x->value[(size_t)(t - K + 1 + k) * (size_t)x->stride + (size_t)e];
  return approx_add(approx_mul(scale, approx_whole(sum)), bias);
}

void bound_conv1d(const BoundIn *x, int T, int E, int K, const BoundIn *weight, const BoundIn *bias,
                  const BoundOut *pre, const BoundOut *silu) {
  assert((x->scale == 0) == (weight->scale == 0));
  Approx scale = approx_mul(exactly(weight->scale), exactly(x->scale));
#pragma omp parallel for schedule(static)
  for (int t = 0; t < T; t++)
    for (int e = 0; e < E; e++) {
      size_t i = (size_t)t * (size_t)E + (size_t)e;
      Approx b = bound_take(bias, 0, e);
      Approx value =
          x->scale == 0 ? value_f32(x, weight, b, t, e, K) : value_i8(x, weight, b, t, e, K, scale);
      bound_put(pre, i, value);
      bound_put(silu, i, approx_silu(value));
    }
}
