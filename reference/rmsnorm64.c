/* rmsnorm64: y [T, D] = x / sqrt(mean(x^2) + eps) * gain in float64. D eps is added to the length's
 * square, and the length divided by sqrt(D): no mean is formed. */
#include <stddef.h>

#include "reference/operators64.h"

/* The sum of squares of x [D]. */
static inline __attribute__((always_inline)) double squares_of(const double *x, int D) {
  double lane[RMSNORM64_LANES] = {0};
  const int whole = D - D % RMSNORM64_LANES;
  for (int d = 0; d < whole; d += RMSNORM64_LANES)
    for (int l = 0; l < RMSNORM64_LANES; l++) lane[l] = rmsnorm64_add(lane[l], x[d + l]);
  for (int l = 0; l < D - whole; l++) lane[l] = rmsnorm64_add(lane[l], x[whole + l]);
  for (int half = RMSNORM64_LANES / 2; half; half /= 2)
    for (int l = 0; l < half; l++) lane[l] += lane[l + half];
  return lane[0];
}

REF_CLONES static void norm_row(const double *x, const double *gain, double eps, int D,
                                double root_D, double *y) {
  const double rms = rmsnorm64_rms(squares_of(x, D), D, eps, root_D);
  for (int d = 0; d < D; d++) y[d] = rmsnorm64_value(x[d], rms, gain ? gain[d] : 1);
}

void rmsnorm64(const double *x, int stride, const double *gain, double eps, int T, int D, double *y,
               int y_stride) {
  const double root_D = sqrt(D);
#pragma omp parallel for schedule(static) if (T > 1)
  for (int t = 0; t < T; t++)
    norm_row(x + (size_t)t * (size_t)stride, gain, eps, D, root_D,
             y + (size_t)t * (size_t)y_stride);
}
