/* The seam between a block and a backend's operators: every call goes through the model's table,
 * can be made again with the same bits, and on a backend that counts into memory of its own finds a
 * place for each count. */
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

#include "command/verify.h"
#include "kernels/watch.h"

enum { TOKENS = 21 };

static bool same_bits(const Tensor *a, const Tensor *b) {
  return a->format == b->format && a->rows == b->rows && a->cols == b->cols &&
         memcmp(a->data, b->data, (size_t)a->rows * (size_t)a->cols * format_size(a->format)) == 0;
}

Test(watch, a_watched_block_makes_the_same_bits_and_every_kernel_of_its_trace_was_seen) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 4);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, plain, trace;
  block_embed(&s.model, s.test, TOKENS, &s.arena, &ends);
  for (int m = 0; m < family_mamba1.presets; m++) {
    SeenCall seen[WATCH_CALLS];
    Watch watch = {.seen = seen, .room = WATCH_CALLS};
    Model watched = s.model;
    watched.ops = watch_start(&watch, s.model.ops);
    block_run(&s.model, 3, &family_mamba1.preset[m], &ends.t[T_EMBEDDING], &s.arena, &plain);
    block_run(&watched, 3, &family_mamba1.preset[m], &ends.t[T_EMBEDDING], &s.arena, &trace);
    cr_expect_geq(watch.count, 8, "mode %s: %d calls", family_mamba1.preset[m].name, watch.count);
    for (int id = T_NORM; id < T_LAYER_COUNT; id++) {
      if (!trace.t[id].data) continue;
      cr_expect(same_bits(&plain.t[id], &trace.t[id]), "mode %s, %s", family_mamba1.preset[m].name,
                family_mamba1.tensors.info[id].name);
      bool made = false;
      for (int c = 0; c < watch.count; c++)
        for (int i = 0; i < op_info[seen[c].call.kind].outs; i++)
          made |= seen[c].made[i].data == trace.t[id].data;
      cr_expect(made, "mode %s: %s was made by no operator of the table",
                family_mamba1.preset[m].name, family_mamba1.tensors.info[id].name);
    }
  }
}

Test(watch, a_block_with_narrowed_outputs_is_watched_like_any_other) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 4);
  Mode mode = *mode_preset("fp32");
  mode.setting[STAGE_GATED] = mode.setting[STAGE_OUT_PROJ] = OUTPUT_BF16;
  Trace ends = {0}, plain, trace;
  SeenCall seen[WATCH_CALLS];
  Watch watch = {.seen = seen, .room = WATCH_CALLS};
  Model watched = s.model;
  watched.ops = watch_start(&watch, s.model.ops);
  block_embed(&s.model, s.test, TOKENS, &s.arena, &ends);
  block_run(&s.model, 3, &mode, &ends.t[T_EMBEDDING], &s.arena, &plain);
  block_run(&watched, 3, &mode, &ends.t[T_EMBEDDING], &s.arena, &trace);
  cr_expect(same_bits(&plain.t[T_BLOCK_OUT], &trace.t[T_BLOCK_OUT]));
  int narrowed = 0;
  for (int c = 0; c < watch.count; c++) {
    Call *call = &seen[c].call;
    if (call->kind != OP_NARROW) continue;
    narrowed++;
    cr_expect_eq(call_work(call).bytes, 2 * 4 * (int64_t)call->in[0].rows * call->in[0].cols);
    ops_cpu.run(ops_cpu.context, call);
  }
  cr_expect_eq(narrowed, 2);
  cr_expect(same_bits(&plain.t[T_GATED], &trace.t[T_GATED]) &&
                same_bits(&plain.t[T_OUT_PROJ], &trace.t[T_OUT_PROJ]),
            "narrowed twice is narrowed once");
}

Test(watch, a_call_made_again_gives_the_same_bits) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 4);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, trace;
  SeenCall seen[WATCH_CALLS];
  Watch watch = {.seen = seen, .room = WATCH_CALLS};
  s.model.ops = watch_start(&watch, s.model.ops);
  block_embed(&s.model, s.test, TOKENS, &s.arena, &ends);
  block_run(&s.model, 0, mode_preset("3"), &ends.t[T_EMBEDDING], &s.arena, &trace);
  Tensor first[WATCH_CALLS][CALL_OUTS];
  /* All, before any is made again: the scan's scratch lies where later tensors do. */
  for (int c = 0; c < watch.count; c++)
    for (int i = 0; i < op_info[seen[c].call.kind].outs; i++) {
      const Tensor *t = &seen[c].made[i];
      size_t bytes = (size_t)t->rows * (size_t)t->cols * format_size(t->format);
      first[c][i] = *t;
      first[c][i].data = memcpy(arena_alloc(&s.arena, bytes, 1), t->data, bytes);
    }
  for (int c = 0; c < watch.count; c++) {
    Call *call = &seen[c].call;
    int outs = op_info[call->kind].outs;
    for (int i = 0; i < outs; i++)
      memset(call->out[i]->data, 0xa5,
             (size_t)call->out[i]->rows * (size_t)call->out[i]->cols *
                 format_size(call->out[i]->format));
    ops_cpu.run(ops_cpu.context, call);
    for (int i = 0; i < outs; i++)
      cr_expect(same_bits(&first[c][i], call->out[i]), "%s, output %d", call_output(call)->kernel,
                i);
  }
}

Test(watch, work_is_that_counted_by_hand) {
  float x[6] = {0}, y[8] = {0};
  Tensor in = tensor_of(x, FORMAT_F32, 2, 3, 0), wide = tensor_of(y, FORMAT_F32, 2, 4, 0), out = in;
  Call linear = {.kind = OP_LINEAR,
                 .in = {in},
                 .out = {&wide},
                 .linear = {.out = 4, .in = 3, .format = FORMAT_F32}};
  CallWork work = call_work(&linear);
  cr_expect_eq(work.bytes, 4 * (6 + 8 + 12));
  cr_expect_eq(work.float_steps, 2 * 3 * 4);
  cr_expect_eq(work.i8_macs, 0);
  Call add = {.kind = OP_RESIDUAL, .in = {in, tensor_of(x, FORMAT_F16, 2, 3, 0)}, .out = {&out}};
  cr_expect_eq(call_work(&add).bytes, 6 * (4 + 2 + 4));
  cr_expect_eq(call_work(&add).float_steps, 6);
  CallWork sum = {0};
  work_add(&sum, work, 24);
  cr_expect_eq(sum.bytes, 24 * work.bytes);
}

/* The whole model under modes that together meet every stage: what the list of operators holds
 * runs, is timed and counted under a name, and is held against the CPU on a device. */
Test(watch, every_operator_of_the_list_is_run_timed_counted_and_verified) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 4);
  shipped_calibrate(&s, 1, 64);
  Mode narrow = *mode_preset("fp32");
  narrow.setting[STAGE_GATED] = OUTPUT_BF16;
  const Mode *mode[] = {mode_preset("2-0"), mode_preset("3"), &narrow};
  bool ran[OP_COUNT] = {false};
  for (int m = 0; m < 3; m++) {
    SeenCall seen[WATCH_CALLS];
    Watch watch = {.seen = seen, .room = WATCH_CALLS, .clock_s = clock_s};
    Model watched = s.model;
    Trace ends = {0}, trace;
    watched.ops = watch_start(&watch, s.model.ops);
    block_embed(&watched, s.test, TOKENS, &s.arena, &ends);
    block_run(&watched, 3, mode[m], &ends.t[T_EMBEDDING], &s.arena, &trace);
    block_head(&watched, &trace.t[T_BLOCK_OUT], &s.arena, &ends);
    int timed = 0;
    for (int i = 0; i < watch.times; i++) timed += watch.time[i].calls;
    cr_expect_eq(timed, watch.count, "%d calls were timed, %d made", timed, watch.count);
    for (int c = 0; c < watch.count; c++) {
      const Call *call = &seen[c].call;
      OpTime time = watch_time(&watch, call_name(call));
      ran[call->kind] = true;
      cr_expect(time.calls > 0 && time.time_s > 0 && time.bytes > 0, "%s", call_name(call));
    }
  }
  for (OpKind kind = 0; kind < OP_COUNT; kind++) {
    cr_expect(ran[kind], "%s is in the list, and no mode's stages run it", op_info[kind].name);
    bool on_device = kind != OP_NARROW;
    cr_expect_eq(verify_settings(kind) > 0, on_device, "%s: %d settings are verified",
                 op_info[kind].name, verify_settings(kind));
  }
}

/* --- a backend that counts into memory of its own --------------------------------------------- */

static int cleared;

static void clear(void *context, void *memory, size_t bytes) {
  (void)context;
  memset(memory, 0, bytes);
  cleared++;
}

Test(
    block,
    on_a_backend_that_counts_apart_every_int8_tensor_has_a_counter_and_the_dynamic_scale_its_place) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 4);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, trace;
  SeenCall seen[WATCH_CALLS];
  Watch watch = {.seen = seen, .room = WATCH_CALLS};
  Ops apart = ops_cpu;
  apart.clear = clear;
  Model model = s.model;
  model.ops = watch_start(&watch, &apart);
  block_embed(&s.model, s.test, TOKENS, &s.arena, &ends);
  for (int m = 0; m < family_mamba1.presets; m++) {
    const void *place[64];
    int places = 0;
    cleared = watch.count = 0;
    block_run(&model, 1, &family_mamba1.preset[m], &ends.t[T_EMBEDDING], &s.arena, &trace);
    cr_expect_eq(cleared, 1);
    for (int c = 0; c < watch.count; c++)
      for (int i = 0; i < op_info[seen[c].call.kind].outs; i++) {
        const Tensor *t = &seen[c].made[i];
        cr_expect_eq(t->nans_at != NULL, t->format == FORMAT_I8, "mode %s, %s",
                     family_mamba1.preset[m].name, t->kernel);
        cr_expect_eq(t->scale_at != NULL, seen[c].call.kind == OP_QUANTISE_DYNAMIC, "mode %s, %s",
                     family_mamba1.preset[m].name, t->kernel);
        if (t->nans_at) place[places++] = t->nans_at;
        if (t->scale_at) place[places++] = t->scale_at;
      }
    for (int a = 0; a < places; a++)
      for (int b = 0; b < a; b++)
        cr_expect_neq(place[a], place[b], "mode %s: two counts in one place",
                      family_mamba1.preset[m].name);
  }
}
