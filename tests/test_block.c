/* One block under each mode: the equalities that must hold, what each tensor is stored as, and the
 * witness. */
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

#include <math.h>
#include <omp.h>

#include "family/witness.h"

enum { TOKENS = 171 };

/* Equal float32 bits after dequantisation; prints the first difference. */
static bool equal(const Tensor *a, const Tensor *b, int layer, int id) {
  for (size_t i = 0; i < (size_t)a->rows * (size_t)a->cols; i++) {
    float x = (float)tensor_value(a, i), y = (float)tensor_value(b, i);
    if (memcmp(&x, &y, sizeof x) != 0) {
      printf("layer %d %s element %zu: %a against %a\n", layer, family_mamba1.tensors.info[id].name,
             i, (double)x, (double)y);
      return false;
    }
  }
  return true;
}

/* Both modes through all layers, each on its own stream; `same` receives how many tensors agree in
 * every bit. */
static int walk_pair(Shipped *s, const char *a, const char *b, int *same) {
  Trace ends[2] = {0}, trace[2];
  int compared = 0;
  Tensor x[2];
  *same = 0;
  for (int i = 0; i < 2; i++) {
    block_embed(&s->model, s->test + 4000, TOKENS, &s->arena, &ends[i]);
    x[i] = ends[i].t[T_EMBEDDING];
  }
  for (int layer = 0; layer < s->model.layers; layer++) {
    for (int i = 0; i < 2; i++) {
      block_run(&s->model, layer, mode_preset(i ? b : a), &x[i], &s->arena, &trace[i]);
      x[i] = trace[i].t[T_BLOCK_OUT];
    }
    for (int id = 0; id < T_LAYER_COUNT; id++)
      if (trace[0].t[id].data && trace[1].t[id].data) {
        compared++;
        *same += equal(&trace[0].t[id], &trace[1].t[id], layer, id);
      }
  }
  return compared;
}

static void expect_equal(const char *a, const char *b) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, 64);
  int same, compared = walk_pair(&s, a, b, &same);
  cr_assert(compared >= 24 * 16);
  cr_assert_eq(same, compared, "%s against %s: %d of %d tensors agree", a, b, same, compared);
}

Test(block, mode_2_0_equals_mode_0_in_every_bit_of_every_layer) { expect_equal("0", "2-0"); }
Test(block, mode_2_2_equals_mode_2_1_in_every_bit_of_every_layer) { expect_equal("2-1", "2-2"); }

/* A bias of 0 at an infinite scale makes the convolution's output NaN, whatever comes in. */
Test(block, a_nan_is_counted_where_it_is_lost_and_not_again_where_the_tensor_is_handed_on) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 1);
  shipped_calibrate(&s, 1, 64);
  Tensor *bias = &s.model.layer[0].i8[W_CONV_BIAS].values;
  ((int8_t *)bias->data)[7] = 0;
  bias->scale.value = INFINITY;
  Trace ends = {0}, zero, grid;
  block_embed(&s.model, s.test, TOKENS, &s.arena, &ends);
  block_run(&s.model, 0, mode_preset("0"), &ends.t[T_EMBEDDING], &s.arena, &zero);
  block_run(&s.model, 0, mode_preset("2-0"), &ends.t[T_EMBEDDING], &s.arena, &grid);
  cr_expect_geq(zero.t[T_CONV1D_SILU].nans, TOKENS);
  for (int id = 0; id < T_LAYER_COUNT; id++)
    cr_expect_eq(zero.t[id].nans, grid.t[id].nans, "%s: mode 0 counts %ld, mode 2-0 %ld",
                 family_mamba1.tensors.info[id].name, (long)zero.t[id].nans, (long)grid.t[id].nans);
  cr_expect_eq(zero.t[T_X_PROJ_IN].nans, 0);
  cr_expect_eq(zero.t[T_SCAN_IN].nans, 0);
}

Test(block, mode_2_4_differs_from_mode_2_0) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, 64);
  int same, compared = walk_pair(&s, "2-0", "2-4", &same);
  cr_assert_lt(same, compared / 4, "%d of %d tensors agree", same, compared);
}

/* Per layer on the same input: where the requantised values differ, the float value stood exactly
 * on a tie. */
Test(block, mode_2_3_equals_mode_2_1_but_for_exact_ties) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, a, b;
  int ties = 0;
  block_embed(&s.model, s.test + 4000, TOKENS, &s.arena, &ends);
  Tensor x = ends.t[T_EMBEDDING];
  for (int layer = 0; layer < s.model.layers; layer++) {
    block_run(&s.model, layer, mode_preset("2-1"), &x, &s.arena, &a);
    block_run(&s.model, layer, mode_preset("2-3"), &x, &s.arena, &b);
    const float *silu = b.t[T_CONV1D_SILU].data;
    const int8_t *qa = a.t[T_SCAN_IN].data, *qb = b.t[T_SCAN_IN].data;
    int here = 0;
    for (size_t i = 0; i < (size_t)TOKENS * (size_t)s.model.config.E; i++)
      if (qa[i] != qb[i]) {
        float r = silu[i] / b.t[T_SCAN_IN].scale.value;
        cr_assert_eq(fabsf(r - truncf(r)), 0.5f, "layer %d element %zu: %d against %d at %a", layer,
                     i, qa[i], qb[i], (double)r);
        here++;
      }
    for (int id = 0; id < T_LAYER_COUNT && !here; id++)
      if (id != T_CONV1D_SILU) cr_assert(equal(&a.t[id], &b.t[id], layer, id));
    ties += here;
    x = a.t[T_BLOCK_OUT];
  }
  printf("2-1 against 2-3: %d exact ties in %d layers\n", ties, s.model.layers);
}

/* What each tensor is stored as: the table of the modes, written out once more. -: not made. */
Test(block, stored_types_are_those_of_the_table) {
  static const char *const modes[] = {"0", "2-0", "2-1", "2-2", "2-3", "2-4", "3", "1", "fp32"};
  static const struct {
    int id;
    const char *types[9];
  } rows[] = {{T_NORM, {"i8", "i8", "i8", "i8", "i8", "i8", "i8", "f32", "f32"}},
              {T_IN_PROJ, {"i8", "i8", "i8", "i8", "i8", "i8", "f32", "f32", "f32"}},
              {T_CONV1D, {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32"}},
              {T_CONV1D_SILU, {"i8", "f32", "i8", "f32", "f32", "f32", "f32", "f32", "f32"}},
              {T_X_PROJ_IN, {"i8", "i8", "i8", "i8", "i8", "i8", "i8", "f32", "f32"}},
              {T_X_PROJ, {"i8", "i8", "i8", "i8", "i8", "i8", "i8", "f32", "f32"}},
              {T_DT_PROJ, {"i8", "i8", "i8", "i8", "i8", "i8", "i8", "f32", "f32"}},
              {T_SCAN_IN, {"i8", "i8", "i8", "f32", "i8", "f32", "f32", "f32", "f32"}},
              {T_DELTA, {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32"}},
              {T_SCAN, {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32"}},
              {T_GATED, {"f16", "f16", "f16", "f16", "f16", "f16", "f16", "f16", "f32"}},
              {T_OUT_PROJ_IN, {"i8", "i8", "i8", "i8", "i8", "i8", "i8", "f32", "f32"}},
              {T_OUT_PROJ, {"f16", "f16", "f16", "f16", "f16", "f16", "f16", "f16", "f32"}},
              {T_BLOCK_OUT, {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32"}},
              {T_SSM_STATE, {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32"}},
              {T_SSM_STATE_Q8, {"i8", "i8", "i8", "-", "i8", "-", "-", "-", "-"}}};
  Shipped s = shipped_first(REWRITE_QUAMBA, 1);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, trace;
  block_embed(&s.model, s.test, 9, &s.arena, &ends);
  for (int m = 0; m < 9; m++) {
    block_run(&s.model, 0, mode_preset(modes[m]), &ends.t[T_EMBEDDING], &s.arena, &trace);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
      const Tensor *t = &trace.t[rows[r].id];
      cr_expect_str_eq(t->data ? format_name(t->format) : "-", rows[r].types[m], "mode %s, %s",
                       modes[m], family_mamba1.tensors.info[rows[r].id].name);
    }
  }
}

Test(witness, every_preset_runs_what_it_promises_and_no_preset_passes_for_another) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 8);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, trace;
  block_embed(&s.model, s.test, 9, &s.arena, &ends);
  for (int ran = 0; ran < family_mamba1.presets; ran++) {
    block_run(&s.model, 7, &family_mamba1.preset[ran], &ends.t[T_EMBEDDING], &s.arena, &trace);
    for (int said = 0; said < family_mamba1.presets; said++) {
      Status st = {0};
      bool passes = witness_check(&family_mamba1.preset[said], 7, &trace, &st);
      cr_expect_eq(passes, ran == said, "ran %s, said %s: %s", family_mamba1.preset[ran].name,
                   family_mamba1.preset[said].name, st.text);
      if (!passes)
        cr_expect(strstr(st.text, family_mamba1.preset[said].name) && strstr(st.text, "layer 7"),
                  "%s", st.text);
    }
  }
}

/* A single stage changed behind the mode's back, each in turn, from each preset: the witness must
 * see every one. */
Test(witness, any_single_stage_swapped_in_secret_is_seen) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 1);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, trace;
  int swaps = 0;
  block_embed(&s.model, s.test, 9, &s.arena, &ends);
  for (int m = 0; m < family_mamba1.presets; m++)
    for (int stage = 0; stage < family_mamba1.stages; stage++)
      for (int value = 0; family_mamba1.stage[stage].values[value]; value++) {
        Mode secret = family_mamba1.preset[m];
        Status ignored = {0}, st = {0};
        secret.setting[stage] = value;
        if (mode_equal(&secret, &family_mamba1.preset[m]) || !mode_check(&secret, &ignored))
          continue;
        block_run(&s.model, 0, &secret, &ends.t[T_EMBEDDING], &s.arena, &trace);
        cr_expect_not(witness_check(&family_mamba1.preset[m], 0, &trace, &st),
                      "mode %s with %s %s passed as itself", family_mamba1.preset[m].name,
                      family_mamba1.stage[stage].key, family_mamba1.stage[stage].values[value]);
        swaps++;
      }
  printf("witness: %d secret swaps tried\n", swaps);
  cr_assert_gt(swaps, 40);
}

Test(block, tensors_are_bit_equal_on_any_thread_count) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 12);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, one, other;
  block_embed(&s.model, s.test, TOKENS, &s.arena, &ends);
  for (int m = 0; m < family_mamba1.presets; m++) {
    omp_set_num_threads(1);
    block_run(&s.model, 11, &family_mamba1.preset[m], &ends.t[T_EMBEDDING], &s.arena, &one);
    for (int threads = 2; threads <= 3; threads++) {
      omp_set_num_threads(threads);
      block_run(&s.model, 11, &family_mamba1.preset[m], &ends.t[T_EMBEDDING], &s.arena, &other);
      for (int id = 0; id < T_LAYER_COUNT; id++)
        if (one.t[id].data)
          cr_assert_eq(memcmp(one.t[id].data, other.t[id].data,
                              (size_t)one.t[id].rows * (size_t)one.t[id].cols *
                                  format_size(one.t[id].format)),
                       0, "mode %s, %s, %d threads", family_mamba1.preset[m].name,
                       family_mamba1.tensors.info[id].name, threads);
    }
  }
}
