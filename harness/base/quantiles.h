/* quantiles: several quantiles of magnitudes at once, exactly those of
 * gsl_stats_quantile_from_sorted_data, without sorting everything: a few ns an element where a sort
 * takes a hundred. */
#ifndef DS_BASE_QUANTILES_H
#define DS_BASE_QUANTILES_H
#include "base/arena.h"

enum { QUANTILES_MAX = 8 };

/* The quantiles f[0] <= f[1] <= … (each 0 … 1) of n finite values >= 0, into out[0 … count-1];
 * reorders and overwrites x. count <= QUANTILES_MAX. NaN where n is 0. */
void quantiles_select(double *x, size_t n, const double *f, int count, double *out, Arena scratch);
/* One quantile of a few values of any sign, by selection alone; reorders x. +Inf where it reaches
 * into values that are. NaN where n is 0. */
double quantile_of(double *x, size_t n, double f);
/* Bytes of scratch, whatever n is. */
size_t quantiles_scratch_bytes(void);

/* Of times that were taken again and again: the median, and as `mad` everywhere 1.4826 times the
 * median absolute deviation from it, which for normal values is their standard deviation (GSL's
 * gsl_stats_mad). */
typedef struct Middle {
  double median, mad;
} Middle;
/* Reorders x; n >= 1, work [n]. */
Middle middle_of(double *x, size_t n, double *work);
#endif
