/* judge: every row of tensors and pairs of a run of the first layers of the shipped model against
 * GSL's own functions, column by column; rows that are wrong in one column are refused by its name;
 * and what of a run is computed again depends on its seed alone. */
#include "measure/judge.h"

#include "measure/stats.h"
#include "shipped_model.h"
#include "study/pairs.h"
#include "tests/measure_rows.h"
#include "tests/small_model.h"

enum { MODES = 3, PROMPTS = 1, TOKENS = 24, LAYERS = 8 };
static const char *const mode_name[MODES] = {"2-0", "2-4", "0"};

typedef struct Run {
  Shipped shipped;
  Subject subject;
  Spec spec;
  Mode mode[MODES];
  Pair pair[2];
  const char *compare[MODES];
  Pairs pairs;
  int rows, checked, judged;
  int cancelled;
  double worst_mean, worst_std, worst_cancelled;
} Run;

static void run_open(Run *r, double judged) {
  r->shipped = shipped_first(REWRITE_QUAMBA, LAYERS);
  shipped_calibrate(&r->shipped, 1, 64);
  r->subject = (Subject){.layers = r->shipped.layers,
                         .weights = r->shipped.weights,
                         .model = r->shipped.model,
                         .checkpoint = r->shipped.checkpoint};
  for (int m = 0; m < MODES; m++) {
    r->mode[m] = *mode_preset(mode_name[m]);
    r->compare[m] = mode_name[m];
  }
  r->pair[0] = (Pair){.base = "2-0", .other = "2-4"};
  r->pair[1] = (Pair){.base = "0", .other = "2-0"}; /* equal in every bit */
  r->spec = (Spec){.modes = r->mode,
                   .mode_count = MODES,
                   .pairs = r->pair,
                   .pair_count = 2,
                   .compare_all = r->compare,
                   .compare_all_count = MODES,
                   .prompt_count = PROMPTS,
                   .seed = 7};
  r->pairs = pairs_of(&r->shipped.arena, &r->spec, &r->subject, NULL);
  r->pairs.judged = judged;
}

/* How far means and deviations are from GSL's, in units of the last place; a mean's also as a part
 * of the deviation, where values cancel. */
static void measure_row(Run *r, const TensorStats *got, const Tensor *t, Arena scratch) {
  TensorStats want;
  judge_tensor(t, 0, &want, scratch);
  const double off = fabs(got->mean - want.mean),
               mean = off / (nextafter(fabs(want.mean), INFINITY) - fabs(want.mean)),
               std = fabs(got->std - want.std) / (nextafter(want.std, INFINITY) - want.std);
  r->worst_std = fmax(r->worst_std, std);
  if (mean <= 4)
    r->worst_mean = fmax(r->worst_mean, mean);
  else
    r->cancelled++, r->worst_cancelled = fmax(r->worst_cancelled, off / want.std);
}

static bool count_rows(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                       Status *st) {
  Run *r = context;
  LayerRows rows;
  if (!pairs_measure(&r->pairs, at, trace, &rows, &scratch, st)) return false;
  r->rows += rows.tensors + rows.pairs;
  for (int i = 0; i < rows.tensors; i++) r->checked += rows.tensor[i].checked;
  for (int i = 0; i < rows.pairs; i++) r->checked += rows.pair[i].checked;
  r->judged += rows.judged.rows;
  for (int s = 0, i = 0; s < at->sides && r->pairs.judged == 1; s++)
    for (int id = 0; id < family_mamba1.tensors.count; id++)
      if (trace[s].t[id].data) measure_row(r, &rows.tensor[i++], &trace[s].t[id], scratch);
  return true;
}

static void run_walk(Run *r, Status *st) {
  PromptShape prompt[PROMPTS];
  shipped_prompts(&r->shipped, prompt, PROMPTS, TOKENS);
  Visitor visitor = {.context = r, .layer = count_rows};
  Walk walk = shipped_walk(&r->shipped, r->pairs.side, r->pairs.sides, prompt, PROMPTS, &visitor);
  Arena scratch = r->shipped.arena;
  r->subject.prompt = prompt;
  pairs_begin(&r->pairs);
  JudgedRows rest = {0};
  if (walk_run(&walk, scratch, st))
    pairs_end(&r->pairs, &rest, &scratch, st);
  else
    pairs_leave(&r->pairs);
  r->judged += rest.rows;
}

Test(judge, every_column_of_every_row_of_a_run_is_what_gsl_says, .timeout = 600) {
  static Run r;
  Status st = {0};
  run_open(&r, 1);
  run_walk(&r, &st);
  cr_assert(!st.failed, "%s", st.text);
  cr_expect(r.rows > 1000 && r.checked == r.rows, "%d of %d rows", r.checked, r.rows);
  cr_expect_eq(r.judged, r.rows);
  printf("judge: %d tensors: means within %.2g ULP but for %d, which are within %.2g of the "
         "deviation; deviations within %.2g ULP\n",
         r.rows, r.worst_mean, r.cancelled, r.worst_cancelled, r.worst_std);
  cr_expect(r.worst_std <= 4, "a deviation is off by %g ULP", r.worst_std);
  cr_expect(r.worst_cancelled <= 0x1p-54, "a mean is off by %g of the deviation",
            r.worst_cancelled);
}

/* Twenty rows where that is more than one in a hundred, and the same ones again. */
Test(judge, a_sample_of_a_run_is_computed_again_and_depends_on_the_seed_alone, .timeout = 600) {
  static Run r;
  Status st = {0};
  run_open(&r, JUDGED_SHARE);
  run_walk(&r, &st);
  cr_assert(!st.failed, "%s", st.text);
  cr_expect(r.checked >= 20 && r.checked <= 20 + r.rows / 50, "%d of %d rows", r.checked, r.rows);
  cr_expect_eq(r.judged, r.checked, "%d of %d rows", r.judged, r.checked);
}

/* --- what is wrong is found ------------------------------------------------------------------- */

enum { ROWS = 37, COLS = 130 };
static float x[ROWS * COLS], y[ROWS * COLS];

static Tensor filled(float *to, int step) {
  for (int i = 0; i < ROWS * COLS; i++)
    to[i] = (float)(i * 31 % 257 - 100) * 0.37f + (i % step ? 0.01f : 0);
  Tensor t = tensor_of(to, FORMAT_F32, ROWS, COLS, 0);
  t.kernel = "kernel";
  return t;
}

static StatsJob pair_job(const Tensor *a, const Tensor *b, PairStats *row) {
  *row = pair_row(a, b);
  table_text(row->prompt, sizeof row->prompt, "p");
  table_text(row->base, sizeof row->base, "2-0");
  table_text(row->other, sizeof row->other, "2-4");
  table_text(row->tensor, sizeof row->tensor, "scan");
  row->layer = 3;
  row->top1_rows = row->top1_left_out = 0;
  row->top1_agreement = NAN;
  return (StatsJob){.base = a, .other = b, .rows_are_tokens = true, .pair_row = row};
}

/* Every number of a row, a thousandth off or one more. */
Test(judge, a_column_that_is_wrong_is_named_with_both_values) {
  Arena arena = new_arena();
  const Tensor a = filled(x, 3), b = filled(y, 7);
  PairStats row;
  for (int c = table_pair_stats.keys; c < table_pair_stats.columns; c++) {
    const Column *column = &table_pair_stats.column[c];
    const StatsJob job = pair_job(&a, &b, &row);
    Status st = {0};
    cr_assert(judge_job(&job, arena, &st), "%s", st.text);
    char *cell = (char *)&row + column->offset;
    double value = table_double(&row, column->offset);
    if (!strcmp(column->name, "checked") || column->type == COLUMN_TEXT) continue;
    if (column->type == COLUMN_F64) value = value == 0 || isnan(value) ? 1e-9 : value * 1.001;
    if (column->type == COLUMN_F64)
      memcpy(cell, &value, sizeof value);
    else
      *cell = (char)(*cell + 1);
    cr_expect(!judge_job(&job, arena, &st), "%s may be anything", column->name);
    cr_expect(st.check, "%s: no failed check", column->name);
    cr_expect(strstr(st.text, "pair_stats, p / 2-0 / 2-4 / scan / 3: ") &&
                  strstr(st.text, column->name),
              "%s: %s", column->name, st.text);
  }
  arena_release(&arena);
}

/* All rows of a run by GSL alone: what it says equals what lanes say. */
Test(judge, rows_by_gsl_alone_are_near_those_of_lanes) {
  Arena arena = new_arena();
  const Tensor a = filled(x, 3), b = filled(y, 7);
  PairStats row, lanes;
  StatsJob job = pair_job(&a, &b, &row);
  lanes = row;
  memset(&row.identical, 0xa5, sizeof row - offsetof(PairStats, identical));
  job.by = STATS_GSL;
  stats_jobs(&job, 1, arena);
  Status st = {0};
  cr_expect_eq(row.checked, 1);
  job.pair_row = &lanes;
  cr_expect(judge_job(&job, arena, &st), "%s", st.text);
  arena_release(&arena);
}

/* Whole numbers whose sum is 0: one adds up to 0, the other to what its rounding leaves, and the
 * difference has no size beside either. Of zeros it has none, and that is judged. */
Test(judge, a_mean_that_cancels_has_no_relative_size_that_could_be_wrong) {
  Arena arena = new_arena();
  for (int cancels = 0; cancels < 2; cancels++)
    for (int shift = 0; shift < 17; shift++) {
      float base[12], other[12];
      double sum = 0;
      for (int i = 0; i < 12; i++) base[i] = (float)((shift * 5 + i * 3) % 17 - 8) * (float)cancels;
      for (int i = 0; i < 11; i++) sum += (double)base[i];
      base[11] = (float)-sum;
      for (int i = 0; i < 12; i++) other[i] = base[i] + 0.0625f * (float)i;
      Tensor a = tensor_of(base, FORMAT_F32, 4, 3, 0), b = tensor_of(other, FORMAT_F32, 4, 3, 0);
      PairStats row;
      Status st = {0};
      a.kernel = b.kernel = "kernel";
      const StatsJob job = pair_job(&a, &b, &row);
      cr_expect(judge_job(&job, arena, &st), "shift %d: %s", shift, st.text);
      if (cancels) continue;
      cr_assert(isnan(row.mean_rel));
      row.mean_rel = 1;
      cr_expect(!judge_job(&job, arena, &st), "of zeros the mean's relative size may be anything");
    }
  arena_release(&arena);
}

/* As many channels as a published vocabulary has, added one after the other; equal ones are rounded
 * the same way again and again. */
Test(judge, rows_of_a_wide_head_are_near_gsls) {
  enum { WIDE = 50280, TALL = 8 };
  static float base[TALL * WIDE], other[TALL * WIDE];
  Arena arena = new_arena();
  for (int i = 0; i < TALL * WIDE; i++) base[i] = 1, other[i] = i % WIDE ? 1.1f : 1.3f;
  Tensor a = tensor_of(base, FORMAT_F32, TALL, WIDE, 0),
         b = tensor_of(other, FORMAT_F32, TALL, WIDE, 0);
  PairStats row;
  Status st = {0};
  a.kernel = b.kernel = "kernel";
  const StatsJob job = pair_job(&a, &b, &row);
  cr_expect(judge_job(&job, arena, &st), "%s", st.text);
  arena_release(&arena);
}

/* A token whose base is 0 is off by Inf; where that begins behind a quantile's own place, the
 * quantile is still a number. */
Test(judge, a_quantile_next_to_tokens_that_are_infinitely_off_is_the_same) {
  Arena arena = new_arena();
  for (int zeros = 0; zeros <= ROWS; zeros++) {
    const Tensor a = filled(x, 3), b = filled(y, 7);
    PairStats row;
    Status st = {0};
    memset(x, 0, (size_t)zeros * COLS * sizeof *x);
    const StatsJob job = pair_job(&a, &b, &row);
    cr_expect(judge_job(&job, arena, &st), "%d tokens: %s", zeros, st.text);
  }
  arena_release(&arena);
}

/* --- a finished file -------------------------------------------------------------------------- */

Test(judge, a_finished_file_is_verified_from_its_tensors, .init = shell_begin, .fini = shell_end,
     .timeout = 300) {
  small_model(SMALL_LAYERS);
  cr_assert_eq(shell(NO_FIGURES
                     "%s compare 2-0 2-4 --model %s/model --text data/text/test.txt --calibration "
                     "data/text/valid.txt --length 20 --windows 2 --window-length 32 -q -o %s/r",
                     shell_program(), shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_assert_eq(shell("%s verify %s/r/results.h5", shell_program(), shell_folder), 0, "%s",
               shell_output);
  cr_expect(strstr(shell_output, " rows of tensors and ") && strstr(shell_output, "; 0 and 0 are"),
            "%s", shell_output);
  shell("cat %s/r/report.md", shell_folder);
  cr_expect(strstr(shell_output, "GSL's own functions computed a random "), "the report is silent");
}
