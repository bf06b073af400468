/* The report's section of what the ends of grids clip, from rows made by hand. */
#include <criterion/criterion.h>

#include "report/clipping.h"
#include "report/figures.h"
#include "tests/report_rows.h"

TestSuite(report_clipping, .init = reserve, .fini = release);

/* Of 400 elements on a grid of scale 0.5, whose squares are 1 beyond to 3 in all others at a share
 * of 0.25; share 0: none lies beyond. */
static Clipping clipping_row(const char *mode, const char *tensor, int layer, double share) {
  const bool any = share > 0;
  Clipping row = {.layer = layer,
                  .scale = 0.5,
                  .grid_end = 63.5,
                  .n = 400,
                  .beyond = any ? 7 : 0,
                  .channels = any ? 3 : 0,
                  .worst_channel = any ? 2 : -1,
                  .furthest = any ? 1.25 : NAN,
                  .furthest_token = any ? 18 : -1,
                  .furthest_channel = any ? 5 : -1,
                  .furthest_value = any ? -80 : NAN,
                  .error_share = share,
                  .rel_l2 = 0.02,
                  .rel_l2_clipped = 0.02 * sqrt(share),
                  .rel_l2_rounded = 0.02 * sqrt(1 - share)};
  SET_TEXT(row.prompt, *mode ? "address" : "");
  SET_TEXT(row.mode, mode);
  SET_TEXT(row.tensor, tensor);
  return row;
}

static const char *section(Clipping *row, size_t rows, char **script) {
  static Figures figures;
  size_t size;
  figures = (Figures){.folder = "/tmp"};
  figures.script = open_memstream(script ? script : &figures.text, script ? &size : &figures.size);
  ReportData *d = made_run(&arena, made, 2);
  d->figures = &figures;
  d->clipping = row, d->clippings = rows;
  const char *text = strstr(body_of(d), "Clipping and rounding");
  cr_assert_not_null(text);
  fflush(figures.script);
  const char *end = strstr(text, "\n## ");
  return end ? arena_printf(&arena, "%.*s", (int)(end - text), text) : text;
}

Test(report_clipping, a_run_without_grids_has_no_such_section) {
  cr_expect_null(strstr(body_of(made_run(&arena, made, 1)), "Clipping and rounding"));
}

Test(report_clipping, each_tensor_stands_at_its_worst_layer_the_largest_share_first) {
  Clipping rows[] = {clipping_row("2-0", "norm", 0, 0),
                     clipping_row("2-0", "conv1d_silu", 0, 0.5),
                     clipping_row("2-0", "scan", 0, 0.25),
                     clipping_row("2-0", "norm", 1, 0),
                     clipping_row("2-0", "conv1d_silu", 1, 0.125),
                     clipping_row("2-0", "scan", 1, 0.75)};
  const char *text = section(rows, 6, NULL);
  says(text,
       "- **At least half of the squared error beyond the grid's end**: 2 of the 6 tensors on a "
       "static grid (over all layers and prompts). The largest share is that of `scan` of layer 1 "
       "in prompt address: 75.0 %, in 7 of 400 elements.\n- No element lies beyond in `norm`.\n");
  /* an element below is beyond the lower end, -128 times 0.5 */
  const char *table = squeezed(text);
  says(
      table,
      "| `scan` | 1 | address | 7 | 3 | 2 | -80.00 | -64.00 | 18 | 5 | 75.0 % | 1.73 % | 1.00 % |\n"
      "| `conv1d_silu` | 0 | address | 7 | 3 | 2 | -80.00 | -64.00 | 18 | 5 | 50.0 % | 1.41 % | "
      "1.41 % |\n");
  cr_expect_null(strstr(table, "| `norm`"));
}

Test(report_clipping, tensors_share_a_row_and_a_line_only_where_all_their_figures_agree) {
  Clipping rows[] = {
      clipping_row("2-0", "conv1d_silu", 0, 0.5), clipping_row("2-0", "scan_in", 0, 0.5),
      clipping_row("2-0", "conv1d_silu", 1, 0.25), clipping_row("2-0", "scan_in", 1, 0.25)};
  char *script = NULL;
  says(section(rows, 4, &script), "| `conv1d_silu` and `scan_in` |");
  says(script, "$clipping using 1:2 with linespoints lt 1 title 'conv1d_silu, scan_in'\n");
  rows[3].rel_l2_rounded *= 1.0625;
  const char *apart = section(rows, 4, NULL);
  says(apart, "| `conv1d_silu` ");
  says(apart, "| `scan_in` ");
}

/* 400 elements at 3/4 of (2 %)^2 and 100 at none of (4 %)^2: 0.75 x 1600 of 3200. */
Test(report_clipping, prompts_are_pooled_by_their_elements) {
  Clipping rows[] = {clipping_row("2-0", "scan", 1, 0.75), clipping_row("2-0", "scan", 1, 0),
                     clipping_row("2-0", "scan", 2, 0.0)};
  SET_TEXT(rows[1].prompt, "psalm");
  rows[1].n = 110, rows[1].nonfinite = 10;
  rows[1].rel_l2 = rows[1].rel_l2_rounded = 0.04;
  const Clipping *all[] = {&rows[0], &rows[1], &rows[2]};
  const GridTensor tensor = {.row = all, .rows = 3};
  cr_expect_float_eq(clipping_share(&tensor, 1), 0.375, 1e-15, "%.17g", clipping_share(&tensor, 1));
  cr_expect(clipping_share(&tensor, 2) == 0);
  cr_expect(isnan(clipping_share(&tensor, 0)));
  char *script = NULL;
  const char *text = section(rows, 3, &script);
  says(text, "over all prompts (squares relative to each prompt's reference, weighted by its "
             "number of elements)");
  says(text, "In 1 of them values are not finite, and are left out.");
  says(script, "$clipping << EOD\n0 NaN\n1 37.5\n2 0\n3 NaN\nEOD\n");
}

Test(report_clipping, a_line_is_drawn_from_more_than_a_hundredth_on) {
  Clipping rows[] = {clipping_row("2-0", "scan", 0, 0.0099),
                     clipping_row("2-4", "scan", 0, 0.0102)};
  const char *text = section(rows, 2, NULL);
  cr_expect_null(strstr(text, "clipping_2-0.svg"));
  says(text, "clipping_2-4.svg");
}

Test(report_clipping, at_most_three_modes_are_drawn_and_eight_tensors_listed) {
  static const char *const mode[] = {"a", "b", "c", "d"};
  Clipping rows[40];
  for (int i = 0; i < 40; i++)
    rows[i] =
        clipping_row(mode[i / 10], arena_printf(&arena, "t%d", i % 10), 0, 0.05 * (1 + i % 10));
  const char *text = section(rows, 40, NULL);
  says(text, "clipping_c.svg");
  cr_expect_null(strstr(text, "clipping_d.svg"));
  says(text, "| `t2` ");
  cr_expect_null(strstr(text, "| `t1` "));
  says(text, "The 8 with the largest share of 10; all of them in tables/clipping.csv.");
}

Test(report_clipping, where_nothing_is_clipped_that_is_said_without_a_table) {
  Clipping rows[] = {clipping_row("2-0", "scan", 0, 0), clipping_row("2-0", "scan", 1, 0)};
  rows[1].error_share = NAN, rows[1].rel_l2 = rows[1].rel_l2_rounded = 0; /* on the grid exactly */
  const char *text = section(rows, 2, NULL);
  says(text, "- **No element beyond** the grid's end in any of the 2 tensors on a static grid");
  cr_expect_null(strstr(text, "| tensor"));
  cr_expect_null(strstr(text, "clipping_2-0.svg"));
}

Test(report_clipping, of_weights_the_furthest_is_said) {
  Clipping rows[] = {clipping_row("", "conv1d.weight", 0, 0.25),
                     clipping_row("", "in_proj.weight", 3, 0.125),
                     clipping_row("", "out_proj.weight", 3, 0)};
  rows[0].furthest = 1 + 0x1p-26, rows[1].furthest = 1 + 0x1p-24;
  const char *text = section(rows, 3, NULL);
  says(text, "In 2 of 3 int8 weights an element lies beyond the grid's end, by at most 5.96e-08 of "
             "that end (`in_proj.weight` of layer 3).");
  cr_expect_null(strstr(text, "static grid (over"), "weights are no mode");
  says(section(&rows[2], 1, NULL),
       "In 0 of 1 int8 weights an element lies beyond the grid's end.\n");
}
