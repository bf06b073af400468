/* conv1d64: causal depthwise convolution over tokens, with bias, and SiLU after it, in float64.
 * pre[t, e] = bias[e] + sum over age of weight[e, K - 1 - age] x[t - age, e]: from the newest token
 * back, bias last. */
#include <stddef.h>

#include "reference/operators64.h"

void conv1d64(const double *x, int stride, int T, int E, int K, const double *weight,
              const double *bias, double *pre, double *silu) {
#pragma omp parallel for schedule(static)
  for (int t = 0; t < T; t++) {
    const double *now = x + (size_t)t * (size_t)stride;
    const size_t row = (size_t)t * (size_t)E;
    const int taps = t + 1 < K ? t + 1 : K;
    for (int e = 0; e < E; e++) {
      const double *newest = weight + (size_t)e * (size_t)K + (K - 1);
      double sum = 0;
      for (int age = 0; age < taps; age++) sum += newest[-age] * now[e - (ptrdiff_t)age * stride];
      pre[row + (size_t)e] = bias ? sum + bias[e] : sum;
      silu[row + (size_t)e] = silu64(pre[row + (size_t)e]);
    }
  }
}
