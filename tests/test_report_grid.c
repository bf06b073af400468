/* The report's section of a grid, from rows made by hand. */
#include <criterion/criterion.h>

#include "report/sections.h"
#include "tests/report_rows.h"

TestSuite(report_grid, .init = reserve, .fini = release);

/* A point whose KL is `factor` times that of the calibration's own alpha, 0.9999; `holm` and an
 * interval of a factor of 1.1 to either side; NaN: neither. */
static GridPoint point(const char *mode, double alpha, int length, double factor, double holm) {
  const double width = isnan(holm) ? (double)NAN : 1.1;
  GridPoint row = {.alpha = alpha,
                   .length = length,
                   .own = alpha == 0.9999,
                   .as_alpha = alpha,
                   .prompts = 2,
                   .block_out = 0.05 * factor,
                   .block_out_factor = factor,
                   .block_out_factor_low = NAN,
                   .token_median_factor = factor,
                   .token_median_factor_low = NAN,
                   .kl = 0.01 * factor,
                   .kl_low = 0.008 * factor,
                   .kl_high = 0.012 * factor,
                   .kl_factor = factor,
                   .kl_factor_low = factor / width,
                   .kl_factor_high = factor * width,
                   .kl_factor_holm = holm,
                   .kl_factor_needed = 34,
                   .bits = 2,
                   .bits_change = 0.25,
                   .bits_change_low = NAN};
  SET_TEXT(row.mode, mode);
  return row;
}

static ReportData *data_of(const GridPoint *row, size_t rows, int prompts) {
  ReportData *d = made_run(&arena, made, prompts);
  d->grid = row, d->grids = rows;
  return d;
}

static const char *section(const GridPoint *row, size_t rows, int prompts) {
  const char *text = strstr(body_of(data_of(row, rows, prompts)), "Over alphas and lengths");
  cr_assert_not_null(text);
  return text;
}

Test(report_grid, a_run_without_it_has_no_such_section) {
  cr_expect_null(strstr(body_of(made_run(&arena, made, 1)), "Over alphas"));
  cr_expect_str_eq(grid_summary(&arena, made_run(&arena, made, 1)), "");
}

Test(report_grid, the_lowest_kl_of_those_that_are_told_is_named) {
  const GridPoint rows[] = {point("2-0", 0.99, 64, 1.5, 0.01), point("2-0", 0.999, 64, 0.8, 0.01),
                            point("2-0", 0.9999, 64, 1, NAN), point("2-0", 0.99999, 64, 0.7, 0.04),
                            point("2-0", 1, 64, 0.6, 0.06)};
  says(section(rows, 5, 2), "- 2-0, 64 tokens: **`alpha: 0.99999`** has a KL of 7.00e-03, the "
                            "calibration's own 0.9999 has 1.00e-02: a factor of 0.700 (0.636 … "
                            "0.770), beyond chance with all points asked at once.");
  cr_expect_str_eq(grid_summary(&arena, data_of(rows, 5, 2)),
                   "2-0, 64 tokens: with alpha: 0.99999 the KL goes from 1.00e-02 to 7.00e-03\n");
}

Test(report_grid, where_every_other_alpha_is_told_to_be_worse_the_calibration_s_is_named) {
  const GridPoint rows[] = {point("2-0", 0.99, 0, 1.5, 0.01), point("2-0", 0.9999, 0, 1, NAN),
                            point("2-0", 1, 0, 1.3, 0.05)};
  says(section(rows, 3, 2), "- 2-0, whole prompts: **the calibration's own `alpha: 0.9999`** has "
                            "the lowest KL, beyond chance with all points asked at once; next "
                            "comes 1, a factor of 1.300 (1.182 … 1.430).");
}

Test(report_grid, where_none_is_told_the_nearest_is_named_with_what_it_would_take) {
  GridPoint rows[] = {point("2-0", 0.99, 64, 1.5, 0.01), point("2-0", 0.9999, 64, 1, NAN),
                      point("2-0", 1, 64, 0.95, 0.2)};
  const char *text = section(rows, 3, 2);
  says(text, "- 2-0, 64 tokens: no alpha is told to have a lower KL than the calibration's own "
             "0.9999; nearest comes `alpha: 1`, a factor of 0.9500 (0.8636 … 1.0450); asked alone, "
             "34 prompts would tell.");
  cr_expect_null(strstr(text, "**`alpha"));
  cr_expect_str_eq(grid_summary(&arena, data_of(rows, 3, 2)),
                   "over alphas: none is told to have a lower KL than the calibration's own\n");
  rows[2] = point("2-0", 1, 64, 0.8, 0.2);
  says(section(rows, 3, 2), "a factor of 0.800 (0.727 … 0.880), beyond chance asked alone, and not "
                            "with all points asked at once.");
}

Test(report_grid, one_prompt_tells_nothing_and_says_so) {
  GridPoint rows[] = {point("2-0", 0.9999, 64, 1, NAN), point("2-0", 1, 64, 0.5, NAN)};
  rows[1].kl_factor_needed = NAN;
  const char *text = section(rows, 2, 1);
  says(text, "There is one prompt alone, so no interval");
  says(text, "no alpha is told to have a lower KL than the calibration's own 0.9999; nearest comes "
             "`alpha: 1`, a factor of 0.500.\n");
}

Test(report_grid, what_every_alpha_leaves_as_it_is_stands_once_a_length) {
  GridPoint rows[] = {point("1", 0.99, 32, 1, NAN),   point("1", 0.9999, 32, 1, NAN),
                      point("1", 0.99, 64, 1, NAN),   point("1", 0.9999, 64, 1, NAN),
                      point("2-4", 0.99, 64, 2, 0.9), point("2-4", 0.9999, 64, 1, NAN),
                      point("2-4", 1, 64, 1, NAN)};
  for (int i = 0; i < 4; i++) rows[i].as_alpha = 0.99;
  rows[6].as_alpha = 0.9999;
  const char *text = section(rows, 7, 2);
  says(text, "The same at every alpha, in every bit, and so computed once: 1. No scale");
  const char *line = strstr(text, "| 1    |     32 | every");
  cr_assert(line, "%.3000s", text);
  cr_expect(strstr(line, "| 1    |     64 | every"));
  int rows_of_1 = 0; /* in each of the two tables */
  for (const char *at = text; (at = strstr(at, "| 1    |     32 |")); at++) rows_of_1++;
  cr_expect_eq(rows_of_1, 2);
  says(text, "| 0.9999 (its own)");
  says(text, "| 1, as at 0.9999");
  cr_expect_null(strstr(text, "- 1, "), "a sentence of a mode that has no best alpha");
}

Test(report_grid, without_the_calibration_s_own_alpha_no_change_is_told) {
  GridPoint rows[] = {point("2-0", 0.99, 64, 1.5, NAN), point("2-0", 1, 64, 0.5, NAN)};
  for (int i = 0; i < 2; i++)
    rows[i].kl_factor = rows[i].block_out_factor = rows[i].token_median_factor =
        rows[i].bits_change = NAN;
  const char *text = section(rows, 2, 2);
  says(text, "The calibration's own alpha is not in the grid");
  cr_expect_null(strstr(text, "no alpha is told"));
  cr_expect_str_eq(grid_summary(&arena, data_of(rows, 2, 2)), "");
}

Test(report_grid, a_prompt_that_is_left_out_is_warned_of_by_name) {
  GridPoint rows[] = {point("2-0", 0.9999, 64, 1, NAN)};
  SET_TEXT(rows[0].left_out, "p7");
  says(
      section(rows, 1, 2),
      "> **Warning.** Left out of 2-0, 64 tokens, alpha 0.9999, since a figure is not finite: p7.");
}
