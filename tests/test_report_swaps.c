/* The report's sections of error budgets, stage swaps and restored layers, from rows made by
 * hand. */
#include <criterion/criterion.h>

#include "report/acts.h"
#include "tests/report_rows.h"

TestSuite(report_swaps, .init = reserve, .fini = release);

/* The interval is a factor of `width` to either side. */
static Swap swap_row(const char *start, const char *stages, int count, double error, double factor,
                     double width) {
  Swap row = {.count = count,
              .moved = 0.5,
              .prompts = 2,
              .block_out = error,
              .block_out_factor = factor,
              .block_out_factor_low = factor / width,
              .block_out_factor_high = factor * width,
              .block_out_factor_holm = 0.01,
              .block_out_factor_needed = 34};
  SET_TEXT(row.base, "2-0");
  SET_TEXT(row.other, "2-4");
  SET_TEXT(row.start, start);
  SET_TEXT(row.stages, stages);
  row.kl_factor_low = row.bits_change_low = NAN;
  row.token_median = row.token_median_factor = row.token_median_factor_low =
      row.parting_factor_low = NAN;
  return row;
}

/* Of the median token; the parting is what the two factors are apart, known to a factor of
 * `width`. */
#define SET_MEDIAN(row, median, factor, width)                                                     \
  do {                                                                                             \
    double apart = (row)->block_out_factor / (factor);                                             \
    (row)->token_median_factor = factor;                                                           \
    (row)->token_median_factor_low = factor / (width),                                             \
    (row)->token_median_factor_high = factor * (width);                                            \
    (row)->token_median_factor_holm = 0.01, (row)->token_median_factor_needed = 55;                \
    (row)->parting_factor = apart, (row)->parting_factor_low = apart / (width);                    \
    (row)->parting_factor_high = apart * (width);                                                  \
  } while (0)

static SwapEffect effect_row(const char *stages, int order, double factor, double width) {
  SwapEffect row = {.order = order,
                    .rank = 1,
                    .contexts = 1,
                    .possible = 2,
                    .prompts = 2,
                    .block_out_factor = factor,
                    .block_out_factor_low = factor / width,
                    .block_out_factor_high = factor * width,
                    .block_out_factor_holm = 0.01,
                    .block_out_factor_needed = 1000};
  SET_TEXT(row.base, "2-0");
  SET_TEXT(row.other, "2-4");
  SET_TEXT(row.stages, stages);
  row.kl_factor_low = row.bits_change_low = NAN;
  row.token_median_factor = row.token_median_factor_low = row.parting_factor_low = NAN;
  return row;
}

static const char *text_of(ReportData *d, const char *heading) {
  const char *text = strstr(body_of(d), heading);
  cr_assert_not_null(text, "no section '%s'", heading);
  return text;
}

Test(report_swaps, a_run_without_them_has_no_such_sections) {
  const char *text = body_of(made_run(&arena, made, 1));
  cr_expect_null(strstr(text, "Error budget"));
  cr_expect_null(strstr(text, "Stage swaps"));
  cr_expect_null(strstr(text, "The layers that matter"));
}

Test(report_swaps, stages_are_ranked_refusals_told_and_the_rest_called_together) {
  ReportData *d = made_run(&arena, made, 2);
  Swap rows[] = {
      swap_row("2-0", "", 0, 0.05, 1, 1),           swap_row("2-0", "conv_out", 1, 0.04, 0.8, 1.1),
      swap_row("2-0", "scan_u", 1, 0.05, 1, 1),     swap_row("2-4", "", 0, 0.02, 1, 1),
      swap_row("2-4", "conv_out", 1, 0.05, 2.5, 3), swap_row("2-4", "scan_u", 1, NAN, NAN, NAN)};
  rows[1].rank = rows[4].rank = 1;
  rows[2].rank = 2;
  rows[2].identical = 1;
  SET_TEXT(rows[5].refused, "no such thing");
  d->swap = rows, d->swaps = 6;
  d->about[ABOUT_PROMPT_TEXT] = "psalms.txt", d->about[ABOUT_PROMPTS_HELD] = "780";
  const char *text = text_of(d, "Stage swaps");
  cr_expect(strstr(text, "over prompts of psalms.txt;"), "%s", text);
  EXPECT_LINE(text, "#### From 2-0, a stage at a time set as in 2-4");
  EXPECT_LINE(text,
              "2-0 has an error of 5.00e-02, 2-4 of 2.00e-02. The largest change that a stage "
              "alone makes is that of `conv_out`: a factor of 0.800 (0.727 … 0.880). Alone, no bit "
              "of the end is changed by `scan_u`. The stages alone multiply to 0.800; between the "
              "two modes it is 0.400: the other factor of 0.500 is what they do only together.");
  cr_expect(strstr(text, "**0.800** (0.727 … 0.880)"), "an interval without 1 is not bold:\n%s",
            text);
  cr_expect(strstr(text, " 2.500 (0.833 … 7.500)") && !strstr(text, "**2.500**"), "%s", text);
  cr_expect(strstr(text, "`conv_out`: a factor of 2.500 (0.833 … 7.500), which cannot be told from "
                         "none: 34 prompts would tell, and psalms.txt holds 780 of this length."),
            "%s", text);
  cr_expect(strstr(text, "no bit changes"), "%s", text);
  EXPECT_LINE(text, "- `scan_u` alone is refused: no such thing.");
  cr_expect_null(strstr(text, "Over all combinations"));
}

Test(report_swaps, the_median_token_stands_beside_and_the_words_say_on_whom_a_stage_acts) {
  ReportData *d = made_run(&arena, made, 2);
  Swap rows[] = {swap_row("2-0", "", 0, 0.05, 1, 1), swap_row("2-0", "conv_out", 1, 0.04, 0.8, 1.1),
                 swap_row("2-4", "", 0, 0.02, 1, 1)};
  rows[1].rank = 1;
  rows[0].token_median = 0.03, rows[1].token_median = 0.0297, rows[2].token_median = 0.02;
  SET_MEDIAN(&rows[1], 0.0297, 0.99, 1.02);
  d->swap = rows, d->swaps = 3;
  const char *text = text_of(d, "Stage swaps");
  cr_expect(
      strstr(text,
             "2-4 of 2.00e-02. Of the median token these are 3.00e-02 and 2.00e-02. The largest"),
      "%s", text);
  cr_expect(strstr(text, "`conv_out`: a factor of 0.800 (0.727 … 0.880). Of the median token it is "
                         "a factor of 0.99000 (0.97059 … 1.00980), which cannot be told from none: "
                         "55 prompts would tell; it acts on single tokens."),
            "%s", text);
  EXPECT_ROW(text, "| `conv_out` | 1 | 5.00e-01 | 4.00e-02 | **0.800** (0.727 … 0.880) | 2.97e-02 "
                   "| 0.99000 (0.97059 … 1.00980) | single tokens | 0 | 0 |");
  SET_MEDIAN(&rows[1], 0.024, 0.8, 1.02);
  text = text_of(d, "Stage swaps");
  cr_expect(strstr(text, "Of the median token it is a factor of 0.800 (0.784 … 0.816); it acts on "
                         "all tokens alike."),
            "%s", text);
  rows[1].token_median_factor_low = rows[1].block_out_factor_low = rows[1].parting_factor_low = NAN;
  text = text_of(d, "Stage swaps");
  cr_expect(
      strstr(text, "`conv_out`: a factor of 0.800. Of the median token it is a factor of 0.800.") &&
          !strstr(text, "it acts on"),
      "one prompt has two figures and no more: %s", text);
}

/* Intervals: a factor that is told, one that is not; each in the two roles, apart and not. */
Test(report_swaps, on_whom_something_acts_is_said_only_where_the_intervals_say_it) {
  const Factor less = {0.8, 0.7, 0.9}, little = {0.9, 0.85, 0.95}, none = {0.99, 0.95, 1.05},
               more = {1.2, 1.1, 1.3};
  const Factor together = {1, 0.9, 1.1}, apart = {0.85, 0.8, 0.9}, unknown = {0.8, NAN, NAN};
  cr_expect_eq(acts_of(less, little, together), ACTS_ALL);
  cr_expect_eq(acts_of(less, little, apart), ACTS_SINGLE_MORE);
  cr_expect_eq(acts_of(little, less, more), ACTS_TYPICAL_MORE);
  cr_expect_eq(acts_of(less, none, apart), ACTS_SINGLE);
  cr_expect_eq(acts_of(none, less, more), ACTS_TYPICAL);
  cr_expect_eq(acts_of(less, more, apart), ACTS_OPPOSITE);
  cr_expect_eq(acts_of(less, none, together), ACTS_UNTOLD, "the median token may change as much");
  cr_expect_eq(acts_of(none, none, apart), ACTS_UNTOLD);
  cr_expect_eq(acts_of(unknown, unknown, unknown), ACTS_UNTOLD);
  cr_expect_eq(acts_of(less, unknown, apart), ACTS_UNTOLD);
}

/* Of factors on either side of 1, which are as large as their reciprocals. */
Test(report_swaps, which_effect_is_the_largest_is_told_only_where_intervals_do_not_overlap) {
  ReportData *d = made_run(&arena, made, 2);
  Swap rows[] = {swap_row("2-0", "", 0, 0.05, 1, 1), swap_row("2-4", "", 0, 0.02, 1, 1)};
  SwapEffect effects[] = {effect_row("scan_u", 1, 0.8, 1.05), effect_row("conv_out", 1, 1.22, 1.05),
                          effect_row("gated", 1, 0.99, 1.01),
                          effect_row("conv_out x scan_u", 2, 0.79, 1.05)};
  effects[1].rank = 2, effects[2].rank = 3;
  d->swap = rows, d->swaps = 2, d->swap_effect = effects, d->swap_effects = 4;
  const char *text = text_of(d, "Over all combinations");
  cr_expect(strstr(text, "In the mean `scan_u` changes the error most: a factor of 0.800 (0.762 … "
                         "0.840). Which is larger, that or the factor of `conv_out`, is not told: "
                         "their intervals overlap. The largest interaction is"),
            "%s", text);
  cr_expect_not(strstr(text, "It is larger than the effect"), "%s", text);
  effects[1] = effect_row("conv_out", 1, 1.1, 1.05), effects[1].rank = 2;
  effects[3] = effect_row("conv_out x scan_u", 2, 0.7, 1.05);
  text = text_of(d, "Over all combinations");
  cr_expect_not(strstr(text, "is not told"), "%s", text);
  cr_expect(strstr(text, "It is larger than the effect of any stage by itself."), "%s", text);
}

Test(report_swaps, an_interaction_that_cannot_be_told_says_how_many_prompts_would) {
  ReportData *d = made_run(&arena, made, 2);
  Swap rows[] = {swap_row("2-0", "", 0, 0.05, 1, 1), swap_row("2-4", "", 0, 0.02, 1, 1)};
  SwapEffect effects[] = {effect_row("scan_u", 1, 0.9, 1.01),
                          effect_row("conv_out x scan_u", 2, 0.8, 1.1)};
  d->swap = rows, d->swaps = 2, d->swap_effect = effects, d->swap_effects = 2;
  const char *text = text_of(d, "Over all combinations");
  cr_expect(strstr(text,
                   "In the mean `scan_u` changes the error most: a factor of 0.9000 (0.8911 … "
                   "0.9090). The largest interaction is `conv_out x scan_u`: a factor of 0.800 "
                   "(0.727 … 0.880). It is larger than the effect of any stage by itself."),
            "%s", text);
  cr_expect(strstr(text, "1 of 2"), "%s", text);
  effects[1] = effect_row("conv_out x scan_u", 2, 0.8, 1.5);
  text = text_of(d, "Over all combinations");
  cr_expect(
      strstr(
          text,
          "a factor of 0.800 (0.533 … 1.200), which cannot be told from none: 1000 prompts would "
          "tell.\n"),
      "%s", text);
  d->about[ABOUT_PROMPT_TEXT] = "psalms.txt", d->about[ABOUT_PROMPTS_HELD] = "780";
  text = text_of(d, "Over all combinations");
  cr_expect(strstr(text, "1000 prompts would tell, and psalms.txt holds only 780 of this length."),
            "%s", text);
}

Test(report_swaps, prompts_that_stand_together_speak_of_their_part_of_the_text) {
  ReportData *d = made_run(&arena, made, 2);
  Swap rows[] = {swap_row("2-0", "", 0, 0.05, 1, 1), swap_row("2-4", "", 0, 0.02, 1, 1)};
  d->swap = rows, d->swaps = 2;
  d->about[ABOUT_PROMPT_TEXT] = "psalms.txt", d->about[ABOUT_PROMPTS_SPAN] = "0.032";
  const char *text = text_of(d, "Stage swaps");
  cr_expect(strstr(text, "over prompts of the part of psalms.txt that they stand in (3.20 %);"),
            "%s", text);
  d->about[ABOUT_PROMPTS_SPAN] = "0.97";
  cr_expect(strstr(text_of(d, "Stage swaps"), "over prompts of psalms.txt;"), "%s", text);
}

Test(report_swaps, what_many_rows_at_once_take_away_and_who_is_left_out_is_said) {
  ReportData *d = made_run(&arena, made, 2);
  Swap rows[] = {swap_row("2-0", "", 0, 0.05, 1, 1), swap_row("2-0", "conv_out", 1, 0.04, 0.8, 1.1),
                 swap_row("2-4", "", 0, 0.02, 1, 1)};
  rows[1].block_out_factor_holm = 0.08;
  SET_TEXT(rows[1].left_out, "p2, p7 and 3 more");
  d->swap = rows, d->swaps = 3;
  const char *text = text_of(d, "Stage swaps");
  cr_expect(strstr(text, "**0.800** † (0.727 … 0.880)"), "%s", text);
  EXPECT_LINE(text, "> **Warning.** Prompts in which a figure is not finite are left out of 1 row; "
                    "of the first: p2, p7 and 3 more (column `left_out` of `tables/swap.csv`).");
}

Test(report_swaps, the_set_of_layers_is_named_and_a_limit_that_is_missed_is_said) {
  ReportData *d = made_run(&arena, made, 1);
  Restoration rows[] = {
      {.step = 0, .layer = -1, .next_layer = -1, .block_out = 0.05, .limit = 0.03},
      {.step = 1,
       .layer = 7,
       .next_layer = 3,
       .block_out = 0.04,
       .limit = 0.03,
       .candidates = 24,
       .next_block_out = 0.045,
       .first_block_out = 0.049},
      {.step = 2,
       .layer = 2,
       .next_layer = 3,
       .block_out = 0.029,
       .limit = 0.03,
       .candidates = 23,
       .next_block_out = 0.04,
       .first_block_out = 0.048,
       .reached = 1},
      {.step = -1, .layer = -1, .next_layer = -1, .block_out = 0.001, .limit = 0.03, .reached = 1}};
  for (int i = 0; i < 4; i++) {
    SET_TEXT(rows[i].mode, "2-0");
    SET_TEXT(rows[i].to, "fp32");
    SET_TEXT(rows[i].by, "layer");
    SET_TEXT(rows[i].of, "total");
    rows[i].block_out_low = rows[i].kl_low = rows[i].bits_low = rows[i].token_median_low = NAN;
    rows[i].block_out_factor_low = rows[i].token_median_factor_low = rows[i].parting_factor_low =
        NAN;
    rows[i].token_median = 0.02 - 0.005 * i, rows[i].first_token_median = 0.018;
  }
  d->restoration = rows, d->restorations = 4;
  const char *text = text_of(d, "The layers that matter");
  EXPECT_LINE(text,
              "**2 layers** of 2-0, run under fp32, brought the error of the last `block_out` from "
              "5.00e-02 to 2.90e-02, at most the limit of 3.00e-02: 7 and 2. With every layer "
              "under fp32 it is 1.00e-03. The first 2 layers restored in their place give "
              "4.80e-02. That of the median token went from 2.00e-02 to 1.00e-02.");
  rows[2].reached = 0, rows[2].block_out = 0.031;
  text = text_of(d, "The layers that matter");
  cr_expect(strstr(text, "**The limit of 3.00e-02 is not reached**: 2 layers of 2-0, run under "
                         "fp32 (7 and 2), brought"),
            "%s", text);
  for (int i = 0; i < 4; i++) SET_TEXT(rows[i].of, "median_token"), rows[i].limit = 0.01;
  rows[2].reached = 1;
  rows[1].block_out_factor = 0.8, rows[1].block_out_factor_low = 0.7,
  rows[1].block_out_factor_high = 0.9;
  rows[1].token_median_factor_low = 0.75, rows[1].token_median_factor_high = 0.85;
  rows[1].parting_factor_low = 0.9, rows[1].parting_factor_high = 1.1;
  text = text_of(d, "The layers that matter");
  EXPECT_LINE(
      text,
      "**2 layers** of 2-0, run under fp32, brought the median token's error of the last "
      "`block_out` from 2.00e-02 to 1.00e-02, at most the limit of 1.00e-02: 7 and 2. With every "
      "layer under fp32 it is 5.00e-03. The first 2 layers restored in their place give 1.80e-02. "
      "That of all tokens together went from 5.00e-02 to 3.10e-02. Acts on all tokens alike: 7.");
  /* one of it; and by stage */
  const Restoration second = rows[2];
  rows[2] = rows[3], rows[1].reached = 1, d->restorations = 3;
  EXPECT_LINE(
      text_of(d, "The layers that matter"),
      "**1 layer** of 2-0, run under fp32, brought the median token's error of the last "
      "`block_out` from 2.00e-02 to 1.50e-02, at most the limit of 1.00e-02: 7. With every layer "
      "under fp32 it is 5.00e-03. The first 1 layer restored in its place gives 1.80e-02. That of "
      "all tokens together went from 5.00e-02 to 4.00e-02. Acts on all tokens alike: 7.");
  rows[2] = second, d->restorations = 4;
  for (int i = 0; i < 4; i++) SET_TEXT(rows[i].by, "stage"), SET_TEXT(rows[i].stages, "conv_out");
  cr_expect(strstr(text_of(d, "The layers that matter"), "**2 stage sets** of 2-0, run under fp32"),
            "%s", text);
}

Test(report_swaps, a_budget_names_who_makes_error_and_who_amplifies_it) {
  ReportData *d = made_run(&arena, made, 1);
  BudgetLayer rows[MADE_LAYERS + 1];
  for (int i = 0; i <= MADE_LAYERS; i++) {
    rows[i] = (BudgetLayer){.layer = i < MADE_LAYERS ? i : -1,
                            .prompts = 1,
                            .in = 0.1,
                            .total = 0.2,
                            .local = i == 2 ? 0.15 : 0.01,
                            .inherited = i == 1 ? 0.18 : 0.09,
                            .local_low = NAN,
                            .local_share = 0.25,
                            .local_share_low = NAN,
                            .inherited_share = 0.75,
                            .inherited_share_low = NAN,
                            .interaction_share_low = NAN,
                            .gain = i == 1 ? 1.8 : 0.9,
                            .gain_low = NAN,
                            .local_median = i == 2 ? 0.02 : 0.01,
                            .local_median_low = NAN,
                            .local_parting = i == 2 ? 7.5 : 1,
                            .local_parting_low = NAN,
                            .gain_median = 0.5,
                            .gain_median_low = NAN,
                            .gain_parting_low = NAN};
    SET_TEXT(rows[i].base, "2-0");
    SET_TEXT(rows[i].other, "2-4");
  }
  d->budget_layer = rows, d->budget_layers = MADE_LAYERS + 1;
  const char *text = text_of(d, "Error budget");
  cr_expect(strstr(text, "by the size of local beside `block_out`: 2 (1.50e-01), 0 (1.00e-02)"),
            "%s", text);
  EXPECT_LINE(text, "- **In the median token**, by the same size: 2 (2.00e-02), 0 (1.00e-02), 1 "
                    "(1.00e-02), 3 (1.00e-02).");
  EXPECT_LINE(text, "- Local of all tokens together is above the median token's by more than a "
                    "factor of 1.50 in 2 (7.50).");
  EXPECT_LINE(text,
              "- **Which layers amplify it**: 1 of 4 has a gain above 1; the largest: 1 (1.80).");
  EXPECT_LINE(text, "- In the mean over the layers 25.00 % of a layer's total is its own doing.");
  EXPECT_NONE(text, "loses");
}

Test(report_swaps, a_budget_over_prompts_has_intervals_and_names_what_it_leaves_out) {
  ReportData *d = made_run(&arena, made, 2);
  BudgetLayer rows[2] = {{.layer = 1,
                          .prompts = 2,
                          .total = 0.2,
                          .local = 0.15,
                          .local_low = 0.1,
                          .local_high = 0.2,
                          .local_share = 0.25,
                          .local_share_low = 0.2,
                          .local_share_high = 0.3,
                          .inherited_share = 0.75,
                          .inherited_share_low = 0.7,
                          .inherited_share_high = 0.8,
                          .gain = 1.5,
                          .gain_low = 1.25,
                          .gain_high = 1.75,
                          .local_median = 0.05,
                          .local_median_low = 0.04,
                          .local_median_high = 0.06,
                          .local_parting = 3,
                          .local_parting_low = 2,
                          .local_parting_high = 4.5,
                          .gain_median = 1,
                          .gain_median_low = 0.9,
                          .gain_median_high = 1.1,
                          .gain_parting = 1.5,
                          .gain_parting_low = 1.25,
                          .gain_parting_high = 1.75},
                         {.layer = -1,
                          .prompts = 2,
                          .local_share = 0.25,
                          .local_share_low = 0.2,
                          .local_share_high = 0.3}};
  for (int i = 0; i < 2; i++) {
    SET_TEXT(rows[i].base, "2-0");
    SET_TEXT(rows[i].other, "2-4");
  }
  SET_TEXT(rows[0].left_out, "p2");
  d->budget_layer = rows, d->budget_layers = 2;
  const char *text = text_of(d, "Error budget");
  cr_expect(
      strstr(text, "by the size of local beside `block_out`: 1 (1.50e-01, 1.00e-01 … 2.00e-01)."),
      "%s", text);
  cr_expect(
      strstr(text,
             "the largest: 1 (1.50, 1.25 … 1.75). Of 1 of these the whole interval lies above 1. "
             "Amplified for single tokens: 1."),
      "%s", text);
  EXPECT_LINE(text, "- In the mean over the layers 25.00 % (20.00 % … 30.00 %) of a layer's total "
                    "is its own doing.");
  EXPECT_LINE(text,
              "- **In single tokens**: local of all tokens together is above the median token's, "
              "by more than a factor of 1.50 over the whole interval, in 1 (3.00, 2.00 … 4.50).");
  EXPECT_LINE(text, "- **Left out**, since a value is not finite, from layer 1 on: p2.");
  cr_expect(strstr(text, "| 25.0 ± 5.0 % |") && strstr(text, "| 1.50 (1.25 … 1.75) |"), "%s", text);
}
