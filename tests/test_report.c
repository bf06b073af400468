/* The report: what each section says of rows made by hand (report_rows.h), line by line, and the
 * same from a results file. */
#include "report/figures.h"
#include "report/report.h"

#include <criterion/criterion.h>

#include "base/file.h"
#include "tests/fixture_store.h"
#include "tests/report_rows.h"

TestSuite(report, .init = reserve, .fini = release);

Test(report, the_answer_stands_first_in_computed_sentences) {
  const char *text = part_of(body_of(made_run(&arena, made, 1)), "# ", "# Mode");
  EXPECT_LINE(text, "# Mode 2-0 against mode 2-4, all layers");
  EXPECT_LINE(text, "> Does a float convolution and scan change what the last layer sees?");
  EXPECT_LINE(text, "| 2-0 against 2-4            | 0.600 % at the logits                          "
                    "              |");
  EXPECT_LINE(text,
              "| Did both take effect?      | Both modes took effect: of 30 tensors compared, 12 "
              "came from different kernels and 27 differ in at least one bit. |");
  EXPECT_LINE(text, "| Where does it start?       | The first tensor that differs is `conv1d_silu` "
                    "of layer 0 (prompt address), by a relative L2 of 0.100 %. |");
  EXPECT_LINE(text, "| How does it travel?        | not told: this results file holds no shapes, "
                    "as those of an older program do not |");
  EXPECT_LINE(text, "| Does it matter at the end? | the relative L2 of the logits is 0.600 %; both "
                    "choose the same next token at 80.0 % of the positions; bits per byte: not "
                    "evaluated: add `evaluation: {text: …}` |");
  cr_expect(strstr(text, "| 0 against 2-0"), "%s", text);
  EXPECT_LINE(
      text,
      "Model: `data/mamba-bytes-10m` (4 layers, D 4, E 8, N 2, R 1, K 4, vocabulary 256), rewrite "
      "quamba. Prompt: address (5 tokens). Backend: cpu.");
}

Test(report, prompts_that_hold_tokens_of_others_lead_the_report) {
  ReportData *d = made_run(&arena, made, 2);
  EXPECT_NONE(body_of(d), "Not a text of its own");
  d->about[ABOUT_PROMPTS_REPEATED] = "1\npsalm\nthe *first*";
  const char *text = body_of(d);
  EXPECT_LINE(text, "> **Warning.** Not a text of its own: 1 prompt, the first psalm, which has "
                    "tokens of the \\*first\\*. Intervals over prompts take each for one of its "
                    "own, and are too narrow.");
}

/* Files of before have it in the plural. */
Test(report, model_of_one_layer_has_one) {
  ReportData *d = made_run(&arena, made, 1);
  static const char *const sizes[] = {"1 layer, D 4, E 8, N 2, R 1, K 4, vocabulary 256",
                                      "1 layers, D 4, E 8, N 2, R 1, K 4, vocabulary 256"};
  for (int i = 0; i < 2; i++) {
    d->about[ABOUT_MODEL_SHAPE] = sizes[i];
    const char *text = body_of(d);
    cr_expect(strstr(text, "(1 layer, D 4, E 8, N 2, R 1, K 4, vocabulary 256)"), "%s", text);
  }
}

Test(report, strings_from_a_spec_cannot_become_markup) {
  ReportData *d = made_run(&arena, made, 1);
  d->about[ABOUT_TITLE] = "<script>alert(1)</script> | `x` =cmd()";
  d->about[ABOUT_QUESTION] = "# really?\n\n<img src=x>";
  d->about[ABOUT_COMMAND] = "driftscope run 'a```b.yaml'";
  d->about[ABOUT_MODEL] = "a|b`c";
  d->about[ABOUT_SPEC_EFFECTIVE] = "title: |\n  ```\n  <script>\n";
  for (size_t i = 0; i < made->tensors; i++) SET_TEXT(made->tensor[i].prompt, "<b>*p*");
  for (size_t i = 0; i < made->pairs; i++) SET_TEXT(made->pair[i].prompt, "<b>*p*");
  data_arrange(&arena, d);
  const char *text = body_of(d);
  EXPECT_LINE(text, "# &lt;script&gt;alert(1)&lt;/script&gt; \\| \\`x\\` =cmd()");
  EXPECT_LINE(text, "> \\# really?  &lt;img src=x&gt;");
  EXPECT_LINE(text, "Model: a\\|b\\`c (4 layers, D 4, E 8, N 2, R 1, K 4, vocabulary 256), rewrite "
                    "quamba. Prompt: &lt;b&gt;\\*p\\* (5 tokens). Backend: cpu.");
  EXPECT_NONE(text, "<b>");
  EXPECT_NONE(text, "<img");
  const char *spec = strstr(text, "````yaml\n");
  cr_assert_not_null(spec, "the spec's fence is not longer than what stands in it");
  cr_expect_str_eq(spec, "````yaml\ntitle: |\n  ```\n  <script>\n````\n\n");
}

Test(report, stages_and_witness_mark_what_differs) {
  const char *text = part_of(body_of(made_run(&arena, made, 1)), "## 2. ", "### 2-0 against 2-4");
  EXPECT_LINE(text, "**Stages**, as the modes ask for them: 3 of 13 differ.");
  EXPECT_LINE(text, "| stage        | 2-0        | 2-4          |       |");
  EXPECT_LINE(text, "| `conv_in`    | `i8`       | `i8`         |       |");
  EXPECT_LINE(text, "| `scan_order` | `blocked`  | `sequential` | **≠** |");
  EXPECT_LINE(text, "**Witness**: the kernels that ran, over 4 layers and 1 prompt.");
  EXPECT_LINE(text, "| `embedding`   | `lookup f32 cpu`              | f32  | `lookup f32 cpu`     "
                    "             | f32  | same    | identical       |");
  EXPECT_LINE(text, "| `norm`        | `rmsnorm f32->i8 cpu`         | i8   | `rmsnorm f32->i8 "
                    "cpu`             | i8   | same    | **≠** in 3 of 4 |");
  EXPECT_LINE(text, "| `scan`        | `scan i8,i8->f16 blocked cpu` | f32  | `scan f32,i8->f16 "
                    "sequential cpu` | f32  | **≠**   | **≠**           |");
  EXPECT_LINE(text,
              "| tensor        | on grid, 2-0 | on grid, 2-4 | saturated, 2-0 | saturated, 2-4 |");
  EXPECT_LINE(text,
              "| `conv1d_silu` |        100 % |       6.25 % |       < 0.01 % |       < 0.01 % |");
  EXPECT_LINE(text, "Bit-identical: 3 of 30 tensors compared.");
  cr_expect(strstr(text, "`embedding`") < strstr(text, "`block_in`"),
            "the embedding stands after the layers");
}

Test(report, a_kernel_that_changes_between_layers_is_counted) {
  ReportData *d = made_run(&arena, made, 1);
  for (size_t i = 0; i < made->tensors; i++)
    if (made->tensor[i].layer == 2 && !strcmp(made->tensor[i].tensor, "norm") &&
        !strcmp(made->tensor[i].mode, "2-4"))
      SET_TEXT(made->tensor[i].kernel, "rmsnorm f32->i8 gpu");
  for (size_t i = 0; i < made->pairs; i++)
    if (made->pair[i].layer == 2 && !strcmp(made->pair[i].tensor, "norm") &&
        !strcmp(made->pair[i].other, "2-4"))
      made->pair[i].same_kernel = 0;
  const char *text = part_of(body_of(d), "## 2. ", "### 2-0 against 2-4");
  cr_expect(strstr(text, "| `rmsnorm f32->i8 cpu` in 3 of 4; `rmsnorm f32->i8 gpu` in 1 of 4 | i8  "
                         " | **≠** in 1 of 4 |"),
            "%s", text);
}

Test(report, statistics_stand_side_by_side_in_nine_digits) {
  const char *text = part_of(body_of(made_run(&arena, made, 1)), "## 3. ", "### 2-0 against 2-4");
  EXPECT_LINE(text, "#### Layer 0");
  EXPECT_LINE(text, "#### Layer 3");
  EXPECT_NONE(text, "#### Layer 1");
  EXPECT_LINE(text,
              "**Input** `block_in` [5 × 4], stored as f32: identical in every bit (mean "
              "1.00000000e+00, std 2.00000000e+00, min -3.00000000e+00, max 4.00000000e+00).");
  EXPECT_LINE(text, "**Output** `block_out` [5 × 4], stored as f32: 75.00 % of the values differ; "
                    "relative L2 6.00000000e-03.");
  EXPECT_ROW(text, "| | 2-0 | 2-4 | difference | relative |");
  EXPECT_ROW(text, "| min | -3.00000000e+00 | -2.99804688e+00 | 1.95312500e-03 | 6.51041667e-04 |");
  EXPECT_LINE(text, "<details><summary>First values</summary>");
  EXPECT_ROW(text,
             "| [2, 1] | 1.00000000e+01 | 1.00195312e+01 | 1.95312500e-02 | 1.95312500e-03 |");
  EXPECT_ROW(text, "| [0, 0] | 3.00000000e+00 | 3.00000000e+00 | equal | |");
}

Test(report, with_several_prompts_statistics_are_of_the_first_and_drift_has_ranges) {
  const char *text = body_of(made_run(&arena, made, 2));
  cr_expect(strstr(text, "Prompt address, the first of 2."), "%s", text);
  const char *drift = part_of(text, "## 4. ", "### 2-0 against 2-4");
  EXPECT_LINE(drift, "Smallest and largest over the 2 prompts:");
  cr_expect(strstr(squeezed(drift), "| `out_proj` | `block_out`, 95 % | growth |"), "%s", drift);
  cr_expect(strstr(squeezed(drift), "| 0.800 % | 0.600 % … 1.00 % | 4.00 |"), "%s", drift);
  EXPECT_ROW(drift,
             "| 2 | 0.400 % … 1.60 % | 0.400 % … 1.60 % | 0.400 % … 1.60 % | 0.400 % … 1.60 % |");
  EXPECT_ROW(
      drift,
      "| 2 | 0.700 % | 0.650 % … 0.800 % | 1.60 % | 3.20 % | 0.800 % | 62.5 % | 3 of address |");
}

Test(report, drift_has_a_row_a_layer) {
  const char *text = part_of(body_of(made_run(&arena, made, 1)), "## 4. ", "### 2-0 against 2-4");
  EXPECT_ROW(text, "| layer | median token | 95 % | token at 90 % | token at 99 % | all together | "
                   "share of the worst token | worst token |");
  EXPECT_ROW(text, "| 3 | 0.525 % | — | 1.20 % | 2.40 % | 0.600 % | 62.5 % | 3 of address |");
  EXPECT_ROW(text, "| layer | `block_out` | `conv1d_silu` | `scan` | `out_proj` | growth | max abs "
                   "| SQNR, dB | mean ULP |");
  EXPECT_ROW(text,
             "| 0 | 0.100 % | 0.100 % | 0.100 % | 0.100 % | — | 1.00e-02 | 60.0 | 1.00e+02 |");
  EXPECT_ROW(text,
             "| 3 | 0.600 % | 0.600 % | 0.600 % | 0.600 % | 0.750 | 6.00e-02 | 44.4 | 6.00e+02 |");
  EXPECT_NONE(text, "prompts");
}

Test(report, an_identical_pair_gets_sentences_and_no_table_of_zeros) {
  const char *text = body_of(made_run(&arena, made, 1));
  const char *values = part_of(text, "## 3. ", "### 0 against 2-0"),
             *drift = part_of(text, "## 4. ", "### 0 against 2-0");
  EXPECT_LINE(
      values,
      "All 30 tensors compared are identical in every bit, so there is no difference to list.");
  EXPECT_LINE(drift, "Nothing drifts: every tensor of every layer is identical in every bit.");
  EXPECT_NONE(values, "|");
  EXPECT_NONE(drift, "|");
  const char *found = part_of(text, "## 6. ", "### 0 against 2-0");
  EXPECT_LINE(found, "- Both modes took effect (4 of 30 tensors compared came from different "
                     "kernels), and **every tensor is identical in every bit**.");
  EXPECT_LINE(found, "- The modes ask for different settings of `conv_out`.");
  cr_expect(strstr(found, "- **Why.** The equality is exact for every input, not chance: where one "
                          "mode keeps int8 values q"),
            "%s", found);
}

Test(report, every_mode_is_set_against_the_reference) {
  const char *text = part_of(body_of(made_run(&arena, made, 1)), "## 5. ", "## 5. ");
  EXPECT_LINE(text, "At the logits 2-0 is nearest to the reference (relative L2 2.00 %) and 0 "
                    "farthest from it (4.00 %), of this prompt alone.");
  EXPECT_ROW(text, "| mode | `block_out` | SQNR, dB | 1 − cosine | worst `block_out` | `logits` | "
                   "SQNR, dB | 1 − cosine | same top token |");
  EXPECT_ROW(text, "| 2-4 | 0.600 % | 44.4 | 3.60e-05 | 0.800 % in layer 2 | 0.600 % | 44.4 | "
                   "3.60e-05 | 80.00 % |");
  EXPECT_ROW(text, "| layer | 2-0 | 2-4 | 0 |");
  EXPECT_ROW(text, "| 2 | 0.800 % | 0.800 % | 0.800 % |");
}

Test(report, pairs_against_the_reference_are_shown_whole_only_where_there_are_no_others) {
  EXPECT_NONE(part_of(body_of(made_run(&arena, made, 1)), "## 2. ", "## 2. "), "reference");
  memset(made, 0, sizeof *made);
  ReportData *d = one_pair("fp64", "2-4", made_grows);
  data_arrange(&arena, d);
  const char *text = body_of(d);
  EXPECT_LINE(part_of(text, "## 2. ", "## 2. "), "### 2-4 against the float64 reference");
  EXPECT_LINE(
      text, "Of 30 tensors compared with the float64 reference, 3 equal it in every float32 bit.");
}

Test(report, the_first_value_that_is_not_finite_leads_the_report) {
  ReportData *d = made_run(&arena, made, 1);
  made->tensor[9].nonfinite = 2; /* of layer 1 */
  made->tensor[9].first_nonfinite = 3;
  made->tensor[7].nonfinite = 3; /* of layer 0 */
  made->tensor[7].first_nonfinite = 11;
  made->tensor[10].q8_nans = 1;
  const char *line =
      "> **Warning.** Values are not finite. The first: `block_out` of layer 0, element 11 ([2, "
      "3]), of mode 2-0, prompt address. In all 5 values in 2 tensors: they are left out of the "
      "figures, and a figure that leaves values out says so. Turned into 0 by quantisation: 1 NaN "
      "in 1 tensor, first in `conv1d_silu` of layer 1 of mode 2-0, prompt address. This alone does "
      "not change the exit status; with `--strict` it is 1.";
  const char *text = body_of(d);
  EXPECT_LINE(part_of(text, "## 7. ", "## 7. "), line);
  const char *head = arena_printf(&arena, "## 1. The question and the answer\n\n%s\n", line);
  cr_expect(strstr(text, head), "the warning does not come first in:\n%s", text);
}

Test(report, scales_times_and_the_command_are_there) {
  const char *text = body_of(made_run(&arena, made, 1));
  EXPECT_LINE(text, "Every value of every tensor is finite, and quantisation met no NaN.");
  EXPECT_LINE(text, "| `s_u`  |      4 | 1.00e-02 |        3 | 4.00e-02 |        0 |  4.00 |");
  EXPECT_LINE(text, "| mode 2-0 |   0.500 | 50.00 % |");
  EXPECT_LINE(text, "Largest resident memory: 235 MB.");
  EXPECT_LINE(text, "Written by store: 12.3 MB.");
  EXPECT_LINE(text, "```sh");
  EXPECT_LINE(text, "driftscope run experiments/mode20_vs_mode24.yaml");
  EXPECT_NONE(text, "compiler");
}

Test(report, any_table_may_be_missing) {
  for (int missing = -1; missing < 7; missing++) {
    memset(made, 0, sizeof *made);
    ReportData *d = made_run(&arena, made, 2);
    for (int i = 0; i < d->table_count; i++)
      if (i == missing || missing == -1) d->tables[i].count = 0;
    data_arrange(&arena, d);
    const char *text = body_of(d);
    for (int section = 1; section <= 9; section++)
      cr_expect(strstr(text, arena_printf(&arena, "\n## %d. ", section)),
                "no section %d without table %d", section, missing);
    EXPECT_NONE(text, "nan");
  }
}

Test(report, nothing_at_all_is_still_a_report) {
  ReportData *d = made_data(&arena, made);
  data_arrange(&arena, d);
  const char *text = body_of(d);
  EXPECT_LINE(text, "# driftscope report");
  EXPECT_LINE(text, "The results file holds no pair of modes.");
}

Test(report, from_a_results_file_come_the_same_report_and_a_csv_a_table) {
  Fixture f = fixture_make();
  Status st = {0};
  ReportData *want = made_run(&arena, made, 2);
  Attribute attributes[ABOUT_COUNT];
  int count = 0;
  for (int a = 0; a < ABOUT_COUNT; a++)
    if (want->about[a] && a != ABOUT_SPEC_DIGEST)
      attributes[count++] = (Attribute){about_names[a], want->about[a], 0};
  Store *store = fixture_open(&f, &st);
  cr_assert(store && fixture_layers(&f, store, -1, &st), "%s", st.text);
  cr_assert(store_finish(store, attributes, count, want->tables, want->table_count, f.arena, &st),
            "%s", st.text);
  store_close(store);

  Report report = {0};
  const char *folder = arena_printf(&arena, "%s/out", f.folder);
  cr_assert(report_write(&arena, f.results, NULL, folder, LANGUAGE_ENGLISH, &report, &st), "%s",
            st.text);
  cr_expect_str_eq(report.path, arena_printf(&arena, "%s/report.html", folder));
  Bytes got;
  cr_assert(
      file_read(&arena, arena_printf(&arena, "%s/report.md", folder), (size_t)1 << 24, &got, &st),
      "%s", st.text);
  Figures figures; /* those of the rows are referred to, not drawn */
  cr_assert(figures_open(&figures, folder, &st), "%s", st.text);
  want->figures = &figures;
  want->about[ABOUT_SPEC_DIGEST] = f.key.spec.hex; /* the store writes the digests itself */
  want->about[ABOUT_WEIGHTS_DIGEST] = f.key.weights.hex;
  want->about[ABOUT_TEXT_DIGEST] = f.key.text.hex;
  want->about[ABOUT_PROGRAM_DIGEST] = f.key.program.hex;
  cr_expect_str_eq(got.data, body_of(want),
                   "the report from the file differs from that of the rows:\n%s", got.data);

  for (int t = 0; tables[t]; t++) {
    Bytes csv;
    cr_assert(file_read(&arena, arena_printf(&arena, "%s/tables/%s.csv", folder, tables[t]->name),
                        (size_t)1 << 24, &csv, &st),
              "%s", st.text);
    size_t lines = 0, rows = 0;
    for (size_t i = 0; i < csv.count; i++) lines += csv.data[i] == '\n';
    for (int i = 0; i < want->table_count; i++)
      if (want->tables[i].table == tables[t]) rows = want->tables[i].count;
    cr_expect_eq(lines, rows + 1, "%s.csv has %zu lines for %zu rows", tables[t]->name, lines,
                 rows);
  }
  fixture_drop(&f);
}

Test(report, a_file_that_is_no_results_file_is_refused_by_name) {
  Status st = {0};
  Report report = {0};
  store_start();
  cr_expect(!report_write(&arena, "Makefile", NULL, "/tmp/driftscope-test-never", LANGUAGE_ENGLISH,
                          &report, &st));
  cr_expect(strstr(st.text, "Makefile: "), "got: %s", st.text);
  cr_expect(!file_exists("/tmp/driftscope-test-never"),
            "a folder was made for a report that could not be");
}
