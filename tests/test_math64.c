/* math64: the error of exp64, log1p64, softplus64 and silu64 against long double, their special
 * values, and that a vector's lanes have the bits of a lone number. Some millions of points by
 * default, within the error that math64.h states; hundreds of times as many where
 * DRIFTSCOPE_EXHAUSTIVE is set (make check-exhaustive): then the worst error has to be the stated
 * one. */
#include "reference/math64.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/levels64.h"
#include "tests/values64.h"

enum { BLOCK = 4096 };

/* Each without cancellation on its side of zero; long double has 11 bits more, or 60. */
static long double want_softplus(long double x) {
  return x > 20 ? x : (x > 0 ? x : 0) + log1pl(expl(-fabsl(x)));
}
static long double want_silu(long double x) {
  return x > 0 ? x / (1 + expl(-x)) : x * expl(x) / (1 + expl(x));
}

static double one_exp(double x) { return exp64(x); }
static double one_log1p(double x) { return log1p64(x); }
static double one_softplus(double x) { return softplus64(x); }
static double one_silu(double x) { return silu64(x); }

/* Points: evenly from low to high; or, where `powers`, of every size from 2^low to 2^high, of that
 * sign. */
typedef struct Range {
  double low, high;
  int powers;
} Range;

typedef struct Function {
  const char *name;
  double (*one)(double x);
  long double (*want)(long double x);
  Range range[7];
} Function;

static const Function function[] = {
    {"exp64",
     one_exp,
     expl,
     {{-746, 710, 0},
      {-1, 1, 0},
      {-40, 40, 0},
      {-746, -708, 0},
      {709, 710, 0},
      {-1074, 9.47, 1},
      {-1074, 9.55, -1}}},
    {"log1p64",
     one_log1p,
     log1pl,
     {{-1, 1, 0},
      {0, 1, 0},
      {-0.5, 0.5, 0},
      {1, 100, 0},
      {-1074, 1023.999, 1},
      {-1074, -1e-9, -1},
      {-5, -1e-9, -1}}},
    {"softplus64",
     one_softplus,
     want_softplus,
     {{-708, 20.5, 0}, {-40, 21, 0}, {-4, 4, 0}, {-1074, 1023, 1}, {-1074, 9.46, -1}}},
    {"silu64",
     one_silu,
     want_silu,
     {{-708, 40, 0}, {-40, 40, 0}, {-10, 10, 0}, {-1074, 1023, 1}, {-1074, 9.46, -1}}},
};
enum { FUNCTIONS = sizeof function / sizeof *function };

static bool exhaustive(void) { return getenv("DRIFTSCOPE_EXHAUSTIVE"); }

/* |got - want| in units of the last place of a float64 of want's size; overflow has to give
 * infinity. */
static double ulps(double got, long double want) {
  if (fabsl(want) >= 0x1.fffffffffffff8p1023L)
    return got == (want > 0 ? INFINITY : -INFINITY) ? 0 : INFINITY;
  int exponent;
  frexpl(want, &exponent);
  return (double)(fabsl(got - want) * ldexpl(1, 53 - (exponent > -1021 ? exponent : -1021)));
}

/* The error in ULP that the header comment of math64.h states: the number after the function's name
 * behind "Error:". */
static double stated_error(const char *name) {
  static char text[16384];
  FILE *file = fopen("reference/math64.h", "r");
  cr_assert_not_null(file, "reference/math64.h cannot be opened");
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  const char *at = strstr(text, "Error:");
  while (at && (at = strstr(at, name))) {
    at += strlen(name);
    at += strspn(at, " *\n"); /* a new line of the comment may stand between */
    if (isdigit((unsigned char)*at)) return strtod(at, NULL);
  }
  cr_assert_fail("reference/math64.h states no error of %s", name);
  return NAN;
}

/* splitmix64: a block's points, the same whichever thread takes it. */
static double draw(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static double worst_error(const Function *f, const Range *range, double *where) {
  const long blocks = exhaustive() ? 25600 : 128;
  double worst = -1;
  *where = NAN;
#pragma omp parallel for schedule(dynamic)
  for (long b = 0; b < blocks; b++) {
    uint64_t state = (uint64_t)b << 32;
    double own = -1, own_at = NAN;
    for (int i = 0; i < BLOCK; i++) {
      const double at = range->low + (range->high - range->low) * draw(&state),
                   x = range->powers ? copysign(exp2(at), range->powers) : at,
                   error = ulps(f->one(x), f->want(x));
      if (error <= own) continue;
      own = isnan(error) ? INFINITY : error;
      own_at = x;
    }
#pragma omp critical
    if (own > worst) worst = own, *where = own_at;
  }
  return worst;
}

/* Stated with two decimals, rounded up. */
static void check_error(const Function *f) {
  const double stated = stated_error(f->name);
  double most = 0;
  for (const Range *r = f->range; r < f->range + 7 && r->low < r->high; r++) {
    double where;
    const double worst = worst_error(f, r, &where);
    most = fmax(most, worst);
    char line[160];
    snprintf(line, sizeof line, "%s over %g … %g%s: %.4f ULP at %a\n", f->name, r->low, r->high,
             r->powers ? r->powers > 0 ? ", powers of 2" : ", powers of 2, negative" : "", worst,
             where);
    if (exhaustive())
      fputs(line, stderr); /* minutes of work: to be seen without --verbose */
    else
      cr_log_info("%s", line);
    cr_expect(worst <= stated, "%s(%a): error %.4f ULP, stated at most %.2f; got %a, want %La",
              f->name, where, worst, stated, f->one(where), f->want(where));
  }
  if (exhaustive() && LDBL_MANT_DIG == 64)
    cr_expect(ceil(most * 100) == rint(stated * 100),
              "%s: the worst error is %.4f ULP, math64.h states %.2f", f->name, most, stated);
}

Test(math64, exp_error_is_within_the_stated_bound, .timeout = 3600) { check_error(&function[0]); }
Test(math64, log1p_error_is_within_the_stated_bound, .timeout = 3600) { check_error(&function[1]); }
Test(math64, softplus_error_is_within_the_stated_bound, .timeout = 3600) {
  check_error(&function[2]);
}
Test(math64, silu_error_is_within_the_stated_bound, .timeout = 3600) { check_error(&function[3]); }

static void is(const char *what, double x, double got, double want) {
  cr_expect_eq(same_bits64(got), same_bits64(want), "%s(%a): got %a, want %a", what, x, got, want);
}

Test(math64, special_values) {
  static const double most = 0x1.62e42fefa39efp9, /* e^x is still below the largest number */
      least = -0x1.74910d52d3051p9;               /* and here the smallest denormal */
  is("exp64", 0, exp64(0.0), 1);
  is("exp64", -0.0, exp64(-0.0), 1);
  is("exp64", INFINITY, exp64(INFINITY), INFINITY);
  is("exp64", -INFINITY, exp64(-INFINITY), 0);
  is("exp64", NAN, exp64(NAN), NAN);
  is("exp64", most, exp64(nextafter(most, 710)), INFINITY);
  cr_expect(exp64(most) < INFINITY);
  is("exp64", least, exp64(least), 0x1p-1074);
  is("exp64", least, exp64(nextafter(least, -800)), 0);
  is("exp64", 1e300, exp64(1e300), INFINITY);
  is("exp64", -1e300, exp64(-1e300), 0);
  is("exp64", 0x1p-1074, exp64(0x1p-1074), 1);
  is("log1p64", 0, log1p64(0.0), 0);
  is("log1p64", -0.0, log1p64(-0.0), -0.0);
  is("log1p64", -1, log1p64(-1), -INFINITY);
  is("log1p64", -1, log1p64(nextafter(-1, -2)), NAN);
  is("log1p64", -INFINITY, log1p64(-INFINITY), NAN);
  is("log1p64", INFINITY, log1p64(INFINITY), INFINITY);
  is("log1p64", NAN, log1p64(NAN), NAN);
  is("log1p64", 0x1p-1074, log1p64(0x1p-1074), 0x1p-1074);
  is("log1p64", -0x1p-1074, log1p64(-0x1p-1074), -0x1p-1074);
  is("softplus64", -INFINITY, softplus64(-INFINITY), 0);
  is("softplus64", INFINITY, softplus64(INFINITY), INFINITY);
  is("softplus64", NAN, softplus64(NAN), NAN);
  is("softplus64", 20, softplus64(nextafter(20, 21)), nextafter(20, 21));
  cr_expect(softplus64(20) > 20);
  is("silu64", -0.0, silu64(-0.0), -0.0);
  is("silu64", -INFINITY, silu64(-INFINITY), NAN);
  is("silu64", INFINITY, silu64(INFINITY), INFINITY);
  is("silu64", NAN, silu64(NAN), NAN);
}
