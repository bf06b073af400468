/* power_law: how a cost grows with a size, from few points: the exponent of its upper part, by
 * GSL's least squares on logarithms; and, since every cost has a part that does not grow, a fixed
 * part and one that grows, for all points. */
#ifndef DS_MEASURE_POWER_LAW_H
#define DS_MEASURE_POWER_LAW_H

/* y ~ n^exponent over the last count / 2 + 1 points, with the exponent's standard error (NaN of two
 * points). n and y > 0, n ascending; count >= 2. */
typedef struct PowerLaw {
  double exponent, error;
} PowerLaw;
PowerLaw power_law_of(const double *n, const double *y, int count);

/* y = fixed + slope n^exponent, the least sum of squared relative errors over exponents 0.25, 0.26,
 * … 3 with fixed >= 0; `off`: the largest relative error of a point. count >= 3; of three points
 * such a curve says nothing but their own. */
typedef struct FixedAndSlope {
  double fixed, slope, exponent, off;
} FixedAndSlope;
FixedAndSlope fixed_and_slope_of(const double *n, const double *y, int count);

#endif
