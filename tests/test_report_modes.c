/* The report of a mode that differs by layer: which layers run what, as it was asked for and as the
 * witness saw it. */
#include <criterion/criterion.h>

#include "family/mamba1.h"
#include "report/mode_layers.h"
#include "tests/report_rows.h"

TestSuite(report_modes, .init = reserve, .fini = release);

/* "mixed": layer 0 as 2-4, layers 1 and 2 as 2-0, layer 3 as 2-4 with a stored state. */
static void mixed_rows(void) {
  static const int first[] = {0, 1, 3}, last[] = {0, 2, 3};
  for (int part = 0; part < 3; part++) {
    ModeRow *row = part == 1 ? row_mode(made, "mixed", "f32_grid", "i8", "blocked")
                             : row_mode(made, "mixed", "f32", "f32", "sequential");
    row->first_layer = first[part], row->last_layer = last[part];
    if (part == 2) SET_TEXT(row->setting[STAGE_STATE], "bf16");
  }
  for (size_t i = 0; i < made->tensors; i++) {
    TensorStats *row = &made->tensor[i];
    if (strcmp(row->mode, "mixed") || strcmp(row->tensor, "scan")) continue;
    SET_TEXT(row->kernel, row->layer == 1 || row->layer == 2 ? "scan u:i8 cpu" : "scan u:f32 cpu");
  }
}

static const char *report_of(Language language) {
  one_pair("2-0", "mixed", made_grows);
  row_mode(made, "2-0", "f32_grid", "i8", "blocked")->last_layer = MADE_LAYERS - 1;
  mixed_rows();
  ReportData *d = made_data(&arena, made);
  d->language = language;
  data_arrange(&arena, d);
  return body_of(d);
}

Test(report_modes, the_parts_of_a_mode_are_told_in_words) {
  const char *text = report_of(LANGUAGE_ENGLISH),
             *parts =
                 "layer 0 as `2-4`; layers 1–2 as `2-0`; layer 3 as `2-4`, but `state` `bf16`.";
  EXPECT_LINE(text, arena_printf(&arena, "**By layer**: mixed runs %s", parts));
  EXPECT_LINE(text, arena_printf(&arena, "- mixed differs by layer: %s", parts));
  EXPECT_LINE(
      text,
      "- The modes ask for different settings of `conv_out`, `scan_u`, `scan_order` and `state`.");
  EXPECT_NONE(text, "2-0 differs by layer");
}

Test(report_modes, stages_and_kernels_have_their_layers) {
  const char *text = report_of(LANGUAGE_ENGLISH);
  EXPECT_LINE(text, "**Stages**, as the modes ask for them: 4 of 13 differ.");
  EXPECT_ROW(text, "| `scan_u` | `i8` | `f32` in layers 0 and 3; `i8` in layers 1–2 | **≠** in "
                   "layers 0 and 3 |");
  EXPECT_ROW(text,
             "| `state` | `f32` | `f32` in layers 0–2; `bf16` in layer 3 | **≠** in layer 3 |");
  EXPECT_ROW(text, "| `gated` | `f16` | `f16` | |");
  cr_expect(strstr(squeezed(text),
                   "| `scan u:f32 cpu` in layers 0 and 3; `scan u:i8 cpu` in layers 1–2 | f32 |"),
            "%s", text);
}

Test(report_modes, in_chinese_too) {
  const char *text = report_of(LANGUAGE_CHINESE);
  cr_expect(strstr(text, "第 0 层同 `2-4`；第 1–2 层同 `2-0`；第 3 层同 `2-4`，但 `state` `bf16`"),
            "%s", text);
  cr_expect(strstr(squeezed(text), "| `f32`（第 0 和 3 层）；`i8`（第 1–2 层） |"), "%s", text);
}

Test(report_modes, layers_are_listed_in_ranges) {
  bool in[LAYERS_MOST] = {false};
  in[7] = true;
  cr_expect_str_eq(mode_layers_list(LANGUAGE_ENGLISH, &arena, in, 24), "layer 7");
  in[0] = in[1] = in[2] = in[23] = true;
  cr_expect_str_eq(mode_layers_list(LANGUAGE_ENGLISH, &arena, in, 24), "layers 0–2, 7 and 23");
  cr_expect_str_eq(mode_layers_list(LANGUAGE_ENGLISH, &arena, in, 2), "layers 0–1");
}
