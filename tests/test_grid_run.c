/* The table of a grid against what other runs kept: each calibrated at one of its alphas, on
 * prompts of one of its lengths; error, KL and bits from their tensors by plain sums, intervals and
 * Holm's correction by GSL's t distribution. Two prompts, so one degree of freedom. The modes of
 * the grid stand nowhere else in its spec. */
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "measure/tables.h"
#include "store/store.h"
#include "tests/small_model.h"

enum { LAYERS = 3, PROMPTS = 2, MODES = 2, ALPHAS = 2, LENGTHS = 2, VOCAB = SMALL_VOCAB, OWN = 1 };
static const double alpha[ALPHAS] = {0.75, 0.9999};
static const int length[LENGTHS] = {9, 24};
static const char *const mode[MODES] = {"2-0", "2-4"};
static const char *const prompt[PROMPTS] = {"a", "b"};
static const char *const text[PROMPTS] = {"the cat sat on the mat, and ",
                                          "Mr. Brown was in the house;"};
static Arena arena;

static void begin(void) {
  Status st = {0};
  shell_begin();
  store_start();
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &st), "%s", st.text);
  small_model(LAYERS);
}

TestSuite(grid_run, .init = begin, .fini = shell_end);

/* What a way comes to in each prompt. */
typedef struct Ends {
  double error[PROMPTS], kl[PROMPTS], bits[PROMPTS];
} Ends;

/* The first so many bytes of both texts; 0: all. */
static const char *spec_of(const char *name, double at, int bytes, const char *pairs,
                           const char *keys) {
  const char *path = arena_printf(&arena, "%s/%s.yaml", shell_folder, name);
  FILE *out = fopen(path, "w");
  cr_assert(out);
  fprintf(out,
          "title: Grid\nmodel: model\nbackend: cpu\nthreads: 1\ncalibration: {text: "
          "%s/data/text/valid.txt, windows: 2, length: 48, alpha: %.17g}\npairs: %s\n"
          "prompts:\n",
          getenv("PWD"), at, pairs);
  for (int p = 0; p < PROMPTS; p++)
    fprintf(out, "  - {name: %s, string: \"%.*s\"}\n", prompt[p], bytes ? bytes : 99, text[p]);
  fprintf(out, "%s", keys);
  fclose(out);
  return path;
}

static Results made(const char *name, double at, int bytes, const char *pairs, const char *keys) {
  Results results;
  Status st = {0};
  const char *path = arena_printf(&arena, "%s/%s/results.h5", shell_folder, name),
             *spec = spec_of(name, at, bytes, pairs, keys);
  cr_assert_eq(
      shell(NO_FIGURES "%s run %s -o %s/%s -q 2>&1", shell_program(), spec, shell_folder, name), 0,
      "%s", shell_output);
  cr_assert(results_open(path, &results, arena, &st), "%s", st.text);
  return results;
}

static Tensor kept(const Results *results, int p, const char *side, const char *name) {
  Tensor t;
  Status st = {0};
  const char *layer = strcmp(name, "logits") ? arena_printf(&arena, "/layer_%02d", LAYERS - 1) : "";
  cr_assert(results_tensor(&arena, results,
                           arena_printf(&arena, "prompts/%s/%s%s", prompt[p], side, layer), name,
                           &t, &st),
            "%s", st.text);
  return t;
}

static double relative_l2(const Tensor *want, const Tensor *got) {
  double d2 = 0, s2 = 0;
  for (size_t i = 0; i < (size_t)want->rows * (size_t)want->cols; i++) {
    const double w = tensor_value(want, i), d = tensor_value(got, i) - w;
    d2 += d * d, s2 += w * w;
  }
  return sqrt(d2 / s2);
}

static void softmax_of(const Tensor *logits, int row, double p[VOCAB]) {
  double sum = 0;
  for (int v = 0; v < VOCAB; v++)
    sum += p[v] = exp(tensor_value(logits, (size_t)(row * VOCAB + v)));
  for (int v = 0; v < VOCAB; v++) p[v] /= sum;
}

static void predicted(const Tensor *want, const Tensor *got, const char *next, double *kl,
                      double *bits) {
  *kl = *bits = 0;
  for (int t = 0; t + 1 < want->rows; t++) {
    double p[VOCAB], q[VOCAB];
    softmax_of(want, t, p);
    softmax_of(got, t, q);
    for (int v = 0; v < VOCAB; v++) *kl += p[v] * log2(p[v] / q[v]) / (want->rows - 1);
    *bits -= log2(q[(unsigned char)next[t + 1]]) / (want->rows - 1);
  }
}

static Ends ends_of_run(const Results *results, const char *side) {
  Ends e;
  for (int p = 0; p < PROMPTS; p++) {
    const Tensor out = kept(results, p, side, "block_out"),
                 logits = kept(results, p, side, "logits"),
                 want = kept(results, p, "fp64", "block_out"),
                 want_logits = kept(results, p, "fp64", "logits");
    cr_assert(want.rows == logits.rows && logits.cols == VOCAB);
    e.error[p] = relative_l2(&want, &out);
    predicted(&want_logits, &logits, text[p], &e.kl[p], &e.bits[p]);
  }
  return e;
}

/* --- two prompts ------------------------------------------------------------------------------ */

typedef struct Two {
  double mean, half, p; /* 95 %: mean - half … mean + half; p of a mean of 0 */
} Two;

static Two two_of(double a, double b) {
  const double mean = (a + b) / 2, se = fabs(a - b) / 2;
  return (Two){mean, se * gsl_cdf_tdist_Pinv(0.975, 1), 2 * gsl_cdf_tdist_Q(fabs(mean) / se, 1)};
}

static void near(double got, double want, const char *what, const GridPoint *row) {
  cr_expect_float_eq(got, want, 1e-9 * fabs(want),
                     "%s, alpha %g, %d tokens: %s is %.17g, not %.17g", row->mode, row->alpha,
                     row->length, what, got, want);
}

static void expect_geometric(const double x[PROMPTS], double value, double low, double high,
                             const char *what, const GridPoint *row) {
  const Two t = two_of(log(x[0]), log(x[1]));
  near(value, exp(t.mean), what, row);
  near(low, exp(t.mean - t.half), what, row);
  near(high, exp(t.mean + t.half), what, row);
}

/* The factor of KL beside the calibration's own alpha; its p. */
static double expect_factor(const Ends *e, const Ends *own, const GridPoint *row) {
  const Two t = two_of(log(e->kl[0] / own->kl[0]), log(e->kl[1] / own->kl[1])),
            bits = two_of(e->bits[0] - own->bits[0], e->bits[1] - own->bits[1]);
  near(row->kl_factor, exp(t.mean), "factor of KL", row);
  near(row->kl_factor_low, exp(t.mean - t.half), "factor of KL, low", row);
  near(row->kl_factor_high, exp(t.mean + t.half), "factor of KL, high", row);
  near(row->bits_change, bits.mean, "change of bits", row);
  return t.p;
}

static int smaller(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Holm's step down: the k-th smallest of n times n - k, never less than the one before. */
static double holm_of(const double *p, int n, double of) {
  double sorted[MODES * LENGTHS], most = 0;
  memcpy(sorted, p, (size_t)n * sizeof *sorted);
  qsort(sorted, (size_t)n, sizeof *sorted, smaller);
  for (int k = 0; k < n && sorted[k] <= of; k++) most = fmax(most, fmin(1, (n - k) * sorted[k]));
  return most;
}

Test(grid_run, its_table_is_what_other_runs_tensors_say) {
  Ends ends[MODES][LENGTHS][ALPHAS];
  Status st = {0};
  void *rows;
  size_t count;
  double p[MODES * LENGTHS];
  int asked = 0;
  const Results grid = made("grid", alpha[OWN], 0, "[[1, fp32]]",
                            "grid: {alpha: [0.75, 0.9999], modes: [2-0, 2-4], length: [9, 24]}\n");
  for (int l = 0; l < LENGTHS; l++)
    for (int a = 0; a < ALPHAS; a++) {
      Results run =
          made(arena_printf(&arena, "run_%d_%d", l, a), alpha[a], length[l], "[[2-0, 2-4]]", "");
      for (int m = 0; m < MODES; m++) ends[m][l][a] = ends_of_run(&run, mode[m]);
      results_close(&run);
    }
  cr_assert(results_rows(&arena, &grid, &table_grid, &rows, &count, &st), "%s", st.text);
  cr_assert_eq(count, MODES * LENGTHS * ALPHAS);
  const GridPoint *row = rows;
  for (int m = 0; m < MODES; m++)
    for (int l = 0; l < LENGTHS; l++)
      for (int a = 0; a < ALPHAS; a++, row++) {
        const Ends *e = &ends[m][l][a];
        cr_assert(!strcmp(row->mode, mode[m]) && row->length == length[l] &&
                  row->alpha == alpha[a] && row->prompts == PROMPTS);
        expect_geometric(e->error, row->block_out, row->block_out_low, row->block_out_high, "error",
                         row);
        expect_geometric(e->kl, row->kl, row->kl_low, row->kl_high, "KL", row);
        near(row->bits, (e->bits[0] + e->bits[1]) / 2, "bits", row);
        if (a != OWN) p[asked++] = expect_factor(e, &ends[m][l][OWN], row);
      }
  row = rows;
  for (int i = 0; i < asked; i++)
    near(row[i * ALPHAS].kl_factor_holm, holm_of(p, asked, p[i]), "Holm's p", &row[i * ALPHAS]);
}

Test(grid_run, validate_lists_its_points) {
  const char *spec = spec_of("v", 0.9999, 0, "[[2-0, 2-4]]",
                             "grid: {alpha: [0.75, 0.9999, 1], length: [4, 27]}\n");
  cr_expect_eq(shell("%s validate %s 2>&1", shell_program(), spec), 0, "%s", shell_output);
  cr_expect(strstr(shell_output, "# grid: 12 points\n"
                                 "# grid: mode 2-0, 4 tokens, alpha 0.75, 0.9999, 1\n"
                                 "# grid: mode 2-0, 27 tokens, alpha 0.75, 0.9999, 1\n"
                                 "# grid: mode 2-4, 4 tokens,"),
            "%s", shell_output);
  spec = spec_of("w", 0.9999, 0, "[[2-0, 2-4]]", "grid: {length: [27, 28]}\n");
  cr_expect_eq(shell("%s validate %s 2>&1", shell_program(), spec), 2);
  cr_expect(strstr(shell_output, "w.yaml:10:21: key 'length': prompt 'b' has 27 tokens, and"), "%s",
            shell_output);
}
