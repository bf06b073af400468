/* Cost: bytes of modes counted by hand from the stored types, and a small measurement: no operator
 * missing, shares that are shares. Times themselves are not tested. */
#include <math.h>

#include "family/family.h"
#include "family/footprint.h"
#include "family/mamba1.h"
#include "kernels/watch.h"
#include "shipped_model.h"
#include "study/cost.h"

/* A model of shapes alone: D 8, E 16, N 4, R 2, K 4, vocabulary 10, two layers, nothing folded. */
static Model shapes(ModelLayer *layer, bool hadamard) {
  static const float gain[8];
  for (int i = 0; i < 2; i++)
    layer[i] = (ModelLayer){.f32[W_NORM].values.data = (void *)(uintptr_t)gain};
  const Config config = {
      .D = 8, .E = 16, .N = 4, .R = 2, .K = 4, .layers = 2, .vocab = 10, .family = &family_mamba1};
  return (Model){.config = config,
                 .D = 8,
                 .layers = 2,
                 .vocab = 10,
                 .hadamard = hadamard,
                 .layer = layer,
                 .norm_f = gain};
}

enum {
  BOTH_ENDS = 4 * (2 * 10 * 8 + 8),
  PROJECTIONS = 32 * 8 + 10 * 16 + 16 * 2 + 8 * 16,
  CONV = 16 * 4 + 16,
  SCAN = 16 * 4 + 32
};

Test(footprint, weights_scales_and_state_are_those_counted_by_hand) {
  ModelLayer layer[2];
  Model m = shapes(layer, true);
  Footprint f = footprint_of(&m, mode_preset("fp32"));
  cr_expect_eq(f.weight_bytes, 2 * 4 * (PROJECTIONS + CONV + SCAN + 8) + BOTH_ENDS, "%lld",
               (long long)f.weight_bytes);
  cr_expect_eq(f.scale_bytes, 0);
  cr_expect_eq(f.state_bytes, 2 * (16 * 4 * 4 + 16 * 3 * 4));
  f = footprint_of(&m, mode_preset("0"));
  cr_expect_eq(f.weight_bytes, 2 * (PROJECTIONS + CONV + SCAN + 4 * 8) + BOTH_ENDS, "%lld",
               (long long)f.weight_bytes);
  cr_expect_eq(f.scale_bytes, 2 * 4 * (9 + 7), "nine weights and seven activations: %lld",
               (long long)f.scale_bytes);
  cr_expect_eq(f.state_bytes, 2 * (16 * 4 * 4 + 16 * 3));
}

/* In float32, a token: block_in 8, norm 8, in_proj 32, u 16, x_proj 10, dt_proj 16, gated 16,
 * out_proj_in 16, out_proj 8; live at once in the scan: 8 + 32 + 16 + 10 + 16 + 16. Mode 0: norm 8
 * i8, in_proj 32, u 16, x_proj 10, dt_proj 16 and out_proj_in 16 in a byte each, gated 16 and
 * out_proj 8 in two, block_in 8 in four. */
Test(footprint, activations_are_those_counted_by_hand) {
  ModelLayer layer[2];
  Model m = shapes(layer, true);
  Footprint f = footprint_of(&m, mode_preset("fp32"));
  cr_expect_eq(f.activation_bytes, 4 * 130, "%lld", (long long)f.activation_bytes);
  cr_expect_eq(f.peak_activation_bytes, 4 * 98, "%lld", (long long)f.peak_activation_bytes);
  f = footprint_of(&m, mode_preset("0"));
  cr_expect_eq(f.activation_bytes, 32 + 98 + 48, "%lld", (long long)f.activation_bytes);
  cr_expect_eq(f.peak_activation_bytes, 32 + 74 + 32, "in the scan: %lld",
               (long long)f.peak_activation_bytes);
  /* 2-4: u 16 in float32, and 16 bytes more of it for x_proj. */
  f = footprint_of(&m, mode_preset("2-4"));
  cr_expect_eq(f.activation_bytes, 32 + 98 + 48 + 3 * 16 + 16, "%lld",
               (long long)f.activation_bytes);
  /* 2-0: u goes through int8 and float32, and int8 again, once for x_proj and scan. */
  f = footprint_of(&m, mode_preset("2-0"));
  cr_expect_eq(f.activation_bytes, 32 + 98 + 48 + 4 * 16 + 16, "%lld",
               (long long)f.activation_bytes);
  /* fp32 without the transform hands gated over as it is. */
  m = shapes(layer, false);
  cr_expect_eq(footprint_of(&m, mode_preset("fp32")).activation_bytes, 4 * 114);
}

Test(footprint, narrow_states_and_outputs_count_their_own_bytes) {
  ModelLayer layer[2];
  Model m = shapes(layer, true);
  Mode mode = *mode_preset("fp32");
  mode.setting[STAGE_STATE] = INNER_BF16;
  mode.setting[STAGE_GATED] = OUTPUT_BF16;
  Footprint f = footprint_of(&m, &mode);
  cr_expect_eq(f.state_bytes, 2 * (16 * 4 * 2 + 16 * 3 * 4));
  cr_expect_eq(f.activation_bytes, 4 * 130 - 2 * 16);
}

/* fp32 in the first of the two layers, 0 in the second: half of each, and the larger
 * activations. */
Test(footprint, of_a_mode_that_differs_by_layer_is_that_of_its_layers) {
  static _Alignas(64) char memory[1 << 14];
  Arena arena = {.next = memory, .end = memory + sizeof memory, .base = memory};
  ModelLayer layer[2];
  Model m = shapes(layer, true);
  const Mode *in[LAYERS_MOST + 1], *fp32 = mode_preset("fp32"), *i8 = mode_preset("0");
  for (int l = 0; l <= LAYERS_MOST; l++) in[l] = l == 0 ? fp32 : i8;
  const Mode mixed = mode_by_layer(&arena, i8, in);
  const Footprint f = footprint_of(&m, &mixed), a = footprint_of(&m, fp32),
                  b = footprint_of(&m, i8);
  cr_expect_eq(2 * f.weight_bytes, a.weight_bytes + b.weight_bytes);
  cr_expect_eq(2 * f.scale_bytes, a.scale_bytes + b.scale_bytes);
  cr_expect_eq(2 * f.state_bytes, a.state_bytes + b.state_bytes);
  cr_expect_eq(f.activation_bytes, a.activation_bytes);
  cr_expect_eq(f.peak_activation_bytes, a.peak_activation_bytes);
}

static const Cost *row_of(const CostRows *rows, const char *mode, const char *op, int length) {
  for (int i = 0; i < rows->times; i++)
    if (!strcmp(rows->time[i].mode, mode) && !strcmp(rows->time[i].operator_name, op) &&
        rows->time[i].length == length)
      return &rows->time[i];
  return NULL;
}

Test(cost, every_operator_that_runs_has_a_row_and_shares_add_up) {
  static const char *names[] = {"2-0", "3"};
  static int lengths[] = {5, 9};
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, 32);
  PromptShape prompt = {"p", s.test, 4}; /* shorter than a prefill: it is repeated */
  Subject subject = {.layers = s.layers,
                     .weights = s.weights,
                     .model = s.model,
                     .checkpoint = s.checkpoint,
                     .prompt = &prompt};
  Spec spec = {
      .cost = {
          .lengths = lengths, .length_count = 2, .repeats = 3, .modes = names, .mode_count = 2}};
  Progress quiet = progress_start(true);
  CostRows rows;
  memset(&rows, 0xa5, sizeof rows);
  Status st = {0};
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet};
  cr_assert(cost_measure(&s.arena, &study, &rows, &st), "%s", st.text);
  cr_assert_eq(rows.modes, 3, "fp32 is always timed");
  cr_expect_str_eq(rows.bytes[0].mode, "fp32");
  cr_expect_eq(rows.bytes[0].to_fp32, 1);
  cr_expect_gt(rows.bytes[1].to_fp32, 3);
  enum { OPERATORS = 14 };
  static const char *const name[OPERATORS] = {
      "embedding", "rmsnorm",  "in_proj",  "conv1d",     "x_proj", "dt_proj",  "scan",
      "hadamard",  "out_proj", "quantise", "dequantise", "narrow", "residual", "head"};
  static const struct {
    const char *mode;
    int calls[OPERATORS]; /* of 24 layers; int8 has no residual of its own kind: same operators,
                             other types */
  } want[] = {
      {"fp32", {1, 25, 24, 24, 24, 24, 24, 24, 24, 0, 0, 0, 24, 1}},
      {"2-0",
       {1, 25, 24, 24, 24, 24, 24, 24, 24, 72, 24, 0, 24, 1}}, /* u twice and the state; u back */
      {"3",
       {1, 25, 24, 24, 24, 24, 24, 24, 24, 72, 0, 0, 24, 1}}}; /* x dynamically, u for x_proj, z */
  int expected = 0;
  for (int m = 0; m < 3; m++)
    for (int l = 0; l < 2; l++) {
      double shares = 0;
      for (int op = 0; op < OPERATORS; op++) {
        const Cost *row = row_of(&rows, want[m].mode, name[op], lengths[l]);
        int calls = row ? row->calls : 0;
        cr_expect_eq(calls, want[m].calls[op], "%s, %s: %d calls, want %d", want[m].mode, name[op],
                     calls, want[m].calls[op]);
        expected += row != NULL;
        if (!row) continue;
        cr_expect(row->time_s > 0 && row->bytes > 0 && row->share > 0 && row->share < 1 &&
                      row->mad_s >= 0,
                  "%s", row->operator_name);
        shares += row->share;
      }
      cr_expect(fabs(shares - 1) < 1e-12, "%s: shares add up to %.17g", want[m].mode, shares);
      const Cost *total = row_of(&rows, want[m].mode, "total", lengths[l]);
      cr_assert(total);
      expected++;
      cr_expect(fabs(total->tokens_per_s * total->time_s - lengths[l]) < 1e-9);
      cr_expect(total->repeats == 3 && total->time_to_copy > 0);
      cr_expect(m > 0 || total->speed_to_fp32 == 1);
    }
  cr_expect_eq(rows.times, expected, "%d rows, %d known", rows.times, expected);
}

Test(cost, timed_operators_give_the_bits_of_the_plain_ones) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, 32);
  Trace ends = {0}, plain, timed;
  block_embed(&s.model, s.test, 7, &s.arena, &ends);
  block_run(&s.model, 3, mode_preset("3"), &ends.t[T_EMBEDDING], &s.arena, &plain);
  Model with_clock = s.model;
  Watch watch = {.clock_s = clock_s};
  with_clock.ops = watch_start(&watch, s.model.ops);
  block_run(&with_clock, 3, mode_preset("3"), &ends.t[T_EMBEDDING], &s.arena, &timed);
  for (int id = 0; id < T_LAYER_COUNT; id++)
    for (size_t i = 0; plain.t[id].data && i < (size_t)plain.t[id].rows * (size_t)plain.t[id].cols;
         i++)
      cr_assert_eq(tensor_value(&plain.t[id], i), tensor_value(&timed.t[id], i), "%s element %zu",
                   family_mamba1.tensors.info[id].name, i);
  cr_expect_eq(watch_time(&watch, "scan").calls, 1);
  cr_expect_eq(watch_time(&watch, "head").calls, 0);
}

Test(cost, an_output_that_is_narrowed_is_timed_as_an_operator_of_its_own) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  Mode mode = *mode_preset("fp32");
  mode.setting[STAGE_GATED] = mode.setting[STAGE_OUT_PROJ] = OUTPUT_BF16;
  Trace ends = {0}, trace;
  block_embed(&s.model, s.test, 7, &s.arena, &ends);
  Model with_clock = s.model;
  Watch watch = {.clock_s = clock_s};
  with_clock.ops = watch_start(&watch, s.model.ops);
  block_run(&with_clock, 3, &mode, &ends.t[T_EMBEDDING], &s.arena, &trace);
  OpTime narrow = watch_time(&watch, "narrow");
  cr_expect_eq(narrow.calls, 2, "%d calls", narrow.calls);
  cr_expect_eq(narrow.bytes, 2.0 * 7 * (s.model.config.E + s.model.D) * sizeof(float), "%g bytes",
               narrow.bytes);
}

Test(cost, nothing_is_measured_where_nothing_is_asked) {
  Spec spec = {0};
  Subject subject = {0};
  Progress quiet = progress_start(true);
  Arena none = {0};
  CostRows rows;
  memset(&rows, 0xa5, sizeof rows);
  Status st = {0};
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet};
  cr_assert(cost_measure(&none, &study, &rows, &st), "%s", st.text);
  cr_expect(rows.times == 0 && rows.modes == 0);
}
