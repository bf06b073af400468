/* bounds of rmsnorm: 16 lanes of fmaf, lane l taking elements l, l + 16, …; the lanes summed by
 * halves; then mean, + eps, square root, a quotient and a product for each element. */
#include "reference/approx.h"

enum { LANES = 16 };

static Approx divisor(const BoundIn *x, int t, double eps, int D) {
  Approx lane[LANES];
  for (int l = 0; l < LANES; l++) lane[l] = exactly(0);
  for (int d = 0; d < D; d++) {
    Approx v = bound_take(x, t, d);
    lane[d % LANES] = approx_fma(v, v, lane[d % LANES]);
  }
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++) lane[l] = approx_add(lane[l], lane[l + half]);
  return approx_sqrt(approx_add(approx_div(lane[0], exactly(D)), exactly(eps)));
}

void bound_rmsnorm(const BoundIn *x, const BoundIn *gain, double eps, int T, int D,
                   const BoundOut *y) {
#pragma omp parallel for schedule(static)
  for (int t = 0; t < T; t++) {
    Approx rms = divisor(x, t, eps, D);
    for (int d = 0; d < D; d++) {
      Approx value = approx_div(bound_take(x, t, d), rms);
      if (gain->value) value = approx_mul(value, bound_take(gain, 0, d));
      bound_put(y, (size_t)t * (size_t)D + (size_t)d, value);
    }
  }
}
