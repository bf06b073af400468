/* The report's section of other scales, from rows made by hand. */
#include <criterion/criterion.h>

#include "tests/report_rows.h"

TestSuite(report_mend, .init = reserve, .fini = release);

enum { LAYERS = 3 };

/* The interval is a factor of `width` to either side; 0: there is none. */
static Mend mend_row(const char *choice, int layer, const char *scale, double factor,
                     double width) {
  Mend row = {.layer = layer,
              .value_before = 0.5,
              .value = 0.75,
              .local_before = NAN,
              .local = NAN,
              .prompts = 2,
              .block_out = 0.05 * factor,
              .block_out_factor = factor,
              .block_out_factor_low = width > 0 ? factor / width : NAN,
              .block_out_factor_high = width > 0 ? factor * width : NAN,
              .block_out_factor_holm = 0.01,
              .token_median_factor = 0.75,
              .token_median_factor_low = NAN,
              .kl_factor = 0.5,
              .kl_factor_low = NAN,
              .bits_change = -0.25,
              .bits_change_low = NAN};
  SET_TEXT(row.mode, "2-0");
  SET_TEXT(row.choice, choice);
  SET_TEXT(row.scale, scale);
  row.identical = factor == 1;
  return row;
}

/* Of each row, layers at 0.01, 0.08 and its end; the layer that is another has half of it. */
static const char *section(Mend *row, size_t rows, int prompts) {
  static MendLayer layer[16 * LAYERS];
  ReportData *d = made_run(&arena, made, prompts);
  d->mend = row, d->mends = rows;
  d->mend_layer = layer, d->mend_layers = rows * LAYERS;
  for (size_t i = 0; i < rows * LAYERS; i++) {
    const Mend *of = &row[i / LAYERS];
    const int at = (int)(i % LAYERS);
    layer[i] = (MendLayer){.layer = of->layer, .at_layer = at};
    layer[i].rel_l2 = (at == 0   ? 0.01
                       : at == 1 ? 0.08
                                 : of->block_out) *
                      (at == of->layer ? 0.5 : 1);
    SET_TEXT(layer[i].mode, of->mode);
    SET_TEXT(layer[i].choice, of->choice);
    SET_TEXT(layer[i].scale, of->scale);
  }
  const char *text = strstr(body_of(d), "What would mend it");
  cr_assert_not_null(text);
  return text;
}

Test(report_mend, a_run_without_it_has_no_such_section) {
  cr_expect_null(strstr(body_of(made_run(&arena, made, 1)), "What would mend it"));
}

Test(report_mend, the_largest_gain_that_is_told_is_recommended_with_what_it_costs) {
  Mend rows[] = {mend_row("calibrated", -1, "", 1, 0), mend_row("0.99999", -1, "", 0.8, 1.1),
                 mend_row("1", -1, "", 0.7, 1.6), mend_row("least", -1, "", 1.5, 1.1),
                 mend_row("1", 1, "s_u", 0.9, 1.05)};
  const char *text = section(rows, 5, 2);
  says(text, "**`alpha: 0.99999`** brings the error of 2-0 at the last `block_out` from 5.00e-02 "
             "to 4.00e-02, a factor of 0.800 (0.727 … 0.880); the largest over the layers from "
             "8.00e-02 at layer 1 to 8.00e-02 at layer 1. The median token's error goes by a "
             "factor of 0.750, KL by 0.500; bits per token change by -2.50e-01.");
  says(text, "layer 1, `s_u`: scale 7.50e-01 in place of 5.00e-01, 8.00e-02 → 4.00e-02.");
  says(text, "Every scale at its least squared error makes the end worse, by a factor of 1.500 "
             "(1.364 … 1.650)");
  const char *first = strstr(text, "| as it is"), *best = strstr(text, "| `alpha: 1`"),
             *next = strstr(text, "| `alpha: 0.99999`"), *last = strstr(text, "| every scale");
  cr_assert(first && best && next && last);
  cr_expect(first < best && best < next && next < last, "rows are not in the order of their ends");
}

Test(report_mend, where_nothing_is_told_nothing_is_recommended) {
  Mend rows[] = {mend_row("calibrated", -1, "", 1, 0), mend_row("1", -1, "", 0.9, 1.3)};
  const char *text = section(rows, 2, 2);
  says(text, "**None of these scales makes the end of 2-0 better** by more than chance");
  cr_expect_null(strstr(text, "brings the error"));
}

Test(report_mend, one_prompt_speaks_of_itself_from_a_fiftieth_on) {
  Mend rows[] = {mend_row("calibrated", -1, "", 1, 0), mend_row("1", -1, "", 0.99, 0)};
  says(section(rows, 2, 1), "**None of these scales makes the end of 2-0 better**");
  rows[1] = mend_row("1", -1, "", 0.9, 0);
  says(section(rows, 2, 1), "a factor of 0.900 (of this prompt alone)");
}

Test(report_mend, of_each_scale_the_layer_that_loses_most_is_shown) {
  static const char *const names[] = {"calibrated", "least"};
  ScaleChoice choice[8];
  for (int i = 0; i < 8; i++) {
    choice[i] = (ScaleChoice){.layer = i / 4, .value = 0.5, .grid_end = 63.5, .beyond = 7};
    choice[i].rel_l2 = 0.01 * (i / 4 ? 1 + i % 4 / 2 : 2 - i % 4 / 2) * (i % 2 ? 0.5 : 1);
    SET_TEXT(choice[i].scale, i % 4 < 2 ? "s_u" : "s_o");
    SET_TEXT(choice[i].tensor, i % 4 < 2 ? "conv1d_silu" : "out_proj_in");
    SET_TEXT(choice[i].choice, names[i % 2]);
  }
  Mend rows[] = {mend_row("calibrated", -1, "", 1, 0), mend_row("1", -1, "", 0.9, 0)};
  ReportData *d = made_run(&arena, made, 1);
  d->mend = rows, d->mends = 2, d->scale_choice = choice, d->scale_choices = 8;
  const char *text = strstr(body_of(d), "What each scale loses by itself");
  cr_assert_not_null(text);
  const char *u = strstr(text, "| `s_u`"), *o = strstr(text, "| `s_o`");
  cr_assert(u && o && u < o);
  cr_expect(strstr(u, "0 | `conv1d_silu`") && strstr(u, "0 | `conv1d_silu`") < o,
            "s_u loses most at layer 0");
  cr_expect(strstr(o, "1 | `out_proj_in`") != NULL, "s_o loses most at layer 1");
  says(u, "1.00e-02");
  const char *again = strstr(o + 1, "| `s_"), *next = strstr(o, "\n## ");
  cr_expect(!again || (next && next < again), "a scale stands twice");
}
