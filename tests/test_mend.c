/* mend: sides with other scales on the shipped model: what they say is what a run with those scales
 * says; the scale that was spoilt is the one that is found. */
#include "shipped_model.h"

#include <math.h>

#include "family/mamba1.h"
#include "measure/ends.h"
#include "study/choices.h"
#include "study/mend.h"
#include "study/swap.h"
#include "tests/notes.h"

enum { TOKENS = 24, PROMPTS = 2, WINDOWS = 2, LENGTH = 64, LAYERS = 8, SPOILT = 6 };

static Shipped shipped;
static Subject subject;
static PromptShape prompts[PROMPTS];
static OwnMode own;
static const char *mended[2];

static void calibrated(double alpha) {
  Status st = {0};
  Calibration how = {
      .text = "data/text/valid.txt", .windows = WINDOWS, .length = LENGTH, .alpha = alpha};
  if (!shipped.arena.base) {
    shipped = shipped_first(REWRITE_QUAMBA, LAYERS);
  }
  ScaleChoice *choice =
      ARENA_NEW(&shipped.arena, ScaleChoice, choices_count(&shipped.model.config));
  cr_assert(calibrate(&shipped.model, shipped.valid, shipped.valid_count, &how, choice,
                      shipped.arena, &st),
            "%s", st.text);
  for (int p = 0; p < PROMPTS; p++)
    prompts[p] = (PromptShape){"p", shipped.test + 4040 + 5000 * p, TOKENS};
  subject = (Subject){.layers = shipped.layers,
                      .weights = shipped.weights,
                      .model = shipped.model,
                      .prompt = prompts,
                      .choice = choice};
}

static MendRows run(const char *mode, const Keeper *keeper) {
  Status st = {0};
  Progress quiet = progress_start(true);
  MendRows rows;
  memset(&rows, 0xa5, sizeof rows);
  mended[0] = mode;
  own.mode = *mode_preset("2-4");
  strcpy(own.mode.name, "stored");
  own.mode.setting[STAGE_STATE] = INNER_I8;
  const Spec spec = {.own_modes = &own,
                     .own_mode_count = 1,
                     .mend = mended,
                     .mend_count = 1,
                     .prompt_count = PROMPTS};
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet, .keeper = keeper};
  cr_assert(mend_run(&shipped.arena, &study, &rows, &st), "%s", st.text);
  return rows;
}

static const Mend *row_of(const MendRows *rows, const char *choice) {
  for (size_t i = 0; i < rows->rows; i++)
    if (!strcmp(rows->row[i].choice, choice) && rows->row[i].layer == -1) return &rows->row[i];
  cr_assert_fail("no row of %s", choice);
  return NULL;
}

static void same_figures(const Mend *got, const Mend *want, const char *what) {
  cr_expect_eq(got->block_out, want->block_out, "%s: got %a want %a", what, got->block_out,
               want->block_out);
  cr_expect_eq(got->kl, want->kl, "%s: got %a want %a", what, got->kl, want->kl);
  cr_expect_eq(got->bits, want->bits, "%s: got %a want %a", what, got->bits, want->bits);
  cr_expect_eq(got->pooled, want->pooled, "%s: got %a want %a", what, got->pooled, want->pooled);
}

Test(mend, a_side_of_another_alpha_is_the_mode_as_it_is_in_a_run_calibrated_so) {
  const char *const choice[] = {"0.99999", "1"};
  const double alpha[] = {0.99999, 1};
  calibrated(0.9999);
  const MendRows rows = run("2-0", NULL);
  for (int i = 0; i < 2; i++) {
    calibrated(alpha[i]);
    const MendRows other = run("2-0", NULL);
    same_figures(row_of(&rows, choice[i]), row_of(&other, "calibrated"), choice[i]);
    cr_expect(row_of(&other, choice[i])->identical && !row_of(&rows, choice[i])->identical);
    cr_expect_neq(row_of(&rows, "calibrated")->block_out, row_of(&other, "calibrated")->block_out);
    for (size_t k = 0; k < rows.layers; k++)
      for (size_t j = 0; j < other.layers; j++)
        if (!strcmp(rows.layer[k].choice, choice[i]) && rows.layer[k].layer == -1 &&
            !strcmp(other.layer[j].choice, "calibrated") &&
            rows.layer[k].at_layer == other.layer[j].at_layer)
          cr_expect_eq(rows.layer[k].rel_l2, other.layer[j].rel_l2, "alpha %s, layer %d", choice[i],
                       rows.layer[k].at_layer);
  }
}

Test(mend, factors_are_beside_the_mode_as_it_is_and_the_last_layer_is_the_end) {
  calibrated(0.9999);
  const MendRows rows = run("2-0", NULL);
  const Mend *as_it_is = row_of(&rows, "calibrated");
  const int layers = shipped.model.layers;
  cr_assert_eq(rows.rows, MEND_TRIALS);
  cr_assert_eq(rows.layers, (size_t)(MEND_TRIALS * layers));
  cr_expect(as_it_is->identical && as_it_is->block_out_factor == 1 &&
            isnan(as_it_is->block_out_factor_holm));
  for (size_t i = 0; i < rows.rows; i++) {
    const Mend *row = &rows.row[i];
    cr_expect_float_eq(row->block_out_factor, row->block_out / as_it_is->block_out, 1e-13);
    cr_expect_float_eq(row->bits_change, row->bits - as_it_is->bits, 1e-12);
    cr_expect_float_eq(rows.layer[(i + 1) * (size_t)layers - 1].rel_l2, row->pooled, 1e-14);
    cr_expect(row->prompts == PROMPTS && !row->left_out[0]);
    cr_expect(row->layer < 0 ? isnan(row->value)
                             : row->value > 0 && row->value != row->value_before,
              "row %zu", i);
    for (size_t k = 0; k < i; k++)
      cr_expect(row->layer < 0 || row->layer != rows.row[k].layer ||
                    strcmp(row->scale, rows.row[k].scale) != 0,
                "one scale stands twice");
  }
}

/* A scale of u four times too small clips; made right again alone, it takes most of the error away,
 * and what it gives is what a model with that scale gives. */
Test(mend, the_spoilt_scale_is_found_first_and_its_row_is_of_a_model_with_that_scale) {
  calibrated(0.9999);
  subject.model.scales[SPOILT].scale[S_U] /= 4;
  const MendRows rows = run("2-0", NULL);
  const Mend *found = &rows.row[4];
  cr_expect_eq(found->layer, SPOILT, "layer %d", found->layer);
  cr_expect_str_eq(found->scale, "s_u");
  cr_expect_gt(found->value, 3 * (double)subject.model.scales[SPOILT].scale[S_U]);
  cr_expect_lt(found->block_out_factor, 0.7, "%g", found->block_out_factor);
  subject.model.scales[SPOILT].scale[S_U] = (float)found->value;
  const MendRows other = run("2-0", NULL);
  same_figures(found, row_of(&other, "calibrated"), "one scale");
}

/* s_h is that of the state's copy, which 2-0 only stores; where the state itself is int8 it
 * counts. */
Test(mend, a_scale_that_nothing_depends_on_is_not_tried) {
  calibrated(0.9999);
  subject.model.scales[SPOILT].scale[S_H] /= 8;
  MendRows rows = run("2-0", NULL);
  for (size_t i = 0; i < rows.rows; i++)
    cr_expect(strcmp(rows.row[i].scale, "s_h") != 0, "row %zu", i);
  rows = run("stored", NULL);
  cr_expect(!strcmp(rows.row[4].scale, "s_h") && rows.row[4].layer == SPOILT, "layer %d %s",
            rows.row[4].layer, rows.row[4].scale);
}

/* --- gone on with ----------------------------------------------------------------------------- */

Test(mend, stopped_after_any_prompt_it_goes_on_to_the_same_rows) {
  calibrated(0.9999);
  const MendRows want = run("2-0", NULL);
  Notes notes = {.most = 0};
  const Keeper keeper = notes_keeper(&notes);
  mended[0] = "2-0";
  const Spec spec = {.mend = mended, .mend_count = 1, .prompt_count = PROMPTS};
  Progress quiet = progress_start(true);
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet, .keeper = &keeper};
  for (; notes.most < 2 * PROMPTS; notes.most++) {
    Status st = {0};
    MendRows rows;
    cr_assert_not(mend_run(&shipped.arena, &study, &rows, &st));
    cr_assert_eq(notes.count, notes.most);
  }
  const MendRows got = run("2-0", &keeper);
  cr_assert(got.rows == want.rows && got.layers == want.layers && notes.count == 2 * PROMPTS);
  cr_expect_arr_eq(got.row, want.row, want.rows * sizeof *want.row);
  cr_expect_arr_eq(got.layer, want.layer, want.layers * sizeof *want.layer);
}
