/* falcon_mamba: where the norms of dt, B and C sit in a block under every mode, what they give, and
 * that nothing else of the family is another. */
#include <math.h>
#include <omp.h>

#include "family/family.h"
#include "family/footprint.h"
#include "family/witness.h"
#include "kernels/level.h"
#include "kernels/watch.h"
#include "reference/bounds.h"
#include "source/repaired.h"
#include "tests/falcon_model.h"

TestSuite(falcon, .init = falcon_begin, .fini = test_files_end);

static float as_float(const Tensor *t, int row, int col) {
  return (float)tensor_value(t, (size_t)row * (size_t)t->cols + (size_t)col);
}

/* --- the table -------------------------------------------------------------------------------- */

Test(falcon, the_row_has_mamba1s_tensors_in_their_order_and_one_more_in_front_of_dt_proj) {
  const Tensors *mamba = &family_mamba1.tensors, *falcon = &family_falcon_mamba.tensors;
  cr_assert(falcon->layer == mamba->layer + 1 && falcon->count == mamba->count + 1 &&
            falcon->all == mamba->all + 1 && falcon->scales == mamba->scales + 1);
  cr_expect_str_eq(falcon->info[T_DT_PROJ].name, "dbc_norm");
  cr_expect_str_eq(falcon->scale[falcon->info[T_DT_PROJ].scale], "s_dbc_norm");
  for (int id = 0; id < mamba->all; id++) {
    const TensorInfo *a = &mamba->info[id], *b = &falcon->info[id + (id >= T_DT_PROJ)];
    cr_expect_str_eq(a->name, b->name);
    cr_expect_str_eq(a->long_name, b->long_name);
    cr_expect(a->rows == b->rows && a->cols == b->cols && a->scale == b->scale &&
                  a->role == b->role && a->modes_only == b->modes_only &&
                  a->taken_by == b->taken_by,
              "%s", a->name);
    if (a->of) cr_expect_str_eq(mamba->info[a->of].name, falcon->info[b->of].name, "%s", a->name);
  }
  for (int k = 0; k < mamba->scales; k++) {
    const int a = family_mamba1.scale[k].tensor, b = family_falcon_mamba.scale[k].tensor;
    cr_expect_str_eq(mamba->info[a].name, falcon->info[b].name, "%s", mamba->scale[k]);
    cr_expect_eq(family_mamba1.scale[k].quantile, family_falcon_mamba.scale[k].quantile);
  }
}

Test(falcon, a_mode_is_one_of_both_rows_and_modes_are_listed_once) {
  cr_expect_eq(mode_preset("2-0"), &family_falcon_mamba.preset[2]);
  cr_expect_eq(mode_preset("2-0")->family, &family_mamba1);
  int kinds = 0;
  while (family_kind(kinds)) kinds++;
  cr_expect(kinds == 2 && !families[1]);
  cr_expect_eq(family_of_type("falcon_mamba"), &family_falcon_mamba);
  cr_expect_null(family_of_type("falcon_mamba2"));
  for (int id = 0; id < T_COUNT; id++)
    cr_expect_str_eq(family_tensor_name(id), family_mamba1.tensors.info[id].name);
  cr_expect_str_eq(family_tensor_name(T_COUNT), "dbc_norm");
  cr_expect_null(family_tensor_name(T_COUNT + 1));
}

/* --- the block -------------------------------------------------------------------------------- */

/* The formula in long double. The bound: the roundings of a sum of at most 16 squares in lanes, of
 * the root and of two steps. */
Test(falcon, dt_B_and_C_are_each_divided_by_their_own_root_mean_square) {
  int first[3], width[3];
  const Trace trace = falcon_block(&s.model, mode_preset("fp32"));
  const Tensor *x = &trace.t[at("x_proj")], *y = &trace.t[at("dbc_norm")];
  falcon_parts(first, width);
  cr_assert(y->format == FORMAT_F32 && y->rows == TOKENS && y->cols == x->cols);
  for (int part = 0; part < 3; part++)
    for (int t = 0; t < TOKENS; t++) {
      long double mean = 0;
      for (int i = 0; i < width[part]; i++) {
        const long double v =
            tensor_value(x, (size_t)t * (size_t)x->cols + (size_t)(first[part] + i));
        mean += v * v / width[part];
      }
      for (int i = 0; i < width[part]; i++) {
        const int col = first[part] + i;
        const long double want =
            (long double)as_float(x, t, col) / sqrtl(mean + (long double)1e-6f);
        cr_assert(fabsl((long double)as_float(y, t, col) - want) <= 0x1p-24L * 8 * fabsl(want),
                  "[%d, %d]: got %a want %La", t, col, (double)as_float(y, t, col), want);
      }
    }
}

Test(falcon, every_value_is_within_the_bound_that_can_be_proved) {
  int first[3], width[3];
  falcon_parts(first, width);
  for (int m = 0; m < family_falcon_mamba.presets; m++) {
    const Trace trace = falcon_block(&s.model, &family_falcon_mamba.preset[m]);
    const Tensor *x = &trace.t[at("x_proj")], *y = &trace.t[at("dbc_norm")];
    for (int part = 0; part < 3; part++) {
      const size_t n = (size_t)TOKENS * (size_t)width[part];
      double *value = ARENA_NEW(&s.arena, double, n), *room = ARENA_NEW(&s.arena, double, 4 * n);
      Tensor in = tensor_columns(x, first[part], width[part]),
             out = tensor_columns(y, first[part], width[part]);
      tensor_values(&in, value);
      const BoundOut bound = {y->format == FORMAT_I8 ? BOUND_I8_AWAY : BOUND_F32,
                              (double)y->scale.value,
                              room,
                              room + n,
                              room + 2 * n,
                              room + 3 * n};
      bound_rmsnorm(&(BoundIn){value, width[part], 0}, &(BoundIn){0}, (double)1e-6f, TOKENS,
                    width[part], &bound);
      for (size_t i = 0; i < n; i++) {
        const size_t at_i = i / (size_t)width[part] * (size_t)y->stride + i % (size_t)width[part];
        const double got = y->format == FORMAT_I8 ? ((const int8_t *)out.data)[at_i]
                                                  : (double)((const float *)out.data)[at_i];
        cr_assert(bound_used(&bound, i, got) <= 1, "mode %s, part %d, element %zu: %a against %a",
                  family_falcon_mamba.preset[m].name, part, i, got, bound.want[i]);
      }
    }
  }
}

/* x_proj leaves at its own scale, and what dt_proj and the scan take is on that of the norms. */
Test(falcon, int8_modes_norm_the_dequantised_x_proj_and_round_it_half_away_at_a_scale_of_its_own) {
  int first[3], width[3];
  const Trace trace = falcon_block(&s.model, mode_preset("0"));
  const Tensor *x = &trace.t[at("x_proj")], *y = &trace.t[at("dbc_norm")];
  const float *scale = s.model.scales[LAYER].scale;
  falcon_parts(first, width);
  cr_assert(x->format == FORMAT_I8 && y->format == FORMAT_I8);
  cr_expect(x->scale.value == scale[S_DBC] && y->scale.value == scale[S_DBC_NORM] &&
            scale[S_DBC] != scale[S_DBC_NORM]);
  for (int part = 0; part < 3; part++) {
    float row[64];
    for (int t = 0; t < TOKENS; t++) {
      for (int i = 0; i < width[part]; i++) row[i] = as_float(x, t, first[part] + i);
      const float divisor = rmsnorm_divisor(row, width[part], 1e-6f);
      for (int i = 0; i < width[part]; i++) {
        const size_t at_i = (size_t)t * (size_t)y->stride + (size_t)(first[part] + i);
        const int8_t want = q8_away(rmsnorm_value(row[i], divisor, 1), y->scale.value);
        cr_assert_eq(((const int8_t *)y->data)[at_i], want, "[%d, %d]", t, first[part] + i);
      }
    }
  }
}

Test(falcon, dt_proj_and_the_scan_take_the_normed_parts_and_x_proj_goes_nowhere_else) {
  for (int m = 0; m < family_falcon_mamba.presets; m++) {
    const Mode *mode = &family_falcon_mamba.preset[m];
    SeenCall seen[WATCH_CALLS];
    Watch watch = {.seen = seen, .room = WATCH_CALLS};
    Model watched = s.model;
    watched.ops = watch_start(&watch, s.model.ops);
    const Trace trace = falcon_block(&watched, mode);
    const char *x = trace.t[at("x_proj")].data, *y = trace.t[at("dbc_norm")].data;
    const size_t size = format_size(trace.t[at("dbc_norm")].format), R = (size_t)s.model.config.R,
                 N = (size_t)s.model.config.N;
    int norms = 0;
    for (int c = 0; c < watch.count; c++) {
      const Call *call = &seen[c].call;
      const bool reads = (const char *)call->in[IN_X].data == x;
      norms += call->kind == OP_RMSNORM;
      if (call->kind == OP_SCAN)
        cr_expect((const char *)call->in[SCAN_B].data == y + R * size &&
                      (const char *)call->in[SCAN_C].data == y + (R + N) * size,
                  "mode %s", mode->name);
      if (call->kind == OP_LINEAR && !strcmp(call_name(call), "dt_proj"))
        cr_expect_eq((const char *)call->in[IN_X].data, y, "mode %s", mode->name);
      if (reads)
        cr_expect(call->kind == OP_RMSNORM || call->kind == OP_DEQUANTISE, "mode %s: %s",
                  mode->name, call_name(call));
    }
    OpTypes types[OP_TYPES_MOST];
    cr_expect_eq(norms, family_falcon_mamba.op_types(mode, OP_RMSNORM, types), "mode %s",
                 mode->name);
  }
}

Test(falcon, tensors_are_stored_as_the_modes_say_and_no_preset_passes_for_another) {
  static const char *const names[] = {"0", "2-0", "2-1", "2-2", "2-3", "2-4", "3", "1", "fp32"};
  for (int ran = 0; ran < 9; ran++) {
    const Trace trace = falcon_block(&s.model, mode_preset(names[ran]));
    const char *want = ran < 7 ? "i8" : "f32";
    cr_expect_str_eq(format_name(trace.t[at("x_proj")].format), want, "mode %s", names[ran]);
    cr_expect_str_eq(format_name(trace.t[at("dbc_norm")].format), want, "mode %s", names[ran]);
    for (int said = 0; said < 9; said++) {
      Status st = {0};
      cr_expect_eq(witness_check(mode_preset(names[said]), LAYER, &trace, &st), ran == said,
                   "ran %s, said %s: %s", names[ran], names[said], st.text);
    }
  }
}

/* Float linears over an int8 scan's other half are refused; int8 linears over a float one are
 * not. */
Test(falcon, a_float_scan_behind_int8_linears_takes_the_norms_in_float_and_dt_proj_at_their_scale) {
  Mode mode = *mode_preset("0");
  Status st = {0};
  mode.setting[STAGE_SCAN_REST] = SCAN_REST_F32;
  cr_assert(mode_check(&mode, &st), "%s", st.text);
  const Trace trace = falcon_block(&s.model, &mode);
  cr_assert(witness_check(&mode, LAYER, &trace, &st), "%s", st.text);
  const Tensor *y = &trace.t[at("dbc_norm")];
  cr_assert_eq(y->format, FORMAT_F32);
  int8_t codes[TOKENS * 4];
  float out[TOKENS * 128];
  Tensor dt = tensor_columns(y, 0, 4),
         q = tensor_of(codes, FORMAT_I8, TOKENS, 4, s.model.scales[LAYER].scale[S_DBC_NORM]),
         want = tensor_of(out, FORMAT_F32, TOKENS, 128, 0);
  quantise(&dt, ROUND_EVEN, &q);
  linear(&s.model.layer[LAYER].i8[W_DT_PROJ].linear, &q, &want);
  cr_assert_arr_eq(trace.t[at("dt_proj")].data, out, sizeof out);
}

static void expect_same_bits(const Trace *a, const Trace *b, const char *what) {
  for (int id = 0; id < family_falcon_mamba.tensors.layer; id++) {
    const Tensor *x = &a->t[id], *y = &b->t[id];
    cr_assert_eq(x->data != NULL, y->data != NULL);
    if (x->data)
      cr_assert_arr_eq(x->data, y->data, (size_t)x->rows * (size_t)x->cols * format_size(x->format),
                       "%s, %s", what, family_falcon_mamba.tensors.info[id].name);
  }
}

Test(falcon, tensors_are_bit_equal_on_any_thread_count) {
  for (int m = 0; m < family_falcon_mamba.presets; m++) {
    const Mode *mode = &family_falcon_mamba.preset[m];
    omp_set_num_threads(1);
    const Trace one = falcon_block(&s.model, mode);
    for (int threads = 2; threads <= 3; threads++) {
      omp_set_num_threads(threads);
      const Trace other = falcon_block(&s.model, mode);
      expect_same_bits(&one, &other, mode->name);
    }
  }
}

/* Packed weights are of their level: the model is loaded anew at each. */
Test(falcon, tensors_are_bit_equal_at_every_instruction_level) {
  static Trace portable[2];
  const char *const modes[] = {"2-0", "fp32"}, *name;
  for (int level = 0; (name = level_name(level)); level++) {
    cr_assert(level_choose(name));
    s = shipped_load_from(test_path("falcon"), REWRITE_QUAMBA, 0);
    shipped_calibrate(&s, 1, 64);
    for (int m = 0; m < 2; m++) {
      const Trace trace = falcon_block(&s.model, mode_preset(modes[m]));
      if (level == 0) portable[m] = trace;
      expect_same_bits(&portable[m], &trace, name);
    }
  }
}

/* --- the reference ---------------------------------------------------------------------------- */

/* Its route forms no mean, so it is held against one that does. */
Test(falcon, the_reference_norms_in_float64_and_fp32_follows_it) {
  int first[3], width[3];
  Trace trace;
  Source reference = source_ref64(&s.weights);
  double *wide = ARENA_NEW(&s.arena, double, TOKENS * 64);
  tensor_values(&stream, wide);
  const Tensor in = tensor_of(wide, FORMAT_F64, TOKENS, 64, 0);
  reference.block(&reference, NULL, LAYER, &in, &s.arena, &trace);
  const double *x = trace.t[at("x_proj")].data, *y = trace.t[at("dbc_norm")].data;
  const int cols = trace.t[at("x_proj")].cols;
  falcon_parts(first, width);
  for (int part = 0; part < 3; part++)
    for (int t = 0; t < TOKENS; t++) {
      long double mean = 0;
      for (int i = 0; i < width[part]; i++) {
        const long double v = x[t * cols + first[part] + i];
        mean += v * v / width[part];
      }
      for (int i = 0; i < width[part]; i++) {
        const int at_i = t * cols + first[part] + i;
        const long double want = x[at_i] / sqrtl(mean + 1e-6L);
        cr_assert(fabsl(y[at_i] - want) <= 8 * 0x1p-53L * fabsl(want), "part %d: got %a want %La",
                  part, y[at_i], want);
      }
    }
  const Trace fp32 = falcon_block(&s.model, mode_preset("fp32"));
  for (int id = at("dbc_norm"); id <= at("block_out"); id++) {
    double error = 0, size = 0;
    for (size_t i = 0; i < (size_t)fp32.t[id].rows * (size_t)fp32.t[id].cols; i++) {
      const double want = tensor_value(&trace.t[id], i), d = tensor_value(&fp32.t[id], i) - want;
      error += d * d, size += want * want;
    }
    cr_expect(sqrt(error / size) < 2e-6, "%s: relative error %.3g",
              family_falcon_mamba.tensors.info[id].name, sqrt(error / size));
  }
}

/* --- scales, bytes, repairs ------------------------------------------------------------------- */

Test(falcon, calibration_gives_the_norms_their_scale) {
  Trace ends = {0}, trace;
  block_embed(&s.model, s.valid, 64, &s.arena, &ends);
  Tensor x = ends.t[at("embedding")];
  for (int layer = 0; layer < s.model.layers; layer++) {
    block_run(&s.model, layer, family_falcon_mamba.plain, &x, &s.arena, &trace);
    x = trace.t[at("block_out")];
    const float most = absmax(&trace.t[at("dbc_norm")]);
    const LayerScales *scales = &s.model.scales[layer];
    cr_expect_eq(scales->statistic[S_DBC_NORM], (double)most, "layer %d", layer);
    cr_expect_eq(scales->scale[S_DBC_NORM], (float)((double)most / 127), "layer %d", layer);
  }
}

/* What the norms take beside what a model without them does: a copy of x_proj in float32 where it
 * is int8, and themselves. */
Test(falcon, activations_count_what_the_norms_need) {
  Model without = s.model;
  without.config.family = &family_mamba1;
  const int64_t width = s.model.config.R + 2 * s.model.config.N;
  for (int m = 0; m < family_falcon_mamba.presets; m++) {
    const Mode *mode = &family_falcon_mamba.preset[m];
    const bool i8 = mode->setting[STAGE_SCAN_REST] == SCAN_REST_I8;
    const Footprint a = footprint_of(&s.model, mode), b = footprint_of(&without, mode);
    cr_expect_eq(a.activation_bytes - b.activation_bytes, i8 ? width * 5 : width * 4, "mode %s",
                 mode->name);
    cr_expect_eq(a.scale_bytes - b.scale_bytes, i8 ? 4 * s.model.layers : 0, "mode %s", mode->name);
    cr_expect_eq(a.weight_bytes, b.weight_bytes);
  }
  cr_expect_geq(block_bytes(&s.model.config, TOKENS) - block_bytes(&without.config, TOKENS),
                (size_t)(2 * 4 * width * TOKENS));
}

/* Each of the three is made by a call of its own, on columns of one tensor. */
Test(falcon, an_element_of_any_part_is_repaired_where_it_was_made_and_reaches_its_readers) {
  static const char *const modes[] = {"0", "2-4", "fp32"};
  int first[3], width[3];
  falcon_parts(first, width);
  for (int m = 0; m < 3; m++)
    for (int part = 0; part < 3; part++) {
      const Mode *mode = mode_preset(modes[m]);
      const Trace was = falcon_block(&s.model, mode);
      const Tensor *y = &was.t[at("dbc_norm")];
      const int row = 5, col = first[part] + width[part] - 1;
      const float has = as_float(y, row, col),
                  value = y->format == FORMAT_I8 ? dq(has > 0 ? -77 : 93, y->scale.value) : has + 2;
      const Element own = {at("dbc_norm"), row, col, has},
                    other = {at("dbc_norm"), row, col, value};
      const Source cpu = source_cpu(&s.model);
      Source same = source_repaired(&s.arena, &s.model, &cpu, LAYER, &own, 1),
             repaired = source_repaired(&s.arena, &s.model, &cpu, LAYER, &other, 1);
      Trace got;
      Status st = {0};
      same.block(&same, mode, LAYER, &stream, &s.arena, &got);
      expect_same_bits(&was, &got, "set to what it has");
      repaired.block(&repaired, mode, LAYER, &stream, &s.arena, &got);
      cr_assert(repaired.check(&repaired, mode, LAYER, &got, &st), "%s", st.text);
      cr_expect_eq(as_float(&got.t[at("dbc_norm")], row, col), value, "mode %s, part %d", modes[m],
                   part);
      const size_t E = (size_t)s.model.config.E, size = format_size(got.t[at("dt_proj")].format);
      const char *dt_was = was.t[at("dt_proj")].data, *dt_now = got.t[at("dt_proj")].data;
      cr_expect_eq(memcmp(dt_was + row * E * size, dt_now + row * E * size, E * size) != 0,
                   part == 0, "mode %s, part %d: dt_proj", modes[m], part);
      cr_expect_eq(memcmp(dt_was, dt_now, row * E * size), 0);
      const float *y_was = was.t[at("scan")].data, *y_now = got.t[at("scan")].data;
      cr_expect_neq(memcmp(y_was + row * E, y_now + row * E, E * sizeof *y_was), 0,
                    "mode %s, part %d: the scan has not met it", modes[m], part);
      cr_expect_eq(memcmp(y_was, y_now, row * E * sizeof *y_was), 0);
    }
}
