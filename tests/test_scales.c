/* The table of scales: every int8 weight that a mode takes, and what a mode takes from each prompt
 * by itself. */
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

#include <math.h>

#include "kernels/q8.h"
#include "store/store.h"
#include "study/scales.h"
#include "tests/shell.h"

TestSuite(scales, .init = shell_begin, .fini = shell_end);

static const ScaleRow *row_of(const TableRows *rows, int layer, const char *name) {
  const ScaleRow *row = rows->rows;
  for (size_t i = 0; i < rows->count; i++)
    if (row[i].layer == layer && !strcmp(row[i].name, name)) return &row[i];
  return NULL;
}

static TableRows rows_under(Shipped *s, const char *name, int32_t *calibration) {
  static Mode mode;
  mode = *mode_preset(name);
  Spec spec = {.modes = &mode, .mode_count = 1};
  Subject subject = {.layers = s->layers,
                     .weights = s->weights,
                     .model = s->model,
                     .calibration_token = calibration};
  return scales_of(&s->arena, &spec, &subject, NULL, 0);
}

Test(scales, every_weight_that_a_mode_takes_as_int8_has_the_scale_that_it_was_quantised_with) {
  static const char *const weights[] = {
      "in_proj.weight", "conv1d.weight", "conv1d.bias", "x_proj.weight",  "dt_proj.weight",
      "dt_proj.bias",   "A_log",         "D",           "out_proj.weight"};
  Shipped s = shipped_first(REWRITE_QUAMBA, 8);
  int32_t token = 0;
  TableRows all = rows_under(&s, "0", &token), fp32 = rows_under(&s, "fp32", NULL),
            three = rows_under(&s, "3", NULL);
  cr_expect_eq(all.count, (size_t)s.model.layers * (9 + S_COUNT), "%zu rows", all.count);
  cr_expect_eq(fp32.count, 0, "%zu rows of a mode without int8", fp32.count);
  for (int layer = 0; layer < s.model.layers; layer++) {
    const Prepared *q = s.model.layer[layer].i8;
    const float used[] = {q[W_IN_PROJ].linear.scale,         q[W_CONV].values.scale.value,
                          q[W_CONV_BIAS].values.scale.value, q[W_X_PROJ].linear.scale,
                          q[W_DT_PROJ].linear.scale,         q[W_DT_BIAS].values.scale.value,
                          q[W_A_LOG].values.scale.value,     q[W_D].values.scale.value,
                          q[W_OUT_PROJ].linear.scale};
    for (int w = 0; w < 9; w++) {
      const ScaleRow *row = row_of(&all, layer, weights[w]);
      cr_assert(row, "layer %d: %s is missing", layer, weights[w]);
      cr_expect_eq(row->scale, (double)used[w], "layer %d, %s: got %a, want %a", layer, weights[w],
                   row->scale, (double)used[w]);
      cr_expect_eq((double)scale_of(row->statistic), row->scale, "layer %d, %s: not made from %a",
                   layer, weights[w], row->statistic);
    }
    cr_expect(row_of(&three, layer, "conv1d.weight") && row_of(&three, layer, "A_log"), "layer %d",
              layer);
  }
}

Test(scales, a_block_shows_the_scale_that_it_took_from_its_input) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 8);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, trace;
  block_embed(&s.model, s.test, 9, &s.arena, &ends);
  for (int m = 0; m < family_mamba1.presets; m++) {
    const Mode *mode = &family_mamba1.preset[m];
    block_run(&s.model, 2, mode, &ends.t[T_EMBEDDING], &s.arena, &trace);
    cr_assert_eq(trace.t[T_CONV_IN].data != NULL,
                 mode->setting[STAGE_CONV_IN] == CONV_IN_I8_DYNAMIC, "mode %s", mode->name);
    if (!trace.t[T_CONV_IN].data) continue;
    Tensor x = tensor_columns(&trace.t[T_IN_PROJ], 0, s.model.config.E);
    cr_expect_eq(trace.t[T_CONV_IN].scale.value, q8_dynamic_scale(absmax(&x)), "mode %s: %a",
                 mode->name, (double)trace.t[T_CONV_IN].scale.value);
  }
}

static void expect_text(const char *name, const char *want) {
  static Arena arena;
  Results results;
  Status st = {0};
  char path[128];
  snprintf(path, sizeof path, "%s/r/results.h5", shell_folder);
  cr_assert(arena.base || arena_reserve(&arena, (size_t)1 << 28, exhausted, &st), "%s", st.text);
  cr_assert(results_open(path, &results, arena, &st), "%s", st.text);
  const char *got = NULL;
  cr_assert(results_text(&arena, &results, name, &got, &st), "%s", st.text);
  cr_expect(got && !strcmp(got, want), "%s: got %s, want %s", name, got ? got : "nothing", want);
  results_close(&results);
}

/* Two prompts, 24 layers, one mode that quantises by itself. */
Test(scales, what_a_mode_takes_from_each_prompt_is_stored_for_each_layer, .timeout = 120) {
  char path[128], here[1024];
  snprintf(path, sizeof path, "%s/s.yaml", shell_folder);
  FILE *file = fopen(path, "w");
  cr_assert(file && getcwd(here, sizeof here));
  fprintf(file,
          "title: t\nmodel: %s/data/mamba-bytes-10m\n"
          "calibration: {text: %s/data/text/valid.txt, windows: 1, length: 32}\n"
          "prompts:\n  - {name: p, text: %s/data/text/test.txt, length: 5}\n"
          "  - {name: q, text: %s/data/text/test.txt, offset: 900, length: 4}\n"
          "pairs:\n  - [3, 2-4]\nkeep: {tensors: none}\n",
          here, here, here, here);
  fclose(file);
  cr_assert_eq(
      shell("%s run %s/s.yaml -q -o %s/r 2>&1", shell_program(), shell_folder, shell_folder), 0,
      "%s", shell_output);
  for (int p = 0; p < 2; p++) {
    shell("grep -c '^%c,3,[0-9]*,conv_in,' %s/r/tables/scales.csv", "pq"[p], shell_folder);
    cr_expect_eq(atoi(shell_output), 24, "prompt %c: %s rows", "pq"[p], shell_output);
  }
  shell("grep conv_in %s/r/tables/scales.csv | cut -d, -f6 | sort -u | wc -l", shell_folder);
  cr_expect_gt(atoi(shell_output), 40, "%s different scales", shell_output);
  shell("grep '^store,' %s/r/tables/performance.csv | cut -d, -f3", shell_folder);
  cr_expect_gt(atoi(shell_output), 48 * 1000, "store wrote %s bytes in 48 layers", shell_output);
  expect_text("prompt_text", "test.txt");
  expect_text("prompts_span", "0.0033"); /* 904 of 273,931 bytes */
  expect_text("prompts_held", "54786");  /* prompts of 5 */
}
