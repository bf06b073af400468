/* What the report says of evaluation and cost, from rows made by hand. */
#include "report/report.h"
#include "report_rows.h"

typedef struct Rows {
  Evaluation mode[4];
  EvaluationPair pair[8];
  Cost cost[8];
  CostBytes bytes[4];
  const EvaluationWindow *window;
  EvaluationToken token[8];
  size_t modes, pairs, costs, sizes, windows, tokens;
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
                    .lag1 = 0.05,
                    .block = 1,
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
                    .top1_agreement_low = 0.95,
                    .top1_agreement_high = 0.99,
                    .top1_accuracy = 0.625,
                    .top1_accuracy_low = NAN};
  SET_TEXT(e->mode, mode);
  SET_TEXT(e->text, "psalms.txt");
}

static void add_pair(const char *base, const char *other, const char *metric, const char *answer,
                     double diff, double needed) {
  EvaluationPair *p = &rows->pair[rows->pairs++];
  *p = (EvaluationPair){.windows = 16,
                        .diff = diff,
                        .low = diff - 0.25,
                        .high = diff + 0.25,
                        .holm = 0.01,
                        .block = 1,
                        .windows_held = 533,
                        .windows_needed = needed};
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
  SET_TEXT(total->operator_name, "total");
  *scan = *total;
  SET_TEXT(scan->operator_name, "scan");
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

static ReportData *data_with_rows(void) {
  ReportData *d = made_run(&arena, made, 1);
  TableRows *all = ARENA_NEW(&arena, TableRows, d->table_count + 6);
  memcpy(all, d->tables, (size_t)d->table_count * sizeof *all);
  all[d->table_count++] = (TableRows){&table_evaluation, rows->mode, rows->modes};
  all[d->table_count++] = (TableRows){&table_evaluation_pairs, rows->pair, rows->pairs};
  all[d->table_count++] = (TableRows){&table_evaluation_windows, rows->window, rows->windows};
  all[d->table_count++] = (TableRows){&table_evaluation_tokens, rows->token, rows->tokens};
  all[d->table_count++] = (TableRows){&table_cost, rows->cost, rows->costs};
  all[d->table_count++] = (TableRows){&table_cost_bytes, rows->bytes, rows->sizes};
  d->tables = all;
  data_arrange(&arena, d);
  return d;
}

static const char *text_with_rows(void) { return body_of(data_with_rows()); }

#define EXPECT_PART(text, part)                                                                    \
  cr_expect(strstr(text, part), "%s stands nowhere in:\n%s", part, text)

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
  add_pair("2-0", "2-4", "kl_factor", "better", -0.5, 4);
  add_pair("0", "2-0", "bits", "identical", 0, NAN);
  const char *text = part_of(text_with_rows(), "predicts\n", "16 windows");
  EXPECT_PART(text,
              "16 windows of 512 tokens each, of psalms.txt: every figure is one of that text.");
  EXPECT_PART(text, "their bits are correlated by 0.05");
  EXPECT_PART(text, "| 97.50 % (95.00 % … 99.00 %) |         62.50 % |");
  EXPECT_PART(text, "| 1.750000 ± 0.030000 | 97.50 % (95.00 % … 99.00 %) |");
  EXPECT_PART(text, "| 4.00e-03 ± 4.00e-04 |");
  EXPECT_PART(text, "| fp64 | 1.500000 ± 0.030000 |                           — |");
  EXPECT_LINE(
      text,
      "- **Does 2-4 predict psalms.txt better than 2-0?** It cannot be told from these windows. "
      "Bits of 2-4 less those of 2-0: -1.25e-01, 95 % from -3.75e-01 to 1.25e-01, over 16 windows. "
      "Of a difference of this size 41 windows would tell, and the text holds 533.");
  EXPECT_LINE(
      text,
      "- **Does 2-0 predict psalms.txt better than 0?** No: they are the same in every window.");
  EXPECT_PART(text, "of the 2 comparisons here that could go either way, in about 0.1");
  EXPECT_PART(text, "cannot tell: 41 windows would tell, and the text holds 533 |");
  EXPECT_PART(text, "(2.50e-01 … 7.50e-01) | no: worse   ");
  EXPECT_NONE(text, "Warning");
}

Test(report_evaluation, the_terminal_says_a_pairs_bits_where_they_were_evaluated) {
  add_mode("2-0", 1.75, 0.004);
  add_mode("2-4", 1.625, 0.002);
  add_pair("2-0", "2-4", "bits", "undecided", -0.125, 41);
  ReportData *d = data_with_rows();
  EXPECT_NONE(report_summary(&arena, d, &d->pair[1]), "bits per byte");
  EXPECT_PART(
      report_summary(&arena, d, &d->pair[0]),
      "\n2-0 against 2-4: bits per byte: those of 2-4 less those of 2-0 are -0.125 (-0.375 … "
      "0.125) over 16 windows: which predicts better cannot be told; of a difference "
      "of this size about 41 windows would tell, and the text holds 533\n");
}

/* Eight more windows would tell, and the text ends before. */
Test(report_evaluation, no_window_is_promised_that_the_text_does_not_hold) {
  add_mode("fp64", 1.5, 0);
  add_mode("2-0", 1.75, 0.004);
  add_pair("0", "2-0", "bits", "undecided", -0.125, 41);
  rows->pair[0].windows_held = 40;
  const char *text = part_of(text_with_rows(), "predicts\n", "16 windows");
  EXPECT_PART(text,
              "Of a difference of this size 41 windows would tell, and the text holds only 40.");
}

Test(report_evaluation, an_answer_that_many_questions_at_once_take_away_is_marked) {
  add_mode("fp64", 1.5, 0);
  add_mode("2-0", 1.75, 0.004);
  add_pair("0", "2-0", "bits", "worse", 0.5, 5);
  add_pair("fp64", "2-0", "bits", "worse", 0.5, 5);
  rows->pair[0].holm = 0.08;
  const char *text = part_of(text_with_rows(), "predicts\n", "16 windows");
  EXPECT_PART(text, "No, it predicts worse. Bits of 2-0 less those of 0: 5.00e-01, 95 % from "
                    "2.50e-01 to 7.50e-01, over 16 windows. With all 2 pairs asked at once it is "
                    "not told any more (Holm, p = 8.00e-02).");
  EXPECT_PART(text, "| no: worse †");
}

Test(report_evaluation, windows_that_are_left_out_are_named) {
  add_mode("fp64", 1.5, 0);
  add_mode("2-0", 1.75, 0.004);
  rows->mode[1].left_out = 2;
  EvaluationWindow window[4] = {
      {.window = 0}, {.window = 5, .nonfinite = 1}, {.window = 6, .nonfinite = 3}, {.window = 5}};
  for (int i = 0; i < 4; i++) SET_TEXT(window[i].mode, i < 3 ? "2-0" : "fp64");
  rows->window = window, rows->windows = 4;
  const char *text = part_of(text_with_rows(), "predicts\n", "16 windows");
  EXPECT_LINE(text,
              "> **Warning.** Left out of 2-0, where a logit is not finite: 2 windows (5, 6).");
}

Test(report_evaluation, overlapping_windows_tell_nothing_and_other_vocabularies_have_perplexity) {
  add_mode("fp64", 3, 0);
  add_mode("2-0", 3, 0.25);
  add_pair("0", "2-0", "bits", "unknown", -0.125, NAN);
  SET_TEXT(rows->pair[0].reason, "overlap");
  rows->pair[0].low = rows->pair[0].high = NAN;
  rows->mode[0].byte_tokens = 0;
  rows->mode[0].disjoint = 15;
  rows->mode[1].bits_se = rows->mode[1].perplexity_se = rows->mode[1].kl_mean_se = NAN;
  const char *text = part_of(text_with_rows(), "predicts\n", "16 windows");
  EXPECT_PART(text, "**Warning.** The text holds only 15 such windows side by side: these overlap, "
                    "and are no sample.");
  EXPECT_LINE(
      text,
      "- **Does 2-0 predict psalms.txt better than 0?** It cannot be told: the windows overlap.");
  EXPECT_PART(text, "| -1.25e-01 | cannot tell: the windows overlap |");
  EXPECT_PART(text, "perplexity");
  EXPECT_PART(text, "8 ± 0.1");
  EXPECT_PART(text, "| 2-0  | 2.50e-01 |");
  EXPECT_NONE(text, "bits per byte");
}

/* fp32: nearest, 4 MB. 2-4: fastest, 1 MB and 200 B a token. 2-0: smallest, its bits told from
 * fp32's. 0: slower, larger and farther than 2-4. */
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
  EXPECT_PART(choice, "- **Nearest to float64: fp32.** KL 1.00e-12 bits, 1.500000 bits a token, "
                      "1000 tokens/s, 4.05 MB.\n");
  EXPECT_PART(choice, "- **Fastest here: 2-4.** KL 2.00e-03 bits, 1.625000 bits a token, 2000 "
                      "tokens/s, 1.02 MB.\n");
  EXPECT_PART(choice, "- **Smallest: 2-0.**");
  EXPECT_NONE(choice, "Not slower by more");
  EXPECT_PART(choice, "- **Best trade: 2-4.**");
  EXPECT_NONE(choice, "speaks for");
  const char *cost = part_of(text, "costs\n", "Median of 9");
  EXPECT_LINE(cost, "### 100 tokens");
  EXPECT_PART(cost,
              "| 2-4  |     2000 |        50.0 |       1.00 |            2.00 |           4.00 |");
  EXPECT_PART(cost, "| `scan`   | 25.0 |");
  EXPECT_PART(cost, "| `scan`   | 25.00 % |");
  EXPECT_PART(cost, "| 2-0  | 1.00 MB |   64 B |");
}

/* 2-0 takes 67 ms and 2-4 takes 50: with a spread of 10 each they are as fast as one another, and
 * 2-0 the smaller; made nearer too, it leaves nothing that speaks for 2-4. */
Test(report_evaluation, speeds_within_their_spread_decide_nothing) {
  four_modes(false);
  rows->cost[2].mad_s = rows->cost[4].mad_s = 0.01;
  rows->mode[1].kl_mean = 0.001;
  const char *choice = part_of(text_with_rows(), "need\n", "From the figures");
  EXPECT_PART(choice, "Not slower by more than the spread: `2-0`.");
  EXPECT_PART(choice, "Nothing here speaks for 2-4: 2-0 is worse in none of the three, and told to "
                      "be better in one.");
}

/* By a KL that chance decided nothing is said of a mode. */
Test(report_evaluation, a_smaller_kl_that_is_not_told_speaks_for_no_mode) {
  four_modes(false);
  rows->cost[2].mad_s = rows->cost[4].mad_s = 0.01;
  rows->bytes[1].peak_activation_bytes = rows->bytes[2].peak_activation_bytes;
  add_pair("2-4", "2-0", "kl_factor", "undecided", -0.01, 900);
  add_pair("2-4", "fp32", "kl_factor", "undecided", -0.5, 900);
  add_pair("fp32", "2-0", "kl_factor", "worse", 0.5, 4);
  const char *text = text_with_rows(), *choice = part_of(text, "need\n", "From the figures");
  EXPECT_NONE(choice, "speaks for");
  EXPECT_PART(choice, "  Not told from it by their KL: `2-4`.\n");
  EXPECT_PART(text, "Nearest to float64: fp32 (KL 1.00e-12 bits, and 1 other is not told from it). "
                    "Fastest here: 2-4 (2000 tokens/s, and 1 other is not told from it).");
  SET_TEXT(rows->pair[2].answer, "better");
  rows->mode[1].kl_mean = 0.001;
  EXPECT_PART(part_of(text_with_rows(), "need\n", "From the figures"),
              "Nothing here speaks for 2-4: 2-0 is worse in none of the three, and told to be "
              "better in one.");
}

Test(report_evaluation, a_mode_that_is_told_apart_is_no_trade_and_a_dominated_one_is_named) {
  four_modes(true);
  rows->cost[2].tokens_per_s = 3000,
  rows->cost[2].time_s = 100.0 / 3000; /* 2-0 is now fastest and smallest, and nearer than 2-4 */
  rows->mode[1].kl_mean = 0.001;
  const char *choice = part_of(text_with_rows(), "need\n", "From the figures");
  EXPECT_PART(choice, "- **Best trade: fp32.**");
  EXPECT_PART(choice, "Nothing here speaks for 2-4: 2-0 is worse in none of the three, and told to "
                      "be better in one.");
}

/* --- single tokens ---------------------------------------------------------------------------- */

static void add_token(const char *base, const char *other, const char *by, int rank,
                      const char *context, int in_reach) {
  EvaluationToken *t = &rows->token[rows->tokens++];
  *t = (EvaluationToken){.rank = rank,
                         .window = 7,
                         .position = 40 + rank,
                         .bits_base = 1.5,
                         .bits_other = 9.25,
                         .kl_other = 5.5,
                         .share = 0.25,
                         .reach = in_reach ? 0.5 : 0.01,
                         .in_reach = in_reach};
  SET_TEXT(t->base, base);
  SET_TEXT(t->other, other);
  SET_TEXT(t->by, by);
  SET_TEXT(t->context, context);
}

static void add_modes_and_tokens(int reached) {
  add_mode("fp64", 1.5, 0);
  add_mode("2-0", 1.75, 0.004);
  add_mode("2-4", 1.625, 0.002);
  rows->mode[1].kl_token_median = 9e-4;
  add_pair("2-0", "2-4", "bits", "better", -0.125, 41);
  EvaluationPair *p = &rows->pair[0];
  p->tokens = 8192, p->top_share = 0.375, p->reached_tokens = reached,
  p->reached_share = reached ? 0.5 : 0;
  p->apart = -0.0625, p->apart_low = -0.25, p->apart_high = 0.125;
  add_token("fp64", "2-0", "kl", 1, "the [h]eavens", 1);
  add_token("fp64", "2-0", "kl", 2, "not shown", 0);
  add_token("2-0", "2-4", "bits", 1, "a | in t[e]xt", 1);
  add_token("2-0", "2-4", "bits", 2, "second [o]ne", 0);
}

Test(report_evaluation,
     the_tokens_that_carry_a_difference_are_named_and_what_is_left_without_events) {
  add_modes_and_tokens(12);
  const char *text = part_of(text_with_rows(), "predicts\n", "Few tokens");
  EXPECT_PART(text,
              "Of 8192 tokens the 1 % that differ most make 37.50 % of the sum of |difference|. 12 "
              "tokens in the reach of an event: 50.00 % of that sum. Without them the difference "
              "is -6.25e-02 bits (95 % from -2.50e-01 to 1.25e-01), with them -1.25e-01.");
  EXPECT_PART(text, "| 2-0  | the \\[h\\]eavens |      7 |       41 | yes   |       5.50e+00 |     "
                    "    25.00 % |         9.00e-04 |");
  EXPECT_PART(text, "a \\| in t\\[e\\]xt");
  EXPECT_PART(text, "|      7 |       42 |       |       1.500 |        9.250 | 25.00 % |");
  EXPECT_NONE(text, "not shown");
}

Test(report_evaluation, a_pair_without_a_token_in_reach_says_so) {
  add_modes_and_tokens(0);
  const char *text = part_of(text_with_rows(), "predicts\n", "Few tokens");
  EXPECT_PART(text, "of the sum of |difference|. None of them stands in the reach of an event.\n");
  EXPECT_NONE(text, "Without them");
}
