/* stats at the edges: every column where a side is zero, constant, one element, or not finite, held
 * against the definitions of measure/tables/stats.h. */
#include "tests/measure_rows.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

enum { EDGE = 4 };
typedef struct Edge {
  const char *name;
  int n;
  float base[EDGE], other[EDGE];
  int identical;
  double mean_rel, std_base, std_other, std_rel, min_rel, max_rel;
  double max_abs, mean_abs, rmse, rel_l2, sqnr_db, cosine, pearson, max_rel_error, mean_rel_error,
      zero_base;
  double ulp_max, ulp_mean, p50, p999, differing, first_index, worst_index, nonfinite, base_l2;
} Edge;

#define ONE_ULP 1.1920928955078125e-07 /* 2^-23 */

/* clang-format off */
static const Edge edges[] = {
  {"both all 0", 3, {0, 0, 0}, {0, 0, 0}, 1,
   0, 0, 0, 0, 0, 0,   0, 0, 0, 0, INFINITY, NAN, NAN, NAN, NAN, 3,   0, 0, 0, 0, 0, -1, -1, 0, 0},
  {"zeros of unlike sign", 2, {0, 0}, {-0.0f, 0}, 0,
   0, 0, 0, 0, 0, 0,   0, 0, 0, 0, INFINITY, NAN, NAN, NAN, NAN, 2,   0, 0, 0, 0, 0.5, 0, -1, 0, 0},
  {"base all 0", 2, {0, 0}, {0, 1}, 0,
   NAN, 0, 0.5, NAN, 0, NAN,   1, 0.5, 0.70710678118654757, NAN, NAN, NAN, NAN, NAN, NAN, 2,
   1065353216, 532676608, 0.5, 0.999, 0.5, 1, 1, 0, 0},
  {"other all 0", 2, {0, 2}, {0, 0}, 0,
   1, 1, 0, 1, 0, 1,   2, 1, 1.4142135623730951, 1, 0, NAN, NAN, 1, 1, 1,
   1073741824, 536870912, 1, 1.998, 0.5, 1, 1, 0, 2},
  {"one element", 1, {2}, {3}, 0,
   0.5, 0, 0, 0, 0.5, 0.5,   1, 1, 1, 0.5, 6.0205999132796242, 1, NAN, 0.5, 0.5, 0,
   4194304, 4194304, 1, 1, 1, 0, 0, 0, 2},
  {"one element, identical", 1, {2}, {2}, 1,
   0, 0, 0, 0, 0, 0,   0, 0, 0, 0, INFINITY, 1, NAN, 0, 0, 0,   0, 0, 0, 0, 0, -1, -1, 0, 2},
  {"one element, 0 on both sides", 1, {0}, {0}, 1,
   0, 0, 0, 0, 0, 0,   0, 0, 0, 0, INFINITY, NAN, NAN, NAN, NAN, 1,   0, 0, 0, 0, 0, -1, -1, 0, 0},
  {"identical", 4, {1, -2, 3, 0}, {1, -2, 3, 0}, 1,
   0, 1.8027756377319946, 1.8027756377319946, 0, 0, 0,   0, 0, 0, 0, INFINITY, 1, 1, 0, 0, 1,
   0, 0, 0, 0, 0, -1, -1, 0, 3.7416573867739413},
  {"opposite", 2, {1, -2}, {-1, 2}, 0,
   2, 1.5, 1.5, 0, 0.5, 1,   4, 3, 3.1622776601683795, 2, -6.0205999132796242, -1, -1, 2, 2, 0,
   2147483648., 2139095040., 3, 3.998, 1, 0, 1, 0, 2.2360679774997898},
  {"base constant", 2, {2, 2}, {1, 2}, 0,
   0.25, 0, 0.5, NAN, 0.5, 0,   1, 0.5, 0.70710678118654757, 0.35355339059327379, 9.0308998699194358,
   0.94868329805051377, NAN, 0.5, 0.25, 0,   8388608, 4194304, 0.5, 0.999, 0.5, 0, 0, 0, 2.8284271247461903},
  {"both constant", 2, {1, 1}, {1.0f + (float)ONE_ULP, 1.0f + (float)ONE_ULP}, 0,
   ONE_ULP, 0, 0, 0, ONE_ULP, ONE_ULP,   ONE_ULP, ONE_ULP, ONE_ULP, ONE_ULP, 138.47379800543135, 1, NAN, ONE_ULP,
   ONE_ULP, 0,   1, 1, ONE_ULP, ONE_ULP, 1, 0, 0, 0, 1.4142135623730951},
  {"no finite element, identical", 2, {NAN, INFINITY}, {NAN, INFINITY}, 1,
   NAN, NAN, NAN, NAN, NAN, NAN,   NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0,
   NAN, NAN, NAN, NAN, 0, -1, -1, 2, NAN},
  {"no element finite on both sides", 2, {NAN, 1}, {1, -INFINITY}, 0,
   NAN, NAN, NAN, NAN, NAN, NAN,   NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0,
   NAN, NAN, NAN, NAN, 1, 0, -1, 2, NAN},
  {"what is finite is equal", 3, {4, NAN, 4}, {4, 1, 4}, 0,
   0, 0, 0, 0, 0, 0,   0, 0, 0, 0, INFINITY, 1, NAN, 0, 0, 0,
   0, 0, 0, 0, 1.0 / 3, 1, -1, 1, 5.6568542494923806},
  {"identical with a NaN", 3, {4, NAN, 4}, {4, NAN, 4}, 1,
   0, 0, 0, 0, 0, 0,   0, 0, 0, 0, INFINITY, 1, NAN, 0, 0, 0,   0, 0, 0, 0, 0, -1, -1, 1, 5.6568542494923806},
};
/* clang-format on */

static void holds(const char *edge, const char *column, double got, double want, double tolerance) {
  bool same = (isnan(got) && isnan(want)) || got == want || fabs(got - want) <= tolerance;
  cr_expect(same, "%s: %s is %.17g, want %.17g", edge, column, got, want);
}

Test(stats, every_column_of_a_pair_is_what_its_definition_says_at_every_edge) {
  for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
    Edge want = edges[i];
    Tensor a = tensor_of(want.base, FORMAT_F32, 1, want.n, 0),
           b = tensor_of(want.other, FORMAT_F32, 1, want.n, 0);
    PairStats got = pair_row(&a, &b);
#define HOLDS(column, tolerance)                                                                   \
  holds(want.name, #column, (double)got.column, (double)want.column, tolerance)
    HOLDS(identical, 0);
    HOLDS(mean_rel, 0);
    HOLDS(std_base, 1e-15);
    HOLDS(std_other, 1e-15);
    HOLDS(std_rel, 1e-15);
    HOLDS(min_rel, 0);
    HOLDS(max_rel, 0);
    HOLDS(max_abs, 0);
    HOLDS(mean_abs, 0);
    HOLDS(rmse, 1e-15);
    HOLDS(rel_l2, 1e-15);
    HOLDS(sqnr_db, 1e-13);
    HOLDS(cosine, 1e-15);
    HOLDS(pearson, 1e-15);
    HOLDS(max_rel_error, 0);
    HOLDS(mean_rel_error, 0);
    HOLDS(zero_base, 0);
    HOLDS(ulp_max, 0);
    HOLDS(ulp_mean, 0);
    HOLDS(p50, 0);
    HOLDS(p999, 1e-15);
    HOLDS(differing, 1e-16);
    HOLDS(first_index, 0);
    HOLDS(worst_index, 0);
    HOLDS(nonfinite, 0);
    HOLDS(base_l2, 1e-15);
#undef HOLDS
    cr_expect(!(fabs(got.cosine) > 1) && !(fabs(got.pearson) > 1), "%s: beyond 1", want.name);
  }
}

Test(stats, every_column_of_a_tensor_is_what_its_definition_says_at_every_edge) {
  static const struct {
    const char *name;
    int n;
    float x[EDGE];
    double mean, std, min, max, nonfinite, first_nonfinite, zeros;
  } edge[] = {
      {"all 0", 3, {0, -0.0f, 0}, 0, 0, 0, 0, 0, -1, 3},
      {"one element", 1, {-2}, -2, 0, -2, -2, 0, -1, 0},
      {"constant", 3, {0.1f, 0.1f, 0.1f}, 0.1f, 0, 0.1f, 0.1f, 0, -1, 0},
      {"no finite element", 2, {-INFINITY, NAN}, NAN, NAN, NAN, NAN, 2, 0, 0},
      {"one finite element", 3, {5, NAN, INFINITY}, 5, 0, 5, 5, 2, 1, 0},
      {"infinite at the end", 4, {0, 1, 1, INFINITY}, 2.0 / 3, 0.47140452079103168, 0, 1, 1, 3, 1},
  };
  for (size_t i = 0; i < sizeof edge / sizeof *edge; i++) {
    float x[EDGE];
    memcpy(x, edge[i].x, sizeof x);
    Tensor t = tensor_of(x, FORMAT_F32, 1, edge[i].n, 0);
    TensorStats row = tensor_row(&t, 0);
    printf("%s\n", edge[i].name);
    NEAR(row.mean, edge[i].mean, 1e-16);
    NEAR(row.std, edge[i].std, 1e-16);
    SAME(row.min, edge[i].min);
    SAME(row.max, edge[i].max);
    SAME(row.nonfinite, edge[i].nonfinite);
    SAME(row.first_nonfinite, edge[i].first_nonfinite);
    SAME(row.zeros, edge[i].zeros);
    SAME(row.on_grid, NAN);
  }
}

Test(stats, first_nonfinite_is_an_index_of_the_whole_tensor) {
  enum { ROWS = 50, COLS = 100 };
  static float x[ROWS][COLS + 1]; /* the last column is no part of the tensor */
  for (int i = 0; i < ROWS; i++) x[i][COLS] = NAN;
  Tensor t = {.data = x, .format = FORMAT_F32, .rows = ROWS, .cols = COLS, .stride = COLS + 1};
  SAME(tensor_row(&t, 0).first_nonfinite, -1);
  for (int at = ROWS * COLS - 1; at >= 0; at -= 777) {
    x[at / COLS][at % COLS] = at % 2 ? NAN : -INFINITY;
    SAME(tensor_row(&t, 0).first_nonfinite, at);
  }
}

/* Nearly parallel vectors: without the clamp, rounding carries some of these beyond 1. */
Test(stats, cosine_and_correlation_never_leave_one) {
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (int n = 2; n < 40; n++)
    for (int trial = 0; trial < 200; trial++) {
      double a[40], b[40], factor = trial % 2 ? -3.3 : 0.1;
      for (int i = 0; i < n; i++) a[i] = gsl_ran_gaussian(rng, 1) + trial % 7, b[i] = factor * a[i];
      Tensor base = tensor_of(a, FORMAT_F64, 1, n, 0), other = tensor_of(b, FORMAT_F64, 1, n, 0);
      PairStats row = pair_row(&base, &other);
      cr_assert(fabs(row.cosine) <= 1 && fabs(row.pearson) <= 1, "%.17g, %.17g", row.cosine,
                row.pearson);
      NEAR(fabs(row.cosine), 1, 1e-14);
    }
  gsl_rng_free(rng);
}

Test(stats, angles_of_very_small_and_very_large_values_are_those_of_the_values) {
  for (int e = -120; e <= 120; e += 20) {
    double size = pow(10, e), a[] = {3 * size, 4 * size, 0}, b[] = {4 * size, 3 * size, 0};
    Tensor base = tensor_of(a, FORMAT_F64, 1, 3, 0), other = tensor_of(b, FORMAT_F64, 1, 3, 0);
    PairStats row = pair_row(&base, &other);
    NEAR(row.cosine, 0.96, 1e-15);
    NEAR(row.pearson, 0.88461538461538458, 1e-15); /* 23/3 over 26/3 */
  }
}

Test(stats, base_of_a_constant_that_is_no_float_has_no_correlation) {
  enum { N = 3000 };
  static double a[N], b[N];
  for (int i = 0; i < N; i++) a[i] = 0.1, b[i] = i;
  Tensor base = tensor_of(a, FORMAT_F64, 3, N / 3, 0),
         other = tensor_of(b, FORMAT_F64, 3, N / 3, 0);
  PairStats row = pair_row(&base, &other);
  SAME(row.mean_base, 0.1);
  SAME(row.std_base, 0);
  SAME(row.std_rel, NAN);
  SAME(row.pearson, NAN);
}
