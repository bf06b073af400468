/* swap: stage swaps on the shipped model, against walks made here; ranks and effects where they are
 * known beforehand. */
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

#include <math.h>

#include "measure/ends.h"
#include "study/swap.h"

enum { TOKENS = 40, PROMPTS = 2, OWN = 4 };

static Shipped shipped;
static Subject subject;
static PromptShape prompts[PROMPTS];
static OwnMode own[OWN];

/* Modes: near: 2-4 but for the order; far: 2-4 with another decay and another input of the scan. */
static Spec make_spec(SwapPlan *plan, int plans) {
  shipped = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&shipped, 1, 64);
  for (int p = 0; p < PROMPTS; p++)
    prompts[p] = (PromptShape){"p", shipped.test + 5000 * p, TOKENS};
  subject = (Subject){.weights = shipped.weights, .model = shipped.model, .prompt = prompts};
  own[0].mode = own[1].mode = own[2].mode = *mode_preset("2-4");
  own[3].mode = *mode_preset("fp32");
  strcpy(own[0].mode.name, "near");
  own[0].mode.setting[STAGE_SCAN_ORDER] = SCAN_ORDER_BLOCKED;
  strcpy(own[1].mode.name, "coarse");
  own[1].mode.setting[STAGE_DECAY] = INNER_BF16;
  own[1].mode.setting[STAGE_OUT_PROJ] = OUTPUT_F32;
  strcpy(own[2].mode.name, "stored");
  own[2].mode.setting[STAGE_STATE] = INNER_I8;
  strcpy(own[3].mode.name, "half");
  own[3].mode.setting[STAGE_CONV_ACC] = INNER_BF16;
  own[3].mode.setting[STAGE_GATED] = OUTPUT_F16;
  return (Spec){.own_modes = own,
                .own_mode_count = OWN,
                .swaps = plan,
                .swap_count = plans,
                .prompt_count = PROMPTS};
}

static SwapRows run(Spec *spec) {
  Status st = {0};
  Progress quiet = progress_start(true);
  SwapRows rows;
  memset(&rows, 0xa5, sizeof rows);
  Study study = {.spec = spec, .subject = &subject, .progress = &quiet};
  cr_assert(swap_run(&shipped.arena, &study, &rows, &st), "%s", st.text);
  return rows;
}

static const Swap *row_of(const SwapRows *rows, const char *start, const char *stages) {
  for (size_t i = 0; i < rows->swaps; i++)
    if (!strcmp(rows->swap[i].start, start) && !strcmp(rows->swap[i].stages, stages))
      return &rows->swap[i];
  cr_assert_fail("no row of %s with '%s'", start, stages);
  return NULL;
}

/* The two differ in one stage: swapping it makes the other mode, from both ends. */
Test(swap, one_stage_swapped_is_the_other_mode_from_both_ends) {
  SwapPlan plan = {.pair = {"near", "2-4"}};
  Spec spec = make_spec(&plan, 1);
  SwapRows rows = run(&spec);
  cr_assert_eq(rows.swaps, 4);
  cr_expect_eq(rows.effects, 0);
  const Swap *near = row_of(&rows, "near", ""), *other = row_of(&rows, "2-4", "");
  const Swap *there = row_of(&rows, "near", "scan_order"),
             *back = row_of(&rows, "2-4", "scan_order");
  cr_expect_eq(there->block_out, other->block_out);
  cr_expect_eq(back->block_out, near->block_out);
  cr_expect_eq(there->bits, other->bits);
  cr_expect_eq(back->kl, near->kl);
  cr_expect(near->identical && other->identical, "a mode differs from itself");
  cr_expect(!there->identical && !back->identical,
            "the order of the scan changes nothing: moved %g and %g", there->moved, back->moved);
  cr_expect(there->moved > 0 && back->moved > 0 && fabs(there->moved / back->moved - 1) < 0.1);
  cr_expect(there->rank == 1 && back->rank == 1 && !near->rank);
  cr_expect_float_eq(there->block_out_factor, other->block_out / near->block_out, 1e-14);
  cr_expect_float_eq(back->block_out_factor, near->block_out / other->block_out, 1e-14);
  cr_expect_float_eq(there->kl_factor, other->kl / near->kl, 1e-13);
  cr_expect(there->token_median == other->token_median &&
            back->token_median == near->token_median && near->token_median != other->token_median &&
            near->token_median > 0);
  cr_expect_float_eq(there->token_median_factor, other->token_median / near->token_median, 1e-14);
  cr_expect_float_eq(there->parting_factor, there->block_out_factor / there->token_median_factor,
                     1e-14);
  cr_expect(there->token_median_factor_holm > 0 && isnan(near->token_median_factor_holm) &&
            near->parting_factor == 1);
  cr_expect(there->prompts == PROMPTS && !there->left_out[0]);
  cr_expect(there->block_out_factor_holm > 0 && isnan(near->block_out_factor_holm),
            "a mode beside itself is no question");
  cr_expect(there->block_out_low <= there->block_out && there->block_out <= there->block_out_high);
}

/* Bits: 2-0 with the convolution's output or the scan's input swapped alone is, by what these
 * stages are, 2-3 in blocked order and 2-0 itself. */
Test(swap, stages_that_change_nothing_alone_are_found_identical_and_interactions_named) {
  SwapPlan plan = {.pair = {"2-0", "2-4"}, .combinations = true};
  Spec spec = make_spec(&plan, 1);
  SwapRows rows = run(&spec);
  cr_assert_eq(rows.swaps, 2 + 2 * 3 + 4);
  cr_assert_eq(rows.effects, 3 + 3);
  const Swap *idle = row_of(&rows, "2-0", "scan_u");
  cr_expect(idle->identical && idle->moved == 0 && idle->block_out_factor == 1);
  cr_expect_gt(idle->rank, row_of(&rows, "2-0", "conv_out")->rank);
  const Swap *all = row_of(&rows, "2-0", "conv_out + scan_u + scan_order"),
             *end = row_of(&rows, "2-4", "");
  cr_expect_eq(all->block_out, end->block_out);
  cr_expect_eq(all->count, 3);

  /* by hand, from the rows of the single modes */
  const char *at[] = {"", "conv_out", "scan_u", "conv_out + scan_u"};
  const char *ordered[] = {"scan_order", "conv_out + scan_order", "scan_u + scan_order",
                           "conv_out + scan_u + scan_order"};
  double f[4], g[4];
  for (int i = 0; i < 4; i++)
    f[i] = log(row_of(&rows, "2-0", at[i])->block_out),
    g[i] = log(row_of(&rows, "2-0", ordered[i])->block_out);
  double conv = ((f[1] - f[0]) + (f[3] - f[2]) + (g[1] - g[0]) + (g[3] - g[2])) / 4;
  double both = ((f[3] - f[1] - f[2] + f[0]) + (g[3] - g[1] - g[2] + g[0])) / 2;
  int firsts = 0;
  for (size_t i = 0; i < rows.effects; i++) {
    const SwapEffect *e = &rows.effect[i];
    cr_expect(e->contexts == e->possible && e->possible == (e->order == 1 ? 4 : 2), "%s",
              e->stages);
    firsts += e->rank == 1;
    if (!strcmp(e->stages, "conv_out")) cr_expect_float_eq(log(e->block_out_factor), conv, 1e-13);
    if (!strcmp(e->stages, "conv_out x scan_u")) {
      cr_expect_float_eq(log(e->block_out_factor), both, 1e-13);
      cr_expect_float_eq(e->parting_factor, e->block_out_factor / e->token_median_factor, 1e-13);
      cr_expect_eq(e->rank, 1, "the interaction that must be the largest has rank %d", e->rank);
    }
  }
  cr_expect_eq(firsts, 2);
}

Test(swap, a_coarse_stage_ranks_before_a_fine_one) {
  SwapPlan plan = {.pair = {"fp32", "half"}};
  Spec spec = make_spec(&plan, 1);
  SwapRows rows = run(&spec);
  cr_assert_eq(rows.swaps, 2 + 2 * 2);
  cr_expect_eq(row_of(&rows, "fp32", "conv_acc")->rank, 1);
  cr_expect_eq(row_of(&rows, "fp32", "gated")->rank, 2);
  cr_expect_gt(row_of(&rows, "fp32", "conv_acc")->block_out,
               3 * row_of(&rows, "fp32", "gated")->block_out);
}

Test(swap, a_refused_stage_is_listed_with_its_reason_and_runs_with_what_it_needs) {
  SwapPlan plan = {.pair = {"2-4", "fp32"}};
  Spec spec = make_spec(&plan, 1);
  SwapRows rows = run(&spec);
  const Swap *refused = row_of(&rows, "2-4", "linears");
  cr_expect(strstr(refused->refused, "x_proj_in i8 with linears f32"), "%s", refused->refused);
  cr_expect(isnan(refused->block_out) && isnan(refused->moved) && !refused->rank &&
            !refused->identical);
  const Swap *least = row_of(&rows, "2-4", "linears + conv_in + x_proj_in + scan_rest");
  cr_expect(!least->refused[0] && least->count == 4 && least->block_out > 0);
  cr_expect(!row_of(&rows, "2-4", "conv_in")->refused[0]);
}

/* A stored int8 state can only be had in sequential order: of blocked 2-4 and stored, one corner of
 * four is refused. */
Test(swap, combinations_without_sense_leave_their_contexts_out) {
  SwapPlan plan = {.pair = {"near", "stored"}, .combinations = true};
  Spec spec = make_spec(&plan, 1);
  SwapRows rows = run(&spec);
  cr_expect(strstr(row_of(&rows, "near", "state")->refused, "state i8 with scan_order blocked"));
  for (size_t i = 0; i < rows.effects; i++) {
    const SwapEffect *e = &rows.effect[i];
    if (e->order == 1)
      cr_expect(e->contexts == 1 && e->possible == 2 && !isnan(e->block_out_factor), "%s",
                e->stages);
    if (e->order == 2)
      cr_expect(e->contexts == 0 && e->possible == 1 && isnan(e->block_out_factor) && e->rank == 0);
  }
}

static Arena new_arena(void) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 26, exhausted, &st));
  return arena;
}

/* Tokens of size 10 that are off by 5, 5 and 12; then the worst alone is mended. */
Test(swap, the_median_token_stands_where_it_was_when_one_token_is_mended) {
  double want[] = {6, 8, 10, 0, 0, 10}, off[] = {9, 12, 15, 0, 0, 22},
         mended[] = {9, 12, 15, 0, 0, 15};
  Tensor reference = tensor_of(want, FORMAT_F64, 3, 2, 0), a = tensor_of(off, FORMAT_F64, 3, 2, 0),
         b = tensor_of(mended, FORMAT_F64, 3, 2, 0);
  EndSums before, after;
  memset(&before, 0xa5, sizeof before), memset(&after, 0xa5, sizeof after);
  ends_block_out(&reference, &a, &before, new_arena());
  ends_block_out(&reference, &b, &after, new_arena());
  cr_expect(before.token_median == 0.5 && after.token_median == 0.5);
  cr_expect_float_eq(ends_error(&before), sqrt(194.0 / 300), 1e-15);
  cr_expect_float_eq(ends_error(&after), 0.5, 1e-15);
}

/* Two prompts, errors 1/2 and 3/4 beside 1 and 3/2: t(0.975, 1) is 12.706204736174698, the
 * deviation of two values their distance over sqrt 2. */
Test(swap, figures_are_of_the_prompts_and_what_two_ways_make_is_taken_prompt_by_prompt) {
  EndSums ends[] = {{1, 4, 2, 6, 2, 0.25}, {9, 16, 1, 3, 1, 0.25}},
          twice[] = {{4, 4, 4, 12, 2, 0.25}, {36, 16, 3, 6, 1, 0.5}};
  Arena arena = new_arena();
  EndTerm one = {ends, 1}, change[] = {{twice, 1}, {ends, -1}};
  Sample s = ends_sample(&one, 1, 2, END_BLOCK_OUT, arena);
  double half = 12.706204736174698 * log(1.5) / 2;
  cr_expect_float_eq(s.value, sqrt(0.375), 1e-15);
  cr_expect_float_eq(s.low / s.value, exp(-half), 1e-9);
  cr_expect_float_eq(ends_pooled(ends, 2), sqrt(0.5), 1e-15);
  s = ends_sample(change, 2, 2, END_BLOCK_OUT, arena);
  cr_expect(fabs(s.value - 2) < 1e-14 && fabs(s.low - 2) < 1e-12 && fabs(s.high - 2) < 1e-12,
            "twice in each prompt, whatever they differ in: %g to %g", s.low, s.high);
  s = ends_sample(&one, 1, 2, END_TOKEN_MEDIAN, arena);
  cr_expect(s.value == 0.25 && s.low == 0.25 && s.high == 0.25);
  s = ends_sample(change, 2, 2, END_TOKEN_MEDIAN, arena); /* factors of 1 and 2 */
  cr_expect_float_eq(s.value, sqrt(2), 1e-14);
  cr_expect_float_eq(s.high / s.value, exp(12.706204736174698 * log(2) / 2), 1e-6);
  Sample apart = ends_sample(change, 2, 2, END_PARTING,
                             arena); /* 2 and 1: what the factors of the two are apart */
  cr_expect_float_eq(apart.value, 2 / s.value, 1e-14);
  cr_expect_float_eq(apart.high / apart.value, s.high / s.value, 1e-6);
  s = ends_sample(&one, 1, 2, END_PARTING, arena);
  cr_expect_float_eq(s.value, sqrt(2 * 3), 1e-14);
  s = ends_sample(&one, 1, 2, END_KL, arena);
  cr_expect(s.value == 1 && s.low == 1 && s.high == 1);
  s = ends_sample(change, 2, 2, END_KL, arena); /* factors of 2 and 3 */
  cr_expect_float_eq(s.value, sqrt(6), 1e-14);
  cr_expect_float_eq(s.high / s.value, exp(12.706204736174698 * log(1.5) / 2), 1e-6);
  s = ends_sample(change, 2, 2, END_BITS, arena);
  cr_expect(s.value == 3 && s.low == 3 && s.high == 3);
  s = ends_sample(change, 0, 2, END_BITS, arena);
  cr_expect(isnan(s.value) && isnan(s.low));
}

Test(swap, a_prompt_that_is_not_finite_in_one_way_is_left_out_of_all_figures) {
  EndSums ends[] = {{1, 4, 2, 6, 2, 0.25}, {9, 16, 1, 3, 1, 0.25}, {1, 4, 2, 6, 2, 0.25}};
  EndSums lost[] = {{1, 4, 2, 6, 2, 0.25}, {NAN, 16, 1, 3, 1, 0.25}, {4, 4, NAN, NAN, 2, 0.5}};
  Arena arena = new_arena();
  EndTerm change[] = {{lost, 1}, {ends, -1}}, beside[] = {{ends, 1}, {lost, 0}};
  cr_expect(ends_usable(change, 2, 0) && !ends_usable(change, 2, 1) && !ends_usable(change, 2, 2));
  for (EndFigure f = 0; f < END_FIGURES; f++) {
    Sample s = ends_sample(change, 2, 3, f, arena), b = ends_sample(beside, 2, 3, f, arena);
    cr_expect(s.prompts == 1 && s.left_out == 2 && s.value == (f == END_BITS ? 0 : 1),
              "figure %d: %g", f, s.value);
    cr_expect(b.prompts == 1 && b.left_out == 2, "figure %d", f);
  }
  cr_expect_float_eq(ends_pooled(lost, 3), sqrt(5.0 / 8), 1e-15);
}
