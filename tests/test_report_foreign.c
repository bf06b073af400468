/* A report of whatever tables a file may hold: any may be absent, and every number anywhere in its
 * range. */
#include <limits.h>
#include <math.h>

#include "measure/ranges.h"
#include "report/events.h"
#include "report/figures.h"
#include "report/report.h"
#include "report/sections.h"
#include "report_rows.h"
#include "tests/draws.h"

TestSuite(report_foreign, .init = reserve, .fini = release);

static unsigned draw(unsigned below) { return random_bits() % below; }

static double draw_number(Range range, bool whole) {
  static const double some[] = {0, 1, 2, 3, -1, 0.5, 1e-300, 1e300, 5e-324, -0.0, 1e18};
  double value = some[draw(sizeof some / sizeof *some)];
  unsigned how = draw(8);
  if (how == 0) value = range.low;
  if (how == 1) value = range.high;
  if (how == 2 && !whole) value = NAN;
  value = value < range.low ? range.low : value > range.high ? range.high : value;
  return whole ? floor(value) : value;
}

/* Names of few kinds, so that rows of one table find those of another. */
static const char *draw_text(const char *column) {
  static const char *const keys[] = {"base other mode start to",
                                     "tensor first_tensor",
                                     "prompt first_prompt",
                                     "metric",
                                     "op operator",
                                     "answer effect",
                                     "shape rival",
                                     "by"};
  static const char *const names[][4] = {{"2-0", "2-4", "fp64", "fp32"},
                                         {"block_out", "logits", "scan", "embedding"},
                                         {"p", "q", "p", "p"},
                                         {"bits", "kl_factor", "top1_agreement", "bits"},
                                         {"scan", "total", "conv1d", "scan"},
                                         {"better", "unknown", "differs", "identical"},
                                         {"jumps", "flat", "", "mixed"},
                                         {"layer", "stage", "layer", ""}};
  static const char *const some[] = {
      "",           "2-0",          "fp64",     "total",    "captured", "p",
      "conv_out",   "saturation",   "all",      "jumps",    "power",    "few_layers",
      "not_finite", "`|*_\\\"'<>&", "\xff\xfe", "block_in", "%s%n",     "23"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys && draw(8); i++) {
    const char *at = strstr(keys[i], column);
    size_t length = strlen(column);
    if (at && (at == keys[i] || at[-1] == ' ') && (!at[length] || at[length] == ' '))
      return names[i][draw(4)];
  }
  return some[draw(sizeof some / sizeof *some)];
}

static void fill_row(const Table *table, char *row) {
  for (int c = 0; c < table->columns; c++) {
    const Column *column = &table->column[c];
    char *cell = row + column->offset;
    Range range = column_range(table, column);
    if (column->type == COLUMN_TEXT) table_text(cell, column->size, draw_text(column->name));
    if (column->type == COLUMN_I32) memcpy(cell, &(int32_t){(int32_t)draw_number(range, true)}, 4);
    if (column->type == COLUMN_I64) memcpy(cell, &(int64_t){(int64_t)draw_number(range, true)}, 8);
    if (column->type == COLUMN_F64) memcpy(cell, &(double){draw_number(range, false)}, 8);
  }
}

/* `only` -1: each table is there or not by chance. */
static ReportData *draw_file(Arena *to, int only) {
  ReportData *d = ARENA_NEW(to, ReportData, 1);
  while (tables[d->table_count]) d->table_count++;
  d->tables = ARENA_NEW(to, TableRows, d->table_count);
  for (int i = 0; i < d->table_count; i++) {
    const Table *table = tables[i];
    size_t count = only == i || (only < 0 && draw(3)) ? 1 + draw(12) : 0;
    char *rows =
        count ? arena_alloc(to, count, table->row_size) : NULL; /* as of a table that is absent */
    for (size_t r = 0; r < count; r++) {
      char *row = rows + r * table->row_size;
      if (r && !draw(4))
        memcpy(row, row - table->row_size, table->row_size);
      else
        fill_row(table, row);
    }
    Status st = {0};
    cr_assert(rows_in_range(table, rows, count, &st), "%s: %s", table->name, st.text);
    d->tables[i] = (TableRows){table, rows, count};
  }
  if (draw(2)) d->about[ABOUT_LAYERS] = draw(2) ? "4" : "1024";
  d->figures = ARENA_NEW(to, Figures, 1);
  Status st = {0};
  cr_assert(figures_open(d->figures, "/tmp/driftscope-no-such-folder/plots", &st), "%s", st.text);
  data_arrange(to, d);
  return d;
}

static void report_of(const ReportData *d, Arena scratch) {
  const char *text = body_of(d), *nan = strstr(text, " nan");
  cr_assert(strstr(text, "# driftscope report"));
  cr_expect(!nan, "an empty cell is printed as a number: %.160s", nan - 100);
  for (int i = 0; i < d->pairs; i++)
    if (d->pair[i].verdict) report_summary(&scratch, d, &d->pair[i]);
  events_summary(&scratch, d), mend_summary(&scratch, d);
  micro_summary(&scratch, d), micro_broken(&scratch, d), gates_summary(&scratch, d),
      gates_failed(&scratch, d);
}

Test(report_foreign, a_row_behind_the_most_layers_makes_no_more_of_them) {
  ReportData *d = draw_file(&arena, INT_MAX);
  Drift drift = {.layer = LAYERS_MOST};
  TensorStats tensor = {.layer = LAYERS_MOST};
  Status st = {0};
  SET_TEXT(drift.tensor, "block_out");
  SET_TEXT(tensor.tensor, "block_out");
  for (int i = 0; tables[i]; i++) {
    if (tables[i] == &table_drift) d->tables[i] = (TableRows){tables[i], &drift, 1};
    if (tables[i] == &table_tensor_stats) d->tables[i] = (TableRows){tables[i], &tensor, 1};
    cr_assert(rows_in_range(tables[i], d->tables[i].rows, d->tables[i].count, &st), "%s", st.text);
  }
  d->about[ABOUT_LAYERS] = NULL;
  data_arrange(&arena, d);
  cr_expect_eq(d->layers, LAYERS_MOST, "%d layers", d->layers);
}

Test(report_foreign, each_table_alone_is_a_report) {
  for (int only = 0; tables[only]; only++)
    for (int i = 0; i < 10; i++) {
      Arena all = arena;
      report_of(draw_file(&arena, only), arena);
      arena = all;
    }
}

Test(report_foreign, any_tables_with_any_numbers_in_range_are_a_report) {
  for (int i = 0; i < 250; i++) {
    Arena all = arena;
    report_of(draw_file(&arena, -1), arena);
    arena = all;
  }
}

/* Runs that are drawn, and no table that says what they are. */
Test(report_foreign, states_without_their_runs_are_drawn_by_number) {
  StateDrift *drift = ARENA_NEW(&arena, StateDrift, 1);
  StateError *error = ARENA_NEW(&arena, StateError, 2);
  *drift = (StateDrift){.item = 7, .tokens = 2, .rms_last = 1};
  error[0] = (StateError){.item = 7, .token = 1, .rms = 0.5},
  error[1] = (StateError){.item = 7, .token = 2, .rms = 1};
  ReportData d = {.tables =
                      (TableRows[]){{&table_state_drift, drift, 1}, {&table_state_error, error, 2}},
                  .table_count = 2};
  Figures figures = {.folder = "/tmp"};
  figures.script = open_memstream(&figures.text, &figures.size);
  d.figures = &figures;
  data_arrange(&arena, &d);
  body_of(&d);
  fflush(figures.script);
  cr_expect(strstr(figures.text, "$state0 using 1:2 with lines lt 1 title '7'"), "%s",
            figures.text);
}

/* All channels together twice the median one: beyond the limit of 1.5; at 1.25 times it is not. */
Test(report_foreign, a_state_whose_error_few_channels_carry_is_named) {
  ReportData *d = made_run(&arena, made, 1);
  MicroRow run = {.item = 7};
  StateDrift drift = {.item = 7, .tokens = 2, .rms_last = 2e-6, .rms_median_last = 1e-6};
  SET_TEXT(run.setting, "u:i8"), SET_TEXT(run.input, "outliers");
  d->micro = &run, d->micros = 1, d->state_drift = &drift, d->state_drifts = 1;
  EXPECT_LINE(body_of(d), "Few channels carry it: in `u:i8` on outliers all channels together are "
                          "off by 2.00e-06 at the end, the median channel by 1.00e-06.");
  drift.rms_last = 1.25e-6;
  EXPECT_NONE(body_of(d), "Few channels carry it");
  drift.rms_last = 2e-6, drift.rms_median_last = NAN; /* a file of an older program */
  EXPECT_NONE(body_of(d), "Few channels carry it");
}

/* A dump may hold one tensor, of one layer. */
Test(report_foreign, one_tensor_that_is_identical_is_said_to_be_one) {
  static const SourceRow source = {.source = "a"};
  row_pair(made, "p", "a", "2-0", T_BLOCK_OUT, 0, false, 0, 1, 0);
  row_verdict(made, "a", "2-0", "identical", "", 1, 1, 0);
  ReportData *d = made_data(&arena, made);
  data_arrange(&arena, d);
  d->source = &source, d->sources = 1;
  d->pair[0].made_elsewhere = true;
  const char *text = body_of(d);
  cr_expect(strstr(text, "**Identical:** the one tensor compared is the same in every bit. If a "
                         "and 2-0 should be two computations, one of them did not take effect."),
            "%s", text);
  EXPECT_LINE(text,
              "The one tensor compared is identical in every bit, so there is no difference to "
              "list.");
  EXPECT_NONE(text, "1 tensor compared are");
}

Test(report_foreign, one_value_beyond_its_bound_lies_there_alone) {
  MicroRow run = {.n = 10, .over_bound = 1, .used_index = 3};
  ReportData d = {.micro = &run, .micros = 1};
  SET_TEXT(run.operator_name, "scan");
  cr_expect(
      strstr(micro_broken(&arena, &d), "1 value lies beyond what its float32 arithmetic may"));
  run.over_bound = 2;
  cr_expect(strstr(micro_broken(&arena, &d), "2 values lie beyond what their float32 arithmetic"));
}

Test(report_foreign, an_answer_of_tasks_that_is_none_is_no_answer) {
  TaskScore score = {.samples = 0, .acc = NAN, .acc_norm = NAN, .perplexity = NAN};
  TaskPair pair = {.diff = NAN, .p = NAN, .holm = NAN, .samples_needed = NAN};
  ReportData *d = made_run(&arena, made, 1);
  SET_TEXT(score.task, "t"), SET_TEXT(score.mode, "2-0"), SET_TEXT(score.headline, "acc");
  SET_TEXT(pair.task, "t"), SET_TEXT(pair.metric, "acc");
  SET_TEXT(pair.base, "2-0"), SET_TEXT(pair.other, "2-4");
  d->task_score = &score, d->task_scores = 1, d->task_pair = &pair, d->task_pairs = 1;
  const char *text = body_of(d);
  EXPECT_ROW(text, "| 2-0 | 2-4 | acc | — | 0 | 0 | — | — |");
  EXPECT_NONE(text, "no, fewer");
  SET_TEXT(pair.answer, "worse");
  EXPECT_ROW(body_of(d), "| 2-0 | 2-4 | acc | no, fewer | 0 | 0 | — | — |");
}

Test(report_foreign, objects_without_a_digest_are_said_at_the_head) {
  ReportData *d = made_data(&arena, made);
  EXPECT_NONE(body_of(d), "Without a digest");
  d->unproved = 3;
  d->first_unproved = "/tables/drift";
  data_arrange(&arena, d);
  EXPECT_LINE(
      body_of(d),
      "> **Warning.** Without a digest: 3 objects of the results file, first `/tables/drift`. "
      "Whether the run wrote them so cannot be said.");
}
