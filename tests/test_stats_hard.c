/* stats on inputs made to hurt: sums whose every addition rounds the same way, and a first block
 * far from the rest. GSL's mean and deviation, which divide in long double at every element, are
 * the judge; the bound is that of measure/judge_bounds.c. */
#include "tests/measure_rows.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_statistics_double.h>

enum { N_MOST = 1 << 20 };

typedef struct Input {
  const char *name;
  double (*value)(size_t i, double size, gsl_rng *rng);
} Input;

/* `size` is any number: what is dropped at each addition depends on it. */
static double two_values(size_t i, double size, gsl_rng *rng) {
  return (void)rng, i % 2 ? size : -size;
}
static double last_far(size_t i, double size, gsl_rng *rng) {
  return (void)rng, i < 1024 ? 0 : size;
}
static double first_far(size_t i, double size, gsl_rng *rng) {
  return (void)rng, i < 1024 ? size : 0;
}
static double steps(size_t i, double size, gsl_rng *rng) {
  return (void)rng, size * (double)(i / 1024 % 7);
}
static double ramp(size_t i, double size, gsl_rng *rng) { return (void)rng, size * (double)i; }
static double far_mean(size_t i, double size, gsl_rng *rng) {
  return (void)i, 1e6 + gsl_ran_gaussian(rng, size);
}
static double heavy(size_t i, double size, gsl_rng *rng) {
  return (void)i, size * gsl_ran_cauchy(rng, 1);
}
static double gaussian(size_t i, double size, gsl_rng *rng) {
  return (void)i, gsl_ran_gaussian(rng, size);
}

static const Input inputs[] = {{"two values", two_values},
                               {"first block 0", last_far},
                               {"others 0", first_far},
                               {"steps", steps},
                               {"ramp", ramp},
                               {"far mean", far_mean},
                               {"heavy tails", heavy},
                               {"gaussian", gaussian}};

static double worst_mean, worst_std;

static void check(const char *name, const double *x, size_t rows, size_t cols) {
  const size_t n = rows * cols;
  Tensor t = tensor_of((void *)(uintptr_t)x, FORMAT_F64, (int)rows, (int)cols, 0);
  TensorStats row = tensor_row(&t, 0);
  double mean = gsl_stats_mean(x, 1, n), std = gsl_stats_sd_with_fixed_mean(x, 1, n, mean);
  double rms = hypot(mean, std);
  double bound = ((32 + 8) * 0x1p-53 + (double)n * 0x1p-65) * rms + 4 * 0x1p-52 * fabs(mean);
  double off_mean = fabs(row.mean - mean), off_std = fabs(row.std - std);
  cr_expect(off_mean <= bound && off_std <= bound,
            "%s, %zu x %zu: mean off by %g, std by %g, bound %g", name, rows, cols, off_mean,
            off_std, bound);
  if (rms == 0) return;
  worst_mean = fmax(worst_mean, off_mean / rms);
  worst_std = fmax(worst_std, off_std / rms);
}

Test(stats, mean_and_deviation_keep_their_bound_on_inputs_made_to_hurt) {
  static const size_t shape[][2] = {{1, 1000},  {1, 1024},  {64, 256},
                                    {171, 512}, {31, 1025}, {1024, 1024}};
  double *x = malloc(N_MOST * sizeof *x);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (size_t k = 0; k < sizeof inputs / sizeof *inputs; k++) {
    worst_mean = worst_std = 0;
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
      for (int trial = 0; trial < (s == 5 ? 2 : 20); trial++) {
        double size = gsl_ran_flat(rng, 0.7, 1.3);
        for (size_t i = 0; i < shape[s][0] * shape[s][1]; i++) x[i] = inputs[k].value(i, size, rng);
        check(inputs[k].name, x, shape[s][0], shape[s][1]);
      }
    cr_expect(worst_mean <= 1e-14 && worst_std <= 1e-15, "%s: more than the header says",
              inputs[k].name);
    printf("stats: %-14s mean off by at most %.1e of the root mean square, deviation by %.1e\n",
           inputs[k].name, worst_mean, worst_std);
  }
  gsl_rng_free(rng);
  free(x);
}
