/* restore: a planted bad layer is the one that is found; the set is one of the layers that matter,
 * not the first ones; every row is what a walk of that set gives. */
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

#include <math.h>

#include "study/restore.h"
#include "walk/walk.h"

enum { TOKENS = 8, PROMPTS = 2, BAD = 13, WORSE = 6, CLIPS = 3 };

static Shipped shipped;
static Subject subject;
static PromptShape prompts[PROMPTS];

/* Layers whose int8 scan weights are off: mode 2-4 suffers there, fp32 does not. */
static void plant(int layer, float factor) {
  shipped.model.layer[layer].i8[W_D].values.scale.value *= factor;
}

/* What the scale of the convolution's input in layer CLIPS is multiplied by. */
static float clipped = 1;

static RestoreRows run(RestorePlan *plan, int plans, const float *factor) {
  shipped = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&shipped, 1, 64);
  plant(BAD, factor[0]);
  plant(WORSE, factor[1]);
  shipped.model.scales[CLIPS].scale[S_IN] *= clipped;
  for (int p = 0; p < PROMPTS; p++) prompts[p] = (PromptShape){"p", shipped.test + 700 * p, TOKENS};
  subject = (Subject){.weights = shipped.weights, .model = shipped.model, .prompt = prompts};
  static OwnMode own = {0}; /* 2-4 with two float stages, one of them without what is planted */
  own.mode = *mode_preset("2-4");
  strcpy(own.mode.name, "float-rest");
  own.mode.setting[STAGE_SCAN_REST] = SCAN_REST_F32;
  own.mode.setting[STAGE_GATED] = OUTPUT_F32;
  Spec spec = {.own_modes = &own,
               .own_mode_count = 1,
               .restore = plan,
               .restore_count = plans,
               .prompt_count = PROMPTS};
  Status st = {0};
  Progress quiet = progress_start(true);
  RestoreRows rows;
  memset(&rows, 0xa5, sizeof rows);
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet};
  cr_assert(restore_run(&shipped.arena, &study, &rows, &st), "%s", st.text);
  return rows;
}

Test(restore, planted_bad_layers_are_found_worst_first_and_the_limit_ends_it) {
  RestorePlan plan = {.mode = "2-4", .to = "fp32", .limit = 0.06, .by = RESTORE_LAYER, .most = 6};
  RestoreRows rows = run(&plan, 1, (const float[]){1.5f, 2.0f});
  cr_assert_eq(rows.rows, 4, "nothing, two layers, everything: got %zu rows", rows.rows);
  const Restoration *r = rows.row;
  cr_expect(r[0].step == 0 && r[0].layer == -1 && !r[0].reached && r[0].candidates == 0);
  cr_expect(r[1].step == 1 && r[1].layer == WORSE && r[1].candidates == 24, "layer %d", r[1].layer);
  cr_expect(r[2].step == 2 && r[2].layer == BAD && r[2].candidates == 23 && r[2].reached,
            "layer %d", r[2].layer);
  cr_expect_eq(r[1].next_layer, BAD);
  cr_expect(r[3].step == -1 && r[3].layer == -1 && r[3].reached && r[3].block_out < 1e-5);
  cr_expect(r[0].block_out > r[1].block_out && r[1].block_out > r[2].block_out);
  cr_expect_lt(r[2].block_out, 0.6 * r[2].first_block_out,
               "the first two layers would have done as well");
  for (int i = 0; i < 4; i++)
    cr_expect(r[i].block_out_low <= r[i].block_out && r[i].block_out <= r[i].block_out_high &&
                  r[i].kl >= 0,
              "row %d", i);
}

Test(restore, by_stage_the_planted_stage_is_named) {
  RestorePlan plan = {
      .mode = "2-4", .to = "float-rest", .limit = 1e-6, .by = RESTORE_STAGE, .most = 1};
  RestoreRows rows = run(&plan, 1, (const float[]){1.0f, 2.0f});
  cr_assert_eq(rows.rows, 3);
  cr_expect_eq(rows.row[1].layer, WORSE);
  cr_expect_str_eq(rows.row[1].stages, "scan_rest");
  cr_expect(!rows.row[1].reached && isnan(rows.row[1].first_block_out));
}

/* A layer whose input is clipped is off in every token; what layer 22 does by itself hits few. */
Test(restore, the_median_token_asks_for_another_layer_than_all_tokens_together) {
  RestorePlan plans[] = {
      {.mode = "2-4", .to = "fp32", .limit = 0.02, .by = RESTORE_LAYER, .most = 1},
      {.mode = "2-4",
       .to = "fp32",
       .limit = 0.02,
       .of = RESTORE_MEDIAN_TOKEN,
       .by = RESTORE_LAYER,
       .most = 1}};
  clipped = 0.6f;
  RestoreRows rows = run(plans, 2, (const float[]){1.0f, 1.0f});
  cr_assert_eq(rows.rows, 6);
  const Restoration *total = rows.row, *median = rows.row + 3;
  cr_expect_str_eq(total->of, "total");
  cr_expect_str_eq(median->of, "median_token");
  cr_expect(total[0].block_out == median[0].block_out &&
            total[0].token_median == median[0].token_median);
  cr_expect(isnan(total[0].block_out_factor) && isnan(total[2].block_out_factor), "beside no step");
  cr_expect(total[1].layer == 22 && median[1].layer == CLIPS, "layers %d and %d", total[1].layer,
            median[1].layer);
  cr_expect(total[1].block_out < median[1].block_out &&
            total[1].token_median > median[1].token_median);
  cr_expect(!total[1].reached && median[1].reached && median[1].block_out > 0.02 &&
            median[1].token_median < 0.02);
  for (int i = 1; i < 6; i += 3) {
    const Restoration *r = &rows.row[i], *before = r - 1;
    cr_expect_float_eq(r->block_out_factor, r->block_out / before->block_out, 1e-14);
    cr_expect_float_eq(r->token_median_factor, r->token_median / before->token_median, 1e-14);
    cr_expect_float_eq(r->parting_factor, r->block_out_factor / r->token_median_factor, 1e-14);
    cr_expect(r->token_median_low <= r->token_median && r->token_median <= r->token_median_high);
    cr_expect(r->next_token_median > 0 && r->next_block_out > 0 && r->first_token_median > 0);
  }
  cr_expect_lt(total[1].parting_factor, 0.95, "layer 22 is not one of single tokens: %g",
               total[1].parting_factor);
  cr_expect_gt(median[1].parting_factor, 1.05, "nor layer 3 one of typical ones: %g",
               median[1].parting_factor);
}

/* 2-1 and 2-2 agree in every bit, so there is nothing to take off. */
Test(restore, where_no_layer_helps_none_is_chosen) {
  RestorePlan plan = {.mode = "2-2", .to = "2-1", .limit = 1e-6, .by = RESTORE_LAYER, .most = 3};
  RestoreRows rows = run(&plan, 1, (const float[]){1.0f, 1.0f});
  cr_assert_eq(rows.rows, 2);
  cr_expect(rows.row[0].step == 0 && rows.row[1].step == -1);
  cr_expect_eq(rows.row[0].block_out, rows.row[1].block_out);
}

static void expect_rank(const double *gain, int candidates, int best, int next) {
  Ranking r = restore_rank(gain, candidates);
  cr_expect(r.best == best && r.next == next, "%g %g %g: best %d, next %d; want %d and %d", gain[0],
            gain[1], gain[2], r.best, r.next, best, next);
}

Test(restore, a_candidate_that_makes_it_worse_is_the_runner_up_where_the_rest_make_it_worse_still) {
  expect_rank((const double[]){-1, 3, -7}, 3, 1, 0);
  expect_rank((const double[]){-7, -1, 3}, 3, 2, 1);
  expect_rank((const double[]){3, -7, -1}, 3, 0, 2);
  expect_rank((const double[]){1, 3, 2}, 3, 1, 2);
  expect_rank((const double[]){3, 3, 3}, 3, 0, 1);
  expect_rank((const double[]){3, NAN, -1}, 3, 0, 2);
  expect_rank((const double[]){3, NAN, NAN}, 3, 0, -1);
  expect_rank((const double[]){-1, 0, NAN}, 3, -1, -1);
}
