/* level: every operator at every instruction level that this processor has, against the portable
 * one: the same bits, from ordinary numbers and from hard ones, whatever the shape, the stride and
 * the threads. What the portable one gives is the business of the operators' own tests. */
#include "kernels/level.h"

#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/ops.h"
#include "tests/draws.h"

enum { GAP = 3, MOST_OUT_BYTES = 1 << 22 };

/* DRIFTSCOPE_LEVEL: the level of every other test. */
__attribute__((constructor)) static void choose_level(void) {
  const char *name = getenv("DRIFTSCOPE_LEVEL");
  if (name && !level_choose(name)) fprintf(stderr, "no level %s here\n", name), exit(2);
}

/* --- inputs ----------------------------------------------------------------------------------- */

/* Signs and binades mixed, ties of rounding to halves and to whole numbers among them. */
static float ordinary(void) {
  if (random_below(8) == 0) return (float)(random_below(513) - 256) * 0.5f;
  return ldexpf((float)(int32_t)random_bits(), -31 - random_below(6) + 2);
}

static float hard(void) {
  static const float value[] = {
      0.0f,      -0.0f,      INFINITY,    -INFINITY,       NAN,
      0x1p-149f, -0x1p-130f, 0x1p-126f,   0x1.fffffep127f, -0x1.fffffep127f,
      88.8f,     -88.8f,     86.0f,       -86.00001f,      -104.5f,
      20.0f,     20.000002f, 65504.0f,    65520.0f,        0x1p-25f,
      127.5f,    -128.5f,    0.49999997f, 1e30f,           -1e30f,
      103.9f};
  return value[random_below(sizeof value / sizeof *value)];
}

/* One in `every` is hard; none where that is 0. Behind each row lie GAP more elements. */
static Tensor drawn(Format format, int rows, int cols, float scale, int every) {
  Tensor t = tensor_of(NULL, format, rows, cols, format == FORMAT_I8 ? scale : 0);
  t.stride = cols + GAP;
  size_t count = (size_t)rows * (size_t)t.stride;
  t.data = malloc(count * format_size(format) + 64);
  for (size_t i = 0; i < count; i++) {
    float x = every && random_below(every) == 0 ? hard() : ordinary();
    if (format == FORMAT_F32)
      ((float *)t.data)[i] = x;
    else if (format == FORMAT_F16)
      ((uint16_t *)t.data)[i] = (uint16_t)random_bits(); /* every kind there is */
    else
      ((int8_t *)t.data)[i] = (int8_t)random_bits();
  }
  return t;
}

static Tensor whole(Tensor t) { return t.cols += GAP, t; }
static Tensor closed(Format format, int rows, int cols, float scale, int every) {
  Tensor t = whole(drawn(format, rows, cols, scale, every)); /* without a gap: what weights are */
  t.cols = t.stride = cols;
  return t;
}

/* --- every level ------------------------------------------------------------------------------ */

static size_t room_of(const Tensor *t) {
  return (size_t)t->rows * (size_t)t->stride * format_size(t->format);
}

static bool is_nan(const Tensor *t, const void *data, size_t i) {
  return t->format == FORMAT_F32   ? isnan(((const float *)data)[i])
         : t->format == FORMAT_F16 ? (((const uint16_t *)data)[i] & 0x7fffu) > 0x7c00u
                                   : false;
}

/* NaNs are one: their bits are made the same where a tensor is stored. */
static void expect_equal(const Tensor *t, const void *want, const char *what, const char *level) {
  size_t size = format_size(t->format);
  for (size_t i = 0; i < room_of(t) / size; i++) {
    bool same = !memcmp((const char *)t->data + i * size, (const char *)want + i * size, size);
    cr_assert(same || (is_nan(t, t->data, i) && is_nan(t, want, i)),
              "%s at %s: [%zu, %zu] of %d x %d differs from the portable one's: %a, want %a", what,
              level, i / (size_t)t->stride, i % (size_t)t->stride, t->rows, t->cols,
              t->format == FORMAT_F32   ? (double)((float *)t->data)[i]
              : t->format == FORMAT_F16 ? ((uint16_t *)t->data)[i]
                                        : ((int8_t *)t->data)[i],
              t->format == FORMAT_F32   ? (double)((const float *)want)[i]
              : t->format == FORMAT_F16 ? ((const uint16_t *)want)[i]
                                        : ((const int8_t *)want)[i]);
  }
}

/* weight: of a linear, packed anew for each level. */
static void run_at(const char *level, Call *call, const Tensor *weight, int threads) {
  void *panels = NULL;
  cr_assert(level_choose(level), "%s", level);
  omp_set_num_threads(threads);
  if (weight) {
    size_t bytes = (linear_packed_bytes(weight->rows, weight->cols, weight->format) + 63) / 64 * 64;
    panels = aligned_alloc(64, bytes);
    call->linear = linear_pack(weight->data, weight->rows, weight->cols, weight->format,
                               weight->scale.value, panels);
  }
  for (int o = 0; o < op_info[call->kind].outs; o++)
    memset(call->out[o]->data, 0x5a, room_of(call->out[o])), call->out[o]->nans = -1;
  ops_cpu.run(ops_cpu.context, call);
  free(panels);
}

static void expect_levels_agree(Call *call, const Tensor *weight, const char *what) {
  const int outs = op_info[call->kind].outs;
  const char *best = level_now();
  void *want[CALL_OUTS];
  int64_t nans[CALL_OUTS];
  float scale[CALL_OUTS];
  run_at(level_name(0), call, weight, 1);
  for (int o = 0; o < outs; o++) {
    want[o] = memcpy(malloc(room_of(call->out[o]) + 1), call->out[o]->data, room_of(call->out[o]));
    nans[o] = call->out[o]->nans;
    scale[o] = call->out[o]->scale.value;
  }
  for (int i = 0; level_name(i); i++)
    for (int threads = 1; threads <= 3; threads += 2) {
      run_at(level_name(i), call, weight, threads);
      for (int o = 0; o < outs; o++) {
        expect_equal(call->out[o], want[o], what, level_name(i));
        cr_assert_eq(call->out[o]->nans, nans[o], "%s at %s: %lld NaNs, want %lld", what,
                     level_name(i), (long long)call->out[o]->nans, (long long)nans[o]);
        cr_assert(call->out[o]->scale.value == scale[o], "%s at %s: scale %a, want %a", what,
                  level_name(i), call->out[o]->scale.value, scale[o]);
      }
    }
  for (int o = 0; o < outs; o++) free(want[o]), free(call->out[o]->data);
  for (int i = 0; i < op_info[call->kind].ins; i++) free(call->in[i].data);
  level_choose(best);
}

/* --- the operators ---------------------------------------------------------------------------- */

static void check_linear(int T, int in, int out, Format format, Format y_format, int every) {
  Tensor w = closed(format, out, in, 0.0123f, every), y = drawn(y_format, T, out, 0.3f, 0);
  Call call = {.kind = OP_LINEAR, .in = {drawn(format, T, in, 0.0077f, every)}, .out = {&y}};
  expect_levels_agree(&call, &w, y_format == FORMAT_I8 ? "linear to i8" : "linear");
  free(w.data);
}

Test(level, linear_gives_the_portable_bits) {
  static const int shape[][3] = {{1, 1, 1},    {1, 48, 97},   {2, 5, 16},    {3, 7, 33},
                                 {4, 4, 48},   {5, 19, 128},  {6, 64, 31},   {7, 9, 130},
                                 {13, 33, 65}, {50, 130, 80}, {97, 48, 160}, {3, 2051, 40},
                                 {300, 3, 70}, {9, 1026, 17}};
  static const Format to[] = {FORMAT_F32, FORMAT_F16, FORMAT_I8};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
    for (int f = 0; f < 3; f++)
      for (int every = 0; every <= 64; every += 64) {
        check_linear(shape[i][0], shape[i][1], shape[i][2], FORMAT_F32, to[f], every);
        check_linear(shape[i][0], shape[i][1], shape[i][2], FORMAT_I8, to[f], 0);
      }
}

/* All bytes -128 or 127: the largest sums, and what an unsigned byte adds the most to. */
Test(level, the_largest_int8_sums_are_the_portable_bits) {
  for (int sign = 0; sign < 4; sign++) {
    int in = 20000 + 3;
    Tensor w = closed(FORMAT_I8, 33, in, 1.0f, 0), y = drawn(FORMAT_F32, 11, 33, 0, 0);
    Call call = {.kind = OP_LINEAR, .in = {drawn(FORMAT_I8, 11, in, 1.0f, 0)}, .out = {&y}};
    memset(w.data, sign & 1 ? 127 : -128, room_of(&w));
    memset(call.in[0].data, sign & 2 ? 127 : -128, room_of(&call.in[0]));
    expect_levels_agree(&call, &w, "linear of the largest bytes");
    free(w.data);
  }
}

static void check_conv1d(int T, int E, int K, Format format, Precision acc, Format y, int every) {
  Tensor pre = drawn(FORMAT_F32, T, E, 0, 0), silu = drawn(y, T, E, 0.05f, 0);
  Call call = {.kind = OP_CONV1D, .precision = acc, .out = {&pre, &silu}};
  call.in[IN_X] = drawn(format, T, E, 0.02f, every);
  call.in[IN_WEIGHT] = closed(format, E, K, 0.01f, every);
  call.in[IN_BIAS] = closed(format, 1, E, 0.03f, every);
  expect_levels_agree(&call, NULL, "conv1d");
}

Test(level, conv1d_gives_the_portable_bits) {
  static const int shape[][3] = {{1, 1, 4},   {2, 17, 4},   {3, 300, 4},
                                 {20, 33, 1}, {37, 270, 4}, {9, 16, 7}};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
    for (int acc = PRECISION_F32; acc <= PRECISION_BF16; acc++)
      for (int kind = 0; kind < 6; kind++)
        check_conv1d(shape[i][0], shape[i][1], shape[i][2], kind & 1 ? FORMAT_I8 : FORMAT_F32,
                     (Precision)acc, kind & 2 ? FORMAT_I8 : FORMAT_F32, kind & 4 ? 40 : 0);
}

static void check_scan(int T, int E, int N, int i8, ScanOrder order, ScanPrecision stages,
                       Format gated, int every) {
  Format rest = i8 & 1 ? FORMAT_I8 : FORMAT_F32, u = i8 & 2 ? FORMAT_I8 : FORMAT_F32;
  Tensor delta = drawn(FORMAT_F32, T, E, 0, 0), y = drawn(FORMAT_F32, T, E, 0, 0),
         out = drawn(gated, T, E, 0, 0), state = drawn(FORMAT_F32, E, N, 0, 0);
  Call call = {
      .kind = OP_SCAN, .order = order, .stages = stages, .out = {&delta, &y, &out, &state}};
  call.in[SCAN_U] = drawn(u, T, E, 0.02f, every);
  call.in[SCAN_DT] = drawn(rest, T, E, 0.05f, every);
  call.in[SCAN_B] = drawn(rest, T, N, 0.01f, every ? every * 8 : 0);
  call.in[SCAN_C] = drawn(rest, T, N, 0.01f, every ? every * 8 : 0);
  call.in[SCAN_Z] = drawn(rest, T, E, 0.03f, every);
  call.in[SCAN_A_LOG] = drawn(rest, E, N, 0.02f, every);
  call.in[SCAN_D] = closed(rest, 1, E, 0.02f, every);
  call.in[SCAN_BIAS] = closed(rest, 1, E, 0.02f, every);
  omp_set_num_threads(3);
  call.scratch = malloc(scan_scratch_bytes(T, E, N, order));
  expect_levels_agree(&call, NULL, order == SCAN_BLOCKED ? "scan blocked" : "scan sequential");
  free(call.scratch);
}

Test(level, scan_gives_the_portable_bits) {
  static const int shape[][3] = {{1, 1, 1},    {5, 17, 16}, {130, 33, 3}, {171, 40, 16},
                                 {300, 16, 5}, {700, 9, 2}, {1100, 5, 1}};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
    for (int kind = 0; kind < 16; kind++)
      check_scan(shape[i][0], shape[i][1], shape[i][2], kind & 3,
                 kind & 4 ? SCAN_BLOCKED : SCAN_SEQUENTIAL, (ScanPrecision){0},
                 kind & 1 ? FORMAT_F16 : FORMAT_F32, kind & 8 ? 300 : 0);
}

Test(level, narrow_stages_of_the_scan_give_the_portable_bits) {
  for (int softplus = PRECISION_F32; softplus <= PRECISION_BF16; softplus++)
    for (int decay = PRECISION_F32; decay <= PRECISION_BF16; decay++)
      for (int state = PRECISION_F32; state < PRECISION_COUNT; state++)
        for (int every = 0; every <= 200; every += 200) {
          ScanPrecision stages = {(Precision)softplus, (Precision)decay, (Precision)state, 0.04f};
          check_scan(150, 21, 4, 0, SCAN_SEQUENTIAL, stages, FORMAT_F32, every);
          if (state == PRECISION_F32)
            check_scan(150, 21, 4, 3, SCAN_BLOCKED, stages, FORMAT_F16, every);
        }
}

static void check_rows(Call call, Tensor y, const char *what) {
  call.out[0] = &y;
  expect_levels_agree(&call, NULL, what);
}

Test(level, hadamard_gives_the_portable_bits) {
  static const int size[] = {1, 2, 8, 12, 24, 28, 40, 64, 96, 768, 1280, 1536};
  for (size_t i = 0; i < sizeof size / sizeof *size; i++)
    for (int kind = 0; kind < 8; kind++)
      check_rows((Call){.kind = OP_HADAMARD,
                        .in = {drawn(kind & 1 ? FORMAT_F16 : FORMAT_F32, 5, size[i], 0,
                                     kind & 4 ? 200 : 0)}},
                 drawn(kind & 2 ? FORMAT_I8 : FORMAT_F32, 5, size[i], 0.3f, 0), "hadamard");
}

Test(level, rmsnorm_gives_the_portable_bits) {
  static const int size[] = {1, 7, 16, 33, 768, 1001};
  for (size_t i = 0; i < sizeof size / sizeof *size; i++)
    for (int kind = 0; kind < 8; kind++) {
      Call call = {.kind = OP_RMSNORM, .eps = 1e-5f};
      call.in[IN_X] = drawn(FORMAT_F32, 6, size[i], 0, kind & 4 ? 500 : 0);
      if (kind & 1) call.in[IN_GAIN] = closed(FORMAT_F32, 1, size[i], 0, 0);
      check_rows(call, drawn(kind & 2 ? FORMAT_I8 : FORMAT_F32, 6, size[i], 0.02f, 0), "rmsnorm");
    }
}

Test(level, quantise_dequantise_narrow_and_residual_give_the_portable_bits) {
  static const int shape[][2] = {{1, 1}, {3, 15}, {4, 257}, {2, 4099}};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
    for (int kind = 0; kind < 8; kind++) {
      const int T = shape[i][0], n = shape[i][1], every = kind & 4 ? 5 : 0;
      Format half = kind & 1 ? FORMAT_F16 : FORMAT_F32;
      check_rows((Call){.kind = OP_QUANTISE,
                        .in = {drawn(half, T, n, 0, every)},
                        .rounding = kind & 2 ? ROUND_EVEN : ROUND_AWAY},
                 drawn(FORMAT_I8, T, n, 0.5f, 0), "quantise");
      check_rows((Call){.kind = OP_QUANTISE_DYNAMIC, .in = {drawn(FORMAT_F32, T, n, 0, every)}},
                 drawn(FORMAT_I8, T, n, 0.5f, 0), "quantise_dynamic");
      check_rows((Call){.kind = OP_DEQUANTISE,
                        .in = {drawn(kind & 2 ? FORMAT_I8 : half, T, n, 0.3f, every)}},
                 drawn(FORMAT_F32, T, n, 0, 0), "dequantise");
      check_rows((Call){.kind = OP_NARROW,
                        .precision = kind & 1 ? PRECISION_F16 : PRECISION_BF16,
                        .in = {drawn(FORMAT_F32, T, n, 0, every)}},
                 drawn(FORMAT_F32, T, n, 0, 0), "narrow");
      check_rows((Call){.kind = OP_RESIDUAL,
                        .in = {drawn(FORMAT_F32, T, n, 0, every), drawn(half, T, n, 0, every)}},
                 drawn(FORMAT_F32, T, n, 0, 0), "residual");
    }
}

Test(level, a_level_is_chosen_by_its_name_and_no_other_is) {
  cr_expect_str_eq(level_name(0), "portable");
  cr_expect(!level_choose("x86-64-v9"));
  for (int i = 0; level_name(i); i++) {
    cr_expect(level_choose(level_name(i)));
    cr_expect_str_eq(level_now(), level_name(i));
  }
}
