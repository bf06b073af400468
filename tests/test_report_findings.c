/* The report's words: growth, jumps, effect and faults, each from numbers that were made to show
 * it. */
#include <criterion/criterion.h>

#include "family/family.h"
#include "family/mamba1.h"
#include "report/report.h"
#include "report/words.h"
#include "tests/report_rows.h"

TestSuite(report_findings, .init = reserve, .fini = release);

static const char *findings_of(ReportData *d) {
  data_arrange(&arena, d);
  return part_of(body_of(d), "## 6. ", "## 6. ");
}

Test(report_findings, findings_name_cause_course_and_scale) {
  const char *text = part_of(body_of(made_run(&arena, made, 1)), "## 6. ", "### 2-0 against 2-4");
  EXPECT_LINE(text,
              "- The modes ask for different settings of `conv_out`, `scan_u` and `scan_order`.");
  EXPECT_LINE(text,
              "- The witness shows different kernels for `conv1d_silu`, `scan_in` and `scan`.");
  EXPECT_LINE(text, "- **How it grows is not told**: this results file holds no shapes. From layer "
                    "0 to layer 3 the relative L2 of `block_out` goes from 0.100 % to 0.600 %.");
  EXPECT_LINE(text, "- **Beside the errors of the modes themselves**: against the float64 "
                    "reference the logits of 2-0 are off by 2.00 % and those of 2-4 by 3.00 % "
                    "(relative L2); 2-0 is closer (of this prompt alone), and the difference "
                    "between the two is 30.0 % of the smaller of these errors.");
}

Test(report_findings, a_file_without_shapes_says_so_and_gives_both_ends) {
  static const double size[] = {0, 0.008, 0.004, 0.002};
  const char *text = findings_of(one_pair("2-0", "2-4", size));
  EXPECT_LINE(text, "- **How it grows is not told**: this results file holds no shapes. From layer "
                    "1 to layer 3 the relative L2 of `block_out` goes from 0.800 % to 0.200 %.");
}

Test(report_findings, the_shape_stands_in_the_findings_the_drift_and_the_modes) {
  static const double size[] = {0.001, 0.002, 0.004, 0.008};
  one_pair("fp64", "2-4", size);
  DriftShape *shape = row_shape(made, "fp64", "2-4", T_BLOCK_OUT, 1, "rises_falls", 17);
  shape->parting = 2, shape->parting_layer = 2;
  row_no_shape(made, "fp64", "2-4", T_SCAN, 1, "zeros");
  ReportData *d = made_data(&arena, made);
  data_arrange(&arena, d);
  const char *text = body_of(d);
  EXPECT_LINE(part_of(text, "## 6. ", "## 6. "),
              "- **Does it accumulate, stay or jump?** `block_out`: rises to layer 17 and falls "
              "back (of this prompt alone); from layer 0 to layer 23 the median token's error goes "
              "from 1.00 % to 2.00 %: ×2.00; over the last quarter of the layers ×0.750. The "
              "largest is layer 17: up to it ×4.00, from there to the end ×0.500. The largest step "
              "up leads into layer 1: ×1.50, which is 25.0 % of all steps up.");
  EXPECT_LINE(part_of(text, "## 6. ", "## 6. "),
              "- **Single tokens?** single tokens carry the error: in layer 2 token 3 of prompt "
              "address has 62.5 % of that prompt's squared error; all together are off by 2.00 "
              "times the median token's error. From the curve's first layer to its last the error "
              "of all tokens together changes by ×1.75.");
  const char *drift = part_of(text, "## 4. ", "### 2-4 against the float64 reference");
  cr_expect(
      strstr(drift,
             "**Shape** of `block_out`: rises to layer 17 and falls back (of this prompt alone);"),
      "%s", drift);
  cr_expect(strstr(squeezed(drift), "\n| growth | ×2.00 |"), "%s", drift);
  cr_expect(strstr(squeezed(drift), " | 62.5 % | 3 of address |\n"), "%s", drift);
  cr_expect(strstr(squeezed(part_of(text, "## 5. ", "## 5. ")), "\n| growth | ×2.00 |"), "%s",
            text);
}

Test(report_findings, a_difference_that_stays_inside_its_layer_is_said_to) {
  static const double size[] = {0.001, 0.001, 0.001, 0.001};
  ReportData *d = one_pair("2-1", "2-4", size);
  for (size_t i = 0; i < made->pairs; i++)
    if (strcmp(made->pair[i].tensor, "conv1d_silu")) made->pair[i].identical = 1;
  for (size_t i = 0; i < made->drifts; i++)
    if (strcmp(made->drift[i].tensor, "conv1d_silu"))
      made->drift[i].identical = 1, made->drift[i].rel_l2 = 0;
  Verdict *v = &made->verdict[0];
  v->tensors_identical = v->tensors - MADE_LAYERS;
  v->block_out_first = v->block_out_last = v->logits_rel_l2 = 0;
  SET_TEXT(v->reason, "ties_only");
  const char *text = findings_of(d);
  EXPECT_LINE(text, "- **It does not travel.** `block_out` is identical in every layer: what "
                    "differs inside a layer is lost again before the layer ends.");
  EXPECT_LINE(text, "- **Where it ends.** The difference does not reach the end: the last "
                    "`block_out` and the logits are identical.");
  cr_expect(
      strstr(text,
             "- **Why.** Each mode rounds the output of the convolution once onto the same grid"),
      "%s", text);
  const char *drift = part_of(body_of(d), "## 4. ", "## 4. ");
  EXPECT_LINE(drift, "|     1 |   identical |       0.100 % | identical |  identical |      — |    "
                     "   — |        — |        — |");
}

Test(report_findings, a_pair_that_did_not_take_effect_is_said_to) {
  ReportData *d = one_pair("2-0", "2-0b", made_equal);
  const char *text = findings_of(d);
  EXPECT_LINE(text, "- **The difference between 2-0 and 2-0b did NOT take effect:** both sides ran "
                    "the same kernels everywhere, and all 30 tensors compared are identical in "
                    "every bit. This comparison says nothing about the two modes.");
  EXPECT_LINE(text, "- The witness shows the same kernels for every tensor.");
  EXPECT_NONE(text, "Both modes took effect");
}

Test(report_findings, equal_kernels_with_unequal_values_are_a_fault) {
  const char *text = findings_of(one_pair("2-0", "2-0b", made_grows));
  cr_expect(strstr(text, "- **Fault:** both sides ran the same kernels everywhere, and yet 27 of "
                         "30 tensors compared differ."),
            "%s", text);
}

Test(report_findings, modes_that_must_agree_and_do_not_are_a_fault) {
  ReportData *d = one_pair("0", "2-0", made_grows);
  SET_TEXT(made->verdict[0].reason, "grid_identity");
  const char *text = findings_of(d);
  cr_expect(strstr(text, "- **Why.** **Fault:** by their settings these two modes must agree in "
                         "every bit, and here they do not."),
            "%s", text);
  cr_expect(strstr(report_summary(&arena, d, &d->pair[0]), "FAULT, they must agree in every bit"));
}

Test(report_findings, the_third_line_tells_growth_and_shape) {
  made_run(&arena, made, 1);
  row_shape(made, "2-0", "2-4", T_BLOCK_OUT, 1, "accumulates", -1);
  ReportData *d = made_data(&arena, made);
  data_arrange(&arena, d);
  const char *text = report_summary(&arena, d, &d->pair[0]);
  cr_expect(
      strstr(text,
             "block_out: accumulates (of this prompt alone); from layer 0 to layer 23 the median "
             "token's error goes from 1.00 % to 2.00 %: ×2.00; over the last quarter of the layers "
             "×0.750; logits relative L2 0.600 %, same top token at 80.0 % of positions\n"),
      "%s", text);
}

static void expect_summary(const Verdict *v, const char *want) {
  ReportData *d = made_data(&arena, made);
  data_arrange(&arena, d);
  const ReportPair pair = {.base = v->base, .other = v->other, .verdict = v};
  const char *got = report_summary(&arena, d, &pair);
  cr_expect_str_eq(got, want, "got:\n%swant:\n%s", got, want);
}

Test(report_findings, three_lines_say_what_matters) {
  made_run(&arena, made, 1);
  expect_summary(&made->verdict[0], "2-0 against 2-4: both modes took effect: 12 of 30 tensors "
                                    "from different kernels, 27 differ\n"
                                    "2-0 against 2-4: first differs at layer 0, conv1d_silu, "
                                    "relative L2 0.100 % (prompt address)\n"
                                    "2-0 against 2-4: last block_out relative L2 0.600 %; logits "
                                    "relative L2 0.600 %, same top token at 80.0 % of positions\n");
  expect_summary(&made->verdict[1],
                 "0 against 2-0: both modes took effect (4 of 30 tensors from different kernels), "
                 "every bit identical: requantising values that lie on the grid returns them\n"
                 "0 against 2-0: no tensor differs in any bit\n"
                 "0 against 2-0: block_out of layer 3 and the logits are identical\n");
  Verdict *reference = &made->verdict[2];
  reference->top1_agreement = NAN;
  expect_summary(
      reference,
      "fp64 against 2-0: 3 of 30 tensors equal the float64 reference in every bit\n"
      "fp64 against 2-0: first differs at layer 0, conv1d_silu, relative L2 0.100 % (prompt "
      "address)\n"
      "fp64 against 2-0: last block_out relative L2 0.600 %; logits relative L2 2.00 %\n");
  expect_summary(row_verdict(made, "a", "b", "identical", "", 9, 9, 9),
                 "a against b: did NOT take effect: both sides ran the same kernels everywhere, "
                 "all 9 tensors identical\n"
                 "a against b: no tensor differs in any bit\n"
                 "a against b: block_out of layer 3 and the logits are identical\n");
  expect_summary(row_verdict(made, "a", "b\x1b[31m", "", "", 0, 0, 0),
                 "a against b?[31m: nothing was compared\na against b?[31m: no first difference\na "
                 "against b?[31m: no size at the end\n");
}

/* --- values that are not finite --------------------------------------------------------------- */

/* Of the tensor at this layer, `nonfinite` of 20 values are left out; what is left has the size. */
static void leave_out(const char *tensor, int layer, int64_t nonfinite, double rel_l2) {
  for (size_t i = 0; i < made->drifts; i++) {
    Drift *row = &made->drift[i];
    if (strcmp(row->tensor, tensor) || row->layer != layer) continue;
    row->identical = 0, row->rel_l2 = rel_l2, row->n = 20, row->nonfinite = nonfinite;
  }
  for (size_t i = 0; i < made->pairs; i++) {
    PairStats *row = &made->pair[i];
    if (strcmp(row->tensor, tensor) || row->layer != layer) continue;
    row->identical = 0, row->rel_l2 = rel_l2, row->n = 20, row->nonfinite = nonfinite;
  }
}

static const char *summary_of_pair(ReportData *d) {
  data_arrange(&arena, d);
  return report_summary(&arena, d, &d->pair[0]);
}

/* A quarter of block_out is NaN on one side, and what is finite is equal: its size is 0, and it is
 * not identical. */
Test(report_findings, what_is_equal_where_it_is_finite_is_not_identical) {
  ReportData *d = one_pair("2-0", "2-4", made_grows);
  leave_out("block_out", 3, 5, 0);
  leave_out("logits", 4, 5, 0);
  Verdict *v = &made->verdict[0];
  v->block_out_last = v->logits_rel_l2 = 0;
  const char *text = findings_of(d), *summary = summary_of_pair(d);
  EXPECT_NONE(text, "identical in every layer");
  EXPECT_NONE(text, "does not reach the end");
  EXPECT_NONE(text, "the logits are identical");
  EXPECT_NONE(summary, "identical");
  EXPECT_LINE(text,
              "- **Where it ends.** At `block_out` of the last layer (3) the relative L2 is 0 (of "
              "the values that are finite on both sides: 5 of 20, 25.00 %, are left out), and at "
              "the logits it is 0 (of the values that are finite on both sides: 5 of 20, 25.00 %, "
              "are left out); both choose the same next token at 80.0 % of the positions.");
  cr_expect(strstr(text, "- **How it grows is not told**: `block_out` differs from layer 0 on, and "
                         "from layer 3 on it holds values that are not finite.\n"),
            "%s", text);
}

Test(report_findings, a_size_of_what_is_left_carries_the_count_and_the_share) {
  ReportData *d = one_pair("fp32", "1", made_grows);
  leave_out("block_out", 3, 19, 2.4e-4);
  leave_out("conv1d_silu", 0, 20, NAN);
  made->verdict[0].block_out_last = 2.4e-4;
  made->verdict[0].first_rel_l2 = NAN;
  const char *summary = summary_of_pair(d);
  cr_expect(strstr(summary, "last block_out relative L2 0.0240 % (of the values that are finite on "
                            "both sides: 19 of 20, 95.00 %, are left out); logits"),
            "%s", summary);
  cr_expect(
      strstr(summary,
             "conv1d_silu, relative L2 not defined: no value is finite on both sides (prompt p)"),
      "%s", summary);
  EXPECT_NONE(summary, "times layer 0");
  const char *drift = part_of(body_of(d), "## 4. ", "## 4. ");
  cr_expect(strstr(drift, " 0.0240 % (95.00 % left out) |"), "%s", drift);
  cr_expect(strstr(drift, " not finite |"), "%s", drift);
}

Test(report_findings, positions_that_are_not_finite_are_named_beside_the_agreement) {
  ReportData *d = one_pair("2-0", "2-4", made_grows);
  Verdict *v = &made->verdict[0];
  v->top1_rows = 3, v->top1_left_out = 2, v->top1_agreement = 2.0 / 3;
  cr_expect(
      strstr(findings_of(d),
             "; both choose the same next token at 66.7 % of the 3 positions where the logits of "
             "both are finite (of 5)."));
  cr_expect(strstr(summary_of_pair(d),
                   "same top token at 66.7 % of the 3 positions finite on both sides (of 5)\n"));
  v->top1_rows = 0, v->top1_left_out = 5, v->top1_agreement = NAN;
  cr_expect(
      strstr(findings_of(d),
             "; at no position are the logits of both finite, so next tokens are not compared."));
  cr_expect(strstr(summary_of_pair(d), ", at no position finite on both sides\n"));
}

/* Two figures of other values are not set beside each other, but they are told. */
Test(report_findings, errors_of_the_modes_are_told_with_what_they_leave_out) {
  ReportData *d = made_run(&arena, made, 1);
  for (size_t i = 0; i < made->drifts; i++) {
    Drift *row = &made->drift[i];
    if (!strcmp(row->base, "fp64") && !strcmp(row->other, "2-0") && !strcmp(row->tensor, "logits"))
      row->n = 20, row->nonfinite = 5;
  }
  EXPECT_LINE(findings_of(d),
              "- **Beside the errors of the modes themselves**: against the float64 reference the "
              "relative L2 of the logits of 2-0 is 2.00 % (of the values that are finite on both "
              "sides: 5 of 20, 25.00 %, are left out), and of those of 2-4 it is 3.00 %. Each is "
              "of other values than the difference between the two, so that it is not told which "
              "mode is closer, nor how large the difference is beside these errors.");
}

/* A share of one position would say more than there is. */
Test(report_findings, few_positions_are_counted) {
  static const struct {
    int rows, same;
    const char *words, *cell;
  } of[] = {{1, 1, "the one position", "1 of 1"},
            {1, 0, "0 of 1 position", "0 of 1"},
            {3, 2, "2 of 3 positions", "2 of 3"},
            {4, 3, "75.0 % of the positions", "75.0 %"}};
  ReportData *d = one_pair("2-0", "2-4", made_grows);
  for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
    Verdict *v = &made->verdict[0];
    v->top1_rows = of[i].rows, v->top1_agreement = (double)of[i].same / of[i].rows;
    const char *text = findings_of(d), *summary = summary_of_pair(d);
    cr_expect(strstr(text, arena_printf(&arena, "; both choose the same next token at %s.\n",
                                        of[i].words)),
              "%s in:\n%s", of[i].words, text);
    if (of[i].rows <= 3)
      cr_expect(strstr(summary, arena_printf(&arena, ", same top token at %s\n", of[i].words)),
                "%s in:\n%s", of[i].words, summary);
    cr_expect_str_eq(words_same_tokens(LANGUAGE_ENGLISH, &arena, v, false), of[i].cell);
  }
}

Test(report_findings, modes_whose_logits_are_not_finite_are_not_ranked) {
  ReportData *d = made_run(&arena, made, 1);
  for (size_t i = 0; i < made->drifts; i++) {
    Drift *row = &made->drift[i];
    if (!strcmp(row->base, "fp64") && !strcmp(row->other, "2-0") && !strcmp(row->tensor, "logits"))
      row->n = 20, row->nonfinite = 5;
  }
  const char *text = part_of(body_of(d), "## 5. ", "## 5. ");
  EXPECT_LINE(text, "Not ranked, as logits of theirs are not finite: 2-0.");
  EXPECT_LINE(
      text,
      "At the logits 2-4 is nearest to the reference (relative L2 3.00 %) and 0 farthest from it "
      "(4.00 %), of this prompt alone.");
}
