/* What the report says of evaluation and cost, from rows made by hand. */
#include "report_rows.h"

typedef struct Rows {
  Evaluation mode[4];
  EvaluationPair pair[8];
  Cost cost[8];
  CostBytes bytes[4];
  size_t modes, pairs, costs, sizes;
} Rows;

static Rows *rows;

static void begin(void) {
  reserve();
  rows = ARENA_NEW(&arena, Rows, 1);
}

TestSuite(report_evaluation, .init = begin, .fini = release);

static void add_mode(const char *mode, double bits, double kl) {
  Evaluation *e = &rows->mode[rows->modes++];
  *e = (Evaluation){.windows = 16,
                    .length = 512,
                    .disjoint = 533,
                    .byte_tokens = 1,
                    .bits = bits,
                    .bits_se = 0.03,
                    .perplexity = exp2(bits),
                    .perplexity_se = 0.1,
                    .kl_mean = kl,
                    .kl_mean_se = kl / 10,
                    .kl_median = kl / 2,
                    .kl_p99 = 9 * kl,
                    .kl_max = 50 * kl,
                    .kl_worst = 70 * kl,
                    .top1_agreement = kl ? 0.975 : 1,
                    .top1_accuracy = 0.625};
  SET_TEXT(e->mode, mode);
}

static void add_pair(const char *base, const char *other, const char *metric, const char *answer, double diff,
                     double needed) {
  EvaluationPair *p = &rows->pair[rows->pairs++];
  *p = (EvaluationPair){.windows = 16, .diff = diff, .low = diff - 0.25, .high = diff + 0.25, .windows_needed = needed};
  SET_TEXT(p->base, base);
  SET_TEXT(p->other, other);
  SET_TEXT(p->metric, metric);
  SET_TEXT(p->answer, answer);
}

static void add_cost(const char *mode, double tokens_per_s, int64_t weights, int64_t live) {
  Cost *total = &rows->cost[rows->costs++], *scan = &rows->cost[rows->costs++];
  *total = (Cost){.length = 100,
                  .repeats = 9,
                  .calls = 1,
                  .time_s = 100 / tokens_per_s,
                  .mad_s = 0.001,
                  .share = 1,
                  .tokens_per_s = tokens_per_s,
                  .speed_to_fp32 = tokens_per_s / 1000,
                  .time_to_copy = 4};
  SET_TEXT(total->mode, mode);
  SET_TEXT(total->backend, "cpu");
  SET_TEXT(total->op, "total");
  *scan = *total;
  SET_TEXT(scan->op, "scan");
  scan->share = 0.25;
  scan->time_s /= 4;
  CostBytes *bytes = &rows->bytes[rows->sizes++];
  *bytes = (CostBytes){.weight_bytes = weights,
                       .scale_bytes = 64,
                       .activation_bytes = 2 * live,
                       .peak_activation_bytes = live,
                       .state_bytes = 1000,
                       .to_fp32 = 4e6 / (double)weights};
  SET_TEXT(bytes->mode, mode);
}

static const char *text_with_rows(void) {
  ReportData *d = made_run(&arena, made, 1);
  TableRows *all = ARENA_NEW(&arena, TableRows, d->table_count + 4);
  memcpy(all, d->tables, (size_t)d->table_count * sizeof *all);
  all[d->table_count++] = (TableRows){&table_evaluation, rows->mode, rows->modes};
  all[d->table_count++] = (TableRows){&table_evaluation_pairs, rows->pair, rows->pairs};
  all[d->table_count++] = (TableRows){&table_cost, rows->cost, rows->costs};
  all[d->table_count++] = (TableRows){&table_cost_bytes, rows->bytes, rows->sizes};
  d->tables = all;
  data_arrange(&arena, d);
  return body_of(d);
}

#define EXPECT_PART(text, part) cr_expect(strstr(text, part), "%s stands nowhere in:\n%s", part, text)

Test(report_evaluation, sections_are_absent_where_nothing_was_evaluated_or_timed) {
  const char *text = text_with_rows();
  EXPECT_NONE(text, "How well each mode predicts");
  EXPECT_NONE(text, "What each mode costs");
  EXPECT_NONE(text, "Which mode for which need");
}

Test(report_evaluation, each_answer_is_said_with_its_figures) {
  add_mode("fp64", 1.5, 0);
  add_mode("2-0", 1.75, 0.004);
  add_mode("2-4", 1.625, 0.002);
  add_pair("fp64", "2-0", "bits", "worse", 0.5, 5);
  add_pair("2-0", "2-4", "bits", "undecided", -0.125, 41);
  add_pair("2-0", "2-4", "kl_mean", "better", -0.5, 4);
  add_pair("0", "2-0", "bits", "identical", 0, NAN);
  const char *text = part_of(text_with_rows(), "predicts\n", "16 windows");
  EXPECT_PART(text, "16 windows of 512 tokens each");
  EXPECT_PART(text, "| 1.750000 ± 0.030000 | 4.00e-03 ± 4.00e-04 |");
  EXPECT_PART(text, "| fp64 | 1.500000 ± 0.030000 |                   — |");
  EXPECT_LINE(
      text,
      "- **Does 2-4 predict better than 2-0?** The two are not distinguishable at this number of windows. It needs "
      "fewer: -1.25e-01 bits, 95 % from -3.75e-01 to 1.25e-01, over 16 windows. A difference of this size would "
      "take about 41 windows.");
  EXPECT_LINE(text, "- **Does 2-0 predict better than 0?** No: they are the same in every window.");
  EXPECT_PART(text, "of the 2 comparisons here that could go either way, in about 0.1");
  EXPECT_PART(text, "not distinguishable: 41 windows would tell");
  EXPECT_NONE(text, "Warning");
}

Test(report_evaluation, overlapping_windows_are_warned_of_and_other_vocabularies_have_perplexity) {
  add_mode("fp64", 3, 0);
  rows->mode[0].byte_tokens = 0;
  rows->mode[0].disjoint = 15;
  const char *text = part_of(text_with_rows(), "predicts\n", "16 windows");
  EXPECT_PART(text, "**Warning.** The text holds only 15 such windows side by side");
  EXPECT_PART(text, "perplexity");
  EXPECT_PART(text, "8 ± 0.1");
  EXPECT_NONE(text, "bits per byte");
}

/* fp32: nearest, 4 MB. 2-4: fastest, 1 MB and 200 B a token. 2-0: smallest, its bits told from fp32's. 0: slower,
 * larger and farther than 2-4. */
static void four_modes(bool told) {
  add_mode("fp64", 1.5, 0);
  add_mode("2-0", 1.75, 0.004);
  add_mode("2-4", 1.625, 0.002);
  add_mode("fp32", 1.5, 1e-12);
  add_pair("2-4", "fp32", "bits", told ? "better" : "undecided", -0.125, 40);
  add_pair("2-0", "fp32", "bits", "better", -0.25, 10);
  add_cost("fp32", 1000, 4000000, 500);
  add_cost("2-0", 1500, 1000000, 100);
  add_cost("2-4", 2000, 1000000, 200);
}

Test(report_evaluation, the_choice_follows_from_the_figures) {
  four_modes(false);
  const char *text = text_with_rows(), *choice = part_of(text, "need\n", "From the figures");
  EXPECT_PART(choice,
              "- **Nearest to float64: fp32.** KL 1.00e-12 bits, 1.500000 bits a token, 1000 tokens/s, 4.05 MB.\n");
  EXPECT_PART(choice, "- **Fastest here: 2-4.** KL 2.00e-03 bits, 1.625000 bits a token, 2000 tokens/s, 1.02 MB.\n");
  EXPECT_PART(choice, "- **Smallest: 2-0.**");
  EXPECT_NONE(choice, "Not slower by more");
  EXPECT_PART(choice, "- **Best trade: 2-4.**");
  EXPECT_NONE(choice, "Nothing speaks for");
  const char *cost = part_of(text, "costs\n", "Median of 9");
  EXPECT_LINE(cost, "### 100 tokens");
  EXPECT_PART(cost, "| 2-4  |     2000 |        50.0 |       1.00 |            2.00 |           4.00 |");
  EXPECT_PART(cost, "| `scan`   | 25.0 (25.00 %) |");
  EXPECT_PART(cost, "| 2-0  | 1.00 MB |   64 B |");
}

/* 2-0 takes 67 ms and 2-4 takes 50: with a spread of 10 each they are as fast as one another, and 2-0 the smaller; made
 * nearer too, it leaves nothing that speaks for 2-4. */
Test(report_evaluation, speeds_within_their_spread_decide_nothing) {
  four_modes(false);
  rows->cost[2].mad_s = rows->cost[4].mad_s = 0.01;
  rows->mode[1].kl_mean = 0.001;
  const char *choice = part_of(text_with_rows(), "need\n", "From the figures");
  EXPECT_PART(choice, "Not slower by more than the spread: `2-0`.");
  EXPECT_PART(choice, "Nothing speaks for 2-4: 2-0 is no worse in any of the three and better in one.");
}

Test(report_evaluation, a_mode_that_is_told_apart_is_no_trade_and_a_dominated_one_is_named) {
  four_modes(true);
  rows->cost[2].tokens_per_s = 3000,
  rows->cost[2].time_s = 100.0 / 3000; /* 2-0 is now fastest and smallest, and nearer than 2-4 */
  rows->mode[1].kl_mean = 0.001;
  const char *choice = part_of(text_with_rows(), "need\n", "From the figures");
  EXPECT_PART(choice, "- **Best trade: fp32.**");
  EXPECT_PART(choice, "Nothing speaks for 2-4: 2-0 is no worse in any of the three and better in one.");
}
