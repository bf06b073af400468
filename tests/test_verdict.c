/* verdict: effects, first differences and sizes from rows made by hand; reasons from the presets'
 * settings. */
#include "family/family.h"
#include "family/mamba1.h"
#include "measure/verdict.h"

#include "measure/drift.h"
#include "tests/measure_rows.h"

static PairStats verdict_row(const char *prompt, const char *tensor, int layer, double rel_l2,
                             bool same_kernel) {
  PairStats row = {.layer = layer,
                   .identical = rel_l2 == 0,
                   .same_kernel = same_kernel,
                   .n = 1,
                   .rel_l2 = rel_l2,
                   .rmse = rel_l2,
                   .top1_agreement = strcmp(tensor, "logits") ? NAN : 0.75,
                   .top1_rows = strcmp(tensor, "logits") ? 0 : 4,
                   .base_l2 = 1};
  snprintf(row.prompt, sizeof row.prompt, "%s", prompt);
  snprintf(row.base, sizeof row.base, "2-0");
  snprintf(row.other, sizeof row.other, "2-4");
  snprintf(row.tensor, sizeof row.tensor, "%s", tensor);
  return row;
}

static VerdictSide preset(const char *name) { return (VerdictSide){name, mode_preset(name)}; }

static Verdict verdict_from(const PairStats *rows, size_t count, int layers) {
  Arena arena = new_arena();
  size_t drift_count;
  Drift *drift = drift_of(&arena, &families[0]->tensors, rows, count, &drift_count);
  Verdict v = verdict_of(&families[0]->tensors, preset("2-0"), preset("2-4"), rows, count, drift,
                         drift_count, layers, arena);
  arena_release(&arena);
  return v;
}

Test(verdict, first_difference_is_by_order_of_computation_not_of_rows) {
  PairStats rows[] = {
      verdict_row("a", "logits", 2, 0.5, true),    verdict_row("a", "block_out", 1, 0.25, true),
      verdict_row("a", "conv1d", 1, 0.125, true),  verdict_row("a", "block_out", 0, 0, true),
      verdict_row("a", "embedding", -1, 0, true),  verdict_row("b", "block_out", 0, 0.0625, true),
      verdict_row("b", "scan", 0, 0.03125, false), verdict_row("b", "embedding", -1, 0, true),
  };
  Verdict v = verdict_from(rows, 8, 2);
  cr_assert_str_eq(v.base, "2-0");
  cr_assert_str_eq(v.other, "2-4");
  cr_assert_str_eq(v.effect, "differs");
  cr_assert_str_eq(v.reason, "");
  SAME(v.tensors, 8);
  SAME(v.tensors_identical, 3);
  SAME(v.tensors_same_kernel, 7);
  SAME(v.first_layer, 0);
  cr_assert_str_eq(v.first_tensor, "scan");
  cr_assert_str_eq(v.first_prompt, "b");
  SAME(v.first_rel_l2, 0.03125);
  NEAR(v.block_out_first, 0.0625 / sqrt(2), 1e-16); /* two prompts, one of them equal */
  SAME(v.block_out_last, 0.25);
  SAME(v.worst_layer, 1);
  SAME(v.block_out_worst, 0.25);
  SAME(v.logits_rel_l2, 0.5);
  SAME(v.top1_agreement, 0.75);
}

Test(verdict, a_differing_embedding_comes_before_every_layer) {
  PairStats rows[] = {verdict_row("a", "block_in", 0, 0.5, false),
                      verdict_row("a", "embedding", -1, 0.25, false)};
  Verdict v = verdict_from(rows, 2, 1);
  SAME(v.first_layer, -1);
  cr_assert_str_eq(v.first_tensor, "embedding");
}

Test(verdict, norm_f_comes_before_logits) {
  PairStats rows[] = {verdict_row("a", "logits", 1, 0.5, false),
                      verdict_row("a", "norm_f", 1, 0.25, false)};
  cr_assert_str_eq(verdict_from(rows, 2, 1).first_tensor, "norm_f");
}

Test(verdict, all_tensors_equal_is_identical_and_never_a_first_difference) {
  PairStats rows[] = {verdict_row("a", "scan", 0, 0, false),
                      verdict_row("a", "block_out", 0, 0, true)};
  Verdict v = verdict_from(rows, 2, 1);
  cr_assert_str_eq(v.effect, "identical");
  SAME(v.first_layer, -2);
  cr_assert_str_eq(v.first_tensor, "");
  cr_assert_str_eq(v.first_prompt, "");
  SAME(v.first_rel_l2, NAN);
  SAME(v.block_out_last, 0);
  SAME(v.worst_layer, -1);
  SAME(v.logits_rel_l2, NAN); /* no such row */
}

Test(verdict, differing_values_from_the_same_kernels_everywhere_are_a_fault) {
  PairStats rows[] = {verdict_row("a", "scan", 0, 0.5, true),
                      verdict_row("a", "block_out", 0, 0, true)};
  cr_assert_str_eq(verdict_from(rows, 2, 1).effect, "same_kernels");
  rows[1].same_kernel = 0;
  cr_assert_str_eq(verdict_from(rows, 2, 1).effect, "differs");
}

Test(verdict, rows_of_other_pairs_do_not_count) {
  PairStats rows[] = {verdict_row("a", "scan", 0, 0, true),
                      verdict_row("a", "conv1d", 0, 0.5, false)};
  snprintf(rows[1].other, sizeof rows[1].other, "2-1");
  Verdict v = verdict_from(rows, 2, 1);
  SAME(v.tensors, 1);
  cr_assert_str_eq(v.effect, "identical");
  Verdict none =
      verdict_of(&families[0]->tensors, preset("0"), preset("3"), rows, 2, NULL, 0, 1, new_arena());
  SAME(none.tensors, 0);
  cr_assert_str_eq(none.effect, "");
}

Test(verdict, prompts_are_the_clusters_of_equal_next_tokens) {
  PairStats rows[] = {verdict_row("a", "logits", 1, 0.5, false),
                      verdict_row("b", "logits", 1, 0.5, false)};
  SAME(verdict_from(rows, 1, 1).top1_low, NAN);
  rows[0].top1_rows = rows[1].top1_rows = 1000;
  rows[0].top1_agreement = 0.75, rows[1].top1_agreement = 0.5;
  Verdict v = verdict_from(rows, 2, 1);
  SAME(v.top1_agreement, 0.625);
  SAME(v.top1_low, 0); /* two clusters: 12.7 times 0.125 to either side, cut to a share */
  SAME(v.top1_high, 1);
  rows[1].top1_agreement = 0.75 + 0.01;
  v = verdict_from(rows, 2, 1);
  NEAR(v.top1_low, 0.755 - 12.706204736432095 * 0.005, 1e-11);
  NEAR(v.top1_high, 0.755 + 12.706204736432095 * 0.005, 1e-11);
  rows[0].top1_agreement = rows[1].top1_agreement = 1;
  v = verdict_from(rows, 2, 1);
  cr_assert(v.top1_low < 1 && v.top1_high == 1,
            "no miss in two prompts promises none in others: %g", v.top1_low);
}

Test(verdict, reference_takes_its_reserved_name_and_has_no_reason) {
  PairStats row = verdict_row("a", "scan", 0, 0.5, false);
  snprintf(row.base, sizeof row.base, "fp64");
  Verdict v = verdict_of(&families[0]->tensors, (VerdictSide){MODE_REFERENCE, NULL}, preset("2-4"),
                         &row, 1, NULL, 0, 1, new_arena());
  cr_assert_str_eq(v.base, "fp64");
  cr_assert_str_eq(v.effect, "differs");
  cr_assert_str_eq(v.reason, "");
}

Test(verdict, block_out_worst_passes_over_layers_without_a_number) {
  PairStats rows[] = {
      verdict_row("a", "block_out", 0, NAN, false), verdict_row("a", "block_out", 1, 0.5, false),
      verdict_row("a", "block_out", 2, NAN, false), verdict_row("a", "block_out", 3, 0.25, false)};
  rows[0].nonfinite = rows[2].nonfinite = 1;
  Verdict v = verdict_from(rows, 4, 4);
  SAME(v.block_out_first, NAN);
  SAME(v.block_out_worst, 0.5);
  SAME(v.worst_layer, 1);
  SAME(v.block_out_last, 0.25);
}

Test(verdict, reasons_of_the_presets_hold_in_both_directions) {
  const struct {
    const char *a, *b, *want;
  } pair[] = {
      {"0", "2-0", "grid_identity"},
      {"2-1", "2-2", "dequantised_first"},
      {"2-1", "2-3", "ties_only"},
      {"2-0", "2-4", ""},
      {"0", "2-1", ""},
      {"2-2", "2-3", ""}, /* u on the grid against u requantised from float */
      {"2-3", "2-4", ""},
      {"2-2", "2-4", ""},
      {"1", "fp32", ""},
      {"2-4", "3", ""},
      {"0", "0", ""},
  };
  for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
    const Mode *a = mode_preset(pair[i].a), *b = mode_preset(pair[i].b);
    cr_assert(a && b);
    cr_assert_str_eq(verdict_reason(a, b, 1), pair[i].want, "%s, %s: %s", a->name, b->name,
                     verdict_reason(a, b, 1));
    cr_assert_str_eq(verdict_reason(b, a, 1), pair[i].want, "%s, %s: %s", b->name, a->name,
                     verdict_reason(b, a, 1));
  }
}

Test(verdict, reasons_come_from_settings_not_names) {
  Mode a = *mode_preset("2-1"), b = a;
  snprintf(b.name, sizeof b.name, "own");
  b.setting[STAGE_CONV_OUT] = CONV_OUT_F32_GRID;
  cr_assert_str_eq(verdict_reason(&a, &b, 1), "grid_identity");
  a.setting[STAGE_CONV_OUT] =
      CONV_OUT_F32; /* requantised from float on one side, from the grid on the other */
  cr_assert_str_eq(verdict_reason(&a, &b, 1), "ties_only");
  b.setting[STAGE_GATED] = OUTPUT_F32;
  cr_assert_str_eq(verdict_reason(&a, &b, 1), "", "a third stage differs");
  b = a = *mode_preset("2-2");
  b.setting[STAGE_CONV_OUT] = CONV_OUT_I8;
  b.setting[STAGE_SCAN_U] = SCAN_U_F32; /* float u on both sides, on the grid */
  cr_assert_str_eq(verdict_reason(&a, &b, 1), "",
                   "none of the reasons is about float u on both sides");
  b.setting[STAGE_SCAN_U] = SCAN_U_I8;
  cr_assert_str_eq(verdict_reason(&a, &b, 1), "dequantised_first");
  b.setting[STAGE_CONV_OUT] = CONV_OUT_F32_GRID;
  cr_assert_str_eq(verdict_reason(&a, &b, 1), "dequantised_first");
  b.setting[STAGE_CONV_OUT] = CONV_OUT_F32;
  cr_assert_str_eq(verdict_reason(&a, &b, 1), "", "u is on the grid on one side alone");
}

Test(verdict, top1_agreement_weighs_prompts_by_their_length) {
  PairStats rows[] = {verdict_row("a", "logits", 1, 0.5, true),
                      verdict_row("b", "logits", 1, 0.5, true)};
  rows[0].top1_rows = 300;
  rows[0].top1_agreement = 0.5;
  rows[1].top1_rows = 100;
  rows[1].top1_agreement = 0.9;
  NEAR(verdict_from(rows, 2, 1).top1_agreement, 0.6, 1e-15);
}

Test(verdict, top1_agreement_is_of_finite_positions_and_the_rest_is_counted) {
  PairStats rows[] = {verdict_row("a", "logits", 1, 0.5, true),
                      verdict_row("b", "logits", 1, 0.5, true)};
  rows[0].top1_rows = 0;
  rows[0].top1_left_out = 128;
  rows[0].top1_agreement = NAN;
  rows[0].nonfinite = 128;
  Verdict v = verdict_from(rows, 2, 1);
  SAME(v.top1_agreement, 0.75);
  SAME(v.top1_rows, 4);
  SAME(v.top1_left_out, 128);
  SAME(v.nonfinite, 128);
  SAME(verdict_from(rows, 1, 1).top1_agreement, NAN);
}
