/* rmsnorm: y = (x / sqrtf(ss / D + eps)) * g, row by row; x [T, D] f32 -> y [T, D], f32, or i8 by
 * q8_away at y->scale.
 *
 * Order of ss, the sum of squares: RMSNORM_LANES = 16 partial sums, lane l taking elements l, l +
 * 16, l + 32, … in that order with fmaf from 0; then lane l += lane l + 8 for l < 8, then + 4 for l
 * < 4, + 2, + 1. ss is lane 0. It depends on D alone, and fills a vector or half a warp.
 * Source: the published Mamba model's RMSNorm, x / sqrt(mean(x^2) + eps) * g (Zhang, Sennrich
 * 2019).
 * Error:  relative L2 against float64 at D 768, standard normal inputs, 5.6e-8
 *         (tests/test_error.c); relative, of any element tried, at most 2^-24 times (ceil(D / 16) +
 *         6) / 2 + 3 (tests/test_rmsnorm.c). */
#ifndef DS_KERNELS_RMSNORM_H
#define DS_KERNELS_RMSNORM_H
#include <math.h>

#include "kernels/room.h"
#include "kernels/tensor.h"
#include "kernels/witness.h"

enum { RMSNORM_LANES = 16 };

ROOM_FN float rmsnorm_add(float ss, float x) {
  return fmaf(x, x, ss);
} /* an x of zero leaves ss as it is */
ROOM_FN float rmsnorm_root(float ss, int D, float eps) {
  float mean = ss / (float)D;
  return sqrtf(mean + eps);
}
ROOM_FN float rmsnorm_value(float x, float divisor, float gain) { return x / divisor * gain; }

/* x [D]: what every element of the row is divided by. */
ROOM_FN float rmsnorm_divisor(const float *x, int D, float eps) {
  float lane[RMSNORM_LANES] = {0};
  for (int i = 0; i < D; i += RMSNORM_LANES)
    for (int l = 0; l < RMSNORM_LANES; l++)
      lane[l] = rmsnorm_add(lane[l], i + l < D ? x[i + l] : 0.0f);
  for (int half = RMSNORM_LANES / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++) lane[l] += lane[l + half];
  return rmsnorm_root(lane[0], D, eps);
}

/* gain [D], or NULL where it was folded into the next linear. */
void rmsnorm(const Tensor *x, const float *gain, float eps, Tensor *y);
const char *rmsnorm_witness(Format y, Backend backend);
#endif
