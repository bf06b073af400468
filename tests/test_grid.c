/* grid: its points on the shipped model are what a model calibrated so gives on prompts cut so,
 * walked by hand; what is the same is not computed again; a grid that was stopped goes on. */
#include "shipped_model.h"

#include <math.h>

#include "measure/ends.h"
#include "study/choices.h"
#include "study/grid.h"
#include "tests/notes.h"

enum { TOKENS = 30, SHORT = 11, PROMPTS = 2, WINDOWS = 2, LENGTH = 64, LAYERS = 3, OWN = 1 };

static const double alphas[] = {0.9, 0.9999, 1};
enum { ALPHAS = sizeof alphas / sizeof *alphas };

static Shipped shipped;
static Subject subject;
static PromptShape prompts[PROMPTS];
static OwnMode own;
static double statistic[LAYERS * SCALES_MOST * ALPHAS];

/* The model at this alpha; and what calibrations at the grid's alphas would find. */
static void calibrated(double alpha) {
  Status st = {0};
  Calibrator *calibrator;
  if (!shipped.arena.base) {
    shipped = shipped_first(REWRITE_QUAMBA, LAYERS);
    own.mode = *mode_preset("2-4");
    strcpy(own.mode.name, "stored");
    own.mode.setting[STAGE_STATE] = INNER_I8;
  }
  const CalibrationAsked asked = {
      .model = &shipped.model,
      .token = shipped.valid,
      .count = shipped.valid_count,
      .how = {.text = "valid.txt", .windows = WINDOWS, .length = LENGTH, .alpha = alpha},
      .alpha = alphas,
      .alphas = ALPHAS,
      .statistic = statistic};
  Arena scratch = shipped.arena;
  memset(statistic, 0xa5, sizeof statistic);
  cr_assert(calibrate_begin(&scratch, &asked, &calibrator, &st), "%s", st.text);
  for (int layer = 0; layer < LAYERS; layer++)
    cr_assert(calibrate_layer(calibrator, layer, &st), "%s", st.text);
  for (int p = 0; p < PROMPTS; p++)
    prompts[p] = (PromptShape){"p", shipped.test + 4040 + 5000 * p, TOKENS + p};
  subject = (Subject){.layers = shipped.layers,
                      .weights = shipped.weights,
                      .model = shipped.model,
                      .prompt = prompts,
                      .statistic = statistic};
}

static Spec spec_of(const char **modes, int count, int *lengths, int length_count) {
  return (Spec){.own_modes = &own,
                .own_mode_count = 1,
                .calibration = {.text = "valid.txt", .alpha = alphas[OWN]},
                .grid = {.alphas = (double *)alphas,
                         .alpha_count = ALPHAS,
                         .modes = modes,
                         .mode_count = count,
                         .lengths = lengths,
                         .length_count = length_count},
                .prompt_count = PROMPTS};
}

static GridRows run(const Spec *spec, const Keeper *keeper) {
  Status st = {0};
  Progress quiet = progress_start(true);
  GridRows rows;
  memset(&rows, 0xa5, sizeof rows);
  Study study = {.spec = spec, .subject = &subject, .progress = &quiet, .keeper = keeper};
  cr_assert(grid_run(&shipped.arena, &study, &rows, &st), "%s", st.text);
  return rows;
}

static const GridPoint *row_of(const GridRows *rows, const char *mode, double alpha, int length) {
  for (size_t i = 0; i < rows->rows; i++)
    if (!strcmp(rows->row[i].mode, mode) && rows->row[i].alpha == alpha &&
        rows->row[i].length == length)
      return &rows->row[i];
  cr_assert_fail("no row of %s, alpha %g, length %d", mode, alpha, length);
  return NULL;
}

/* --- by hand ---------------------------------------------------------------------------------- */

typedef struct Ends {
  Tensor block_out, logits;
} Ends;

static Ends walked(const Source *source, const Mode *mode, const PromptShape *prompt,
                   Arena *arena) {
  Trace ends, trace;
  source->embed(source, prompt->token, prompt->T, arena, &ends);
  Tensor x = *trace_role(&ends, ROLE_EMBEDDING);
  for (int layer = 0; layer < LAYERS; layer++) {
    source->block(source, mode, layer, &x, arena, &trace);
    x = *trace_role(&trace, ROLE_BLOCK_OUT);
  }
  source->head(source, &x, arena, &ends);
  return (Ends){x, *trace_role(&ends, ROLE_LOGITS)};
}

/* Of the subject's model as it is. */
static void sums_by_hand(const char *name, int length, EndSums sums[PROMPTS], Arena arena) {
  const Mode *mode = strcmp(name, "stored") ? mode_preset(name) : &own.mode;
  const Source reference = source_ref64(&subject.weights), modes = source_cpu(&subject.model);
  for (int p = 0; p < PROMPTS; p++) {
    PromptShape prompt = prompts[p];
    if (length) prompt.T = length;
    const Ends want = walked(&reference, NULL, &prompt, &arena),
               got = walked(&modes, mode, &prompt, &arena);
    sums[p] =
        ends_of(&want.block_out, &want.logits, &got.block_out, &got.logits, prompt.token, arena);
  }
}

static void expect_figure(const GridPoint *row, const char *what, double got, Sample want) {
  cr_expect_eq(got, want.value, "%s, alpha %g, length %d: %s: got %a want %a", row->mode,
               row->alpha, row->length, what, got, want.value);
}

static void expect_point(const GridPoint *row, const EndSums sums[PROMPTS]) {
  const EndTerm itself = {sums, 1};
  const Arena scratch = shipped.arena;
  expect_figure(row, "block_out", row->block_out,
                ends_sample(&itself, 1, PROMPTS, END_BLOCK_OUT, scratch));
  expect_figure(row, "token_median", row->token_median,
                ends_sample(&itself, 1, PROMPTS, END_TOKEN_MEDIAN, scratch));
  expect_figure(row, "kl", row->kl, ends_sample(&itself, 1, PROMPTS, END_KL, scratch));
  expect_figure(row, "bits", row->bits, ends_sample(&itself, 1, PROMPTS, END_BITS, scratch));
  cr_expect_eq(row->pooled, ends_pooled(sums, PROMPTS));
  cr_expect(row->prompts == PROMPTS && !row->left_out[0]);
}

/* More ways than go through the model together; s_h counts in `stored` alone. */
Test(grid, a_point_is_bit_by_bit_what_a_model_calibrated_so_gives_on_prompts_cut_so) {
  const char *modes[] = {"2-0", "2-1", "2-3", "2-4", "3", "stored", "fp32"};
  enum { MODES = sizeof modes / sizeof *modes, LENGTHS = 2 };
  int lengths[] = {SHORT, TOKENS};
  calibrated(alphas[OWN]);
  const Spec spec = spec_of(modes, MODES, lengths, LENGTHS);
  const GridRows rows = run(&spec, NULL);
  cr_assert_eq(rows.rows, MODES * LENGTHS * ALPHAS);
  cr_assert_gt((MODES - 1) * ALPHAS, GRID_TOGETHER);
  for (int a = 0; a < ALPHAS; a++) {
    calibrated(alphas[a]);
    for (int m = 0; m < MODES; m++)
      for (int l = 0; l < LENGTHS; l++) {
        EndSums sums[PROMPTS];
        const GridPoint *row = row_of(&rows, modes[m], alphas[a], lengths[l]);
        sums_by_hand(modes[m], lengths[l], sums, shipped.arena);
        expect_point(row, sums);
        cr_expect_eq(row->own, a == OWN);
        cr_expect_eq(row->as_alpha, strcmp(modes[m], "fp32") ? alphas[a] : alphas[0]);
      }
  }
  const GridPoint *low = row_of(&rows, "2-0", alphas[0], TOKENS),
                  *high = row_of(&rows, "2-0", alphas[OWN], TOKENS);
  cr_expect_gt(low->block_out, 1.5 * high->block_out, "an alpha of 0.9 clips a tenth");
  cr_expect_float_eq(low->block_out_factor, low->block_out / high->block_out, 1e-13);
  cr_expect_float_eq(low->bits_change, low->bits - high->bits, 1e-12);
}

Test(grid, whole_prompts_are_a_length_of_0_and_may_differ_in_theirs) {
  const char *modes[] = {"2-0"};
  EndSums sums[PROMPTS];
  calibrated(alphas[OWN]);
  const Spec spec = spec_of(modes, 1, NULL, 0);
  const GridRows rows = run(&spec, NULL);
  cr_assert_eq(rows.rows, ALPHAS);
  sums_by_hand("2-0", 0, sums, shipped.arena);
  expect_point(row_of(&rows, "2-0", alphas[OWN], 0), sums);
}

Test(grid, a_mode_that_no_quantile_reaches_goes_through_the_model_once) {
  const char *modes[] = {"fp32", "2-0", "1"};
  int lengths[] = {SHORT};
  Notes notes = {.most = PROMPTS};
  const Keeper keeper = notes_keeper(&notes);
  calibrated(alphas[OWN]);
  const Spec spec = spec_of(modes, 3, lengths, 1);
  const GridRows rows = run(&spec, &keeper);
  cr_expect_eq(notes.count, PROMPTS);
  cr_expect_eq(notes.kept[0].size, (1 + ALPHAS + 1) * sizeof(EndSums), "%zu bytes of a prompt",
               notes.kept[0].size);
  for (int m = 0; m < 3; m += 2)
    for (int a = 0; a < ALPHAS; a++) {
      GridPoint row = *row_of(&rows, modes[m], alphas[a], SHORT);
      cr_expect(row.as_alpha == alphas[0] && row.own == (a == OWN));
      cr_expect(row.kl_factor == 1 && row.bits_change == 0 && isnan(row.kl_factor_holm));
      row.alpha = alphas[0], row.own = 0;
      cr_expect_arr_eq(&row, row_of(&rows, modes[m], alphas[0], SHORT), sizeof row, "%s, alpha %g",
                       modes[m], alphas[a]);
    }
}

Test(grid, without_the_calibration_s_own_alpha_nothing_is_beside_anything) {
  const char *modes[] = {"2-0"};
  int lengths[] = {SHORT};
  calibrated(alphas[OWN]);
  Spec spec = spec_of(modes, 1, lengths, 1);
  spec.calibration.alpha = 0.99;
  const GridRows rows = run(&spec, NULL);
  for (size_t i = 0; i < rows.rows; i++) {
    const GridPoint *row = &rows.row[i];
    cr_expect(row->block_out > 0 && row->kl > 0 && !row->own);
    cr_expect(isnan(row->block_out_factor) && isnan(row->kl_factor) && isnan(row->bits_change) &&
              isnan(row->kl_factor_holm) && isnan(row->kl_factor_needed));
  }
}

Test(grid, stopped_after_any_prompt_it_goes_on_to_the_same_rows) {
  const char *modes[] = {"2-0", "2-4"};
  int lengths[] = {SHORT, TOKENS};
  enum { WALKED = 2 * PROMPTS };
  Notes notes = {.most = 0};
  const Keeper keeper = notes_keeper(&notes);
  Progress quiet = progress_start(true);
  calibrated(alphas[OWN]);
  const Spec spec = spec_of(modes, 2, lengths, 2);
  const Study study = {.spec = &spec, .subject = &subject, .progress = &quiet, .keeper = &keeper};
  const GridRows want = run(&spec, NULL);
  for (; notes.most < WALKED; notes.most++) {
    Status st = {0};
    GridRows rows;
    Arena arena = shipped.arena;
    cr_assert_not(grid_run(&arena, &study, &rows, &st));
    cr_assert_eq(notes.count, notes.most);
  }
  const GridRows got = run(&spec, &keeper);
  cr_assert(got.rows == want.rows && notes.count == WALKED);
  cr_expect_arr_eq(got.row, want.row, want.rows * sizeof *want.row);
}

Test(grid, a_length_that_a_prompt_does_not_have_is_refused_by_its_place) {
  static const char text[] = "title: t\nmodel: data/mamba-bytes-10m\npairs: [[1, fp32]]\n"
                             "prompts: [{name: long, string: abcdef}, {name: short, string: abc}]\n"
                             "grid: {length: [3, 5]}\n";
  Arena arena;
  Spec spec;
  Subject of;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &st), "%s", st.text);
  cr_assert(spec_parse(&arena, "g.yaml", text, strlen(text), &spec, &st), "%s", st.text);
  cr_assert(subject_check(&arena, &spec, &of, &st), "%s", st.text);
  cr_expect_not(grid_check(&spec, &of, &st));
  cr_expect_str_eq(st.text, "g.yaml:5:20: key 'length': prompt 'short' has 3 tokens, "
                            "and 5 are asked for");
}

/* --- the calibration -------------------------------------------------------------------------- */

/* More than are selected at a time, beside those of the choices. */
Test(grid, a_statistic_at_another_alpha_is_that_of_a_calibration_at_it) {
  enum { MANY = GRID_ALPHAS_MAX };
  double many[MANY], found[LAYERS * SCALES_MOST * MANY];
  Status st = {0};
  Calibrator *calibrator;
  calibrated(alphas[OWN]);
  const Family *family = shipped.model.config.family;
  const int scales = family->tensors.scales;
  ScaleChoice *choice =
      ARENA_NEW(&shipped.arena, ScaleChoice, choices_count(&shipped.model.config));
  for (int a = 0; a < MANY; a++) many[a] = 1 - a * 0.03;
  CalibrationAsked asked = {.model = &shipped.model,
                            .token = shipped.valid,
                            .count = shipped.valid_count,
                            .how = {.text = "valid.txt", .windows = WINDOWS, .length = LENGTH},
                            .choice = choice,
                            .alpha = many,
                            .alphas = MANY,
                            .statistic = found};
  asked.how.alpha = 0.75;
  cr_assert(calibrate_begin(&shipped.arena, &asked, &calibrator, &st), "%s", st.text);
  for (int layer = 0; layer < LAYERS; layer++)
    cr_assert(calibrate_layer(calibrator, layer, &st), "%s", st.text);
  for (int a = 0; a < MANY; a += 5) {
    Calibration how = asked.how;
    how.alpha = many[a];
    cr_assert(calibrate(&shipped.model, shipped.valid, shipped.valid_count, &how, NULL,
                        shipped.arena, &st),
              "%s", st.text);
    for (int i = 0; i < LAYERS * scales; i++) {
      const double want = shipped.model.scales[i / scales].statistic[i % scales],
                   got = found[i * MANY + a];
      if (family->scale[i % scales].quantile)
        cr_expect_eq(got, want, "alpha %g, layer %d, scale %d: got %a want %a", many[a], i / scales,
                     i % scales, got, want);
      else
        cr_expect(isnan(got), "of a maximum there is no other");
    }
  }
}

Test(grid, statistics_at_other_alphas_are_kept_in_the_cache) {
  const Digest key = digest_of("key", 3);
  Status st = {0};
  calibrated(alphas[OWN]);
  double read[LAYERS * SCALES_MOST * ALPHAS];
  const CalibrationValues made = {&shipped.model, NULL, statistic, ALPHAS},
                          asked = {&shipped.model, NULL, read, ALPHAS};
  memset(read, 0xa5, sizeof read);
  char *text = calibration_json(&made, &key);
  cr_expect_eq(calibration_of((Bytes){text, strlen(text)}, &key, &asked, shipped.arena),
               CALIBRATION_TAKEN, "%s", st.text);
  cr_expect_arr_eq(read, statistic, calibration_statistics(&made) * sizeof *read);
  char *digit = strstr(text, "\"alphas\"");
  digit += strcspn(digit, "123456789");
  *digit = *digit == '9' ? '1' : (char)(*digit + 1);
  cr_expect_eq(calibration_of((Bytes){text, strlen(text)}, &key, &asked, shipped.arena),
               CALIBRATION_DAMAGED, "a changed digit was taken");
  free(text);
}
