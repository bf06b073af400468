/* The float64 reference's operators, one by one, against dense definitions and numbers worked out
 * by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "reference/model64.h"
#include "reference/operators64.h"
#include "tests/draws.h"
#include "tests/paley.h"

static double *junk(size_t count) {
  double *x = malloc(count * sizeof *x);
  cr_assert_not_null(x);
  for (size_t i = 0; i < count; i++) x[i] = NAN;
  return x;
}

static double *noise(size_t count, unsigned long seed) {
  double *x = junk(count);
  gsl_rng *rng = draws_from(seed);
  for (size_t i = 0; i < count; i++) x[i] = 2 * gsl_rng_uniform(rng) - 1;
  return x;
}

static void near(const char *what, int i, double got, double want, double relative) {
  cr_expect(fabs(got - want) <= relative * fabs(want), "%s[%d]: got %a = %.17g, want %a = %.17g",
            what, i, got, got, want, want);
}

/* --- linear64 --------------------------------------------------------------------------------- */

/* Against long double sums; 1, part of a panel, more than a panel of rows; rows further apart than
 * they are long. */
Test(linear64, equals_the_sum_of_products_for_any_shape_and_stride) {
  static const int shape[][4] = {
      {1, 1, 1, 1}, {1, 7, 5, 9}, {31, 16, 48, 48}, {32, 5, 3, 5}, {101, 33, 17, 40}};
  for (int s = 0; s < 5; s++) {
    const int T = shape[s][0], in = shape[s][1], out = shape[s][2], stride = shape[s][3];
    double *x = noise((size_t)T * (size_t)stride, 1), *w = noise((size_t)out * (size_t)in, 2);
    double *y = junk((size_t)T * (size_t)out);
    linear64(x, stride, T, in, w, out, y, out);
    for (int t = 0; t < T; t++)
      for (int o = 0; o < out; o++) {
        long double want = 0, size = 0;
        for (int i = 0; i < in; i++) {
          const long double product = (long double)x[t * stride + i] * w[o * in + i];
          want += product;
          size += fabsl(product);
        }
        /* The bound of any order of in float64 additions and products: in u times the sum of
         * magnitudes. */
        cr_assert(fabsl(y[t * out + o] - want) <= in * 0x1p-53L * size,
                  "T %d, in %d, out %d: y[%d, %d] got %a, want %a", T, in, out, t, o,
                  y[t * out + o], (double)want);
      }
    free(x), free(w), free(y);
  }
}

/* --- rmsnorm64 -------------------------------------------------------------------------------- */

Test(rmsnorm64, rows_worked_by_hand) {
  /* mean(1, 49) = 25, and eps = 0: rms 5.  mean(1, 1) = 1, and eps = 3: rms 2. */
  const double x[2] = {1, 7}, ones[2] = {1, -1}, gain[2] = {10, 0.5};
  double y[2] = {NAN, NAN};
  rmsnorm64(x, 2, NULL, 0, 1, 2, y, 2);
  near("without gain", 0, y[0], 0.2, 1e-15);
  near("without gain", 1, y[1], 1.4, 1e-15);
  rmsnorm64(ones, 2, gain, 3, 1, 2, y, 2);
  near("with gain and eps", 0, y[0], 5, 1e-15);
  near("with gain and eps", 1, y[1], -0.25, 1e-15);
}

/* By the formula, in long double: the mean of the squares first. The bound: half the roundings of a
 * sum of D squares, which the root halves, and those of the five steps after it. */
Test(rmsnorm64, equals_the_formula_in_long_double) {
  enum { T = 5, D = 301 };
  const double *x = noise(T * D, 21), *gain = noise(D, 22);
  double *y = junk(T * D);
  rmsnorm64(x, D, gain, 1e-5, T, D, y, D);
  for (int t = 0; t < T; t++) {
    long double mean = 0;
    for (int d = D - 1; d >= 0; d--) mean += (long double)x[t * D + d] * x[t * D + d] / D;
    for (int d = 0; d < D; d++) {
      const long double want = x[t * D + d] / sqrtl(mean + 1e-5L) * gain[d];
      cr_assert(fabsl(y[t * D + d] - want) <= (D / 32.0 / 2 + 8) * 0x1p-53L * fabsl(want),
                "y[%d, %d]: got %a, want %La", t, d, y[t * D + d], want);
    }
  }
}

/* --- silu64, softplus64, conv1d64 ------------------------------------------------------------- */

Test(activation64, silu_and_softplus_at_known_points_and_far_out) {
  near("silu(ln 3)", 0, silu64(log(3)), 0.75 * log(3), 1e-15); /* 1 / (1 + 1/3) */
  near("silu(-ln 3)", 0, silu64(-log(3)), -0.25 * log(3), 1e-15);
  near("silu(-40) = -40 e^-40", 0, silu64(-40), -40 * 4.248354255291589e-18, 1e-15);
  cr_expect_eq(silu64(0), 0);
  cr_expect_eq(silu64(1e4), 1e4);
  cr_expect_eq(silu64(-1e4), 0);
  cr_expect_eq(silu64(INFINITY), INFINITY);
  cr_expect(isnan(silu64(-INFINITY)) && isnan(silu64(NAN)));

  near("softplus(0)", 0, softplus64(0), M_LN2, 1e-15);
  near("softplus(ln 3)", 0, softplus64(log(3)), 2 * M_LN2, 1e-15); /* log(1 + 3) */
  near("softplus(-40) = e^-40", 0, softplus64(-40), 4.248354255291589e-18, 1e-15);
  near("softplus(20) is still the logarithm", 0, softplus64(20) - 20, 2.0611536181902037e-9, 1e-6);
  cr_expect_eq(softplus64(nextafter(20, 21)), nextafter(20, 21));
  cr_expect_eq(softplus64(1e4), 1e4);
  cr_expect_eq(softplus64(-1e4), 0);
  cr_expect(isnan(softplus64(NAN)));
}

/* Two channels, three tokens, four taps: the first tokens lack the older taps. x has a third column
 * that is not read. */
Test(conv1d64, taps_before_the_first_token_are_left_out) {
  const double x[3][3] = {{1, 10, NAN}, {2, 20, NAN}, {3, 30, NAN}};
  const double weight[2][4] = {{1000, 100, 10, 1}, {8, 4, 2, -1}}, bias[2] = {0.5, -10};
  /* newest tap last in the weight: 1;  2 + 10;  3 + 20 + 100  and  -10;  -20 + 20;  -30 + 40 +
   * 40 */
  const double want[3][2] = {{1.5, -20}, {12.5, -10}, {123.5, 40}};
  double pre[6] = {NAN, NAN, NAN, NAN, NAN, NAN}, silu[6] = {NAN, NAN, NAN, NAN, NAN, NAN};
  conv1d64(&x[0][0], 3, 3, 2, 4, &weight[0][0], bias, pre, silu);
  for (int i = 0; i < 6; i++) {
    const double w = want[i / 2][i % 2];
    cr_expect_eq(pre[i], w, "pre[%d]: got %a, want %a", i, pre[i], w);
    near("silu", i, silu[i], w / (1 + exp(-w)), 1e-14);
  }
  conv1d64(&x[0][0], 3, 3, 2, 4, &weight[0][0], NULL, pre, silu);
  for (int i = 0; i < 6; i++)
    cr_expect_eq(pre[i], want[i / 2][i % 2] - bias[i % 2], "without bias, pre[%d]", i);
}

/* In long double, oldest tap first, bias first. The bound: a rounding of each of K + 1 steps, in u
 * times the sum of magnitudes, and what SiLU makes of it (its slope is at most 1.1). */
Test(conv1d64, equals_the_convolution_in_long_double) {
  enum { T = 40, E = 70, K = 4 };
  const double *x = noise(T * E, 23), *w = noise(E * K, 24), *bias = noise(E, 25);
  double *pre = junk(T * E), *silu = junk(T * E);
  conv1d64(x, E, T, E, K, w, bias, pre, silu);
  for (int t = 0; t < T; t++)
    for (int e = 0; e < E; e++) {
      long double want = bias[e], size = fabs(bias[e]);
      for (int k = 0; k < K; k++) {
        if (t - K + 1 + k < 0) continue;
        const long double product = (long double)w[e * K + k] * x[(t - K + 1 + k) * E + e];
        want += product;
        size += fabsl(product);
      }
      const long double bound = (K + 1) * 0x1p-53L * size, gate = want / (1 + expl(-want));
      cr_assert(fabsl(pre[t * E + e] - want) <= bound, "pre[%d, %d]: got %a, want %La", t, e,
                pre[t * E + e], want);
      cr_assert(fabsl(silu[t * E + e] - gate) <= 1.1L * bound + 4 * 0x1p-53L * fabsl(gate),
                "silu[%d, %d]: got %a, want %La", t, e, silu[t * E + e], gate);
    }
}

/* --- scan64 ----------------------------------------------------------------------------------- */

/* One channel, two states, two tokens. dt + bias = ln 3 at both tokens, so delta = log 4 = 2 ln 2;
 * A = -1/2 and -1, so the state keeps 4^-1/2 = 1/2 and 4^-1 = 1/4 of itself; every other number is
 * read off. In units of delta:
 *   t = 0, u 3, B (1, 2):   h = (3, 6);                  C (1, 1):   y = 0.5 * 3 + 9 delta
 *   t = 1, u 1, B (5, -1):  h = (1.5 + 5, 1.5 - 1);      C (2, -4):  y = 0.5 * 1 + (13 - 2) delta
 * z is 0 at t = 0 (gate 0) and ln 3 at t = 1 (gate 3/4 ln 3). */
Test(scan64, two_tokens_worked_by_hand) {
  const double ln3 = 1.0986122886681098, delta = 1.3862943611198906;
  const double u[2] = {3, 1}, dt[2] = {ln3 - 0.25, ln3 - 0.25},
               BC[2][5] = {{1, 2, 1, 1, NAN}, {5, -1, 2, -4, NAN}};
  const double z[2][3] = {{0, NAN, NAN}, {ln3, NAN, NAN}}, A_log[2] = {-0.6931471805599453, 0},
               D = 0.5, bias = 0.25;
  double got_delta[2] = {NAN, NAN}, y[2] = {NAN, NAN}, gated[2] = {NAN, NAN}, state[2] = {NAN, NAN};
  Scan64 s = {.T = 2,
              .E = 1,
              .N = 2,
              .u = u,
              .dt = dt,
              .B = BC[0],
              .C = BC[0] + 2,
              .BC_stride = 5,
              .z = z[0],
              .z_stride = 3,
              .A_log = A_log,
              .D = &D,
              .dt_bias = &bias,
              .delta = got_delta,
              .y = y,
              .gated = gated,
              .state = state};
  scan64(&s);
  near("delta", 0, got_delta[0], delta, 1e-15);
  near("delta", 1, got_delta[1], delta, 1e-15);
  near("y", 0, y[0], 1.5 + 9 * delta, 1e-15);
  near("y", 1, y[1], 0.5 + 11 * delta, 1e-15);
  cr_expect_eq(gated[0], 0);
  near("gated", 1, gated[1], (0.5 + 11 * delta) * 0.75 * ln3, 1e-15);
  near("state", 0, state[0], 6.5 * delta, 1e-15);
  near("state", 1, state[1], 0.5 * delta, 1e-15);

  s.T = 0;
  scan64(&s);
  cr_expect(state[0] == 0 && state[1] == 0, "no token: the state is zero, got %a, %a", state[0],
            state[1]);
}

/* N = 1, 16, 17, 40: a state is the same whoever its neighbours are, and y is the sum over all of
 * them. */
Test(scan64, states_are_independent_for_any_number_of_them) {
  enum { T = 9, E = 3, MOST = 40 };
  const double *u = noise(T * E, 3), *dt = noise(T * E, 4), *B = noise(T * MOST, 5),
               *C = noise(T * MOST, 6);
  const double *z = noise(T * E, 7), *A = noise(E * MOST, 8), *bias = noise(E, 9), zero[E] = {0};
  static const int sizes[] = {1, 16, 17, MOST};
  for (int c = 0; c < 4; c++) {
    const int N = sizes[c];
    double *A_log = junk((size_t)E * (size_t)N), *state = junk((size_t)E * (size_t)N),
           sum[T * E] = {0};
    double *delta = junk(T * E), *y = junk(T * E), *gated = junk(T * E);
    for (int i = 0; i < E * N; i++) A_log[i] = A[i / N * MOST + i % N];
    Scan64 s = {.T = T,
                .E = E,
                .N = N,
                .u = u,
                .dt = dt,
                .B = B,
                .C = C,
                .BC_stride = MOST,
                .z = z,
                .z_stride = E,
                .A_log = A_log,
                .D = zero,
                .dt_bias = bias,
                .delta = delta,
                .y = y,
                .gated = gated,
                .state = state};
    scan64(&s);
    for (int n = 0; n < N; n++) {
      double alone[E], one_log[E], part[T * E], d[T * E], g[T * E];
      for (int e = 0; e < E; e++) one_log[e] = A_log[e * N + n];
      Scan64 one = s;
      one.N = 1, one.B = B + n, one.C = C + n, one.A_log = one_log;
      one.delta = d, one.y = part, one.gated = g, one.state = alone;
      scan64(&one);
      for (int e = 0; e < E; e++)
        cr_expect_eq(alone[e], state[e * N + n], "N %d: state[%d, %d]", N, e, n);
      for (int i = 0; i < T * E; i++) sum[i] += part[i];
    }
    for (int i = 0; i < T * E; i++)
      cr_expect(fabs(y[i] - sum[i]) < 1e-13, "N %d: y[%d] got %a, want %a", N, i, y[i], sum[i]);
  }
}

/* In long double, and not as a recurrence: y[t] = D u + sum over tokens s <= t and states of C[t]
 * B[s] delta[s] u[s] exp(A (delta[s+1] + … + delta[t])). The bound, of the sum of magnitudes: t
 * steps of each term, whose exponentials' arguments are rounded at sizes up to 8, and N + 8
 * roundings. */
Test(scan64, equals_the_sum_over_all_earlier_tokens_in_long_double) {
  enum { T = 24, E = 19, N = 16 };
  const double *u = noise(T * E, 31), *dt = noise(T * E, 32), *B = noise(T * N, 33),
               *C = noise(T * N, 34), *z = noise(T * E, 35), *A_log = noise(E * N, 36),
               *D = noise(E, 37), *bias = noise(E, 38);
  double *delta = junk(T * E), *y = junk(T * E), *gated = junk(T * E), *state = junk(E * N);
  scan64(&(Scan64){.T = T,
                   .E = E,
                   .N = N,
                   .u = u,
                   .dt = dt,
                   .B = B,
                   .C = C,
                   .BC_stride = N,
                   .z = z,
                   .z_stride = E,
                   .A_log = A_log,
                   .D = D,
                   .dt_bias = bias,
                   .delta = delta,
                   .y = y,
                   .gated = gated,
                   .state = state});
  for (int e = 0; e < E; e++)
    for (int t = 0; t < T; t++) {
      const int at = t * E + e;
      long double want = (long double)D[e] * u[at], size = fabsl(want);
      for (int n = 0; n < N; n++) {
        const long double A = -expl(A_log[e * N + n]);
        long double passed = 0, h = 0;
        for (int s = t; s >= 0; s--) {
          const long double step = log1pl(expl((long double)dt[s * E + e] + bias[e]));
          const long double term =
              step * u[s * E + e] * B[s * N + n] * expl(A * passed) * C[t * N + n];
          want += term;
          size += fabsl(term);
          h += term / C[t * N + n];
          passed += step;
        }
        if (t == T - 1)
          cr_assert(fabsl(state[e * N + n] - h) <= 1e-14L, "state[%d, %d]: got %a, want %La", e, n,
                    state[e * N + n], h);
      }
      const long double bound = (10 * (t + 1) + N + 8) * 0x1p-53L * size;
      const long double gate = z[at] / (1 + expl(-(long double)z[at]));
      cr_assert(fabsl(y[at] - want) <= bound, "y[%d, %d]: got %a, want %La, off by %.3Lg of %.3Lg",
                t, e, y[at], want, fabsl(y[at] - want), bound);
      cr_assert(fabsl(gated[at] - want * gate) <= bound + 8 * 0x1p-53L * fabsl(want * gate),
                "gated[%d, %d]: got %a, want %La", t, e, gated[at], want * gate);
    }
}

/* --- hadamard64 ------------------------------------------------------------------------------- */

Test(hadamard64, equals_the_dense_definition_and_is_orthogonal_for_every_form) {
  static const int sizes[][2] = {{1, 1},   {2, 1},   {64, 1},  {512, 1}, {12, 12},
                                 {24, 12}, {96, 12}, {20, 20}, {40, 20}, {160, 20},
                                 {28, 28}, {56, 28}, {224, 28}};
  for (int s = 0; s < 13; s++) {
    const int n = sizes[s][0], order = sizes[s][1];
    double *x = calloc((size_t)n * (size_t)n, sizeof *x);
    for (int i = 0; i < n; i++) x[i * n + i] = 1;
    hadamard64(x, n, n); /* row c is now column c of H / sqrt(n) */
    for (int c = 0; c < n; c++)
      for (int r = 0; r < n; r++) {
        const double want = hadamard_entry(order, n, r, c) / sqrt(n);
        cr_assert_eq(x[c * n + r], want, "H of size %d, [%d, %d]: got %a, want %a", n, r, c,
                     x[c * n + r], want);
      }
    for (int a = 0; a < n; a++)
      for (int b = 0; b < n; b++) {
        double dot = 0;
        for (int r = 0; r < n; r++) dot += x[a * n + r] * x[b * n + r];
        cr_assert(fabs(dot - (a == b)) < 1e-14, "size %d: columns %d and %d have product %.17g", n,
                  a, b, dot);
      }
    free(x);
  }
}

Test(hadamard64, keeps_the_length_of_long_rows) {
  static const int sizes[] = {1536, 2560, 3584, 8192};
  for (int s = 0; s < 4; s++) {
    const int n = sizes[s];
    double *x = noise((size_t)n * 3, 10), before = 0, after = 0;
    for (int i = 0; i < 3 * n; i++) before += x[i] * x[i];
    hadamard64(x, 3, n);
    for (int i = 0; i < 3 * n; i++) after += x[i] * x[i];
    near("squared length at size", n, after, before, 1e-14);
    free(x);
  }
}

Test(hadamard64, sizes_without_a_matrix_are_known) {
  static const int want[][2] = {
      {1, 1},   {2, 1},     {4, 1},  {256, 1},  {12, 12}, {1536, 12},   {20, 20},     {2560, 20},
      {28, 28}, {3584, 28}, {0, 0},  {-4, 0},   {3, 0},   {6, 0},       {10, 0},      {14, 0},
      {36, 0},  {44, 0},    {60, 0}, {768, 12}, {144, 0}, {1 << 15, 1}, {1 << 16, 0}, {1 << 30, 0}};
  for (int i = 0; i < (int)(sizeof want / sizeof *want); i++)
    cr_expect_eq(hadamard64_factor(want[i][0]), want[i][1], "size %d: got %d, want %d", want[i][0],
                 hadamard64_factor(want[i][0]), want[i][1]);
}
