/* shape: curves whose shape a reader sees are named, quantities are those that a hand can compute,
 * and what cannot be said is not. How often the words are right with few prompts:
 * tests/test_words.c. */
#include "family/family.h"
#include "measure/shape.h"

#include "tests/measure_rows.h"
#include "words/words.h"

enum { LAYERS = 24 };

static DriftLimits limits(void) {
  Arena arena = new_arena();
  DriftLimits defaults = words_limits(arena);
  arena_release(&arena);
  return defaults;
}

static Shape shape_of_factors(const double *e, int layers) {
  DriftLimits l = limits();
  double y[CURVE_MOST];
  for (int i = 0; i < layers; i++) y[i] = log(e[i]);
  return curve_shape(y, layers, &l, curve_turn(y, layers, &l, 0));
}

#define EXPECT_SHAPE(want_kind, want_layer, ...)                                                   \
  do {                                                                                             \
    const double e_[] = {__VA_ARGS__};                                                             \
    Shape s_ = shape_of_factors(e_, (int)(sizeof e_ / sizeof *e_));                                \
    cr_expect(s_.kind == (want_kind) && s_.layer == (want_layer),                                  \
              "line %d: got %s at %d, want %s at %d", __LINE__, shape_names[s_.kind], s_.layer,    \
              shape_names[want_kind], want_layer);                                                 \
  } while (0)

Test(shape, curves_are_named_by_what_stands_in_them) {
  EXPECT_SHAPE(SHAPE_FLAT, -1, 1, 1.1, 1.24, 1.05, 1.2);
  EXPECT_SHAPE(SHAPE_ACCUMULATES, -1, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7);
  EXPECT_SHAPE(SHAPE_JUMPS, 3, 1, 1.01, 1.02, 2, 2.02, 2.03, 2.05);
  EXPECT_SHAPE(SHAPE_JUMPS, 6, 1, 1.01, 1.02, 1.03, 1.02, 1.03, 2); /* at the end */
  EXPECT_SHAPE(SHAPE_JUMPS, 1, 1, 2, 2.01, 2.02, 2.03, 2.02);       /* at the start */
  EXPECT_SHAPE(SHAPE_SATURATES, 3, 1, 1.8, 2.5, 2.9, 3, 3.05, 3.05, 3.06, 3.05);
  EXPECT_SHAPE(SHAPE_RISES_FALLS, 4, 1, 1.2, 1.5, 1.8, 2, 1.9, 1.8, 1.6);
  EXPECT_SHAPE(SHAPE_FALLS, -1, 2, 1.8, 1.6, 1.3, 1.2, 1);
  EXPECT_SHAPE(SHAPE_FALLS, -1, 2, 1.98, 1.01, 1, 1, 1);
  EXPECT_SHAPE(SHAPE_MIXED, -1, 1, 1.2, 1.5, 1.2, 1, 1.2, 1.5, 1.2, 1);
  EXPECT_SHAPE(SHAPE_MIXED, -1, 2, 1.7, 1.4, 1.1, 1.1, 1.4, 1.7, 2.2); /* down, then up */
}

Test(shape, a_bend_is_no_jump) {
  /* a rounding error through the first layers: the steepest step is the first, and more than half
   * of all */
  EXPECT_SHAPE(SHAPE_SATURATES, 3, 1.4, 2.5, 3.1, 3.6, 3.8, 3.9, 3.9, 3.9);
  EXPECT_SHAPE(SHAPE_ACCUMULATES, -1, 1.4, 2.5, 3.1, 3.6, 4.0, 4.5, 4.9, 5.5, 6.0);
}

Test(shape, one_layer_off_is_no_jump) {
  EXPECT_SHAPE(SHAPE_MIXED, -1, 1, 1.01, 1, 2, 1.01, 1, 1.01, 1.02);
}

Test(shape, ripple_of_a_rough_curve_makes_no_turns) {
  double e[LAYERS];
  for (int l = 0; l < LAYERS; l++)
    e[l] = pow(1.1, l) * (l % 2 ? 1.12 : 1); /* goes back by 2 % at each other layer */
  cr_expect_eq(shape_of_factors(e, LAYERS).kind, SHAPE_ACCUMULATES);
  for (int l = 0; l < LAYERS; l++) e[l] = pow(1.1, l) * (l % 2 ? 1.4 : 1); /* by 27 % */
  cr_expect_eq(shape_of_factors(e, LAYERS).kind, SHAPE_ACCUMULATES);
}

Test(shape, thresholds_are_those_of_the_spec) {
  const double y[] = {0, 0.1, 0.2, 0.3, 0.4};
  DriftLimits l = limits();
  cr_expect_eq(curve_shape(y, 5, &l, 0.1).kind, SHAPE_ACCUMULATES);
  l.flat = 1.5; /* exp(0.4) is 1.49 */
  cr_expect_eq(curve_shape(y, 5, &l, 0.1).kind, SHAPE_FLAT);
  const double step[] = {0, 0.02, 0.04, 0.3, 0.32};
  l = limits();
  cr_expect_eq(curve_shape(step, 5, &l, 0.1).kind, SHAPE_JUMPS);
  l.jump = 1.3; /* exp(0.26) is 1.297 */
  cr_expect_neq(curve_shape(step, 5, &l, 0.1).kind, SHAPE_JUMPS);
  l = limits();
  l.step_share = 0.8;
  cr_expect_neq(curve_shape(step, 5, &l, 0.1).kind, SHAPE_JUMPS);
}

/* --- rows ------------------------------------------------------------------------------------- */

typedef struct Planted {
  double e[8][LAYERS], pooled[8][LAYERS];
  int prompts;
} Planted;

static PairStats pair_stats(int prompt, int layer, double e, double pooled) {
  PairStats row;
  memset(&row, 0xa5, sizeof row);
  snprintf(row.prompt, sizeof row.prompt, "p%d", prompt);
  snprintf(row.base, sizeof row.base, "a");
  snprintf(row.other, sizeof row.other, "b");
  snprintf(row.tensor, sizeof row.tensor, "block_out");
  row.layer = layer;
  row.identical = e == 0;
  row.n = 100;
  row.nonfinite = 0;
  row.base_l2 = 3;
  row.rmse = pooled * 3 / sqrt(100);
  row.token.median = e;
  row.token.left_out = isnan(e);
  return row;
}

static DriftShape row_of(const Planted *p, const DriftLimits *l) {
  Arena arena = new_arena();
  PairStats *rows = ARENA_NEW(&arena, PairStats, p->prompts * LAYERS);
  size_t count = 0, shapes = 99;
  for (int layer = LAYERS - 1; layer >= 0; layer--) /* rows may come in any order of layers */
    for (int i = 0; i < p->prompts; i++)
      rows[count++] = pair_stats(i, layer, p->e[i][layer], p->pooled[i][layer]);
  DriftShape *shape = shape_of(&arena, &families[0]->tensors, rows, count, LAYERS, l, 1, &shapes),
             row;
  cr_assert_eq(shapes, 1);
  row = *shape;
  arena_release(&arena);
  return row;
}

/* Up from 1 to 2 at layer 12 in equal factors, back to 1.6; prompt i is `level[i]` times that, its
 * last layer another `tail[i]` times. */
static Planted hill(int prompts, const double *level, const double *tail) {
  Planted p = {.prompts = prompts};
  for (int i = 0; i < prompts; i++)
    for (int l = 0; l < LAYERS; l++) {
      double y = l <= 12 ? log(2) * l / 12 : log(2) + log(0.8) * (l - 12) / 11;
      p.e[i][l] = 0.01 * level[i] * exp(y) * (l == LAYERS - 1 ? tail[i] : 1);
      p.pooled[i][l] = 2 * p.e[i][l] * (l == 5 ? 3 : 1);
    }
  return p;
}

Test(shape, quantities_are_means_of_each_prompts_factor) {
  Planted p = hill(3, (double[]){1, 2, 4}, (double[]){1, 1.1, 1 / 1.1});
  DriftLimits l = limits();
  DriftShape row = row_of(&p, &l);
  cr_expect_str_eq(row.shape, "rises_falls");
  cr_expect_eq(row.layer, 12);
  cr_expect_eq(row.peak_layer, 12);
  cr_expect_eq(row.prompts, 3);
  NEAR(row.first, 0.02, 1e-15); /* geometric mean of 0.01, 0.02, 0.04 */
  NEAR(row.last, 0.032, 1e-15);
  NEAR(row.growth, 1.6, 1e-12);
  double half = 4.302652729749464 * log(1.1) /
                sqrt(3); /* t(0.975, 2); the logarithms are 0, +log 1.1, -log 1.1 */
  NEAR(log(row.growth_high / row.growth), half, 1e-9);
  NEAR(log(row.growth / row.growth_low), half, 1e-9);
  NEAR(row.rise, 2, 1e-12);
  NEAR(row.rise_high / row.rise_low, 1, 1e-9); /* all prompts rise alike */
  NEAR(row.fall, 0.8, 1e-12);
  NEAR(row.step, pow(2, 1 / 12.0), 1e-12);
  NEAR(row.step_share, 1 / 12.0, 1e-12);
  cr_expect_eq(row.first_layer, 0);
  cr_expect_eq(row.last_layer, 23);
  NEAR(row.quarter, exp(log(0.8) * 6 / 11), 1e-12); /* layer 17 to 23 */
  NEAR(row.pooled_growth, 1.6, 1e-12);
  NEAR(row.parting, 6, 1e-12);
  cr_expect_eq(row.parting_layer, 5);
  cr_expect_eq(row.settled_layer, 19); /* 1.25^(4/11) is 1.085; a layer before, 1.107 */
}

Test(shape, one_prompt_speaks_of_itself_without_intervals) {
  Planted p = hill(1, (double[]){1}, (double[]){1});
  DriftLimits l = limits();
  DriftShape row = row_of(&p, &l);
  cr_expect_str_eq(row.shape, "rises_falls");
  cr_expect_eq(row.told, 1);
  SAME(row.agreement, NAN), SAME(row.growth_low, NAN), SAME(row.growth_high, NAN),
      SAME(row.needed, 0);
  NEAR(row.growth, 1.6, 1e-12);
}

Test(shape, two_prompts_that_disagree_tell_nothing_and_more_would) {
  Planted p = hill(2, (double[]){1, 1}, (double[]){1, 1});
  for (int l = 0; l < LAYERS; l++) p.e[1][l] = 0.01 * pow(1.03, l); /* the other goes on rising */
  DriftLimits l = limits();
  DriftShape row = row_of(&p, &l);
  cr_expect_eq(row.told, 0);
  cr_expect(row.agreement < 0.9, "%g", row.agreement);
  cr_expect(*row.rival && strcmp(row.rival, row.shape), "%s against %s", row.shape, row.rival);
  cr_expect(row.needed > 2 || row.needed == -1, "%g", row.needed);
}

Test(shape, agreement_is_asked_of_the_limit) {
  Planted p = hill(3, (double[]){1, 2, 4}, (double[]){1, 1.1, 1 / 1.1});
  DriftLimits l = limits();
  DriftShape row = row_of(&p, &l);
  l.agreement = row.agreement;
  cr_expect_eq(row_of(&p, &l).told, 1);
  l.agreement = row.agreement + 1e-6;
  cr_expect_eq(row_of(&p, &l).told, 0);
}

Test(shape, the_same_rows_give_the_same_row) {
  Planted p = hill(3, (double[]){1, 2, 4}, (double[]){1, 1.3, 1 / 1.3});
  DriftLimits l = limits();
  DriftShape a = row_of(&p, &l), b = row_of(&p, &l);
  cr_expect_arr_eq(&a, &b, sizeof a);
}

Test(shape, identical_tensors_are_identical) {
  Planted p = {.prompts = 2};
  DriftLimits l = limits();
  DriftShape row = row_of(&p, &l);
  cr_expect_str_eq(row.shape, "identical");
  cr_expect_eq(row.first_layer, -1);
  SAME(row.growth, NAN);
}

Test(shape, p_of_no_growth_is_small_where_the_interval_leaves_1_out) {
  DriftLimits l = limits();
  Planted p = hill(3, (double[]){1, 2, 4}, (double[]){1, 1, 1});
  for (int k = 1; k < 3; k++) p.e[k][LAYERS - 1] *= k == 1 ? 1.25 : 0.8;
  DriftShape row = row_of(&p, &l);
  cr_expect_eq(row.growth_p<0.05, row.growth_low> 1 || row.growth_high < 1, "%g, %g … %g",
               row.growth_p, row.growth_low, row.growth_high);
  SAME(row.growth_holm, row.growth_p); /* one pair is asked */
  for (int k = 0; k < 3; k++) p.e[k][LAYERS - 1] = p.e[k][0] * (k == 0 ? 1 : k == 1 ? 2 : 0.5);
  row = row_of(&p, &l);
  cr_expect(row.growth_p > 0.05 && row.growth_low < 1 && row.growth_high > 1, "%g", row.growth_p);
}

Test(shape, curves_that_start_apart_have_a_level_and_no_shape) {
  Planted p = hill(2, (double[]){1, 4}, (double[]){1, 1});
  for (int l = 0; l < 3; l++) p.e[0][l] = p.pooled[0][l] = 0;
  for (int l = 0; l < 9; l++) p.e[1][l] = p.pooled[1][l] = 0;
  DriftLimits l = limits();
  DriftShape row = row_of(&p, &l);
  cr_expect_str_eq(row.shape, "");
  cr_expect_str_eq(row.reason, "starts_apart");
  cr_expect_eq(row.first_layer, 3);
  cr_expect_eq(row.latest_start, 9);
  NEAR(row.last, 0.032, 1e-12);
  SAME(row.growth, NAN);
}

Test(shape, a_late_start_that_few_prompts_share_may_be_chance) {
  double level[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  DriftLimits l = limits();
  for (int prompts = 2; prompts <= 8; prompts++) {
    Planted p = hill(prompts, level, level);
    for (int i = 0; i < prompts; i++)
      for (int k = 0; k < 3; k++) p.e[i][k] = p.pooled[i][k] = 0;
    DriftShape row = row_of(&p, &l);
    cr_expect_eq(row.told, prompts > 4, "%d prompts", prompts);
    cr_expect_eq(row.first_layer, 3);
    if (prompts <= 4) cr_expect_str_eq(row.rival, "starts_apart");
  }
}

Test(shape, a_prompt_that_is_not_finite_is_left_out) {
  Planted p = hill(3, (double[]){1, 2, 4}, (double[]){1, 1, 1});
  p.e[1][7] = NAN;
  DriftLimits l = limits();
  DriftShape row = row_of(&p, &l);
  cr_expect_eq(row.prompts, 2);
  cr_expect_eq(row.left_out, 1);
  NEAR(row.first, 0.02, 1e-15);
  p.e[0][0] = p.e[2][0] = INFINITY;
  row = row_of(&p, &l);
  cr_expect_str_eq(row.reason, "not_finite");
  cr_expect_eq(row.left_out, 3);
}

Test(shape, equal_again_is_no_curve_and_three_layers_are_too_few) {
  Planted p = hill(2, (double[]){1, 2}, (double[]){1, 1});
  DriftLimits l = limits();
  p.e[1][9] = 0;
  cr_expect_str_eq(row_of(&p, &l).reason, "zeros");
  p = hill(2, (double[]){1, 2}, (double[]){1, 1});
  for (int i = 0; i < 2; i++)
    for (int k = 0; k < LAYERS - 3; k++) p.e[i][k] = p.pooled[i][k] = 0;
  DriftShape row = row_of(&p, &l);
  cr_expect_str_eq(row.reason, "few_layers");
  cr_expect(isfinite(row.growth) && row.growth_low <= row.growth, "%g", row.growth);
}
