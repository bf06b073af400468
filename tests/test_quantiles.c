/* quantiles: the selection against GSL's quantiles of the sorted array. */
#include "base/quantiles.h"

#include <float.h>
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

/* --- of values that are made again ------------------------------------------------------------ */

enum { AGAIN_MOST = 300000 };

/* Values in blocks of a size of their own, the last ones fewer, and how often they were made. */
typedef struct Kept {
  const double *x;
  size_t n, a_block, made;
} Kept;

static size_t kept_block(const void *of, size_t block, double *x) {
  Kept *kept = (Kept *)(uintptr_t)of;
  const size_t first = block * kept->a_block, left = kept->n - first,
               n = left < kept->a_block ? left : kept->a_block;
  for (size_t i = 0; i < QUANTILES_BLOCK; i++) x[i] = i < n ? kept->x[first + i] : NAN;
  kept->made += n;
  return n;
}

static double draw_again(gsl_rng *rng, int kind, size_t i, size_t n) {
  const double u = gsl_rng_uniform(rng);
  switch (kind) {
    case 8: return u < 0.5 ? 0 : u;                                           /* half are 0 */
    case 9: return u < 0.5 ? 0 : DBL_TRUE_MIN * floor(8 * u);                 /* denormals */
    case 10: return ldexp(1 + u, (int)gsl_rng_uniform_int(rng, 2000) - 1000); /* any range */
    case 11: return u < 0.01 ? INFINITY : u < 0.6 ? DBL_MAX : 1e300 * u;
    case 12: return ldexp(u, -1000);   /* below the first digit */
    case 13: return ldexp(1 + u, 900); /* above it */
    case 14: return 0.3f * (float)(int)(3 * u) + (u < 0.2 ? 0x1p-24 : 0); /* a grid, rounded */
    case 15: return 1 + DBL_EPSILON * floor(4 * u);                       /* neighbours */
    case 16: return i == n / 2 ? 1 : 0;                                   /* one differs */
    case 17: return i < n / 4 ? 1.25 : 1.25 + 1e-3 * u;                   /* alike at first */
    case 18: return i / 1024 == n / 2048 ? 1.25 : 1.25 + 1e-3 * u;        /* where it is asked */
    default: return draw(rng, kind, i, n);
  }
}

typedef struct Rows {
  double x[AGAIN_MOST], sorted[AGAIN_MOST], room[AGAIN_MOST + (1 << 19)];
} Rows;

/* The room ends where it is said to: what lies behind stays as it was. */
static size_t made_in_room(Rows *r, size_t n, size_t a_block, size_t most, int kind) {
  const double f[] = {0, 0.25, 0.5, 0.5, 0.9, 0.99, 0.999, 1}, beyond = 0x1.abcp9;
  static uint32_t counts[QUANTILE_COUNTS];
  Kept kept = {r->x, n, a_block, 0};
  double got[8];
  memset(got, 0xa5, sizeof got);
  memset(counts, 0, sizeof counts);
  for (size_t i = 0; i < n; i += a_block)
    quantiles_count(counts, r->x + i, n - i < a_block ? n - i : a_block);
  r->room[most] = beyond;
  const Remade values = {kept_block, &kept, (n + a_block - 1) / a_block, n};
  quantiles_again(counts, values, f, 8, got, r->room, most);
  cr_assert_eq(r->room[most], beyond, "kind %d, n %zu: beyond a room of %zu", kind, n, most);
  for (int i = 0; i < 8; i++) {
    const double want =
        n ? gsl_stats_quantile_from_sorted_data(r->sorted, 1, n, f[i]) : (double)NAN;
    cr_assert((isnan(got[i]) && isnan(want)) || !memcmp(&got[i], &want, sizeof want),
              "kind %d, n %zu in blocks of %zu, room %zu, quantile %g: got %a, want %a", kind, n,
              a_block, most, f[i], got[i], want);
  }
  return kept.made;
}

Test(quantiles, values_made_again_have_the_quantiles_of_the_sorted_array_in_any_room) {
  Rows *r = calloc(1, sizeof *r);
  cr_assert(r);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (int kind = 0; kind < 19; kind++)
    for (size_t n = 0; n <= 20000; n = n < 5 ? n + 1 : n * 4 - 3) {
      for (size_t i = 0; i < n; i++) r->sorted[i] = r->x[i] = draw_again(rng, kind, i, n);
      gsl_sort(r->sorted, 1, n);
      const size_t room[] = {0, 1, 2, 30, n / 16, n, n + 16, quantiles_room(n)};
      for (int k = 0; k < 8; k++)
        for (size_t a_block = k % 2 ? 100 : 1; a_block <= QUANTILES_BLOCK; a_block += 924)
          made_in_room(r, n, a_block, room[k], kind);
    }
  gsl_rng_free(rng);
  free(r);
}

/* What was made beside one pass: a block that is asked about. */
Test(quantiles, of_usual_values_one_more_pass_is_enough) {
  Rows *r = calloc(1, sizeof *r);
  cr_assert(r);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  const size_t n = AGAIN_MOST;
  const int usual[] = {0, 2, 3, 7, 8, 16};
  for (int k = 0; k < 6; k++) {
    for (size_t i = 0; i < n; i++) r->sorted[i] = r->x[i] = draw_again(rng, usual[k], i, n);
    gsl_sort(r->sorted, 1, n);
    const size_t made = made_in_room(r, n, QUANTILES_BLOCK, n / 8, usual[k]);
    cr_expect(made <= n + QUANTILES_BLOCK, "kind %d: %zu of %zu", usual[k], made, n);
  }
  gsl_rng_free(rng);
  free(r);
}

Test(quantiles, the_spread_of_times_is_scaled_to_a_standard_deviation) {
  double odd[] = {5, 1, 4, 2, 3}, even[] = {10, 1, 2, 3},
         work[5]; /* deviations 0 1 1 2 2; from 2.5: 0.5 0.5 1.5 7.5 */
  Middle got = middle_of(odd, 5, work);
  cr_expect(got.median == 3 && fabs(got.mad - 1.4826) < 1e-4, "%g, %g", got.median, got.mad);
  got = middle_of(even, 4, work);
  cr_expect(got.median == 2.5 && fabs(got.mad - 1.4826) < 1e-4, "%g, %g", got.median, got.mad);
}
