/* quantiles: several quantiles of magnitudes at once, exactly those of
 * gsl_stats_quantile_from_sorted_data, without sorting everything: about 1 ns an element where a
 * sort takes a hundred. */
#ifndef DS_BASE_QUANTILES_H
#define DS_BASE_QUANTILES_H
#include <stdint.h>

#include "base/arena.h"

enum {
  QUANTILES_MAX = 8,
  QUANTILE_KEYS = 4096, /* of a digit */
  QUANTILE_TABLES = 4,  /* neighbours count in tables of their own: equal ones need not wait */
  QUANTILE_COUNTS = QUANTILE_KEYS * QUANTILE_TABLES,
  QUANTILES_BLOCK = 1024
};

/* The quantiles f[0] <= f[1] <= … (each 0 … 1) of n finite values >= 0, into out[0 … count-1];
 * reorders and overwrites x. count <= QUANTILES_MAX. NaN where n is 0. */
void quantiles_select(double *x, size_t n, const double *f, int count, double *out, Arena scratch);
/* Bytes of scratch, whatever n is. */
size_t quantiles_scratch_bytes(void);

/* The same of values that nobody keeps: they are made again when they are asked for. `block` writes
 * those of a block into x, at most QUANTILES_BLOCK, and returns how many; they are the same ones
 * each time. */
typedef struct Remade {
  size_t (*block)(const void *of, size_t block, double *x);
  const void *of;
  size_t blocks, n; /* n: in all */
} Remade;
/* The first time they are counted, while they are in a cache, in `counts` [QUANTILE_COUNTS], zeros
 * before; then they are selected from. Those near a quantile are kept in room [most]: it is enough
 * of quantiles_room(n) for most to be made once more; where values crowd, or in a smaller one (0
 * too), more often. */
void quantiles_count(uint32_t *counts, const double *x, size_t n);
void quantiles_again(uint32_t *counts, Remade values, const double *f, int count, double *out,
                     double *room, size_t most);
static inline size_t quantiles_room(size_t n) { return n / 16 + (1 << 18); }

/* A quantile of n sorted values lies between the one of this rank and the next one (the same one
 * where there is none), and is GSL's interpolation of the two. A device finds the two as well. */
#ifdef __CUDACC__
__host__ __device__
#endif
    static inline size_t
    quantile_rank(size_t n, double f) {
  return (size_t)(f * (double)(n - 1));
}
double quantile_between(size_t n, double f, double at, double next);

/* Quantiles of a few values of any sign, by selection alone: f rises, out [count]; reorders x. +Inf
 * where one reaches into values that are. NaN where n is 0. */
void quantiles_of(double *x, size_t n, const double *f, int count, double *out);
double quantile_of(double *x, size_t n, double f);

/* Of times that were taken again and again: the median, and as `mad` everywhere 1.4826 times the
 * median absolute deviation from it, which for normal values is their standard deviation (GSL's
 * gsl_stats_mad). */
typedef struct Middle {
  double median, mad;
} Middle;
/* Reorders x; n >= 1, work [n]. */
Middle middle_of(double *x, size_t n, double *work);
#endif
