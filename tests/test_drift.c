/* drift: pooled rows computed by hand, order of the result, growth from layer to layer. */
#include "family/family.h"
#include "measure/drift.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "tests/measure_rows.h"

static PairStats drift_row(const char *other, const char *tensor, int layer, double rmse,
                           double base_l2, int n) {
  PairStats row;
  memset(&row, 0xa5, sizeof row);
  snprintf(row.prompt, sizeof row.prompt, "p");
  snprintf(row.base, sizeof row.base, "2-0");
  snprintf(row.other, sizeof row.other, "%s", other);
  snprintf(row.tensor, sizeof row.tensor, "%s", tensor);
  row.layer = layer;
  row.identical = rmse == 0;
  row.n = n;
  row.nonfinite = 0;
  row.rmse = rmse;
  row.base_l2 = base_l2;
  row.rel_l2 = base_l2 > 0 ? rmse * sqrt(n) / base_l2 : NAN;
  row.max_abs = 2 * rmse;
  row.cosine = 1 - rmse / 100;
  row.ulp_mean = 8 * rmse;
  row.differing = rmse > 0 ? 0.5 : 0;
  row.token.left_out = row.channel.left_out = 0;
  return row;
}

Test(drift, prompts_are_pooled_as_one_tensor) {
  Arena arena = new_arena();
  PairStats rows[] = {drift_row("2-4", "block_out", 3, 1, 4, 16), /* |d|^2 = 16, |base|^2 = 16 */
                      drift_row("2-4", "block_out", 3, 3, 8, 4)}; /* |d|^2 = 36, |base|^2 = 64 */
  size_t count = 99;
  Drift *d = drift_of(&arena, &families[0]->tensors, rows, 2, &count);
  cr_assert_eq(count, 1);
  cr_assert_str_eq(d->base, "2-0");
  cr_assert_str_eq(d->other, "2-4");
  cr_assert_str_eq(d->tensor, "block_out");
  SAME(d->layer, 3);
  SAME(d->prompts, 2);
  SAME(d->identical, 0);
  NEAR(d->rel_l2, 0.80622577482985502, 1e-15); /* sqrt(52 / 80) */
  NEAR(d->rel_l2_min, 0.75, 1e-15);
  NEAR(d->rel_l2_max, 1, 1e-15);
  SAME(d->growth, NAN);
  NEAR(d->sqnr_db, 1.8708664335714442, 1e-13); /* 10 log10(80 / 52) */
  SAME(d->max_abs, 6);
  SAME(d->cosine_min, 0.97);
  NEAR(d->ulp_mean, (8 * 16 + 24 * 4) / 20.0, 1e-14);
  NEAR(d->differing, 0.5, 0);
}

Test(drift, rows_in_any_order_come_out_by_pair_tensor_and_layer) {
  Arena arena = new_arena();
  PairStats rows[] = {
      drift_row("2-4", "logits", 2, 1, 1, 1),    drift_row("0", "block_out", 1, 1, 1, 1),
      drift_row("2-4", "block_out", 1, 6, 1, 1), drift_row("2-4", "embedding", -1, 0, 1, 1),
      drift_row("2-4", "conv1d", 1, 1, 1, 1),    drift_row("2-4", "block_out", 0, 2, 1, 1),
      drift_row("0", "block_out", 0, 0, 1, 1)};
  size_t count = 99;
  Drift *d = drift_of(&arena, &families[0]->tensors, rows, 7, &count);
  cr_assert_eq(count, 7);
  const char *other[] = {"2-4", "2-4", "2-4", "2-4", "2-4", "0", "0"};
  const char *tensor[] = {"conv1d", "block_out", "block_out", "embedding",
                          "logits", "block_out", "block_out"};
  const int layer[] = {1, 0, 1, -1, 2, 0, 1};
  const double growth[] = {NAN, NAN, 3, NAN, NAN, NAN, NAN}; /* 6 / 2; none after 0 */
  for (int i = 0; i < 7; i++) {
    cr_assert_str_eq(d[i].other, other[i], "row %d: %s", i, d[i].other);
    cr_assert_str_eq(d[i].tensor, tensor[i], "row %d: %s", i, d[i].tensor);
    cr_assert_eq(d[i].layer, layer[i], "row %d: layer %d", i, d[i].layer);
    NEAR(d[i].growth, growth[i], 0);
  }
  SAME(d[5].identical, 1);
  SAME(d[5].sqnr_db, INFINITY);
}

Test(drift, missing_layer_gives_no_growth) {
  Arena arena = new_arena();
  PairStats rows[] = {drift_row("2-4", "scan", 0, 1, 1, 1), drift_row("2-4", "scan", 2, 2, 1, 1)};
  size_t count;
  Drift *d = drift_of(&arena, &families[0]->tensors, rows, 2, &count);
  cr_assert_eq(count, 2);
  SAME(d[1].growth, NAN);
}

Test(drift, prompt_with_nothing_finite_adds_nothing) {
  Arena arena = new_arena();
  PairStats rows[] = {drift_row("2-4", "scan", 0, 1, 2, 4),
                      drift_row("2-4", "scan", 0, NAN, NAN, 4)};
  rows[1].nonfinite = 4;
  rows[1].identical = 0;
  rows[1].differing = 1;
  size_t count;
  Drift *d = drift_of(&arena, &families[0]->tensors, rows, 2, &count);
  cr_assert_eq(count, 1);
  SAME(d->prompts, 2);
  NEAR(d->rel_l2, 1, 1e-15);
  SAME(d->rel_l2_min, 1);
  SAME(d->max_abs, 2);
  NEAR(d->ulp_mean, 8, 0);
  NEAR(d->differing, 0.75, 0);
}

Test(drift, base_of_zeros_has_no_relative_size_but_counts_when_pooled) {
  Arena arena = new_arena();
  PairStats alone = drift_row("2-4", "scan", 0, 1, 0, 4);
  size_t count;
  SAME(drift_of(&arena, &families[0]->tensors, &alone, 1, &count)->rel_l2, NAN);
  PairStats both[] = {alone, drift_row("2-4", "scan", 0, 1, 2, 5)};
  NEAR(drift_of(&arena, &families[0]->tensors, both, 2, &count)->rel_l2, 1.5,
       1e-15); /* sqrt((4 + 5) / 4) */
}

/* The definitions of measure/tables/drift.h, prompts pooled. */
Test(drift, every_column_is_what_its_definition_says_at_every_edge) {
  const struct {
    const char *name;
    int prompts;
    double rmse[2], base_l2[2];
    int64_t nonfinite[2]; /* of 4 elements each */
    double rel_l2, sqnr_db;
  } edge[] = {
      {"both sides 0", 1, {0}, {0}, {0}, 0, INFINITY},
      {"base 0", 1, {1}, {0}, {0}, NAN, NAN},
      {"both 0 in one prompt of two", 2, {0, 1}, {0, 2}, {0, 0}, 1, 0},
      {"base 0 in both prompts, equal in one", 2, {0, 1}, {0, 0}, {0, 0}, NAN, NAN},
      {"nothing finite", 1, {NAN}, {NAN}, {4}, NAN, NAN},
      {"nothing finite in both", 2, {NAN, NAN}, {NAN, NAN}, {4, 4}, NAN, NAN},
      {"equal where finite", 2, {0, NAN}, {2, NAN}, {1, 4}, 0, INFINITY},
  };
  Arena arena = new_arena();
  for (size_t i = 0; i < sizeof edge / sizeof *edge; i++) {
    PairStats rows[2];
    for (int p = 0; p < edge[i].prompts; p++) {
      rows[p] = drift_row("2-4", "scan", 0, edge[i].rmse[p], edge[i].base_l2[p], 4);
      rows[p].nonfinite = edge[i].nonfinite[p];
      snprintf(rows[p].prompt, sizeof rows[p].prompt, "%d", p);
    }
    size_t count;
    Drift *d = drift_of(&arena, &families[0]->tensors, rows, (size_t)edge[i].prompts, &count);
    printf("%s\n", edge[i].name);
    SAME(d->rel_l2, edge[i].rel_l2);
    SAME(d->sqnr_db, edge[i].sqnr_db);
    SAME(d->n, 4 * edge[i].prompts);
    SAME(d->nonfinite, edge[i].nonfinite[0] + edge[i].nonfinite[1]);
    SAME(d->growth, NAN);
    if (isnan(edge[i].rel_l2)) SAME(d->rel_l2_low, NAN);
  }
}

Test(drift, no_rows_give_no_drift) {
  Arena arena = new_arena();
  size_t count = 99;
  drift_of(&arena, &families[0]->tensors, NULL, 0, &count);
  cr_assert_eq(count, 0);
}

/* --- intervals over prompts ------------------------------------------------------------------- */

static PairStats row_of_size(int prompt, double log_size) {
  PairStats row = drift_row("2-4", "scan", 0, pow(10, log_size), 2, 4);
  snprintf(row.prompt, sizeof row.prompt, "p%d", prompt);
  return row;
}

/* Of prompts whose log size is normal, the interval must hold the pooled value of all prompts about
 * as often as it says. */
Test(drift, interval_over_prompts_covers_what_many_prompts_give) {
  enum { PROMPTS = 16, ROUNDS = 1000 };
  Arena arena = new_arena();
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, 7);
  const double spread =
      0.1; /* of log10; the root of the mean square of 10^x is 10^(spread^2 ln 10) */
  const double truth = pow(10, -3 + spread * spread * log(10));
  int holds = 0;
  for (int i = 0; i < ROUNDS; i++) {
    Arena scratch = arena;
    PairStats rows[PROMPTS];
    for (int p = 0; p < PROMPTS; p++) rows[p] = row_of_size(p, -3 + gsl_ran_gaussian(rng, spread));
    size_t count;
    Drift *d = drift_of(&scratch, &families[0]->tensors, rows, PROMPTS, &count);
    cr_assert(d->rel_l2_low < d->rel_l2 && d->rel_l2 < d->rel_l2_high, "%g … %g … %g",
              d->rel_l2_low, d->rel_l2, d->rel_l2_high);
    holds += d->rel_l2_low <= truth && truth <= d->rel_l2_high;
  }
  gsl_rng_free(rng);
  printf("drift: the 95 %% interval over 16 prompts holds the truth in %.1f %%\n",
         100.0 * holds / ROUNDS);
  cr_assert(holds >= 920 && holds <= 970, "%d of %d", holds, ROUNDS);
}

Test(drift, one_prompt_has_no_interval_over_prompts) {
  Arena arena = new_arena();
  PairStats row = row_of_size(0, -3);
  size_t count;
  Drift *d = drift_of(&arena, &families[0]->tensors, &row, 1, &count);
  SAME(d->rel_l2_low, NAN);
  SAME(d->rel_l2_high, NAN);
}

/* Lognormal prompts: of 16 the interval of the pooled figure holds the pooled figure of all; of 15
 * there is none. The geometric mean has its own whatever their number. */
Test(drift, pooled_interval_covers_from_sixteen_prompts_on) {
  enum { PROMPTS = 16, ROUNDS = 1000 };
  Arena arena = new_arena();
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  const double spread = 0.25, truth = exp(spread * spread), geometric = 1;
  int pooled = 0, mean = 0;
  for (int i = 0; i < ROUNDS; i++) {
    Arena scratch = arena;
    PairStats rows[PROMPTS];
    for (int p = 0; p < PROMPTS; p++) {
      rows[p] = drift_row("2-4", "scan", 0, gsl_ran_lognormal(rng, 0, spread), 10, 100);
      snprintf(rows[p].prompt, sizeof rows[p].prompt, "%d", p);
      rows[p].rel_l2 = rows[p].rmse;
    }
    size_t count;
    Drift *d = drift_of(&scratch, &families[0]->tensors, rows, PROMPTS, &count);
    pooled += d->rel_l2_low <= truth && truth <= d->rel_l2_high;
    mean += d->rel_l2_mean_low <= geometric && geometric <= d->rel_l2_mean_high;
    d = drift_of(&scratch, &families[0]->tensors, rows, PROMPTS - 1, &count);
    SAME(d->rel_l2_low, NAN), SAME(d->rel_l2_high, NAN);
    cr_assert(isfinite(d->rel_l2_mean_low));
  }
  cr_expect(pooled > 0.92 * ROUNDS && pooled < 0.97 * ROUNDS, "pooled: %d of %d", pooled, ROUNDS);
  cr_expect(mean > 0.93 * ROUNDS && mean < 0.97 * ROUNDS, "mean: %d of %d", mean, ROUNDS);
  gsl_rng_free(rng);
}

Test(drift, tokens_and_channels_of_all_prompts_are_put_together) {
  Arena arena = new_arena();
  PairStats rows[] = {drift_row("2-4", "scan", 0, 1, 4, 16), drift_row("2-4", "scan", 0, 1, 4, 16)};
  for (int p = 0; p < 2; p++) {
    snprintf(rows[p].prompt, sizeof rows[p].prompt, "p%d", p);
    rows[p].token.median = p ? 4 : 1;
    rows[p].token.p90 = p ? 18 : 2;
    rows[p].token.p99 = p ? 0 : 9;
    rows[p].token.worst = p ? 7 : 3;
    rows[p].token.worst_share = p ? 0.9 : 0.2;
    rows[p].token.left_out = p + 1;
    rows[p].token.effective = p ? 50 : 2;
    rows[p].channel =
        p ? (PartErrors){8, 3, NAN, 5, 0.25, 4, 27} : (PartErrors){2, 12, 7, 11, 0.5, 3, 3};
  }
  size_t count;
  Drift *d = drift_of(&arena, &families[0]->tensors, rows, 2, &count);
  NEAR(d->token_median, 2, 1e-15);
  NEAR(d->token_p90, 6, 1e-14);
  SAME(d->token_p99, 0);
  SAME(d->token_worst, 7), SAME(d->token_worst_share, 0.9), SAME(d->tokens_left_out, 3);
  cr_expect_str_eq(d->worst_prompt, "p1");
  NEAR(d->tokens_effective, 10, 1e-14);
  NEAR(d->channel.median, 4, 1e-14);
  NEAR(d->channel.p90, 6, 1e-14);
  NEAR(d->channel.p99, 7, 1e-14); /* of the prompt that has one */
  NEAR(d->channel.effective, 9, 1e-14);
  SAME(d->channel.worst, 11), SAME(d->channel.worst_share, 0.5), SAME(d->channel.left_out, 7);
  /* two logarithms that are log 4 apart: t(0.975, 1) times half of that */
  NEAR(log(d->token_median_high / 2), tan(0.475 * M_PI) * log(4) / 2, 1e-9);
}
