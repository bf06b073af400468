/* quantiles: the selection against GSL's quantiles of the sorted array. */
#include "base/quantiles.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "tests/measure_rows.h"

static double draw(gsl_rng *rng, int kind, size_t i, size_t n) {
  switch (kind) {
    case 0: return gsl_rng_uniform(rng);
    case 1: return exp(gsl_ran_gaussian(rng, 30));      /* many buckets, few a bucket */
    case 2: return (double)gsl_rng_uniform_int(rng, 4); /* ties */
    case 3: return 0;
    case 4: return (double)i;
    case 5: return (double)(i < n / 2 ? i : n - i);
    case 6: return 1 + 1e-12 * gsl_rng_uniform(rng); /* all in one bucket */
    default: return gsl_rng_uniform(rng) < 0.5 ? 0.0 : fabs(gsl_ran_cauchy(rng, 1));
  }
}

Test(quantiles, selection_equals_gsl_on_the_sorted_array_in_every_bit) {
  const double f[] = {0, 0.25, 0.5, 0.5, 0.9, 0.99, 0.999, 1};
  static double x[20000], few[20000], sorted[20000];
  Arena arena = new_arena();
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (int kind = 0; kind < 8; kind++)
    for (size_t n = 1; n <= 20000; n = n < 12 ? n + 1 : n * 3 - 1) {
      for (size_t i = 0; i < n; i++) sorted[i] = few[i] = x[i] = draw(rng, kind, i, n);
      gsl_sort(sorted, 1, n);
      double got[2][8];
      memset(got, 0xa5, sizeof got);
      quantiles_select(x, n, f, 8, got[0], arena);
      quantiles_of(few, n, f, 8, got[1]);
      for (int i = 0; i < 16; i++) {
        double want = gsl_stats_quantile_from_sorted_data(sorted, 1, n, f[i % 8]);
        cr_assert_eq(memcmp(&got[i / 8][i % 8], &want, sizeof want), 0,
                     "kind %d, n %zu, quantile %g: got %a, want %a", kind, n, f[i % 8],
                     got[i / 8][i % 8], want);
      }
    }
  gsl_rng_free(rng);
  arena_release(&arena);
}

Test(quantiles, the_spread_of_times_is_scaled_to_a_standard_deviation) {
  double odd[] = {5, 1, 4, 2, 3}, even[] = {10, 1, 2, 3},
         work[5]; /* deviations 0 1 1 2 2; from 2.5: 0.5 0.5 1.5 7.5 */
  Middle got = middle_of(odd, 5, work);
  cr_expect(got.median == 3 && fabs(got.mad - 1.4826) < 1e-4, "%g, %g", got.median, got.mad);
  got = middle_of(even, 4, work);
  cr_expect(got.median == 2.5 && fabs(got.mad - 1.4826) < 1e-4, "%g, %g", got.median, got.mad);
}
