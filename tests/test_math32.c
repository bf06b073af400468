/* math32: the error of exp32, log1p32, softplus32 and silu32 against libm in double, their special
 * values, their bits. A sample of every range by default, within the error that math32.h states;
 * every float32 when DRIFTSCOPE_EXHAUSTIVE is set (make check-exhaustive, minutes): then the worst
 * error has to be the stated one. */
#include "kernels/math32.h"
#include "reference/approx.h"
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096, SAMPLE_STRIDE = 1021 };

ROOM_CLONES static void loop_exp(const float *x, float *y) {
  for (int i = 0; i < BLOCK; i++) y[i] = exp32(x[i]);
}
ROOM_CLONES static void loop_log1p(const float *x, float *y) {
  for (int i = 0; i < BLOCK; i++) y[i] = log1p32(x[i]);
}
ROOM_CLONES static void loop_softplus(const float *x, float *y) {
  for (int i = 0; i < BLOCK; i++) y[i] = softplus32(x[i]);
}
ROOM_CLONES static void loop_silu(const float *x, float *y) {
  for (int i = 0; i < BLOCK; i++) y[i] = silu32(x[i]);
}

static float one_exp(float x) { return exp32(x); }
static float one_log1p(float x) { return log1p32(x); }
static float one_softplus(float x) { return softplus32(x); }
static float one_silu(float x) { return silu32(x); }

/* Other formulas than the ones under test, each without cancellation on its side of zero. */
static double want_softplus(double d) { return d > 0 ? d + log1p(exp(-d)) : log1p(exp(d)); }
static double want_silu(double x) { return x > 0 ? x / (1 + exp(-x)) : x * exp(x) / (1 + exp(x)); }

typedef struct Function {
  const char *name;
  void (*loop)(const float *x, float *y);
  float (*one)(float x);
  double (*want)(double x);
  float low, high; /* where the stated error holds */
} Function;

static const Function function[] = {
    {"exp32", loop_exp, one_exp, exp, -INFINITY, INFINITY},
    {"log1p32", loop_log1p, one_log1p, log1p, -0x1.fffffep-1f, 0x1.fffffep127f},
    {"softplus32", loop_softplus, one_softplus, want_softplus, -INFINITY, 0x1.fffffep127f},
    {"silu32", loop_silu, one_silu, want_silu, -88.72f, 0x1.fffffep127f},
};
enum { FUNCTIONS = sizeof function / sizeof *function };

static uint32_t stride(void) { return getenv("DRIFTSCOPE_EXHAUSTIVE") ? 1 : SAMPLE_STRIDE; }

/* |got - want| in units of the last place of a float32 of want's size; overflow has to give
 * infinity. */
static double ulps(float got, double want) {
  if (fabs(want) >= 0x1.ffffffp127) return got == (want > 0 ? INFINITY : -INFINITY) ? 0 : INFINITY;
  int exponent;
  frexp(want, &exponent);
  return fabs((double)got - want) * ldexp(1, 24 - (exponent > -125 ? exponent : -125));
}

/* The error in ULP that the header comment of math32.h states: the number after the function's
 * name. */
static double stated_error(const char *name) {
  static char text[16384];
  FILE *file = fopen("kernels/math32.h", "r");
  cr_assert_not_null(file, "kernels/math32.h cannot be opened");
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  const char *at = text;
  while ((at = strstr(at, name))) {
    at += strlen(name);
    at += strspn(at, " *\n"); /* a new line of the comment may stand between */
    if (isdigit((unsigned char)*at)) return strtod(at, NULL);
  }
  cr_assert_fail("kernels/math32.h states no error of %s", name);
  return NAN;
}

/* The worst error over every step-th bit pattern from first to last; the first of them where
 * several are equal. */
static double worst_error(const Function *f, uint32_t first, uint32_t last, uint32_t step,
                          float *where) {
  double worst = 0;
  int64_t patterns = ((int64_t)last - first) / step + 1, at = 0;
#pragma omp parallel for schedule(dynamic, 64)
  for (int64_t block = 0; block < patterns; block += BLOCK) {
    float x[BLOCK], y[BLOCK];
    int count = patterns - block < BLOCK ? (int)(patterns - block) : BLOCK, own_at = 0;
    for (int i = 0; i < BLOCK; i++)
      x[i] = i < count ? f32_of_bits(first + (uint32_t)(block + i) * step) : 0.0f;
    memset(y, 0xa5, sizeof y);
    f->loop(x, y);
    double own = 0;
    for (int i = 0; i < count; i++) {
      double error = ulps(y[i], f->want(x[i]));
      if (!(error <= own)) {
        own = isnan(error) ? INFINITY : error;
        own_at = i;
      }
    }
#pragma omp critical
    if (own > worst || (own == worst && block + own_at < at)) {
      worst = own;
      at = block + own_at;
    }
  }
  *where = f32_of_bits(first + (uint32_t)at * step);
  return worst;
}

/* Stated with two decimals, rounded up. */
static void check_error(const Function *f) {
  double stated = stated_error(f->name), most = 0;
  struct {
    float from, to;
  } half[] = {{0.0f, f->high}, {-0.0f, f->low}};
  for (int i = 0; i < 2; i++) {
    float where = 0;
    double worst =
        worst_error(f, bits_of_f32(half[i].from), bits_of_f32(half[i].to), stride(), &where);
    most = fmax(most, worst);
    char line[120];
    snprintf(line, sizeof line, "%s from %g to %g: %.4f ULP at %a\n", f->name, half[i].from,
             half[i].to, worst, where);
    if (stride() == 1)
      fputs(line, stderr); /* minutes of work: to be seen without --verbose */
    else
      cr_log_info("%s", line);
    cr_expect(worst <= stated, "%s(%a): error %.4f ULP, stated at most %.2f; got %a, want %a",
              f->name, where, worst, stated, f->one(where), f->want(where));
  }
  if (stride() == 1)
    cr_expect(ceil(most * 100) == rint(stated * 100),
              "%s: the worst error is %.4f ULP, math32.h states %.2f", f->name, most, stated);
}

Test(math32, exp_error_is_within_the_stated_bound) { check_error(&function[0]); }
Test(math32, log1p_error_is_within_the_stated_bound) { check_error(&function[1]); }
Test(math32, softplus_error_is_within_the_stated_bound) { check_error(&function[2]); }
Test(math32, silu_error_is_within_the_stated_bound) { check_error(&function[3]); }

Test(math32, the_bounds_stand_on_the_stated_errors) {
  static const double assumed[FUNCTIONS] = {EXP32_ULP, LOG1P32_ULP, SOFTPLUS32_ULP, SILU32_ULP};
  for (int f = 0; f < FUNCTIONS; f++)
    cr_expect(assumed[f] == stated_error(function[f].name),
              "%s: reference/approx.h has %g, math32.h states %g", function[f].name, assumed[f],
              stated_error(function[f].name));
}

ROOM_CLONES static int64_t differing(uint32_t first, uint32_t step, float *y, float *near) {
  int64_t count = 0;
  for (int i = 0; i < BLOCK; i++) {
    float x = f32_of_bits(first + (uint32_t)i * step);
    y[i] = exp32(x);
    near[i] = exp32_near(x);
    count += bits_of_f32(y[i]) != bits_of_f32(near[i]);
  }
  return count;
}

/* The shorter way that devices take; every float32 it is meant for under DRIFTSCOPE_EXHAUSTIVE. */
Test(math32, exp32_near_gives_the_bits_of_exp32) {
  int64_t patterns = bits_of_f32(EXP32_NEAR) / stride() + 1, wrong = 0;
  for (uint32_t sign = 0; sign < 2; sign++)
#pragma omp parallel for schedule(dynamic, 64) reduction(+ : wrong)
    for (int64_t block = 0; block < patterns; block += BLOCK) {
      int64_t first =
          block + BLOCK <= patterns ? block : patterns - BLOCK; /* the last ones overlap */
      float y[BLOCK], near[BLOCK];
      memset(y, 0xa5, sizeof y);
      memset(near, 0x5a, sizeof near);
      wrong += differing((uint32_t)first * stride() | sign << 31, stride(), y, near);
    }
  cr_expect(wrong == 0, "exp32_near differs for %lld of %lld numbers", (long long)wrong,
            (long long)(2 * patterns));
}

/* Rounding to 24 bits first and to a denormal after would cost up to 0.75 and more. */
Test(math32, denormal_results_of_exp_are_rounded_once) {
  float where = 0;
  double worst = worst_error(&function[0], bits_of_f32(-87.34f), bits_of_f32(-104.5f), 1, &where);
  cr_expect(worst <= stated_error("exp32"), "exp32(%a): error %.4f ULP; got %a, want %a", where,
            worst, exp32(where), exp(where));
}

Test(math32, silu_below_the_overflow_of_exp_is_minus_zero) {
  for (float x = -88.73f; x > -1e38f; x *= 1.5f)
    cr_expect(silu32(x) == 0 && signbit(silu32(x)) && want_silu(x) > -3e-37,
              "silu32(%a): got %a, want %a", x, silu32(x), want_silu(x));
}

Test(math32, special_values_are_those_of_the_formulas) {
  static const float nan = NAN, inf = INFINITY;
  const struct {
    int f;
    float x, want;
  } special[] = {
      {0, 0.0f, 1.0f},      {0, -0.0f, 1.0f},   {0, inf, inf},
      {0, -inf, 0.0f},      {0, nan, nan},      {0, 88.8f, inf},
      {0, 1e30f, inf},      {0, -104.1f, 0.0f}, {0, -1e30f, 0.0f},
      {0, 0x1p-149f, 1.0f}, {1, 0.0f, 0.0f},    {1, -0.0f, -0.0f},
      {1, inf, inf},        {1, -inf, nan},     {1, nan, nan},
      {1, -1.0f, -inf},     {1, -2.0f, nan},    {1, 0x1p-149f, 0x1p-149f},
      {2, 20.5f, 20.5f},    {2, inf, inf},      {2, -inf, 0.0f},
      {2, nan, nan},        {2, -200.0f, 0.0f}, {3, 0.0f, 0.0f},
      {3, -0.0f, -0.0f},    {3, inf, inf},      {3, -inf, nan},
      {3, nan, nan},
  };
  for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
    float x = special[i].x, want = special[i].want, got = function[special[i].f].one(x);
    bool same = isnan(want) ? isnan(got) : bits_of_f32(got) == bits_of_f32(want);
    cr_expect(same, "%s(%a): got %a, want %a", function[special[i].f].name, x, got, want);
  }
}

/* One call at a time: what a volatile pointer points to cannot be joined into a vector. */
static void scalar_loop(const Function *f, const float *x, float *y) {
  float (*volatile one)(float) = f->one;
  for (int i = 0; i < BLOCK; i++) y[i] = one(x[i]);
}

Test(math32, vector_loops_give_the_bits_of_single_calls) {
  float x[BLOCK], vector[BLOCK], scalar[BLOCK];
  for (int f = 0; f < FUNCTIONS; f++)
    for (uint32_t round = 0; round < 64; round++) {
      uint32_t bits = round * 0x3e39b1u;
      for (int i = 0; i < BLOCK; i++)
        x[i] = f32_of_bits(bits += 0x9e3779b1u); /* the golden ratio: spread evenly */
      memset(vector, 0xa5, sizeof vector);
      memset(scalar, 0x5a, sizeof scalar);
      function[f].loop(x, vector);
      scalar_loop(&function[f], x, scalar);
      for (int i = 0; i < BLOCK; i++)
        cr_assert(bits_of_f32(vector[i]) == bits_of_f32(scalar[i]) ||
                      (isnan(vector[i]) && isnan(scalar[i])),
                  "%s(%a): vector %a, scalar %a", function[f].name, x[i], vector[i], scalar[i]);
    }
}

/* FNV-1a over the outputs of a sample, NaNs made one: any compiler, flag or machine must come to
 * the same numbers. */
Test(math32, bits_are_the_same_in_every_build) {
  static const uint64_t want[FUNCTIONS] = {0x917802ba4cdf7c80u, 0x7ec58efe268f07cau,
                                           0x03ba2584e0cb4bc3u, 0x5bfde120bc7d01c7u};
  float x[BLOCK], y[BLOCK];
  for (int f = 0; f < FUNCTIONS; f++) {
    uint64_t hash = 0xcbf29ce484222325u;
    uint32_t bits = 0;
    for (int round = 0; round < 128; round++) {
      for (int i = 0; i < BLOCK; i++) x[i] = f32_of_bits(bits += 0x9e3779b1u);
      memset(y, 0xa5, sizeof y);
      function[f].loop(x, y);
      for (int i = 0; i < BLOCK; i++)
        hash = (hash ^ (isnan(y[i]) ? 0x7fc00000u : bits_of_f32(y[i]))) * 0x100000001b3u;
    }
    cr_expect(hash == want[f], "%s: got 0x%016llx, want 0x%016llx", function[f].name,
              (unsigned long long)hash, (unsigned long long)want[f]);
  }
}
