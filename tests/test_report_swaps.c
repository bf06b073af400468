/* The report's sections of error budgets, stage swaps and restored layers, from rows made by hand. */
#include <criterion/criterion.h>

#include "tests/report_rows.h"

TestSuite(report_swaps, .init = reserve, .fini = release);

static Swap swap_row(const char *start, const char *stages, int count, double error, double change, double half_width) {
  Swap row = {.count = count,
              .moved = 0.5,
              .block_out = error,
              .block_out_change = change,
              .block_out_change_low = change - half_width,
              .block_out_change_high = change + half_width};
  SET_TEXT(row.base, "2-0");
  SET_TEXT(row.other, "2-4");
  SET_TEXT(row.start, start);
  SET_TEXT(row.stages, stages);
  row.kl_change_low = row.bits_change_low = NAN;
  return row;
}

static SwapEffect effect_row(const char *stages, int order, double value, double half_width) {
  SwapEffect row = {.order = order,
                    .rank = 1,
                    .contexts = 1,
                    .possible = 2,
                    .block_out = value,
                    .block_out_low = value - half_width,
                    .block_out_high = value + half_width};
  SET_TEXT(row.base, "2-0");
  SET_TEXT(row.other, "2-4");
  SET_TEXT(row.stages, stages);
  row.kl_low = row.bits_low = NAN;
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
  Swap rows[] = {swap_row("2-0", "", 0, 0.05, 0, 0),
                 swap_row("2-0", "conv_out", 1, 0.04, -0.01, 0.005),
                 swap_row("2-0", "scan_u", 1, 0.05, 0, 0),
                 swap_row("2-4", "", 0, 0.02, 0, 0),
                 swap_row("2-4", "conv_out", 1, 0.05, 0.03, 0.04),
                 swap_row("2-4", "scan_u", 1, NAN, NAN, NAN)};
  rows[1].rank = rows[4].rank = 1;
  rows[2].rank = 2;
  rows[2].identical = 1;
  SET_TEXT(rows[5].refused, "no such thing");
  d->swap = rows, d->swaps = 6;
  const char *text = text_of(d, "Stage swaps");
  EXPECT_LINE(text, "#### From 2-0, a stage at a time set as in 2-4");
  EXPECT_LINE(text,
              "2-0 has an error of 5.00e-02, 2-4 of 2.00e-02. The largest change that a stage alone makes is that of "
              "`conv_out`: -1.00e-02. Alone, no bit of the end is changed by `scan_u`. The stages alone add up to "
              "-1.00e-02 of the -3.00e-02 between the two modes: the other -2.00e-02 is what they do only together.");
  cr_expect(strstr(text, "**-1.00e-02** [-1.50e-02, -5.00e-03]"), "an interval without 0 is not bold:\n%s", text);
  cr_expect(strstr(text, "3.00e-02 [-1.00e-02, 7.00e-02]") && !strstr(text, "**3.00e-02**"), "%s", text);
  cr_expect(strstr(text, "no bit changes"), "%s", text);
  EXPECT_LINE(text, "- `scan_u` alone is refused: no such thing.");
  cr_expect_null(strstr(text, "Over all combinations"));
}

Test(report_swaps, an_interaction_is_named_only_where_its_interval_leaves_0_out) {
  ReportData *d = made_run(&arena, made, 2);
  Swap rows[] = {swap_row("2-0", "", 0, 0.05, 0, 0), swap_row("2-4", "", 0, 0.02, 0, 0)};
  SwapEffect effects[] = {effect_row("scan_u", 1, -0.01, 0.001), effect_row("conv_out x scan_u", 2, -0.02, 0.01)};
  d->swap = rows, d->swaps = 2, d->swap_effect = effects, d->swap_effects = 2;
  const char *text = text_of(d, "Over all combinations");
  cr_expect(strstr(text,
                   "In the mean `scan_u` changes the error most. The largest interaction is `conv_out x scan_u`: "
                   "-2.00e-02, whose interval leaves 0 out. It is larger than the effect of any stage by itself."),
            "%s", text);
  cr_expect(strstr(text, "1 of 2"), "%s", text);
  effects[1] = effect_row("conv_out x scan_u", 2, -0.02, 0.03);
  text = text_of(d, "Over all combinations");
  cr_expect(strstr(text, "-2.00e-02, whose interval holds 0: no interaction is shown.\n"), "%s", text);
}

Test(report_swaps, the_set_of_layers_is_named_and_a_limit_that_is_missed_is_said) {
  ReportData *d = made_run(&arena, made, 1);
  Restoration rows[] = {{.step = 0, .layer = -1, .next_layer = -1, .block_out = 0.05, .limit = 0.03},
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
    rows[i].block_out_low = rows[i].kl_low = rows[i].bits_low = NAN;
  }
  d->restoration = rows, d->restorations = 4;
  const char *text = text_of(d, "The layers that matter");
  EXPECT_LINE(
      text, "**2 layers** of 2-0, run under fp32, brought the error of the last `block_out` from 5.00e-02 to 2.90e-02, "
            "at most the limit of 3.00e-02: 7 and 2. With every layer under fp32 it is 1.00e-03. The first "
            "2 layers restored in their place give 4.80e-02.");
  rows[2].reached = 0, rows[2].block_out = 0.031;
  text = text_of(d, "The layers that matter");
  cr_expect(
      strstr(text, "**The limit of 3.00e-02 is not reached**: 2 layers of 2-0, run under fp32 (7 and 2), brought"),
      "%s", text);
}

Test(report_swaps, a_budget_names_who_makes_error_and_who_amplifies_it) {
  ReportData *d = made_run(&arena, made, 1);
  Budget rows[MADE_LAYERS];
  for (int i = 0; i < MADE_LAYERS; i++) {
    rows[i] = (Budget){.layer = i,
                       .base_l2 = 10,
                       .in_l2 = 1,
                       .total_l2 = 2,
                       .local_l2 = i == 2 ? 1.5 : 0.1,
                       .inherited_l2 = i == 1 ? 1.8 : 0.9,
                       .local_share = 0.25,
                       .inherited_share = 0.75,
                       .gain = i == 1 ? 1.8 : 0.9};
    SET_TEXT(rows[i].prompt, "address");
    SET_TEXT(rows[i].base, "2-0");
    SET_TEXT(rows[i].other, "2-4");
  }
  d->budget = rows, d->budgets = MADE_LAYERS;
  const char *text = text_of(d, "Error budget");
  cr_expect(strstr(text, "by the size of local beside `block_out`: 2 (1.50e-01), 0 (1.00e-02)"), "%s", text);
  EXPECT_LINE(text, "- **Which layers amplify it**: 1 of 4 have a gain above 1; the largest: 1 (1.80).");
  EXPECT_LINE(text, "- In the mean over the layers 25.00 % of a layer's total is its own doing.");
  EXPECT_NONE(text, "loses");
}
