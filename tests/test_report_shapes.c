/* The words of a shape: each branch from a row made by hand, and never a word that its row does not
 * bear out. */
#include <criterion/criterion.h>

#include "family/family.h"
#include "family/mamba1.h"
#include "report/markdown.h"
#include "report/shapes.h"
#include "tests/report_rows.h"

TestSuite(report_shapes, .init = reserve, .fini = release);

static void expect(const char *got, const char *want) {
  cr_expect_str_eq(got, want, " got: %s\nwant: %s", got, want);
}

#define EXPECT_NAME(row, want) expect(shapes_name(LANGUAGE_ENGLISH, &arena, row), want)

Test(report_shapes, every_shape_has_its_words) {
  static const struct {
    const char *shape;
    int layer;
    const char *words;
  } of[] = {{"flat", -1, "stays flat"},
            {"accumulates", -1, "accumulates"},
            {"jumps", 23, "jumps at layer 23"},
            {"saturates", 0, "saturates at layer 0"},
            {"rises_falls", 17, "rises to layer 17 and falls back"},
            {"falls", -1, "falls"},
            {"mixed", -1, "goes up and down, in no one direction"},
            {"identical", -1, "is identical in every bit"}};
  for (size_t i = 0; i < sizeof of / sizeof *of; i++)
    for (int prompts = 1; prompts <= 4; prompts += 3)
      EXPECT_NAME(row_shape(made, "a", "b", T_BLOCK_OUT, prompts, of[i].shape, of[i].layer),
                  of[i].words);
}

Test(report_shapes, the_layer_of_a_shape_has_its_range_over_prompts) {
  DriftShape *row = row_shape(made, "a", "b", T_BLOCK_OUT, 4, "rises_falls", 17);
  row->layer_low = 16, row->layer_high = 18;
  EXPECT_NAME(row, "rises to layer 17 (16 … 18) and falls back");
  row->layer_low = row->layer_high = 17;
  EXPECT_NAME(row, "rises to layer 17 and falls back");
}

Test(report_shapes, what_is_not_told_names_both_and_how_many_prompts_would_tell) {
  DriftShape *row = row_shape(made, "a", "b", T_BLOCK_OUT, 4, "rises_falls", 18);
  row->told = 0, row->agreement = 0.563, row->needed = 128;
  row->layer_low = 16, row->layer_high = 20;
  SET_TEXT(row->rival, "jumps"), row->rival_layer = 15;
  EXPECT_NAME(row, "cannot tell between “rises to layer 18 and falls back” and “jumps at layer 15” "
                   "(the first in 56.3 % of the draws of prompts); about 128 prompts would tell");
  expect(shapes_cell(LANGUAGE_ENGLISH, &arena, row),
         "cannot tell: “rises to layer 18 and falls back” or “jumps at layer 15”");
  row->needed = -1;
  EXPECT_NAME(row,
              "cannot tell between “rises to layer 18 and falls back” and “jumps at layer 15” (the "
              "first in 56.3 % of the draws of prompts); no number of such prompts would tell");
  row->needed = 0, row->rival[0] = 0;
  EXPECT_NAME(
      row,
      "cannot tell: “rises to layer 18 and falls back” in only 56.3 % of the draws of prompts");
}

Test(report_shapes, every_reason_of_no_shape_is_said) {
  static const char *const of[][2] = {
      {"few_layers",
       "has no shape: from layer 2, where it starts, to the end there are too few layers"},
      {"starts_apart", "has no shape: the median token differs from layer 2 on in one prompt, and "
                       "only from layer 9 on in another"},
      {"zeros", "has no shape: in at least one prompt half of the tokens or more are equal, at a "
                "layer after the first that differs or in all"},
      {"no_tokens", "has no shape: its rows are no tokens"},
      {"not_finite", "has no shape: no prompt is finite in every layer"},
      {"something new", "has no shape"}};
  for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
    DriftShape *row = row_no_shape(made, "a", "b", T_BLOCK_OUT, 1, of[i][0]);
    row->first_layer = 2, row->latest_start = 9;
    EXPECT_NAME(row, of[i][1]);
    const bool one =
        strcmp(of[i][0], "no_tokens") != 0; /* of which any prompt would say the same */
    const char *alone = one ? " (of this prompt alone)" : "";
    expect(shapes_travel(LANGUAGE_ENGLISH, &arena, row),
           arena_printf(&arena, "%s%s", of[i][1], alone));
    expect(shapes_growth(LANGUAGE_ENGLISH, &arena, row), "");
    expect(shapes_parts(LANGUAGE_ENGLISH, &arena, row, NULL), "");
    expect(shapes_brief(LANGUAGE_ENGLISH, &arena, row),
           arena_printf(&arena, "has no shape%s", alone));
    row->last = 0.04, row->last_low = 0.03, row->last_high = 0.05;
    expect(shapes_growth(LANGUAGE_ENGLISH, &arena, row),
           "in the last layer the median token's error is 4.00 % (3.00 % … 5.00 %)");
  }
}

Test(report_shapes, a_shape_that_this_program_does_not_know_is_none) {
  EXPECT_NAME(row_shape(made, "a", "b", T_BLOCK_OUT, 4, "<b>spirals</b>", 3), "has no shape");
}

Test(report_shapes, of_one_prompt_there_is_no_interval_and_nothing_of_others) {
  DriftShape *row = row_shape(made, "a", "b", T_BLOCK_OUT, 1, "falls", -1);
  row->growth = 0.5, row->last = 0.005;
  expect(shapes_travel(LANGUAGE_ENGLISH, &arena, row),
         "falls (of this prompt alone); from layer 0 to layer 23 the median token's error "
         "goes from 1.00 % to 0.500 %: ×0.500; over the last quarter of the layers ×0.750");
  row->left_out = 3;
  cr_expect(strstr(shapes_travel(LANGUAGE_ENGLISH, &arena, row),
                   "×0.750 (left out, as not finite in every layer: 3 prompts)"));
}

Test(report_shapes, a_short_curve_has_a_last_step_and_no_quarter) {
  static const char from[] = "from layer 0 to layer %d the median token's error goes from 1.00 %% "
                             "to 2.00 %%: ×2.00%s";
  static const struct {
    int last;
    const char *words;
  } of[] = {{1, ""},
            {2, "; over the last step, into layer 2, ×0.750"},
            {3, "; over the last step, into layer 3, ×0.750"},
            {4, "; over the last quarter of the layers ×0.750"}};
  for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
    DriftShape *row = row_shape(made, "a", "b", T_BLOCK_OUT, 2, "accumulates", -1);
    row->last_layer = of[i].last;
    row->growth_low = row->quarter_low = NAN;
    expect(shapes_travel(LANGUAGE_ENGLISH, &arena, row),
           arena_printf(&arena, arena_printf(&arena, "accumulates; %s", from), of[i].last,
                        of[i].words));
  }
}

Test(report_shapes, a_factor_that_rounds_to_one_is_no_growth) {
  DriftShape *row = row_shape(made, "a", "b", T_BLOCK_OUT, 1, "flat", -1);
  row->growth = 1.0004, row->last = 0.010004, row->step = 1.002, row->quarter = NAN;
  row->peak_layer = row->last_layer;
  expect(shapes_growth(LANGUAGE_ENGLISH, &arena, row),
         "from layer 0 to layer 23 the median token's error goes from 1.00 % to 1.00 %: no growth");
  expect(shapes_parts(LANGUAGE_ENGLISH, &arena, row, NULL),
         "The last layer is the largest. No step up is more than ×1.00.");
}

Test(report_shapes, of_several_prompts_each_factor_has_its_interval) {
  DriftShape *row = row_shape(made, "a", "b", T_BLOCK_OUT, 16, "accumulates", -1);
  expect(shapes_travel(LANGUAGE_ENGLISH, &arena, row),
         "accumulates; from layer 0 to layer 23 the median token's error goes from 1.00 % to 2.00 "
         "%: ×2.00 (95 % over 16 prompts: 1.88 … 2.12); over the last quarter of the layers ×0.750 "
         "(0.703 … 0.797)");
  expect(shapes_brief(LANGUAGE_ENGLISH, &arena, row), "accumulates, ×2.00 (1.88 … 2.12)");
  row->growth = 1.1, row->growth_low = 0.9, row->growth_high = 1.34, row->needed = 40;
  expect(shapes_growth(LANGUAGE_ENGLISH, &arena, row),
         "from layer 0 to layer 23 the median token's error goes from 1.00 % to 2.00 %: ×1.10 (95 "
         "% over 16 prompts: 0.900 … 1.34), so that neither growth nor decline is told; about 40 "
         "prompts would tell");
  SET_TEXT(row->shape, "flat");
  cr_expect(!strstr(shapes_growth(LANGUAGE_ENGLISH, &arena, row), "neither"),
            "a flat curve need not grow or decline");
}

Test(report_shapes, peak_and_largest_step_are_named_where_they_are) {
  DriftShape *row = row_shape(made, "a", "b", T_BLOCK_OUT, 1, "rises_falls", 17);
  expect(shapes_parts(LANGUAGE_ENGLISH, &arena, row, NULL),
         "The largest is layer 17: up to it ×4.00, from there to the end ×0.500. The largest "
         "step up leads into layer 1: ×1.50, which is 25.0 % of all steps up.");
  row->peak_layer = 23;
  expect(shapes_parts(LANGUAGE_ENGLISH, &arena, row, NULL),
         "The last layer is the largest. The largest step up leads into layer 1: ×1.50, which "
         "is 25.0 % of all steps up.");
  row->peak_layer = 0, row->step_layer = -1;
  expect(shapes_parts(LANGUAGE_ENGLISH, &arena, row, NULL),
         "The first of these layers is the largest. No layer lies above the one before it.");
}

/* --- single tokens ---------------------------------------------------------------------------- */

static const char *tokens_of(DriftShape *row) {
  ReportData *d = made_data(&arena, made);
  data_arrange(&arena, d);
  const ReportPair pair = {.base = "a", .other = "b"};
  return shapes_tokens(&arena, d, &pair, row);
}

Test(report_shapes, single_tokens_are_spoken_of_from_the_limit_on) {
  row_drift(made, "a", "b", T_BLOCK_OUT, 2, 1, 0.01, NAN);
  DriftShape *row = row_shape(made, "a", "b", T_BLOCK_OUT, 1, "flat", -1);
  row->parting = 1.49, row->parting_layer = 2;
  expect(tokens_of(row), "");
  row->parting = 1.5;
  expect(
      tokens_of(row),
      "single tokens carry the error: in layer 2 token 3 of prompt address has 62.5 % of that "
      "prompt's squared error; all together are off by 1.50 times the median token's error. From "
      "the curve's first layer to its last the error of all tokens together changes by ×1.75");
  made->drift[0].token_worst_share = 0.125;
  expect(tokens_of(row),
         "the error is uneven: in layer 2 token 3 of prompt address has 12.5 % of that prompt's "
         "squared error; all together are off by 1.50 times the median token's error. From the "
         "curve's first layer to its last the error of all tokens together changes by ×1.75");
  made->drift[0].token_worst = -1, row->pooled_growth = NAN;
  expect(tokens_of(row), "the error is uneven: in layer 2 all together are off by 1.50 times the "
                         "median token's error");
  row->parting = NAN;
  expect(tokens_of(row), "");
}

Test(report_shapes, where_half_of_the_tokens_are_equal_a_token_with_most_of_the_rest_is_named) {
  row_drift(made, "a", "b", T_BLOCK_OUT, 0, 1, 0.01, NAN);
  row_drift(made, "a", "b", T_BLOCK_OUT, 1, 1, 0.01, NAN)->token_worst_share = 0.75;
  made->drift[1].layer = 1;
  DriftShape *row = row_no_shape(made, "a", "b", T_BLOCK_OUT, 1, "zeros");
  made->tensors = 0;
  row_tensor(made, "p", "a", T_BLOCK_OUT, 1, "f32", "", 1); /* two layers */
  expect(
      tokens_of(row),
      "single tokens carry the difference in some layers: in layer 1 token 3 of prompt address has "
      "75.0 % of that prompt's squared error");
  made->drift[0].token_worst_share = made->drift[1].token_worst_share = 0.25;
  expect(tokens_of(row), "");
}

Test(report_shapes, the_limits_are_those_of_the_run) {
  ReportData *d = made_data(&arena, made);
  data_arrange(&arena, d);
  cr_expect_eq(d->limits.parting, 1.5);
  cr_expect_eq(d->limits.agreement, 0.9);
  d->about[ABOUT_SPEC_EFFECTIVE] = "title: x\ndrift:\n  parting: 3\n";
  data_arrange(&arena, d);
  cr_expect_eq(d->limits.parting, 3);
  cr_expect_eq(d->limits.agreement, 0.9);
  d->about[ABOUT_SPEC_EFFECTIVE] = "drift: [no, map]\n";
  data_arrange(&arena, d);
  cr_expect_eq(d->limits.parting, 1.5);
}

/* --- every figure of the first screen is one of a table --------------------------------------- */

/* Whether a number of a row, in any of the forms that a figure is given, is this text. */
static bool is_form_of(double x, const char *text) {
  const char *forms[] = {md_error(&arena, x), md_share(&arena, x), md_factor(&arena, x),
                         md_short(&arena, x), arena_printf(&arena, "%.0f", x)};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    if (!strncmp(forms[i], text, strlen(text)) && !strspn(forms[i] + strlen(text), "0123456789.e"))
      return true;
  return false;
}

static double value_at(const Column *column, const char *row) {
  switch (column->type) {
    case COLUMN_F64: return *(const double *)(row + column->offset);
    case COLUMN_I64: return (double)*(const int64_t *)(row + column->offset);
    case COLUMN_I32: return *(const int32_t *)(row + column->offset);
    default: return NAN;
  }
}

static bool in_a_table(const ReportData *d, const char *text) {
  for (int t = 0; t < d->table_count; t++)
    for (size_t r = 0; r < d->tables[t].count; r++)
      for (int c = 0; c < d->tables[t].table->columns; c++) {
        const Table *table = d->tables[t].table;
        double x =
            value_at(&table->column[c], (const char *)d->tables[t].rows + r * table->row_size);
        if (!isnan(x) && is_form_of(x, text)) return true;
      }
  return false;
}

/* Counts of kernels and bits are those of the verdict, less those that agree. */
static bool is_difference(const ReportData *d, const char *text) {
  for (size_t v = 0; v < d->verdicts; v++)
    if (is_form_of(d->verdict[v].tensors - d->verdict[v].tensors_same_kernel, text) ||
        is_form_of(d->verdict[v].tensors - d->verdict[v].tensors_identical, text))
      return true;
  return false;
}

Test(report_shapes, no_figure_of_the_first_screen_stands_in_no_table) {
  for (int prompts = 1; prompts <= 2; prompts++) {
    memset(made, 0, sizeof *made);
    made_run(&arena, made, prompts);
    row_shape(made, "2-0", "2-4", T_BLOCK_OUT, prompts, "rises_falls", 17)->parting = 2;
    row_shape(made, "fp64", "2-4", T_BLOCK_OUT, prompts, "jumps", 7)->growth = 1.2345678;
    DriftShape *doubt = row_shape(made, "fp64", "2-0", T_BLOCK_OUT, prompts, "saturates", 11);
    SET_TEXT(doubt->rival, "jumps"), doubt->rival_layer = 12, doubt->told = 0, doubt->needed = 32;
    ReportData *d = made_data(&arena, made);
    d->about[ABOUT_QUESTION] = NULL;
    data_arrange(&arena, d);
    const char *text = part_of(body_of(d), "## 1. ", "## 1. ");
    int figures = 0;
    for (const char *at = strchr(text, '\n'); *at;) {
      size_t length = strspn(at, "0123456789.");
      while (length && at[length - 1] == '.') length--;
      bool name = (at[-1] >= 'a' && at[-1] <= 'z') || at[-1] == '_' || at[-1] == '-' ||
                  at[length] == '-' || (at[length] >= 'a' && at[length] <= 'z');
      if (!length) {
        at++;
        continue;
      }
      const char *number = arena_printf(&arena, "%.*s", (int)length, at);
      const bool limit =
          !strncmp(at + length, " % over", 7) || !strncmp(at + length, " % of the draws", 15);
      bool mode = !strcmp(number, "0") && (!strncmp(at + length, " ", 1)); /* the mode */
      if (!name && !limit && !mode) {
        figures++;
        cr_expect(in_a_table(d, number) || is_difference(d, number),
                  "%s stands in no table: …%.60s", number, at - 20);
      }
      at += length;
    }
    cr_expect(figures > 20, "only %d figures were looked at", figures);
  }
}
