/* interval: outside values (scipy 1.17: stats.t.interval, binomtest(k, n).proportion_ci,
 * ttest_1samp; R's p.adjust for Holm), closed forms, and how often a true value is covered. */
#include "measure/interval.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "tests/measure_rows.h"

static const double some[] = {4.1, 5.2, 3.9, 6.0, 4.4};

Test(interval, mean_and_t_interval_are_scipys) {
  Sampled s = interval_of_values(some, 5);
  NEAR(s.value, 4.72, 1e-12);
  NEAR(s.sd, 0.8700574693662483, 1e-12);
  NEAR(s.low, 3.6396809639196555, 1e-9);
  NEAR(s.high, 5.800319036080346, 1e-9);
  cr_expect_eq(s.prompts, 5);
  s = interval_of_values((double[]){1, 3}, 2); /* one degree of freedom: t is tan(0.475 pi) */
  NEAR(s.high, 2 + tan(0.475 * M_PI), 1e-9);
  NEAR(s.high, 14.706204736174694, 1e-8);
}

Test(interval, geometric_mean_and_its_interval_are_scipys) {
  Sampled s = interval_of_logs(some, 5);
  NEAR(s.value, 4.658983226150698, 1e-12);
  NEAR(s.low, 3.73333492, 1e-8);
  NEAR(s.high, 5.81413807, 1e-8);
}

Test(interval, of_one_prompt_there_is_none) {
  Sampled s = interval_of_values(some, 1), l = interval_of_logs(some, 1),
          none = interval_of_values(some, 0);
  SAME(s.value, some[0]);
  NEAR(l.value, some[0], 1e-15);
  SAME(s.low, NAN), SAME(s.high, NAN), SAME(l.low, NAN), SAME(l.high, NAN);
  SAME(none.value, NAN);
}

Test(interval, geometric_mean_with_a_zero_is_zero_without_interval) {
  Sampled s = interval_of_logs((double[]){2, 0, 3}, 3), all = interval_of_logs((double[]){0, 0}, 2);
  SAME(s.value, 0), SAME(s.low, NAN), SAME(all.value, 0);
  SAME(interval_of_logs((double[]){2, NAN}, 2).value, NAN);
}

Test(interval, exact_and_wilson_of_single_trials_are_scipys) {
  static const struct {
    int hits, trials;
    double exact_low, exact_high, wilson_low, wilson_high;
  } want[] = {
      {0, 20, 0, 0.16843347098308548, 0, 0.16112515805281935},
      {1, 20, 0.0012650894979560339, 0.24873276277202772, 0.008881448800795402,
       0.23613119344674205},
      {7, 20, 0.1539092047845412, 0.5921885345328283, 0.1811918241010821, 0.5671457233147637},
      {19, 20, 0.7512672372279723, 0.998734910502044, 0.763868806553258, 0.9911185511992047},
      {20, 20, 0.8315665290169145, 1, 0.8388748419471808, 1},
      {511, 512, 0.9891663430552451, 0.9999505523788546, 0.9890207217875779, 0.9996551422384565}};
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    Interval e = interval_exact(want[i].hits, want[i].trials),
             w = interval_wilson(want[i].hits, want[i].trials);
    NEAR(e.low, want[i].exact_low, 1e-9), NEAR(e.high, want[i].exact_high, 1e-9);
    NEAR(w.low, want[i].wilson_low, 1e-12), NEAR(w.high, want[i].wilson_high, 1e-12);
  }
}

Test(interval, prompts_without_a_miss_do_not_promise_that_there_is_none) {
  Arena arena = new_arena();
  const int64_t trials[] = {512, 512}, all[] = {512, 512}, spread[] = {300, 400};
  Sampled s = interval_of_shares(all, trials, 2, arena);
  SAME(s.value, 1), SAME(s.high, 1);
  NEAR(s.low, pow(0.025, 1 / 1024.0), 1e-12); /* Clopper and Pearson in closed form */
  s = interval_of_shares(spread, trials, 2, arena);
  SAME(s.low, 0), SAME(s.high, 1); /* of one degree of freedom, cut to what a share can be */
  SAME(interval_of_shares(all, trials, 1, arena).low, NAN);
  arena_release(&arena);
}

/* A long prompt counts as all of its tokens, in the figure and in its interval. */
Test(interval, the_share_of_prompts_of_unequal_length_lies_within_its_interval) {
  Arena arena = new_arena();
  const int64_t hits[] = {9000, 19, 18, 20, 19, 20}, trials[] = {10000, 20, 20, 20, 20, 20};
  Sampled s = interval_of_shares(hits, trials, 6, arena);
  SAME(s.value, 9096 / 10100.0);
  cr_expect(s.low < s.value && s.value < s.high, "%g outside of %g to %g", s.value, s.low, s.high);
  NEAR(s.value - s.low, s.high - s.value, 1e-12); /* of the prompts' shares it is 0.903 to 0.997 */
  arena_release(&arena);
}

/* Clusters: each prompt has a share of its own, from a beta distribution of mean 0.8; tokens are
 * binomial. As if all tokens were independent, 95 % would cover a third of that. */
Test(interval, shares_of_prompts_that_differ_are_covered) {
  Arena arena = new_arena();
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  enum { DRAWS = 4000, PROMPTS = 8, TOKENS = 500 };
  int clustered = 0, independent = 0;
  for (int d = 0; d < DRAWS; d++) {
    int64_t hits[PROMPTS], trials[PROMPTS], sum = 0;
    for (int i = 0; i < PROMPTS; i++) {
      trials[i] = TOKENS;
      hits[i] = gsl_ran_binomial(rng, gsl_ran_beta(rng, 40, 10), TOKENS);
      sum += hits[i];
    }
    Sampled s = interval_of_shares(hits, trials, PROMPTS, arena);
    Interval as_one = interval_exact(sum, PROMPTS * TOKENS);
    clustered += s.low <= 0.8 && 0.8 <= s.high;
    independent += as_one.low <= 0.8 && 0.8 <= as_one.high;
  }
  printf("interval: shares of 8 prompts cover in %.1f %%, as independent tokens in %.1f %%\n",
         100.0 * clustered / DRAWS, 100.0 * independent / DRAWS);
  cr_expect(clustered > 0.93 * DRAWS && clustered < 0.97 * DRAWS, "%d of %d", clustered, DRAWS);
  cr_expect(independent < 0.6 * DRAWS, "%d of %d", independent, DRAWS);
  gsl_rng_free(rng);
  arena_release(&arena);
}

Test(interval, logs_of_a_skewed_figure_cover_at_two_prompts_and_at_thirty_two) {
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  enum { DRAWS = 4000 };
  for (size_t n = 2; n <= 32; n *= 4) {
    int covered = 0;
    for (int d = 0; d < DRAWS; d++) {
      double x[32];
      for (size_t i = 0; i < n; i++) x[i] = gsl_ran_lognormal(rng, 1, 0.7);
      Sampled s = interval_of_logs(x, n);
      covered += s.low <= M_E && M_E <= s.high;
    }
    cr_expect(abs(covered - (int)(0.95 * DRAWS)) < 4 * sqrt(0.95 * 0.05 * DRAWS), "%zu prompts: %d",
              n, covered);
  }
  gsl_rng_free(rng);
}

Test(interval, p_is_scipys_and_of_equal_values_one) {
  Sampled s = interval_of_values(some, 5);
  NEAR(interval_p(s.value, s.sd, 5, 5.5), 0.1155059972023765, 1e-12);
  SAME(interval_p(2, 0, 3, 2), 1);
  SAME(interval_p(2, 0, 3, 1), 0);
  SAME(interval_p(2, 1, 1, 1), NAN);
  /* the interval leaves out what has a p below 0.05 */
  NEAR(interval_p(s.value, s.sd, 5, s.low), 0.05, 1e-12);
}

Test(interval, holm_is_rs_p_adjust) {
  Arena arena = new_arena();
  double p[] = {0.01, 0.04, NAN, 0.03, 0.005, 0.9}, want[] = {0.04, 0.09, NAN, 0.09, 0.025, 0.9};
  interval_holm(p, 6, p, arena);
  for (int i = 0; i < 6; i++) NEAR(p[i], want[i], 1e-15);
  arena_release(&arena);
}

Test(interval, neighbours_correlation_by_hand) {
  NEAR(interval_lag1((double[]){1, 2, 3, 4}, 4), 0.25, 1e-15);
  NEAR(interval_lag1((double[]){1, -1, 1, -1}, 4), -0.75, 1e-15);
  SAME(interval_lag1((double[]){1, 2}, 2), NAN);
  SAME(interval_lag1((double[]){3, 3, 3}, 3), NAN);
}

Test(interval, alike_neighbours_are_found_and_independent_ones_seldom) {
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  enum { DRAWS = 2000, N = 64 };
  int tied = 0, chance = 0;
  for (int d = 0; d < DRAWS; d++) {
    double x[N], y[N];
    for (int i = 0; i < N; i++) {
      x[i] = gsl_ran_ugaussian(rng);
      y[i] = (i ? 0.7 * y[i - 1] : 0) + x[i];
    }
    chance += interval_neighbours_alike(x, N, 0.2);
    tied += interval_neighbours_alike(y, N, 0.2);
  }
  cr_expect(chance < 0.05 * DRAWS, "%d", chance);
  cr_expect(tied > 0.95 * DRAWS, "%d", tied);
  cr_expect_not(interval_neighbours_alike((double[]){1, 1, 1}, 3, 0));
  gsl_rng_free(rng);
}

Test(interval, blocks_are_means_of_neighbours) {
  double x[] = {1, 3, 5, 7, 20};
  cr_expect_eq(interval_blocks(x, 5, 2, x), 3);
  SAME(x[0], 2), SAME(x[1], 6), SAME(x[2], 20);
}

Test(interval, the_number_needed_finds_four_of_five_and_no_more) {
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  enum { DRAWS = 4000 };
  const double needed = interval_needed(1, 1.5, 0);
  int found = 0;
  for (int d = 0; d < DRAWS; d++) {
    double x[64];
    for (int i = 0; i < (int)needed; i++) x[i] = 1 + gsl_ran_gaussian(rng, 1.5);
    Sampled s = interval_of_values(x, (size_t)needed);
    found += s.low > 0 || s.high < 0;
  }
  cr_expect(needed > 10 && needed < 30, "%g", needed);
  cr_expect(found > 0.78 * DRAWS && found < 0.86 * DRAWS, "%g prompts find it in %d of %d", needed,
            found, DRAWS);
  SAME(interval_needed(1, 1.5, 1), NAN);
  SAME(interval_needed(NAN, 1, 0), NAN);
  gsl_rng_free(rng);
}
