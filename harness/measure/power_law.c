#include "measure/power_law.h"

#include <assert.h>
#include <gsl/gsl_fit.h>
#include <math.h>

enum { POINTS_MOST = 16, FIRST_HUNDREDTH = 25, LAST_HUNDREDTH = 300 };

PowerLaw power_law_of(const double *n, const double *y, int count) {
  assert(count >= 2 && count <= POINTS_MOST);
  const int used = count / 2 + 1, from = count - used;
  double x[POINTS_MOST], log_y[POINTS_MOST], c0, slope, cov00, cov01, cov11, sum;
  for (int i = 0; i < used; i++) x[i] = log(n[from + i]), log_y[i] = log(y[from + i]);
  gsl_fit_linear(x, 1, log_y, 1, (size_t)used, &c0, &slope, &cov00, &cov01, &cov11, &sum);
  return (PowerLaw){slope, used > 2 ? sqrt(cov11) : NAN};
}

/* Weighted by 1 / y^2; the sum of squared relative errors. */
static double fit_at(const double *n, const double *y, int count, double exponent,
                     FixedAndSlope *fit) {
  double x[POINTS_MOST], w[POINTS_MOST], cov00, cov01, cov11, sum;
  for (int i = 0; i < count; i++) x[i] = pow(n[i], exponent), w[i] = 1 / (y[i] * y[i]);
  *fit = (FixedAndSlope){.exponent = exponent};
  gsl_fit_wlinear(x, 1, w, 1, y, 1, (size_t)count, &fit->fixed, &fit->slope, &cov00, &cov01, &cov11,
                  &sum);
  if (fit->fixed < 0) {
    fit->fixed = 0;
    gsl_fit_wmul(x, 1, w, 1, y, 1, (size_t)count, &fit->slope, &cov11, &sum);
  }
  for (int i = 0; i < count; i++)
    fit->off = fmax(fit->off, fabs((fit->fixed + fit->slope * x[i]) / y[i] - 1));
  return sum;
}

FixedAndSlope fixed_and_slope_of(const double *n, const double *y, int count) {
  assert(count >= 3 && count <= POINTS_MOST);
  FixedAndSlope best = {0};
  double least = INFINITY;
  for (int h = FIRST_HUNDREDTH; h <= LAST_HUNDREDTH; h++) {
    FixedAndSlope fit;
    const double sum = fit_at(n, y, count, h / 100.0, &fit);
    if (sum < least) least = sum, best = fit;
  }
  return best;
}
