/* rmsnorm64: y [T, D] = x / sqrt(mean(x^2) + eps) * gain in float64.
 * The length of a row comes from BLAS's dnrm2 and meets eps in hypot: no square of x is ever formed
 * here. */
#include <gsl/gsl_blas.h>

#include "reference/operators64.h"

void rmsnorm64(const double *x, const double *gain, double eps, int T, int D, double *y) {
#pragma omp parallel for schedule(static)
  for (int t = 0; t < T; t++) {
    const double *row = x + (size_t)t * (size_t)D;
    double *out = y + (size_t)t * (size_t)D;
    const gsl_vector_const_view v = gsl_vector_const_view_array(row, (size_t)D);
    const double rms = hypot(gsl_blas_dnrm2(&v.vector) / sqrt(D), sqrt(eps));
    for (int d = 0; d < D; d++) out[d] = row[d] / rms * (gain ? gain[d] : 1);
  }
}
