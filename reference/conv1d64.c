/* conv1d64: causal depthwise convolution over tokens, with bias, and SiLU after it, in float64.
 * pre[t, e] = bias[e] + sum over age of weight[e, K - 1 - age] x[t - age, e]: from the newest token
 * back, bias last. Channels share nothing: LANES of them go through the tokens together. */
#include <stddef.h>

#include "reference/operators64.h"

enum { LANES = 32 };

/* LANES channels of all tokens; x, pre and silu at the first of them. tap [K][LANES]: newest
 * first. */
REF_CLONES static void convolve(const double *x, int stride, int T, int E, int K,
                                const double tap[][LANES], const double *bias, double *pre,
                                double *silu) {
  for (int t = 0; t < T; t++, x += stride, pre += E, silu += E) {
    const int taps = t + 1 < K ? t + 1 : K;
    double sum[LANES] = {0};
    for (int age = 0; age < taps; age++)
      for (int l = 0; l < LANES; l++)
        sum[l] = conv1d64_tap(sum[l], tap[age][l], x[l - (ptrdiff_t)age * stride]);
    for (int l = 0; bias && l < LANES; l++) sum[l] += bias[l];
    for (int l = 0; l < LANES; l++) pre[l] = sum[l];
    for (int l = 0; l < LANES; l++) silu[l] = silu64(sum[l]);
  }
}

/* The same of fewer channels. */
static void convolve_few(const double *x, int stride, int T, int E, int K,
                         const double tap[][LANES], const double *bias, int count, double *pre,
                         double *silu) {
  for (int t = 0; t < T; t++)
    for (int l = 0; l < count; l++) {
      const size_t at = (size_t)t * (size_t)E + (size_t)l;
      double sum = 0;
      for (int age = 0; age < K && age <= t; age++)
        sum = conv1d64_tap(sum, tap[age][l], x[(ptrdiff_t)(t - age) * stride + l]);
      pre[at] = bias ? sum + bias[l] : sum;
      silu[at] = silu64(pre[at]);
    }
}

void conv1d64(const double *x, int stride, int T, int E, int K, const double *weight,
              const double *bias, double *pre, double *silu) {
#pragma omp parallel for schedule(dynamic) if (T > 1)
  for (int e = 0; e < E; e += LANES) {
    const int count = E - e < LANES ? E - e : LANES;
    const double *own = bias ? bias + e : NULL;
    double tap[K][LANES];
    for (int l = 0; l < count; l++)
      for (int age = 0; age < K; age++)
        tap[age][l] = weight[(size_t)(e + l) * (size_t)K + (size_t)(K - 1 - age)];
    if (count == LANES)
      convolve(x + e, stride, T, E, K, (const double(*)[LANES])tap, own, pre + e, silu + e);
    else
      convolve_few(x + e, stride, T, E, K, (const double(*)[LANES])tap, own, count, pre + e,
                   silu + e);
  }
}
