/* The seam between a block and a backend's operators: every call goes through the model's table, can be made again with
 * the same bits, and on a backend that counts into memory of its own finds a place for each count. */
#include "shipped_model.h"

#include "command/calls.h"

enum { TOKENS = 21 };

static bool same_bits(const Tensor *a, const Tensor *b) {
  return a->type == b->type && a->rows == b->rows && a->cols == b->cols &&
         memcmp(a->data, b->data, (size_t)a->rows * (size_t)a->cols * type_size(a->type)) == 0;
}

Test(calls, a_watched_block_makes_the_same_bits_and_every_kernel_of_its_trace_was_seen) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, plain, trace;
  block_embed(&s.model, s.test, TOKENS, &s.arena, &ends);
  for (int m = 0; m < mode_preset_count; m++) {
    Calls calls;
    Model watched = s.model;
    watched.ops = calls_watch(&calls, s.model.ops);
    block_run(&s.model, 3, &mode_presets[m], &ends.t[T_EMBEDDING], &s.arena, &plain);
    block_run(&watched, 3, &mode_presets[m], &ends.t[T_EMBEDDING], &s.arena, &trace);
    cr_expect_geq(calls.count, 8, "mode %s: %d calls", mode_presets[m].name, calls.count);
    for (TensorId id = T_NORM; id < T_LAYER_COUNT; id++) {
      if (!trace.t[id].data) continue;
      cr_expect(same_bits(&plain.t[id], &trace.t[id]), "mode %s, %s", mode_presets[m].name, tensor_info[id].name);
      bool seen = false;
      for (int c = 0; c < calls.count; c++)
        for (int i = 0; i < calls.call[c].outs; i++) seen |= calls.call[c].out[i].data == trace.t[id].data;
      cr_expect(seen, "mode %s: %s was made by no operator of the table", mode_presets[m].name, tensor_info[id].name);
    }
  }
}

Test(calls, a_block_with_narrowed_outputs_is_watched_like_any_other) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  Mode mode = *mode_preset("fp32");
  mode.gated = mode.out_proj = OUTPUT_BF16;
  Trace ends = {0}, plain, trace;
  Calls calls;
  Model watched = s.model;
  watched.ops = calls_watch(&calls, s.model.ops);
  block_embed(&s.model, s.test, TOKENS, &s.arena, &ends);
  block_run(&s.model, 3, &mode, &ends.t[T_EMBEDDING], &s.arena, &plain);
  block_run(&watched, 3, &mode, &ends.t[T_EMBEDDING], &s.arena, &trace);
  cr_expect(same_bits(&plain.t[T_BLOCK_OUT], &trace.t[T_BLOCK_OUT]));
  int narrowed = 0;
  for (int c = 0; c < calls.count; c++) {
    Call *call = &calls.call[c];
    if (call->kind != CALL_NARROW) continue;
    narrowed++;
    cr_expect_eq(call_cost(call).bytes, 2 * 4 * (int64_t)call->in[0].rows * call->in[0].cols);
    call_again(call);
  }
  cr_expect_eq(narrowed, 2);
  cr_expect(same_bits(&plain.t[T_GATED], &trace.t[T_GATED]) && same_bits(&plain.t[T_OUT_PROJ], &trace.t[T_OUT_PROJ]),
            "narrowed twice is narrowed once");
}

Test(calls, a_call_made_again_gives_the_same_bits) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, trace;
  Calls calls;
  s.model.ops = calls_watch(&calls, s.model.ops);
  block_embed(&s.model, s.test, TOKENS, &s.arena, &ends);
  block_run(&s.model, 0, mode_preset("3"), &ends.t[T_EMBEDDING], &s.arena, &trace);
  Tensor first[CALLS_MAX][4];
  for (int c = 0; c < calls.count;
       c++) /* all, before any is made again: the scan's scratch lies where later tensors do */
    for (int i = 0; i < calls.call[c].outs; i++) {
      const Tensor *t = &calls.call[c].out[i];
      size_t bytes = (size_t)t->rows * (size_t)t->cols * type_size(t->type);
      first[c][i] = *t;
      first[c][i].data = memcpy(arena_alloc(&s.arena, bytes, 1), t->data, bytes);
    }
  for (int c = 0; c < calls.count; c++) {
    Call *call = &calls.call[c];
    for (int i = 0; i < call->outs; i++)
      memset(call->out[i].data, 0xa5,
             (size_t)call->out[i].rows * (size_t)call->out[i].cols * type_size(call->out[i].type));
    call_again(call);
    for (int i = 0; i < call->outs; i++)
      cr_expect(same_bits(&first[c][i], &call->out[i]), "%s, output %d", call_output(call)->kernel, i);
  }
}

Test(calls, costs_are_those_counted_by_hand) {
  float x[6] = {0}, y[8] = {0};
  Call linear = {.kind = CALL_LINEAR, .ins = 1, .outs = 1, .linear = {.out = 4, .in = 3, .type = TYPE_F32}};
  linear.in[0] = tensor_of(x, TYPE_F32, 2, 3, 0);
  linear.out[0] = tensor_of(y, TYPE_F32, 2, 4, 0);
  CallCost cost = call_cost(&linear);
  cr_expect_eq(cost.bytes, 4 * (6 + 8 + 12));
  cr_expect_eq(cost.float_steps, 2 * 3 * 4);
  cr_expect_eq(cost.i8_macs, 0);
  Call add = {.kind = CALL_RESIDUAL, .ins = 2, .outs = 1};
  add.in[0] = tensor_of(x, TYPE_F32, 2, 3, 0);
  add.in[1] = tensor_of(x, TYPE_F16, 2, 3, 0);
  add.out[0] = tensor_of(y, TYPE_F32, 2, 3, 0);
  cr_expect_eq(call_cost(&add).bytes, 6 * (4 + 2 + 4));
  cr_expect_eq(call_cost(&add).float_steps, 6);
  CallCost sum = {0};
  cost_add(&sum, cost, 24);
  cr_expect_eq(sum.bytes, 24 * cost.bytes);
}

/* --- a backend that counts into memory of its own -------------------------------------------------------------------
 */

static int cleared;

static void clear(void *memory, size_t bytes) {
  memset(memory, 0, bytes);
  cleared++;
}

Test(block, on_a_backend_that_counts_apart_every_int8_tensor_has_a_counter_and_the_dynamic_scale_its_place) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, trace;
  Calls calls;
  Ops apart = ops_cpu;
  apart.clear = clear;
  Model model = s.model;
  model.ops = calls_watch(&calls, &apart);
  block_embed(&s.model, s.test, TOKENS, &s.arena, &ends);
  for (int m = 0; m < mode_preset_count; m++) {
    const void *place[64];
    int places = 0;
    cleared = calls.count = 0;
    block_run(&model, 1, &mode_presets[m], &ends.t[T_EMBEDDING], &s.arena, &trace);
    cr_expect_eq(cleared, 1);
    for (int c = 0; c < calls.count; c++)
      for (int i = 0; i < calls.call[c].outs; i++) {
        const Tensor *t = &calls.call[c].out[i];
        cr_expect_eq(t->nans_at != NULL, t->type == TYPE_I8, "mode %s, %s", mode_presets[m].name, t->kernel);
        cr_expect_eq(t->scale_at != NULL, calls.call[c].kind == CALL_QUANTISE_DYNAMIC, "mode %s, %s",
                     mode_presets[m].name, t->kernel);
        if (t->nans_at) place[places++] = t->nans_at;
        if (t->scale_at) place[places++] = t->scale_at;
      }
    for (int a = 0; a < places; a++)
      for (int b = 0; b < a; b++)
        cr_expect_neq(place[a], place[b], "mode %s: two counts in one place", mode_presets[m].name);
  }
}
