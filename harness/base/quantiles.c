/* quantiles: a quantile is GSL's interpolation between two neighbours in sorted order. The
 * neighbours are found in two steps: a histogram of the values' leading bits tells in which buckets
 * they lie, and what lies in other buckets is dropped; gsl_stats_select finds them among the few
 * that are left. */
#include "base/quantiles.h"

#include <assert.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Doubles >= 0 are ordered as their bits are. The leading bits: 11 of the exponent and 4 of the
 * fraction, a bucket is 3 to 6 % wide. More would make the histogram larger than a cache, fewer
 * would leave more to select from. */
enum { FRACTION_BITS = 4, BUCKETS = 1 << (11 + FRACTION_BITS) };

static size_t bucket_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (bits & INT64_MAX) >> (52 - FRACTION_BITS); /* -0 counts as 0 */
}

size_t quantiles_scratch_bytes(void) { return BUCKETS * sizeof(uint32_t) + 64; }

/* Does a wanted rank, or the one after it, lie in a bucket that holds the ranks below … below +
 * count - 1? */
static bool bucket_wanted(size_t below, size_t count, const size_t *rank, int ranks) {
  for (int i = 0; i < ranks; i++)
    if (rank[i] + 1 >= below && rank[i] < below + count) return true;
  return false;
}

void quantiles_select(double *x, size_t n, const double *f, int count, double *out, Arena scratch) {
  assert(count <= QUANTILES_MAX);
  for (int i = 0; i < count; i++) out[i] = NAN;
  if (n == 0) return;

  uint32_t *bucket = ARENA_NEW(&scratch, uint32_t, BUCKETS);
  for (size_t i = 0; i < n; i++) bucket[bucket_of(x[i])]++;

  size_t rank[QUANTILES_MAX];
  double between[QUANTILES_MAX];
  for (int i = 0; i < count; i++) {
    double place = f[i] * (double)(n - 1);
    rank[i] = (size_t)place;
    between[i] = place - (double)rank[i];
  }
  size_t kept_rank[QUANTILES_MAX]; /* the place among the values that are kept */
  size_t below = 0, dropped = 0;
  int next = 0;
  for (size_t b = 0; b < BUCKETS;
       b++) { /* from here on a bucket says whether its values are kept */
    size_t here = bucket[b];
    if (here == 0) continue;
    for (; next < count && rank[next] < below + here; next++)
      kept_rank[next] = rank[next] - dropped;
    bucket[b] = bucket_wanted(below, here, rank, count);
    below += here;
    if (!bucket[b]) dropped += here;
  }
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    double value = x[i];
    x[kept] = value;
    kept += bucket[bucket_of(value)];
  }

  /* After a selection, what stands behind a place is no smaller than what stands in it: the next
   * selection, and the neighbour above, need look no further back. */
  size_t from = 0;
  for (int i = 0; i < count; i++) {
    size_t k = kept_rank[i];
    double at = gsl_stats_select(x + from, 1, kept - from, k - from);
    double pair[2] = {at, rank[i] + 1 < n ? gsl_stats_min(x + k + 1, 1, kept - k - 1) : at};
    out[i] = rank[i] + 1 < n ? gsl_stats_quantile_from_sorted_data(pair, 1, 2, between[i]) : at;
    from = k;
  }
}

/* What stands behind a selected place is no smaller than it. */
double quantile_of(double *x, size_t n, double f) {
  if (n == 0) return NAN;
  double place = f * (double)(n - 1);
  size_t k = (size_t)place;
  double at = gsl_stats_select(x, 1, n, k);
  if (place == (double)k || k + 1 == n) return at;
  double pair[2] = {at, gsl_stats_min(x + k + 1, 1, n - k - 1)};
  return gsl_stats_quantile_from_sorted_data(pair, 1, 2, place - (double)k);
}

Middle middle_of(double *x, size_t n, double *work) {
  double mad = gsl_stats_mad(x, 1, n, work);
  return (Middle){gsl_stats_median(x, 1, n), mad};
}
