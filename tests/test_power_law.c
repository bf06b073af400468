/* power_law: laws that are known are found, with the errors of a fit by hand. */
#include "measure/power_law.h"

#include <criterion/criterion.h>
#include <math.h>

enum { POINTS = 6 };
static const double n[POINTS] = {64, 256, 1024, 2048, 4096, 8192};

static void make(double y[POINTS], double fixed, double slope, double exponent) {
  for (int i = 0; i < POINTS; i++) y[i] = fixed + slope * pow(n[i], exponent);
}

Test(power_law, of_points_on_one_it_has_that_exponent_and_no_error) {
  double y[POINTS];
  make(y, 0, 3, 1.5);
  const PowerLaw law = power_law_of(n, y, POINTS);
  cr_expect_float_eq(law.exponent, 1.5, 1e-12);
  cr_expect(law.error < 1e-7, "%g", law.error);
}

/* The last three of (…, 0), (0, 0), (1, 1), (2, 1) in logarithms: slope 1/2, residuals -1/6, 1/3,
 * -1/6, their squares 1/6 over one degree of freedom, over the squares of x, 2. */
Test(power_law, its_error_is_that_of_the_line_through_the_upper_points) {
  const double e = exp(1), x[] = {1e-3, 1, e, e * e}, y[] = {7, 1, e, e};
  const PowerLaw law = power_law_of(x, y, 4);
  cr_expect_float_eq(law.exponent, 0.5, 1e-12);
  cr_expect_float_eq(law.error, sqrt(1.0 / 12), 1e-12);
  cr_expect(isnan(power_law_of(x, y, 2).error));
}

Test(power_law, a_fixed_part_is_told_from_what_grows) {
  double y[POINTS];
  make(y, 2, 0.01, 1.25);
  const FixedAndSlope fit = fixed_and_slope_of(n, y, POINTS);
  cr_expect_float_eq(fit.fixed, 2, 1e-9);
  cr_expect_float_eq(fit.slope, 0.01, 1e-12);
  cr_expect_eq(fit.exponent, 1.25);
  cr_expect(fit.off < 1e-12, "%g", fit.off);
  cr_expect_lt(power_law_of(n, y, POINTS).exponent, 1.25, "the fixed part flattens a power law");
  y[2] *= 1.1;
  const double off = fixed_and_slope_of(n, y, POINTS).off;
  cr_expect(off > 0.02 && off < 0.1, "a point that is off by a tenth: %g", off);
}

Test(power_law, a_fixed_part_is_never_less_than_nothing) {
  double y[POINTS];
  make(y, -0.5, 0.01, 1);
  const FixedAndSlope fit = fixed_and_slope_of(n, y, POINTS);
  cr_expect_eq(fit.fixed, 0);
  cr_expect_gt(fit.off, 0.01);
}
