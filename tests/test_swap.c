/* swap: stage swaps on the shipped model, against walks made here; ranks and effects where they are known beforehand.
 */
#include "shipped_model.h"

#include <math.h>

#include "measure/ends.h"
#include "study/swap.h"

enum { TOKENS = 40, PROMPTS = 2, OWN = 4 };

static Shipped shipped;
static Setup setup;
static PromptShape prompts[PROMPTS];
static OwnMode own[OWN];

/* Modes: near: 2-4 but for the order; far: 2-4 with another decay and another input of the scan. */
static Spec make_spec(SwapPlan *plan, int plans) {
  shipped = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&shipped, 1, 64);
  for (int p = 0; p < PROMPTS; p++) prompts[p] = (PromptShape){"p", shipped.test + 5000 * p, TOKENS};
  setup = (Setup){.weights = shipped.weights, .model = shipped.model, .prompt = prompts};
  own[0].mode = own[1].mode = own[2].mode = *mode_preset("2-4");
  own[3].mode = *mode_preset("fp32");
  strcpy(own[0].mode.name, "near");
  own[0].mode.scan_order = SCAN_ORDER_BLOCKED;
  strcpy(own[1].mode.name, "coarse");
  own[1].mode.decay = INNER_BF16;
  own[1].mode.out_proj = OUTPUT_F32;
  strcpy(own[2].mode.name, "stored");
  own[2].mode.state = INNER_I8;
  strcpy(own[3].mode.name, "half");
  own[3].mode.conv_acc = INNER_BF16;
  own[3].mode.gated = OUTPUT_F16;
  return (Spec){.own_modes = own, .own_mode_count = OWN, .swaps = plan, .swap_count = plans, .prompt_count = PROMPTS};
}

static SwapRows run(Spec *spec) {
  Status st = {0};
  Progress quiet = progress_start(true);
  SwapRows rows;
  memset(&rows, 0xa5, sizeof rows);
  Resampling draws = resampling_of(&shipped.arena, PROMPTS, 1);
  cr_assert(swap_run(&shipped.arena, spec, &setup, &draws, &quiet, &rows, &st), "%s", st.text);
  return rows;
}

static const Swap *row_of(const SwapRows *rows, const char *start, const char *stages) {
  for (size_t i = 0; i < rows->swaps; i++)
    if (!strcmp(rows->swap[i].start, start) && !strcmp(rows->swap[i].stages, stages)) return &rows->swap[i];
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
  const Swap *there = row_of(&rows, "near", "scan_order"), *back = row_of(&rows, "2-4", "scan_order");
  cr_expect_eq(there->block_out, other->block_out);
  cr_expect_eq(back->block_out, near->block_out);
  cr_expect_eq(there->bits, other->bits);
  cr_expect_eq(back->kl, near->kl);
  cr_expect(near->identical && other->identical, "a mode differs from itself");
  cr_expect(!there->identical && !back->identical, "the order of the scan changes nothing: moved %g and %g",
            there->moved, back->moved);
  cr_expect(there->moved > 0 && back->moved > 0 && fabs(there->moved / back->moved - 1) < 0.1);
  cr_expect(there->rank == 1 && back->rank == 1 && !near->rank);
  cr_expect_eq(there->block_out_change, other->block_out - near->block_out);
  cr_expect_eq(back->block_out_change, near->block_out - other->block_out);
  cr_expect(there->block_out_low <= there->block_out && there->block_out <= there->block_out_high);
}

/* Bits: 2-0 with the convolution's output or the scan's input swapped alone is, by what these stages are, 2-3 in
 * blocked order and 2-0 itself. */
Test(swap, stages_that_change_nothing_alone_are_found_identical_and_interactions_named) {
  SwapPlan plan = {.pair = {"2-0", "2-4"}, .combinations = true};
  Spec spec = make_spec(&plan, 1);
  SwapRows rows = run(&spec);
  cr_assert_eq(rows.swaps, 2 + 2 * 3 + 4);
  cr_assert_eq(rows.effects, 3 + 3);
  const Swap *idle = row_of(&rows, "2-0", "scan_u");
  cr_expect(idle->identical && idle->moved == 0 && idle->block_out_change == 0);
  cr_expect_gt(idle->rank, row_of(&rows, "2-0", "conv_out")->rank);
  const Swap *all = row_of(&rows, "2-0", "conv_out + scan_u + scan_order"), *end = row_of(&rows, "2-4", "");
  cr_expect_eq(all->block_out, end->block_out);
  cr_expect_eq(all->count, 3);

  /* by hand, from the rows of the single modes */
  const char *at[] = {"", "conv_out", "scan_u", "conv_out + scan_u"};
  const char *ordered[] = {"scan_order", "conv_out + scan_order", "scan_u + scan_order",
                           "conv_out + scan_u + scan_order"};
  double f[4], g[4];
  for (int i = 0; i < 4; i++)
    f[i] = row_of(&rows, "2-0", at[i])->block_out, g[i] = row_of(&rows, "2-0", ordered[i])->block_out;
  double conv = ((f[1] - f[0]) + (f[3] - f[2]) + (g[1] - g[0]) + (g[3] - g[2])) / 4;
  double both = ((f[3] - f[1] - f[2] + f[0]) + (g[3] - g[1] - g[2] + g[0])) / 2;
  int firsts = 0;
  for (size_t i = 0; i < rows.effects; i++) {
    const SwapEffect *e = &rows.effect[i];
    cr_expect(e->contexts == e->possible && e->possible == (e->order == 1 ? 4 : 2), "%s", e->stages);
    firsts += e->rank == 1;
    if (!strcmp(e->stages, "conv_out")) cr_expect_float_eq(e->block_out, conv, 1e-15);
    if (!strcmp(e->stages, "conv_out x scan_u")) {
      cr_expect_float_eq(e->block_out, both, 1e-15);
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
  cr_expect_gt(row_of(&rows, "fp32", "conv_acc")->block_out, 3 * row_of(&rows, "fp32", "gated")->block_out);
}

Test(swap, a_refused_stage_is_listed_with_its_reason_and_runs_with_what_it_needs) {
  SwapPlan plan = {.pair = {"2-4", "fp32"}};
  Spec spec = make_spec(&plan, 1);
  SwapRows rows = run(&spec);
  const Swap *refused = row_of(&rows, "2-4", "linears");
  cr_expect(strstr(refused->refused, "x_proj_in i8 with linears f32"), "%s", refused->refused);
  cr_expect(isnan(refused->block_out) && isnan(refused->moved) && !refused->rank && !refused->identical);
  const Swap *least = row_of(&rows, "2-4", "linears + conv_in + x_proj_in + scan_rest");
  cr_expect(!least->refused[0] && least->count == 4 && least->block_out > 0);
  cr_expect(!row_of(&rows, "2-4", "conv_in")->refused[0]);
}

/* A stored int8 state can only be had in sequential order: of blocked 2-4 and stored, one corner of four is refused. */
Test(swap, combinations_without_sense_leave_their_contexts_out) {
  SwapPlan plan = {.pair = {"near", "stored"}, .combinations = true};
  Spec spec = make_spec(&plan, 1);
  SwapRows rows = run(&spec);
  cr_expect(strstr(row_of(&rows, "near", "state")->refused, "state i8 with scan_order blocked"));
  for (size_t i = 0; i < rows.effects; i++) {
    const SwapEffect *e = &rows.effect[i];
    if (e->order == 1) cr_expect(e->contexts == 1 && e->possible == 2 && !isnan(e->block_out), "%s", e->stages);
    if (e->order == 2) cr_expect(e->contexts == 0 && e->possible == 1 && isnan(e->block_out) && e->rank == 0);
  }
}

Test(swap, pooled_figures_and_their_intervals_are_those_of_the_prompts) {
  EndSums ends[] = {{1, 4, 2, 6, 2}, {9, 16, 1, 3, 1}}, twice[] = {{4, 4, 4, 12, 2}, {36, 16, 2, 6, 1}};
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 26, shipped_exhausted, &st));
  Resampling draws = resampling_of(&arena, 2, 1);
  EndTerm one = {ends, 1}, change[] = {{twice, 1}, {ends, -1}};
  EndValue v = ends_value(&one, 1, END_BLOCK_OUT, &draws, arena);
  cr_expect_float_eq(v.value, sqrt(0.5), 1e-15);
  cr_expect(v.low == 0.5 && v.high == 0.75, "either prompt twice: got %g to %g", v.low, v.high);
  v = ends_value(&one, 1, END_KL, &draws, arena);
  cr_expect(v.value == 1 && v.low == 1 && v.high == 1);
  v = ends_value(change, 2, END_BITS, &draws, arena);
  cr_expect(v.value == 3 && v.low == 3 && v.high == 3);
  v = ends_value(change, 0, END_BITS, &draws, arena);
  cr_expect(isnan(v.value) && isnan(v.low));
}
