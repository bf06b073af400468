/* Evaluation: figures of logits worked out by hand, the golden forward, and pairs: known answers,
 * how often chance decides where nothing is there, and how often a planted difference is found at
 * the number of windows that the rule asks for. */
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <math.h>

#include "measure/evaluation.h"
#include "measure/interval.h"
#include "shipped_model.h"
#include "study/evaluate.h"

static Arena arena;

static void begin(void) {
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &st), "%s", st.text);
}

static void end(void) { arena_release(&arena); }

TestSuite(evaluation, .init = begin, .fini = end);

static EvaluationWindow window_of(double *p, Format q_format, void *q, const int32_t *target, int T,
                                  int vocab) {
  EvaluationWindow row;
  memset(&row, 0xa5, sizeof row);
  Tensor reference = tensor_of(p, FORMAT_F64, T, vocab, 0),
         logits = tensor_of(q, q_format, T, vocab, 0);
  Predicted *each = ARENA_NEW(&arena, Predicted, T);
  evaluation_window(&reference, &logits, target, each, &row, arena);
  return row;
}

#define NEAR(got, want, relative)                                                                  \
  cr_expect(fabs((got) - (want)) <= (relative)*fabs(want), #got ": got %.17g, want %.17g",         \
            (double)(got), (double)(want))

/* Position 0: p = (1/4, 3/4), q = (1/2, 1/2): KL = 1/4 log2(1/2) + 3/4 log2(3/2). Position 1: p = q
 * = (8/9, 1/9). */
Test(evaluation, two_positions_give_the_figures_worked_out_by_hand) {
  double p[] = {0, log(3), log(8), 0};
  float q[] = {5, 5, (float)log(8), 0};
  const int32_t target[] = {1, 1};
  EvaluationWindow row = window_of(p, FORMAT_F32, q, target, 2, 2);
  const double kl = 0.25 * -1 + 0.75 * 0.58496250072115618;
  NEAR(row.bits, (1 + 2 * 1.58496250072115618) / 2,
       1e-7); /* -log2(1/2) and -log2(1/9); q is float32 */
  NEAR(row.kl_mean, kl / 2, 1e-12);
  NEAR(row.kl_median, kl / 2, 1e-7); /* between 0 and kl */
  NEAR(row.kl_p99, 0.99 * kl, 1e-7);
  NEAR(row.kl_max, kl, 1e-12);
  cr_expect_eq(row.top1_agreement, 0.5, "the first of equal logits is chosen: %g",
               row.top1_agreement);
  cr_expect_eq(row.top1_accuracy, 0);
  cr_expect_eq(row.tokens, 2);
  cr_expect_eq(row.nonfinite, 0);
}

Test(evaluation, adding_a_number_to_every_logit_changes_nothing_and_none_is_too_large) {
  double p[] = {1, 2, 4, -3}, q[] = {4000, 4001, 3998, 3990}, low[] = {0, 1, -2, -10};
  const int32_t target[] = {2};
  EvaluationWindow high = window_of(p, FORMAT_F64, q, target, 1, 4),
                   plain = window_of(p, FORMAT_F64, low, target, 1, 4);
  NEAR(high.bits, plain.bits, 1e-12);
  NEAR(high.kl_mean, plain.kl_mean, 1e-12);
  double far[] = {0, -2000, -3000, -4000}; /* probabilities that are 0 in float64 */
  EvaluationWindow row = window_of(p, FORMAT_F64, far, target, 1, 4);
  NEAR(row.bits, 3000 / M_LN2, 1e-12);
  cr_expect(isfinite(row.kl_mean) && row.kl_mean > 100, "%g", row.kl_mean);
}

/* p = (1/2, 1/2), logits of q (e, -e): KL = log2 cosh e, e^2 / 2 in nats for small e. The naive sum
 * loses it below 1e-8. */
Test(evaluation, small_divergences_keep_their_digits) {
  const int32_t target[] = {0};
  for (int digits = 1; digits <= 12; digits++) {
    double e = pow(10, -digits), p[] = {0, 0}, q[] = {e, -e};
    EvaluationWindow row = window_of(p, FORMAT_F64, q, target, 1, 2);
    double want = (e * e / 2 - e * e * e * e / 12 + pow(e, 6) / 45) / M_LN2;
    cr_expect(fabs(row.kl_mean - want) <= (digits == 1 ? 1e-7 : 1e-12) * want + 1e-16 * e,
              "e %g: got %.17g, want %.17g", e, row.kl_mean, want);
    cr_expect(row.kl_mean >= 0);
  }
  double p[] = {0.3, -1.2, 2.5};
  cr_expect_eq(window_of(p, FORMAT_F64, p, target, 1, 3).kl_mean, 0);
}

Test(evaluation, logits_that_are_not_finite_are_counted_and_give_no_figure) {
  double p[] = {0, 1, 0, 1}, q[] = {0, 1, NAN, 1};
  const int32_t target[] = {0, 0};
  EvaluationWindow row = window_of(p, FORMAT_F64, q, target, 2, 2);
  cr_expect_eq(row.nonfinite, 1);
  cr_expect(isnan(row.bits) && isnan(row.kl_mean) && isnan(row.kl_max) && isnan(row.top1_accuracy));
  EvaluationPair pair = evaluation_pair(&evaluation_metrics[0], &row, &row, 1, arena);
  cr_expect(!strcmp(pair.answer, "unknown") && !strcmp(pair.reason, "few"), "%s, %s", pair.answer,
            pair.reason);
}

/* --- the golden forward and the shipped model ------------------------------------------------- */

enum { GOLDEN_TOKENS = 96, VOCAB = 256 };

Test(evaluation, golden_logits_give_the_golden_bits_per_byte) {
  static double logits[GOLDEN_TOKENS * VOCAB];
  static int32_t token[GOLDEN_TOKENS];
  double want = NAN;
  hid_t file = H5Fopen("data/golden/bytes10m_fp64.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
  cr_assert(file >= 0 && H5LTread_dataset_double(file, "logits", logits) >= 0 &&
            H5LTread_dataset_int(file, "token_id", token) >= 0 &&
            H5LTget_attribute_double(file, "/", "bits_per_byte", &want) >= 0);
  H5Fclose(file);
  EvaluationWindow row = window_of(logits, FORMAT_F64, logits, token + 1, GOLDEN_TOKENS - 1, VOCAB);
  NEAR(row.bits, want, 1e-12);
  cr_expect_eq(row.kl_max, 0);
  cr_expect_eq(row.top1_agreement, 1);
}

/* The spec's own way: the first window of test.txt is the golden prompt; 0 and 2-0 are one
 * computation. */
Test(evaluation, first_window_of_the_shipped_text_gives_the_golden_bits_per_byte) {
  static const char *names[] = {"0", "2-0", "2-4"};
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 2, 64);
  Status st = {0};
  Spec spec = {.evaluation = {.text = "test.txt",
                              .windows = 2,
                              .length = GOLDEN_TOKENS - 1,
                              .modes = names,
                              .mode_count = 3}};
  Subject subject = shipped_evaluation(&s, &spec.evaluation);
  Progress quiet = progress_start(true);
  EvaluationRows rows;
  memset(&rows, 0xa5, sizeof rows);
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet};
  cr_assert(evaluate(&s.arena, &study, &rows, &st), "%s", st.text);
  cr_assert_eq(rows.modes, 4);
  cr_assert_eq(rows.windows, 2);
  cr_expect_str_eq(rows.mode[0].mode, "fp64");
  cr_expect_eq(rows.window[0].first, 0);
  cr_expect_eq(rows.window[1].first, (int64_t)s.test_count - GOLDEN_TOKENS,
               "the last window ends with the text");
  double want = NAN;
  hid_t file = H5Fopen("data/golden/bytes10m_fp64.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
  cr_assert(H5LTget_attribute_double(file, "/", "bits_per_byte", &want) >= 0);
  H5Fclose(file);
  NEAR(rows.window[0].bits, want, 1e-12);
  for (int m = 0; m < rows.modes; m++) {
    const EvaluationWindow *w = &rows.window[2 * m];
    NEAR(rows.mode[m].bits, (w[0].bits + w[1].bits) / 2, 1e-14);
    NEAR(rows.mode[m].bits_se, fabs(w[0].bits - w[1].bits) / 2,
         1e-12); /* sd of two is |a - b| / sqrt 2 */
    cr_expect(m == 0 ? w[0].kl_mean == 0 : w[0].kl_mean > 1e-5 && w[0].kl_mean < 0.1, "%g",
              w[0].kl_mean);
    cr_expect(w[0].kl_median <= w[0].kl_p99 && w[0].kl_p99 <= w[0].kl_max);
  }
  int identical = 0;
  for (int p = 0; p < rows.pairs; p++) {
    bool alike = !strcmp(rows.pair[p].base, "0") && !strcmp(rows.pair[p].other, "2-0");
    bool counted =
        !strncmp(rows.pair[p].metric, "top1", 4); /* of 95 tokens, counts may well be the same */
    cr_expect(!strcmp(rows.pair[p].answer, "identical") == alike || (counted && !alike),
              "%s %s %s: %s", rows.pair[p].base, rows.pair[p].other, rows.pair[p].metric,
              rows.pair[p].answer);
    identical += alike;
  }
  cr_expect_eq(identical, EVALUATION_METRICS);
  cr_expect_eq(rows.pairs, 3 * 2 + 3 * 4, "the reference in two metrics, modes in four: %d",
               rows.pairs);
}

/* Of [names], among which "mixed" is fp32 but for its last layers. */
static EvaluationRows evaluate_mixed(Shipped *s, const char **names, int count) {
  const Mode *in[LAYERS_MOST + 1], *fp32 = mode_preset("fp32");
  for (int layer = 0; layer <= LAYERS_MOST; layer++)
    in[layer] = layer < 20 ? fp32 : mode_preset("2-0");
  OwnMode own = {.mode = {.name = "mixed"}};
  own.mode = mode_by_layer(&s->arena, &own.mode, in);
  Spec spec = {
      .own_modes = &own,
      .own_mode_count = 1,
      .events = {.share = 0.15},
      .evaluation = {
          .text = "test.txt", .windows = 2, .length = 24, .modes = names, .mode_count = count}};
  Subject subject = shipped_evaluation(s, &spec.evaluation);
  Progress quiet = progress_start(true);
  EvaluationRows rows;
  Status st = {0};
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet};
  cr_assert(evaluate(&s->arena, &study, &rows, &st), "%s", st.text);
  return rows;
}

/* The next row of the pair [fp64, mixed]; NULL behind the last. */
static const EvaluationToken *next_mixed(const EvaluationRows *rows, int *at) {
  for (; *at < (int)rows->tokens; ++*at)
    if (!strcmp(rows->token[*at].base, "fp64") && !strcmp(rows->token[*at].other, "mixed"))
      return &rows->token[(*at)++];
  return NULL;
}

/* A side that begins as another one does starts where they part: what its tokens carry in the
 * layers before is theirs, too. */
Test(evaluation, a_mode_that_begins_as_another_has_the_figures_that_it_has_alone) {
  static const char *together[] = {"fp32", "2-0", "mixed"}, *alone[] = {"mixed"};
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 2, 64);
  const EvaluationRows a = evaluate_mixed(&s, together, 3), b = evaluate_mixed(&s, alone, 1);
  for (int w = 0; w < 2; w++)
    cr_expect(!memcmp(&a.window[2 * 3 + w], &b.window[2 + w], sizeof *a.window));
  int i = 0, j = 0, rows = 0;
  for (;; rows++) {
    const EvaluationToken *got = next_mixed(&a, &i), *want = next_mixed(&b, &j);
    cr_assert_eq(!got, !want);
    if (!got) break;
    cr_expect(got->position == want->position && got->reach == want->reach &&
                  got->in_reach == want->in_reach,
              "window %d, token %d: reach %.17g, alone %.17g", got->window, got->position,
              got->reach, want->reach);
  }
  cr_assert_geq(rows, 10);
}

/* --- pairs ------------------------------------------------------------------------------------ */

static void set_bits(EvaluationWindow *row, const char *mode, const double *bits, int n) {
  memset(row, 0, (size_t)n * sizeof *row);
  for (int i = 0; i < n; i++) {
    snprintf(row[i].mode, sizeof row[i].mode, "%s", mode);
    row[i].bits = bits[i];
    row[i].first = 2 * i; /* side by side */
    row[i].tokens = 1;
  }
}

/* Student's sleep data: t.test(extra ~ group, paired = TRUE) of R prints t = 4.0621, the interval
 * 0.7001142 to 2.4598858. By the t tables, n = 7 is the first with n >= ((t(0.975, n-1) + t(0.8,
 * n-1)) s / d)^2: 6.8, where 6 asks for 7.4. */
Test(evaluation, paired_interval_is_that_of_a_textbook_example) {
  const double first[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0},
               second[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
  EvaluationWindow a[10], b[10];
  set_bits(a, "A", first, 10);
  set_bits(b, "B", second, 10);
  EvaluationPair pair;
  memset(&pair, 0xa5, sizeof pair);
  pair = evaluation_pair(&evaluation_metrics[0], a, b, 10, arena);
  NEAR(pair.diff, 1.58, 1e-12);
  NEAR(pair.diff / pair.se, 4.0621, 1e-5);
  NEAR(pair.low, 0.7001142, 1e-6);
  NEAR(pair.high, 2.4598858, 1e-7);
  NEAR(pair.base_value, 0.75, 1e-12);
  NEAR(pair.other_value, 2.33, 1e-12);
  cr_expect_eq(pair.windows_needed, 7, "%g", pair.windows_needed);
  cr_expect_str_eq(pair.base, "A");
  cr_expect_str_eq(pair.other, "B");
  cr_expect_str_eq(pair.answer, "worse", "more bits are worse: %s", pair.answer);
  cr_expect_str_eq(evaluation_pair(&evaluation_metrics[0], b, a, 10, arena).answer, "better");
  EvaluationMetric more_is_better = evaluation_metrics[0];
  more_is_better.less_is_better = false;
  cr_expect_str_eq(evaluation_pair(&more_is_better, a, b, 10, arena).answer, "better");
  cr_expect_str_eq(evaluation_pair(&evaluation_metrics[0], a, b, 1, arena).answer, "unknown",
                   "one window has no spread");
  cr_expect_str_eq(evaluation_pair(&evaluation_metrics[0], a, a, 10, arena).answer, "identical");
  Evaluation mean = evaluation_of(a, 10, arena);
  NEAR(mean.bits_se, 1.789010 / sqrt(10), 1e-6);    /* sd(extra[group == 1]) of R */
  NEAR(mean.perplexity, 1.6817928305074292, 1e-12); /* 2^0.75 */
  NEAR(mean.perplexity_se, mean.perplexity * 0.69314718055994531 * mean.bits_se, 1e-12);
}

/* Windows that differ far more by themselves (1) than by mode: the difference has mean d and
 * standard deviation 0.01. */
static const char *drawn_answer(gsl_rng *rng, double d, int windows) {
  static EvaluationWindow a[64], b[64];
  double x[64], y[64];
  for (int w = 0; w < windows; w++) {
    x[w] = 1.6 + gsl_ran_gaussian(rng, 1);
    y[w] = x[w] + d + gsl_ran_gaussian(rng, 0.01);
  }
  set_bits(a, "a", x, windows);
  set_bits(b, "b", y, windows);
  static EvaluationPair pair;
  pair = evaluation_pair(&evaluation_metrics[0], a, b, windows, arena);
  return pair.answer;
}

static void rate(gsl_rng *rng, double d, int windows, double least, double most) {
  enum { DRAWS = 2000 };
  int worse = 0, better = 0;
  for (int i = 0; i < DRAWS; i++) {
    const char *answer = drawn_answer(rng, d, windows);
    worse += !strcmp(answer, "worse");
    better += !strcmp(answer, "better");
  }
  double share = (double)(worse + better) / DRAWS;
  printf("difference %.4f, %d windows: decided in %.2f %% of %d draws (%d better, %d worse)\n", d,
         windows, 100 * share, DRAWS, better, worse);
  cr_expect(share >= least && share <= most,
            "d %g, %d windows: decided in %.4f of the draws, want %.4f to %.4f", d, windows, share,
            least, most);
  if (d > 0.005)
    cr_expect_eq(better, 0, "a difference of half its spread is never taken for its opposite");
}

/* Bounds: 5 % and 80.6 % (of the noncentral t at 34 windows) with three standard errors of 2,000
 * draws; 99 % and more for one whole standard deviation at 34. */
Test(evaluation, chance_decides_in_5_percent_and_a_planted_difference_is_found) {
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, 20170120);
  rate(rng, 0, 16, 0.035, 0.065);
  rate(rng, 0, 64, 0.035, 0.065);
  rate(rng, 0.005, 34, 0.78, 0.835);
  rate(rng, 0.01, 34, 0.99, 1);
  gsl_rng_free(rng);
}

static EvaluationPair pair_of(const double *x, const double *y, int windows) {
  static EvaluationWindow a[64], b[64];
  set_bits(a, "a", x, windows);
  set_bits(b, "b", y, windows);
  return evaluation_pair(&evaluation_metrics[0], a, b, windows, arena);
}

Test(evaluation, windows_that_overlap_have_no_error_and_make_no_mode_better) {
  double x[8], y[8];
  EvaluationWindow a[8], b[8];
  for (int w = 0; w < 8; w++) x[w] = 1 + 0.01 * (w % 3), y[w] = x[w] + 1 + 0.001 * (w % 2);
  cr_expect_str_eq(pair_of(x, y, 8).answer, "worse");
  set_bits(a, "a", x, 8);
  set_bits(b, "b", y, 8);
  for (int w = 0; w < 8; w++) a[w].first = b[w].first = w;
  EvaluationPair pair = evaluation_pair(&evaluation_metrics[0], a, b, 8, arena);
  cr_expect(!strcmp(pair.answer, "unknown") && !strcmp(pair.reason, "overlap"), "%s, %s",
            pair.answer, pair.reason);
  cr_expect(isnan(pair.low) && isnan(pair.se) && isnan(pair.windows_needed));
  NEAR(pair.diff, 1.0005, 1e-12);
  Evaluation mean = evaluation_of(a, 8, arena);
  cr_expect(isnan(mean.bits_se) && isnan(mean.kl_mean_se));
  a[1].first = 2, a[2].first = 4; /* a window is its tokens and the one in front of them */
  cr_expect(!evaluation_overlaps(a, 3) && evaluation_overlaps(a, 4));
}

Test(evaluation, a_window_that_is_not_finite_is_left_out_of_both_and_counted) {
  double x[] = {1, 2, NAN, 1.5, 1.2, 9}, y[] = {2.1, 3, 5, 2.4, 2.3, INFINITY};
  EvaluationPair pair = pair_of(x, y, 6);
  cr_expect(pair.windows == 4 && pair.left_out == 2, "%d and %d", pair.windows, pair.left_out);
  NEAR(pair.diff, 1.025, 1e-12);
  NEAR(pair.base_value, 5.7 / 4, 1e-12);
  cr_expect_str_eq(pair.answer, "worse");
  x[5] = 1, y[5] = 1, x[2] = NAN, y[2] = NAN;
  for (int w = 0; w < 5; w++) y[w] = x[w];
  cr_expect_str_neq(pair_of(x, y, 6).answer, "identical",
                    "two that are not finite are not the same");
  EvaluationWindow a[6];
  set_bits(a, "a", x, 6);
  a[2].nonfinite = 7;
  Evaluation mean = evaluation_of(a, 6, arena);
  cr_expect(mean.left_out == 1 && mean.nonfinite == 7 && isfinite(mean.bits), "%d, %lld, %g",
            mean.left_out, (long long)mean.nonfinite, mean.bits);
}

/* No miss in 4 windows of 20 tokens: Clopper and Pearson's 0.025^(1/80). Shares of 1/2 and 1 swing
 * by t(0.975, 3). */
Test(evaluation, shares_without_a_miss_promise_no_perfection) {
  EvaluationWindow row[4];
  memset(row, 0, sizeof row);
  for (int w = 0; w < 4; w++) {
    row[w] = (EvaluationWindow){.first = 30 * w,
                                .tokens = 20,
                                .top1_agreement = 1,
                                .top1_accuracy = w % 2 ? 1 : 0.5,
                                .bits = w,
                                .kl_mean = 1};
  }
  Evaluation e = evaluation_of(row, 4, arena);
  cr_expect(e.top1_agreement == 1 && e.top1_agreement_high == 1, "%g", e.top1_agreement_high);
  NEAR(e.top1_agreement_low, pow(0.025, 1.0 / 80), 1e-9);
  NEAR(e.top1_accuracy_low, 0.75 - 3.182446305284263 * sqrt(1.0 / 12) / 2, 1e-9);
  row[1].first = 1;
  e = evaluation_of(row, 4, arena);
  cr_expect(isnan(e.top1_agreement_low) && isnan(e.kl_geometric_low) && e.kl_geometric == 1);
}

/* Eight runs of eight windows, each run with a difference of its own. */
Test(evaluation, neighbours_that_are_alike_are_taken_together) {
  double x[64], y[64], few = 0;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (int w = 0; w < 64; w++) {
    if (w % 8 == 0) few = gsl_ran_gaussian(rng, 1);
    x[w] = 1;
    y[w] = 1.2 + few + gsl_ran_gaussian(rng, 0.1);
  }
  EvaluationPair pair = pair_of(x, y, 64);
  cr_expect(pair.lag1 > 0.7 && pair.block >= 4, "%g, blocks of %d", pair.lag1, pair.block);
  double difference[64];
  for (int w = 0; w < 64; w++) difference[w] = y[w] - x[w];
  Sampled strangers = interval_of_values(difference, 64);
  cr_expect_gt(pair.high - pair.low, 1.5 * (strangers.high - strangers.low),
               "%g to %g, as strangers %g to %g", pair.low, pair.high, strangers.low,
               strangers.high);
  cr_expect_eq(fmod(pair.windows_needed, pair.block), 0, "%g windows in blocks of %d",
               pair.windows_needed, pair.block);
  gsl_rng_free(rng);
}

/* Holm of 0.02, 0.01 and 0.04 is 0.04, 0.03 and 0.04; another metric is another family, what is
 * unknown is none. */
Test(evaluation, many_pairs_at_once_carry_holms_p) {
  EvaluationPair pair[5] = {{.p = 0.02}, {.p = 0.01}, {.p = 0.04}, {.p = 0.03}, {.p = NAN}};
  for (int i = 0; i < 5; i++)
    snprintf(pair[i].metric, sizeof pair[i].metric, "%s", i == 3 ? "kl_factor" : "bits");
  evaluation_holm(pair, 5, arena);
  const double want[] = {0.04, 0.03, 0.04, 0.03};
  for (int i = 0; i < 4; i++) NEAR(pair[i].holm, want[i], 1e-15);
  cr_expect(isnan(pair[4].holm));
}

/* For half a standard deviation the rule asks for 34 windows (33.4 by power.t.test of R, which uses
 * the noncentral t). */
Test(evaluation, windows_needed_follow_the_stated_rule) {
  double x[64], y[64];
  EvaluationWindow a[64], b[64];
  for (int w = 0; w < 64; w++) { /* mean 0.5, standard deviation sqrt(64 / 63) */
    x[w] = 2;
    y[w] = 2.5 + (w % 2 ? 1 : -1);
  }
  set_bits(a, "a", x, 64);
  set_bits(b, "b", y, 64);
  double n = evaluation_pair(&evaluation_metrics[0], a, b, 64, arena).windows_needed;
  cr_expect(n == 34, "%g", n);
  y[0] += 1, y[1] -= 1; /* the mean stays */
  for (int w = 0; w < 64; w++) y[w] -= 0.5;
  set_bits(b, "b", y, 64);
  EvaluationPair none = evaluation_pair(&evaluation_metrics[0], a, b, 64, arena);
  cr_expect_str_eq(none.answer, "undecided");
  cr_expect(isnan(none.windows_needed), "no number of windows finds a difference of 0: %g",
            none.windows_needed);
}
