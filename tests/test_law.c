/* law: planted drifts are found, noise is not taken for drift, and the figures are those that a hand can compute. */
#include "measure/law.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "measure/drift.h"
#include "tests/measure_rows.h"

enum { LAYERS = 24, DRAWS = 2000, PROMPTS_MOST = 4 };

/* --- rows that have a given relative L2 ------------------------------------------------------------------------- */

/* log10 of the relative L2 of each prompt and layer; -INFINITY: identical. */
typedef struct Planted {
  double y[PROMPTS_MOST][64];
  int prompts, layers;
} Planted;

static PairStats law_row(int prompt, int layer, double y) {
  PairStats row;
  memset(&row, 0xa5, sizeof row);
  snprintf(row.prompt, sizeof row.prompt, "p%d", prompt);
  snprintf(row.base, sizeof row.base, "a");
  snprintf(row.other, sizeof row.other, "b");
  snprintf(row.tensor, sizeof row.tensor, "block_out");
  row.layer = layer;
  row.identical = isinf(y) != 0;
  row.n = 100;
  row.nonfinite = 0;
  row.base_l2 = 3;
  row.rmse = isinf(y) ? 0 : pow(10, y) * 3 / sqrt(100);
  return row;
}

static DriftLaw law_from(Arena arena, const Planted *planted, const Resampling *draws) {
  PairStats *rows = ARENA_NEW(&arena, PairStats, planted->prompts * planted->layers);
  size_t count = 0, laws = 99;
  for (int p = 0; p < planted->prompts; p++)
    for (int l = 0; l < planted->layers; l++) rows[count++] = law_row(p, l, planted->y[p][l]);
  DriftLaw *law = law_of(&arena, rows, count, planted->layers, draws, &laws);
  cr_assert_eq(laws, 1);
  return *law;
}

static DriftLaw law_of_curve(const double *y, int layers) {
  Arena arena = new_arena();
  Planted planted = {.prompts = 1, .layers = layers};
  memcpy(planted.y[0], y, (size_t)layers * sizeof *y);
  Resampling draws = resampling_of(&arena, 1, layers - 1, 1);
  DriftLaw law = law_from(arena, &planted, &draws);
  arena_release(&arena);
  return law;
}

/* --- many draws --------------------------------------------------------------------------------------------------- */

typedef enum {
  WHITE,
  HEAVY,
  TIED,
  WALK
} Noise; /* of layers: independent normal, Student's t with 3, AR(1) of 0.8; of steps */

typedef struct Plan {
  const char *name, *want; /* want: the verdict that is planted; NULL: none is */
  Noise noise;
  double size;         /* of the noise, in log10 */
  double growth, jump; /* factors */
  double prompt_size;  /* of an independent noise of each prompt and layer */
  int prompts, layers;
} Plan;

static void draw(gsl_rng *rng, const Plan *plan, Planted *planted, int *jump_layer) {
  double common[64], last = 0;
  *jump_layer = 1 + (int)gsl_rng_uniform_int(rng, (unsigned long)plan->layers - 1);
  for (int l = 0; l < plan->layers; l++) {
    double e = plan->noise == HEAVY ? gsl_ran_tdist(rng, 3) : gsl_ran_ugaussian(rng);
    last = plan->noise == WALK ? last + e : plan->noise == TIED && l ? 0.8 * last + 0.6 * e : e;
    common[l] = -3 + plan->size * last + l * log10(plan->growth) + (l >= *jump_layer ? log10(plan->jump) : 0);
  }
  planted->prompts = plan->prompts;
  planted->layers = plan->layers;
  for (int p = 0; p < plan->prompts; p++)
    for (int l = 0; l < plan->layers; l++) planted->y[p][l] = common[l] + gsl_ran_gaussian(rng, 1) * plan->prompt_size;
}

typedef struct Found {
  int wanted, misplaced, accumulates, jumps, shrinks;
} Found;

/* Prints the shares, so that a reader of the test's output sees them. */
static Found many(const Plan *plan, unsigned long seed) {
  Arena arena = new_arena();
  Resampling draws = resampling_of(&arena, plan->prompts, plan->layers - 1, 1);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, seed);
  Found found = {0};
  for (int i = 0; i < DRAWS; i++) {
    Planted planted;
    int jump_layer;
    draw(rng, plan, &planted, &jump_layer);
    DriftLaw law = law_from(arena, &planted, &draws);
    bool wanted = plan->want && !strcmp(law.verdict, plan->want), jumps = !strcmp(law.verdict, "jumps");
    found.misplaced += wanted && jumps && law.break_layer != jump_layer;
    found.wanted += wanted;
    found.accumulates += !strcmp(law.verdict, "accumulates");
    found.shrinks += !strcmp(law.verdict, "shrinks");
    found.jumps += jumps;
  }
  gsl_rng_free(rng);
  arena_release(&arena);
  printf("law: %-50s %2d layers, %d prompts:", plan->name, plan->layers, plan->prompts);
  if (plan->want) printf(" %s in %.2f %%,", plan->want, 100.0 * found.wanted / DRAWS);
  printf(" accumulates %.2f, jumps %.2f, shrinks %.2f %%\n", 100.0 * found.accumulates / DRAWS,
         100.0 * found.jumps / DRAWS, 100.0 * found.shrinks / DRAWS);
  return found;
}

/* 5 % of 2,000 draws is 100; with the count's own interval (two standard deviations, 9.7 each) up to 120. */
static void expect_no_alarm(const Plan *plan, unsigned long seed) {
  Found found = many(plan, seed);
  cr_expect_leq(found.accumulates + found.jumps, 120, "%s: %d of %d", plan->name, found.accumulates + found.jumps,
                DRAWS);
}

static void expect_found(const Plan *plan, unsigned long seed) {
  Found found = many(plan, seed);
  cr_expect_geq(found.wanted, DRAWS * 95 / 100, "%s: %d of %d", plan->name, found.wanted, DRAWS);
  cr_expect_eq(found.misplaced, 0, "%s: %d jumps at another layer than the planted one", plan->name, found.misplaced);
}

Test(law, noise_and_random_walks_are_not_called_growth_or_jump) {
  const Plan plans[] = {{"independent layers", NULL, WHITE, 0.05, 1, 1, 0, 1, LAYERS},
                        {"independent layers with heavy tails", NULL, HEAVY, 0.05, 1, 1, 0, 1, LAYERS},
                        {"layers tied to the one before (0.8)", NULL, TIED, 0.1, 1, 1, 0, 1, LAYERS},
                        {"random walk", NULL, WALK, 0.05, 1, 1, 0, 1, LAYERS},
                        {"wide random walk", NULL, WALK, 0.3, 1, 1, 0, 1, LAYERS},
                        {"random walk of few layers", NULL, WALK, 0.1, 1, 1, 0, 1, 8},
                        {"random walk of many layers", NULL, WALK, 0.05, 1, 1, 0, 1, 64}};
  for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) expect_no_alarm(&plans[i], 100 + i);
}

Test(law, planted_drifts_are_found) {
  const Plan plans[] = {{"growth of 1.1 a layer, independent layers", "accumulates", WHITE, 0.03, 1.1, 1, 0, 1, LAYERS},
                        {"growth of 1.1 a layer, random walk", "accumulates", WALK, 0.03, 1.1, 1, 0, 1, LAYERS},
                        {"decay of 0.9 a layer, random walk", "shrinks", WALK, 0.03, 0.9, 1, 0, 1, LAYERS},
                        {"jump by 2, independent layers", "jumps", WHITE, 0.03, 1, 2, 0, 1, LAYERS},
                        {"jump by 2, random walk", "jumps", WALK, 0.03, 1, 2, 0, 1, LAYERS},
                        {"jump to a third", "jumps", WALK, 0.03, 1, 1.0 / 3, 0, 1, LAYERS},
                        {"jump by 2 in growth of 1.05 a layer", "jumps", WALK, 0.03, 1.05, 2, 0, 1, LAYERS},
                        {"stable, independent layers", "stable", WHITE, 0.05, 1, 1, 0, 1, LAYERS},
                        {"stable, layers tied to the one before", "stable", TIED, 0.05, 1, 1, 0, 1, LAYERS}};
  for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) expect_found(&plans[i], 200 + i);
}

Test(law, prompts_that_disagree_neither_raise_alarms_nor_hide_drifts) {
  const Plan quiet = {"random walk, prompts apart", NULL, WALK, 0.03, 1, 1, 0.05, PROMPTS_MOST, LAYERS};
  const Plan grows = {
      "growth of 1.1 a layer, prompts apart", "accumulates", WALK, 0.03, 1.1, 1, 0.03, PROMPTS_MOST, LAYERS};
  expect_no_alarm(&quiet, 300);
  expect_found(&grows, 301);
}

/* --- one by one ------------------------------------------------------------------------------------------------- */

Test(law, exact_growth_has_its_factor_and_no_width) {
  double y[16];
  for (int l = 0; l < 16; l++) y[l] = -4 + 0.1 * l;
  DriftLaw law = law_of_curve(y, 16);
  cr_assert_str_eq(law.verdict, "accumulates");
  NEAR(law.growth, 1.2589254117941673, 1e-12); /* 10^0.1 */
  NEAR(law.growth_low, law.growth, 1e-12);
  NEAR(law.growth_high, law.growth, 1e-12);
  NEAR(law.growth_se, 0, 1e-12);
  NEAR(law.r2, 1, 1e-12);
  NEAR(law.spread, 5.6234132519034912, 1e-11); /* 10^0.75: 7.5 layers to either side */
  SAME(law.first_layer, 0);
  SAME(law.layers, 16);
  SAME(law.prompts, 1);
  SAME(law.break_low, NAN); /* one prompt says nothing of others */
}

Test(law, line_is_the_least_squares_line) {
  const double y[] = {-3, -2.9, -3.1, -2.7, -2.8, -2.6, -2.75, -2.4};
  DriftLaw law = law_of_curve(y, 8);
  NEAR(log10(law.growth), 0.075595238095238096, 1e-13); /* 3.175 / 42 */
  NEAR(law.r2, 0.6863696328, 1e-9);
  NEAR(law.growth_se, 0.0208616587, 1e-9);
}

Test(law, jump_has_its_layer_its_factor_and_the_growth_outside_it) {
  double y[20];
  for (int l = 0; l < 20; l++) y[l] = -4 + 0.01 * l + (l % 2 ? 0.004 : 0) + (l >= 13 ? 0.5 : 0);
  DriftLaw law = law_of_curve(y, 20);
  cr_assert_str_eq(law.verdict, "jumps");
  SAME(law.break_layer, 13);
  NEAR(log10(law.break_factor), 0.5, 0.005); /* its step is one of those that rise by 0.004 */
  NEAR(log10(law.growth), 0.01, 0.001);
  cr_assert_leq(law.break_p, 1e-6);
  cr_assert(law.r2_break > 0.97 && law.r2 < 0.9, "r2 %g, with the break %g", law.r2, law.r2_break);
}

Test(law, a_single_layer_that_stands_out_is_no_jump) {
  double y[20];
  for (int l = 0; l < 20; l++) y[l] = -4 + (l % 3) * 0.005 + (l == 9 ? 0.25 : 0);
  DriftLaw law = law_of_curve(y, 20);
  cr_assert_str_eq(law.verdict, "stable");
}

/* Independent errors of layers add up as the square root of their number: the first step is by far the largest. */
Test(law, bent_growth_is_no_jump) {
  double y[24];
  for (int power = 1; power <= 4; power++) {
    for (int l = 0; l < 24; l++) y[l] = -4 + 0.5 * power * log10(l + 1);
    DriftLaw law = law_of_curve(y, 24);
    cr_expect_str_eq(law.verdict, "accumulates", "power %d / 2: %s", power, law.verdict);
  }
  for (int l = 0; l < 24; l++) y[l] = -4 + 0.02 * l + (l > 0 ? 2 : 0);
  DriftLaw law = law_of_curve(y, 24);
  cr_assert_str_eq(law.verdict, "jumps", "two decades into layer 1: %s", law.verdict);
  SAME(law.break_layer, 1);
}

/* One prompt of four is a hundred times as far off in one layer and all that follow. */
Test(law, a_jump_of_one_prompt_alone_is_not_called_a_jump) {
  Arena arena = new_arena();
  Planted planted = {.prompts = 4, .layers = 24};
  for (int p = 0; p < 4; p++)
    for (int l = 0; l < 24; l++) planted.y[p][l] = -3 + 0.003 * ((l * 7 + p) % 5) + (p == 3 && l >= 9 ? 2 : 0);
  Resampling draws = resampling_of(&arena, 4, 23, 1);
  DriftLaw law = law_from(arena, &planted, &draws);
  SAME(law.break_layer, 9);
  cr_assert(law.break_low < 1.25 && law.break_high > 50, "%g … %g", law.break_low, law.break_high);
  cr_assert_str_neq(law.verdict, "jumps");
}

/* Prompts that are identical in a layer where others differ leave draws without a curve; the others give the interval.
 */
Test(law, prompts_identical_in_a_layer_do_not_cost_the_interval) {
  Arena arena = new_arena();
  Planted planted = {.prompts = 4, .layers = 24};
  for (int p = 0; p < 4; p++)
    for (int l = 0; l < 24; l++) planted.y[p][l] = l == 3 && p > 1 ? -INFINITY : -3 + 0.05 * l;
  Resampling draws = resampling_of(&arena, 4, 23, 1);
  DriftLaw law = law_from(arena, &planted, &draws);
  cr_assert_str_eq(law.verdict, "accumulates");
  cr_assert(law.growth_low > 1.05 && law.growth_high < 1.25, "%g … %g", law.growth_low, law.growth_high);
}

Test(law, tiny_growth_is_stable_however_sure) {
  double y[20];
  for (int l = 0; l < 20; l++) y[l] = -4 + 0.004 * l; /* 1.19 in all */
  DriftLaw law = law_of_curve(y, 20);
  cr_assert_str_eq(law.verdict, "stable");
  cr_assert_gt(law.growth_low, 1);
}

Test(law, reasons_why_nothing_can_be_told) {
  double y[24], wild[] = {-3, -1, -4, -2, -1.5, -3.5, -1, -2.5, -4, -1, -3, -2};
  for (int l = 0; l < 24; l++) y[l] = -3 + 0.1 * l;
  DriftLaw law = law_of_curve(y, 7);
  cr_expect_str_eq(law.verdict, "cannot_tell");
  cr_expect_str_eq(law.reason, "few_layers");
  law = law_of_curve(wild, 12);
  cr_expect_str_eq(law.verdict, "cannot_tell");
  cr_expect_str_eq(law.reason, "wanders");
  y[10] = -INFINITY;
  law = law_of_curve(y, 24);
  cr_expect_str_eq(law.verdict, "cannot_tell");
  cr_expect_str_eq(law.reason, "gaps");
  SAME(law.growth, NAN);
}

Test(law, layers_before_the_first_difference_are_left_out) {
  double y[24];
  for (int l = 0; l < 24; l++) y[l] = l < 5 ? -INFINITY : -3 + 0.1 * l;
  DriftLaw law = law_of_curve(y, 24);
  cr_assert_str_eq(law.verdict, "accumulates");
  SAME(law.first_layer, 5);
  SAME(law.layers, 19);
  for (int l = 0; l < 24; l++) y[l] = -INFINITY;
  law = law_of_curve(y, 24);
  cr_assert_str_eq(law.verdict, "identical");
  SAME(law.first_layer, -1);
  SAME(law.layers, 0);
  SAME(law.growth, NAN);
}

Test(law, every_pair_and_tensor_of_the_layers_has_its_own_law) {
  Arena arena = new_arena();
  PairStats rows[3 * 9];
  static const char *const tensor[] = {"scan", "block_out", "logits"};
  for (int t = 0; t < 3; t++)
    for (int l = 0; l < 9; l++) {
      rows[t * 9 + l] = law_row(0, l, -3 + 0.1 * l * (t == 1));
      snprintf(rows[t * 9 + l].tensor, sizeof rows->tensor, "%s", tensor[t]);
    }
  Resampling draws = resampling_of(&arena, 1, 8, 1);
  size_t count = 99;
  DriftLaw *law = law_of(&arena, rows, 27, 9, &draws, &count);
  cr_assert_eq(count, 2, "logits stand once, and have no law: %zu", count);
  cr_assert_str_eq(law[0].tensor, "scan");
  cr_assert_str_eq(law[0].verdict, "stable");
  cr_assert_str_eq(law[1].tensor, "block_out");
  cr_assert_str_eq(law[1].verdict, "accumulates");
}

/* --- intervals over prompts --------------------------------------------------------------------------------------- */

/* Of prompts whose log size is normal, the interval must hold the pooled value of all prompts about as often as it
 * says. */
Test(law, interval_over_prompts_covers_what_many_prompts_give) {
  enum { PROMPTS = 16, ROUNDS = 1000 };
  Arena arena = new_arena();
  Resampling draws = resampling_of(&arena, PROMPTS, 0, 1);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, 7);
  const double spread = 0.1; /* of log10; the root of the mean square of 10^x is 10^(spread^2 ln 10) */
  const double truth = pow(10, -3 + spread * spread * log(10));
  int holds = 0;
  for (int i = 0; i < ROUNDS; i++) {
    Arena scratch = arena;
    PairStats rows[PROMPTS];
    for (int p = 0; p < PROMPTS; p++) rows[p] = law_row(p, 0, -3 + gsl_ran_gaussian(rng, spread));
    size_t count;
    Drift *d = drift_of(&scratch, rows, PROMPTS, &draws, &count);
    cr_assert(d->rel_l2_low < d->rel_l2 && d->rel_l2 < d->rel_l2_high, "%g … %g … %g", d->rel_l2_low, d->rel_l2,
              d->rel_l2_high);
    holds += d->rel_l2_low <= truth && truth <= d->rel_l2_high;
  }
  gsl_rng_free(rng);
  printf("law: the 95 %% interval over 16 prompts holds the truth in %.1f %%\n", 100.0 * holds / ROUNDS);
  cr_assert(holds >= 880 && holds <= 980, "%d of %d", holds, ROUNDS);
}

Test(law, one_prompt_has_no_interval_over_prompts) {
  Arena arena = new_arena();
  Resampling draws = resampling_of(&arena, 1, 0, 1);
  PairStats row = law_row(0, 0, -3);
  size_t count;
  Drift *d = drift_of(&arena, &row, 1, &draws, &count);
  SAME(d->rel_l2_low, NAN);
  SAME(d->rel_l2_high, NAN);
}

Test(law, the_seed_decides_the_draws_and_nothing_else_does) {
  Arena arena = new_arena();
  Resampling a = resampling_of(&arena, 16, 23, 5), b = resampling_of(&arena, 16, 23, 5),
             c = resampling_of(&arena, 16, 23, 6);
  size_t prompts = RESAMPLES * 16 * sizeof *a.times, steps = RESAMPLES * 23;
  cr_assert(!memcmp(a.times, b.times, prompts) && !memcmp(a.taken, b.taken, steps));
  cr_assert(memcmp(a.times, c.times, prompts) && memcmp(a.taken, c.taken, steps));
  for (int i = 0; i < RESAMPLES; i++) {
    int sum = 0;
    for (int p = 0; p < 16; p++) sum += a.times[i * 16 + p];
    cr_assert_eq(sum, 16, "draw %d takes %d prompts", i, sum);
  }
}

/* Sizes of what happens to be finite make no curve. */
Test(law, values_left_out_leave_no_law) {
  PairStats rows[LAYERS] = {0};
  for (int l = 0; l < LAYERS; l++) {
    rows[l] = (PairStats){.layer = l, .n = 100, .rmse = 1e-3 * pow(1.1, l), .base_l2 = 10};
    snprintf(rows[l].prompt, sizeof rows[l].prompt, "p");
    snprintf(rows[l].base, sizeof rows[l].base, "fp32");
    snprintf(rows[l].other, sizeof rows[l].other, "1");
    snprintf(rows[l].tensor, sizeof rows[l].tensor, "block_out");
  }
  Arena arena = new_arena();
  Resampling draws = resampling_of(&arena, 1, LAYERS - 1, 1);
  size_t laws;
  cr_expect_str_eq(law_of(&arena, rows, LAYERS, LAYERS, &draws, &laws)->verdict, "accumulates");
  rows[20].nonfinite = 99;
  DriftLaw *law = law_of(&arena, rows, LAYERS, LAYERS, &draws, &laws);
  cr_expect_str_eq(law->verdict, "cannot_tell");
  cr_expect_str_eq(law->reason, "not_finite");
  arena_release(&arena);
}
