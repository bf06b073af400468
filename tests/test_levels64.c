/* The reference at every level of instructions that this processor has: AVX-512, AVX2, and neither
 * nor a fused multiply-add; against a definition written out here, bit by bit, on plain and on hard
 * numbers; and that a token's results are those of any longer prompt. */
#include "tests/levels64.h"

#include <criterion/criterion.h>
#include <omp.h>
#include <stdio.h>

#include "tests/values64.h"

static int levels(const Level64 *level[3]) {
  int n = 0;
  level[n++] = &level64_v1;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) level[n++] = &level64_v3;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    level[n++] = &level64_v4;
#endif
  return n;
}

static double *junk(size_t n) {
  double *x = malloc((n ? n : 1) * sizeof *x);
  memset(x, 0xa5, n * sizeof *x);
  return x;
}

static void expect_bits(const char *what, int level, const double *got, const double *want,
                        size_t n) {
  for (size_t i = 0; i < n; i++)
    cr_assert_eq(same_bits64(got[i]), same_bits64(want[i]), "%s, level %d: [%zu] got %a, want %a",
                 what, level, i, got[i], want[i]);
}

/* --- the functions ---------------------------------------------------------------------------- */

Test(levels64, functions_have_the_same_bits_alone_and_in_vectors) {
  enum { COUNT = 4099 };
  const Level64 *level[3];
  for (int kind = 0; kind < HARD64_KINDS; kind++) {
    double *x = values64(COUNT, (Hard64)kind, kind == STRANGE ? 300 : 3), *y = junk(COUNT),
           want[COUNT];
    for (int l = levels(level) - 1; l >= 0; l--) {
#define EACH(function, name)                                                                       \
  for (int i = 0; i < COUNT; i++) want[i] = function(x[i]);                                        \
  level[l]->name(x, COUNT, y);                                                                     \
  expect_bits(#function, level[l]->level, y, want, COUNT)
      EACH(exp64, exp);
      EACH(log1p64, log1p);
      EACH(softplus64, softplus);
      EACH(silu64, silu);
#undef EACH
    }
    free(x), free(y);
  }
}

/* --- linear ----------------------------------------------------------------------------------- */

static void define_linear(const double *x, int stride, int T, int in, const double *w, int out,
                          double *y, int y_stride) {
  for (int t = 0; t < T; t++)
    for (int o = 0; o < out; o++) {
      double sum = 0;
      for (int k = 0; k < in; k++)
        sum = fma(w[(size_t)o * (size_t)in + (size_t)k], x[(size_t)t * (size_t)stride + (size_t)k],
                  sum);
      y[(size_t)t * (size_t)y_stride + (size_t)o] = sum;
    }
}

/* Of sizes that end in the middle of a panel, a tile, a strip, a block of k and a share. */
Test(levels64, linear_is_the_ordered_sum_at_every_level, .timeout = 300) {
  static const int shape[][3] = {{1, 1, 1},     {1, 48, 33},   {3, 5, 7},      {7, 80, 20},
                                 {8, 16, 8},    {24, 33, 12},  {25, 31, 41},   {96, 17, 9},
                                 {97, 768, 5},  {23, 769, 13}, {12, 1600, 11}, {100, 100, 90},
                                 {5, 40, 1100}, {193, 20, 50}, {31, 1537, 3}};
  const Level64 *level[3];
  for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
    for (int kind = 0; kind < HARD64_KINDS; kind++) {
      const int T = shape[s][0], in = shape[s][1], out = shape[s][2], stride = in + (int)s % 3,
                y_stride = out + (int)s % 2;
      double *x = values64((size_t)T * (size_t)stride, (Hard64)kind, 1),
             *w = values64((size_t)out * (size_t)in, kind == STRANGE ? PLAIN : (Hard64)kind, 1);
      const size_t n = (size_t)T * (size_t)y_stride;
      double *want = junk(n);
      define_linear(x, stride, T, in, w, out, want, y_stride);
      for (int l = levels(level) - 1; l >= 0; l--) {
        double *got = junk(n);
        char what[96];
        snprintf(what, sizeof what, "linear, T %d, %d -> %d, kind %d", T, in, out, kind);
        level[l]->ops.linear(NULL, x, stride, T, in, w, out, got, y_stride);
        expect_bits(what, level[l]->level, got, want, n);
        free(got);
      }
      free(x), free(w), free(want);
    }
}

Test(levels64, linear_has_the_same_bits_on_any_number_of_threads) {
  enum { T = 150, IN = 90, OUT = 700 };
  double *x = values64(T * IN, SPREAD, 1), *w = values64(OUT * IN, PLAIN, 1), *want = junk(T * OUT);
  define_linear(x, IN, T, IN, w, OUT, want, OUT);
  for (int threads = 1; threads <= 17; threads += 4) {
    double *got = junk(T * OUT);
    omp_set_num_threads(threads);
    linear64(x, IN, T, IN, w, OUT, got, OUT);
    expect_bits("linear on threads", threads, got, want, T * OUT);
    free(got);
  }
}

/* --- rmsnorm, conv1d -------------------------------------------------------------------------- */

static void define_rmsnorm(const double *x, int stride, const double *gain, double eps, int T,
                           int D, double *y, int y_stride) {
  for (int t = 0; t < T; t++, x += stride, y += y_stride) {
    double lane[32] = {0};
    for (int d = 0; d < D; d++) lane[d % 32] = fma(x[d], x[d], lane[d % 32]);
    for (int half = 16; half; half /= 2)
      for (int l = 0; l < half; l++) lane[l] = lane[l] + lane[l + half];
    const double rms = sqrt(fma(D, eps, lane[0])) / sqrt(D);
    for (int d = 0; d < D; d++) y[d] = x[d] / rms * (gain ? gain[d] : 1);
  }
}

Test(levels64, rmsnorm_is_its_definition_at_every_level) {
  static const int widths[] = {1, 2, 31, 32, 33, 100, 256, 768};
  const Level64 *level[3];
  for (size_t s = 0; s < sizeof widths / sizeof *widths; s++)
    for (int kind = 0; kind < HARD64_KINDS; kind++) {
      /* Columns of wider matrices; what stands between the rows is nobody's, and stays. */
      enum { T = 5 };
      const int D = widths[s], stride = D + 3, y_stride = D + 1;
      const size_t n = T * ((size_t)D + 1);
      double *x = values64(T * ((size_t)D + 3), (Hard64)kind, 1),
             *gain = values64((size_t)D, PLAIN, 1), *want = junk(n);
      const double *g = s % 2 ? gain : NULL;
      define_rmsnorm(x, stride, g, 1e-5, T, D, want, y_stride);
      for (int l = levels(level) - 1; l >= 0; l--) {
        double *got = junk(n);
        level[l]->ops.rmsnorm(NULL, x, stride, g, 1e-5, T, D, got, y_stride);
        expect_bits("rmsnorm", level[l]->level, got, want, n);
        free(got);
      }
      free(x), free(gain), free(want);
    }
}

static void define_conv1d(const double *x, int stride, int T, int E, int K, const double *w,
                          const double *bias, double *pre, double *silu) {
  for (int t = 0; t < T; t++)
    for (int e = 0; e < E; e++) {
      double sum = 0;
      for (int age = 0; age < K && age <= t; age++)
        sum = fma(w[e * K + K - 1 - age], x[(t - age) * stride + e], sum);
      pre[t * E + e] = bias ? sum + bias[e] : sum;
      silu[t * E + e] = silu64(pre[t * E + e]);
    }
}

Test(levels64, conv1d_is_its_definition_at_every_level) {
  static const int shape[][3] = {{1, 1, 4},    {9, 32, 4}, {7, 33, 3},
                                 {40, 100, 4}, {5, 64, 9}, {2, 31, 1}};
  const Level64 *level[3];
  for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
    for (int kind = 0; kind < HARD64_KINDS; kind++) {
      const int T = shape[s][0], E = shape[s][1], K = shape[s][2], stride = E + 3;
      const size_t n = (size_t)T * (size_t)E;
      double *x = values64((size_t)T * (size_t)stride, (Hard64)kind, 2),
             *w = values64((size_t)E * (size_t)K, PLAIN, 1), *b = values64((size_t)E, PLAIN, 1);
      double *pre = junk(n), *silu = junk(n);
      const double *bias = s % 2 ? b : NULL;
      define_conv1d(x, stride, T, E, K, w, bias, pre, silu);
      for (int l = levels(level) - 1; l >= 0; l--) {
        double *got_pre = junk(n), *got_silu = junk(n);
        level[l]->ops.conv1d(NULL, x, stride, T, E, K, w, bias, got_pre, got_silu);
        expect_bits("conv1d", level[l]->level, got_pre, pre, n);
        expect_bits("conv1d_silu", level[l]->level, got_silu, silu, n);
        free(got_pre), free(got_silu);
      }
      free(x), free(w), free(b), free(pre), free(silu);
    }
}

/* --- scan ------------------------------------------------------------------------------------- */

static void define_scan(const Scan64 *s) {
  for (int e = 0; e < s->E; e++) {
    double h[64] = {0};
    for (int t = 0; t < s->T; t++) {
      const int at = t * s->E + e;
      const double delta = softplus64(s->dt[at] + s->dt_bias[e]);
      double seen = 0;
      for (int n = 0; n < s->N; n++) {
        const double decay = exp64(delta * -exp64(s->A_log[e * s->N + n]));
        h[n] = fma(decay, h[n], delta * s->u[at] * s->B[t * s->BC_stride + n]);
        seen = fma(s->C[t * s->BC_stride + n], h[n], seen);
      }
      s->delta[at] = delta;
      s->y[at] = fma(s->D[e], s->u[at], seen);
      s->gated[at] = s->y[at] * silu64(s->z[t * s->z_stride + e]);
    }
    memcpy(s->state + e * s->N, h, (size_t)s->N * sizeof *h);
  }
}

typedef struct ScanOut {
  double *delta, *y, *gated, *state;
} ScanOut;

static Scan64 onto(Scan64 s, ScanOut *out) {
  const size_t n = (size_t)s.T * (size_t)s.E;
  *out = (ScanOut){junk(n), junk(n), junk(n), junk((size_t)s.E * (size_t)s.N)};
  s.delta = out->delta, s.y = out->y, s.gated = out->gated, s.state = out->state;
  return s;
}

Test(levels64, scan_is_its_definition_at_every_level, .timeout = 120) {
  static const int shape[][3] = {{1, 1, 1},   {5, 16, 16}, {9, 17, 16},
                                 {33, 40, 5}, {7, 15, 40}, {4, 64, 33}};
  const Level64 *level[3];
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
    for (int kind = 0; kind < HARD64_KINDS; kind++) {
      const int T = shape[i][0], E = shape[i][1], N = shape[i][2], row = 2 * N + 3;
      const size_t inner = (size_t)T * (size_t)E;
      const Hard64 hard = (Hard64)kind;
      Scan64 s = {.T = T,
                  .E = E,
                  .N = N,
                  .u = values64(inner, hard, 1),
                  .dt = values64(inner, hard, 2),
                  .B = values64((size_t)T * (size_t)row, hard, 1),
                  .BC_stride = row,
                  .z = values64(2 * inner, hard, 3),
                  .z_stride = 2 * E,
                  .A_log = values64((size_t)E * (size_t)N, PLAIN, 1),
                  .D = values64((size_t)E, PLAIN, 1),
                  .dt_bias = values64((size_t)E, PLAIN, 1)};
      s.C = s.B + N;
      ScanOut want, got;
      const Scan64 define = onto(s, &want);
      define_scan(&define);
      for (int l = levels(level) - 1; l >= 0; l--) {
        const Scan64 here = onto(s, &got);
        level[l]->ops.scan(NULL, &here);
        expect_bits("scan delta", level[l]->level, got.delta, want.delta, inner);
        expect_bits("scan y", level[l]->level, got.y, want.y, inner);
        expect_bits("scan gated", level[l]->level, got.gated, want.gated, inner);
        expect_bits("scan state", level[l]->level, got.state, want.state, (size_t)E * (size_t)N);
      }
    }
}

/* --- hadamard --------------------------------------------------------------------------------- */

/* Its definition: tests/test_hadamard64.c. */
Test(levels64, hadamard_has_the_same_bits_at_every_level) {
  static const int sizes[] = {1, 8, 12, 64, 96, 160, 224, 768, 1536};
  const Level64 *level[3];
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (int kind = 0; kind < HARD64_KINDS; kind++) {
      enum { COUNT = 37 };
      const int n = sizes[s];
      const size_t all = (size_t)n * COUNT;
      double *x = values64(all, (Hard64)kind, 1), *want = junk(all), *columns = junk(all);
      ops64_cpu.hadamard(NULL, x, COUNT, n, want);
      memcpy(columns, x, all * sizeof *x);
      ops64_cpu.hadamard_columns(NULL, columns, n, COUNT);
      for (int l = levels(level) - 1; l >= 0; l--) {
        double *got = junk(all);
        level[l]->ops.hadamard(NULL, x, COUNT, n, got);
        expect_bits("hadamard", level[l]->level, got, want, all);
        memcpy(got, x, all * sizeof *x);
        level[l]->ops.hadamard_columns(NULL, got, n, COUNT);
        expect_bits("hadamard columns", level[l]->level, got, columns, all);
        free(got);
      }
      free(x), free(want), free(columns);
    }
}
