/* Operators alone: captured inputs give the full run's bits, made inputs are what they are called,
 * rows are right by hand, the state's track is the kernel's own, and neither seed nor threads are
 * forgotten. */
#include <gsl/gsl_randist.h>
#include <math.h>
#include <omp.h>
#include <sys/wait.h>

#include "experiment/experiment.h"
#include "family/family.h"
#include "family/mamba1.h"
#include "kernels/q8.h"
#include "measure/stats.h"
#include "report/sections.h"
#include "study/micro/capture.h"
#include "study/micro/inputs.h"
#include "study/micro/micro.h"
#include "study/micro/plan.h"
#include "study/micro/state.h"
#include "tests/shipped_model.h"

static Arena new_arena(void) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)4 << 30, exhausted, &st), "%s", st.text);
  return arena;
}

/* The shipped model as a run has it, with few tokens and a quick calibration; `micro`: lines of the
 * section. */
static Spec spec_of(Arena *arena, const char *micro) {
  Spec spec;
  Status st = {0};
  const char *text = arena_printf(arena,
                                  "title: t\nmodel: data/mamba-bytes-10m\ncalibration: {text: "
                                  "data/text/valid.txt, windows: 2, length: 64}\n"
                                  "prompts:\n  - {name: p, text: data/text/test.txt, offset: 4000, "
                                  "length: 37}\ncompare_all: [fp32]\nmicro:\n%s",
                                  micro);
  cr_assert(spec_parse(arena, "test", text, strlen(text), &spec, &st), "%s", st.text);
  return spec;
}

static Subject *load(Arena *arena, const Spec *spec) {
  Subject *subject = ARENA_NEW(arena, Subject, 1);
  Status st = {0};
  Progress quiet = progress_start(true);
  cr_assert(subject_check(arena, spec, subject, &st), "%s", st.text);
  cr_assert(micro_check(spec, subject, *arena, &st), "%s", st.text);
  cr_assert(experiment_load(arena, spec, NULL, &quiet, subject, &st) &&
                layers_ride_all(subject->layers, &st),
            "%s", st.text);
  return subject;
}

static MicroRows run_micro(Arena *arena, const Spec *spec, const Subject *subject) {
  Status st = {0};
  MicroRows rows;
  Progress quiet = progress_start(true);
  Study study = {.spec = spec, .subject = subject, .progress = &quiet};
  cr_assert(micro_run(arena, &study, &rows, &st), "%s", st.text);
  return rows;
}

/* --- captured inputs -------------------------------------------------------------------------- */

Test(micro, captured_inputs_give_the_full_run_bit_for_bit_in_every_mode, .timeout = 120) {
  Arena arena = new_arena();
  Spec spec = spec_of(
      &arena, "  - {operator: conv1d, inputs: [captured], layers: [0, 3]}\n"
              "  - {operator: scan, inputs: [captured], layers: [0, 3]}\n"
              "  - {operator: linear, inputs: [captured], layers: [3]}\n"
              "  - {operator: rmsnorm, inputs: [captured], layers: [3]}\n"
              "  - {operator: hadamard, inputs: [captured], layers: [3]}\n"
              "  - {operator: silu, inputs: [captured], layers: [3], modes: [2-4, 2-0]}\n"
              "  - {operator: softplus, inputs: [captured], layers: [3], modes: [0, fp32]}\n"
              "  - {operator: exp, inputs: [captured], layers: [3]}\n");
  Subject *subject = load(&arena, &spec);
  MicroRows rows = run_micro(&arena, &spec, subject);
  int compared = 0, alone = 0, modes = 0;
  for (size_t i = 0; i < rows.micros; i++) {
    const MicroRow *row = &rows.micro[i];
    cr_expect_eq(row->over_bound, 0, "%s %s %s: %lld beyond the bound, element %lld",
                 row->operator_name, row->setting, row->output, (long long)row->over_bound,
                 (long long)row->used_index);
    cr_expect_neq(row->as_in_run, 0, "%s %s %s, layer %d", row->operator_name, row->setting,
                  row->output, row->layer);
    compared += row->as_in_run == 1;
    alone += row->as_in_run == -1;
    for (const char *c = row->modes; !strcmp(row->operator_name, "scan") && row->layer == 3 && *c;
         c++)
      modes += !strcmp(row->output, "gated") && *c == ' ';
    modes +=
        !strcmp(row->operator_name, "scan") && row->layer == 3 && !strcmp(row->output, "gated");
  }
  cr_expect_eq(modes, 9, "the scan of layer 3 is filed under %d of the 9 modes", modes);
  cr_expect_eq(
      alone, 2,
      "silu of a mode with int8 output, and exp, are in no trace: %d outputs have no partner",
      alone);
  cr_expect_gt(compared, 80, "only %d outputs were compared", compared);
}

Test(micro, a_changed_input_would_show) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 1);
  shipped_calibrate(&s, 2, 64);
  const Mode *mode = mode_preset("2-0");
  SeenCall calls[WATCH_CALLS];
  Watch watch = {.seen = calls, .room = WATCH_CALLS};
  Model watched = s.model;
  watched.ops = watch_start(&watch, s.model.ops);
  Trace ends = {0}, trace;
  Capture list[CAPTURES_MAX];
  block_embed(&s.model, s.test, 9, &s.arena, &ends);
  block_run(&watched, 0, mode, &ends.t[T_EMBEDDING], &s.arena, &trace);
  cr_assert_eq(micro_capture(&s.arena, MICRO_CONV1D, &watch, list), 1);
  operator_run_own(&list->o, s.arena);
  cr_expect(tensor_identical(&list->o.out[1].got, list->in_run[1]));
  Tensor *x = &list->o.in[X];
  ((int8_t *)x->data)[3 * x->stride + 5] ^= 0x40;
  operator_run_own(&list->o, s.arena);
  cr_expect_not(tensor_identical(&list->o.out[1].got, list->in_run[1]),
                "one input differs, no output does");
}

/* --- settings and made inputs ----------------------------------------------------------------- */

Test(micro, presets_give_each_operator_its_distinct_settings_once) {
  static const struct {
    MicroOp op;
    int settings;
    const char *first, *modes;
  } by_hand[] = {{MICRO_CONV1D, 3, "i8->i8", "0 2-0 2-1 2-2"},
                 {MICRO_SCAN, 5, "u:i8 rest:i8 blocked->f16", "0 2-0"},
                 {MICRO_LINEAR, 5, "i8->i8", "0 2-0 2-1 2-2 2-3 2-4 3"},
                 {MICRO_RMSNORM, 2, "f32->i8", "0 2-0 2-1 2-2 2-3 2-4 3"},
                 {MICRO_HADAMARD, 3, "f16->i8", "0 2-0 2-1 2-2 2-3 2-4 3"},
                 {MICRO_EXP, 1, "f32->f32", "fp32"}};
  Arena arena = new_arena();
  PromptShape prompt = {.name = "p", .T = 37};
  Subject subject = {
      .prompt = &prompt,
      .checkpoint = {
          .config = {.family = &family_mamba1, .D = 256, .E = 512, .N = 16, .layers = 24}}};
  for (size_t i = 0; i < sizeof by_hand / sizeof *by_hand; i++) {
    Status st = {0};
    Plan plan;
    Spec spec = spec_of(&arena, arena_printf(&arena, "  - {operator: %s, inputs: [normal, zero]}\n",
                                             micro_op_names[by_hand[i].op]));
    cr_assert(micro_plan(&arena, &spec, &subject, &spec.micro[0], &plan, &st), "%s", st.text);
    cr_expect_eq(plan.settings, by_hand[i].settings, "%s: %d settings",
                 micro_op_names[by_hand[i].op], plan.settings);
    cr_expect_str_eq(micro_setting_text(&arena, plan.op, &plan.setting[0].setting),
                     by_hand[i].first);
    cr_expect_str_eq(plan.setting[0].modes, by_hand[i].modes);
  }
}

Test(micro, inputs_that_an_operator_cannot_have_are_refused_with_the_reason) {
  static const char *const wrong[][2] = {
      {"  - {operator: conv1d, inputs: [slow_decay]}\n", "scan alone"},
      {"  - {operator: hadamard, inputs: [normal], shapes: [3x513]}\n", "no Hadamard matrix"},
      {"  - {operator: scan, inputs: [captured], layers: [24]}\n", "layers 0 to 23"},
      {"  - {operator: scan, inputs: [captured], prompts: [q]}\n", "no prompt 'q'"},
      {"  - {operator: linear, inputs: [zero], shapes: [1x131072x1]}\n", "overflow"},
  };
  Arena arena = new_arena();
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    Spec spec = spec_of(&arena, wrong[i][0]);
    Subject subject;
    Status st = {0};
    cr_assert(subject_check(&arena, &spec, &subject, &st), "%s", st.text);
    cr_expect_not(micro_check(&spec, &subject, arena, &st), "%s", wrong[i][0]);
    cr_expect(strstr(st.text, wrong[i][1]), "%s", st.text);
  }
}

static double share(const Tensor *t, bool (*holds)(double)) {
  size_t n = (size_t)t->rows * (size_t)t->cols, count = 0;
  for (size_t i = 0; i < n; i++) count += holds(tensor_value(t, i));
  return (double)count / (double)n;
}

static bool is_zero(double x) { return x == 0; }
static bool is_subnormal(double x) { return x != 0 && fabs(x) < 0x1p-126; }
static bool is_large(double x) { return fabs(x) > 10; }
static bool is_tie(double x) { return fabs(fmod(fabs(x) * 16, 1) - 0.5) < 1e-12; }
static bool is_next_to_tie(double x) {
  return !is_tie(x) && fabs(fmod(fabs(x) * 16, 1) - 0.5) < 1e-3;
}

Test(micro, made_inputs_are_what_they_are_called) {
  Arena arena = new_arena();
  MicroShape shape = {64, 128, 16};
  MicroSetting f32 = {0}, i8 = {.in = FORMAT_I8, .rest = FORMAT_I8, .out = FORMAT_I8},
               again = {.out = FORMAT_I8};
  Operator o, p;
  micro_make(&arena, MICRO_CONV1D, &f32, INPUT_ZERO, shape, 1, &o);
  cr_expect_eq(share(&o.in[X], is_zero), 1);
  micro_make(&arena, MICRO_CONV1D, &f32, INPUT_DENORMAL, shape, 1, &o);
  cr_expect_gt(share(&o.in[X], is_subnormal), 0.99);
  micro_make(&arena, MICRO_CONV1D, &f32, INPUT_OUTLIERS, shape, 1, &o);
  cr_expect(share(&o.in[X], is_large) > 0.005 && share(&o.in[X], is_large) < 0.016,
            "2 of 128 channels are large");
  micro_make(&arena, MICRO_RMSNORM, &again, INPUT_TIES, shape, 1, &o);
  cr_expect(share(&o.in[X], is_tie) > 0.2 && share(&o.in[X], is_next_to_tie) > 0.4,
            "%g on ties, %g next to them", share(&o.in[X], is_tie),
            share(&o.in[X], is_next_to_tie));
  micro_make(&arena, MICRO_CONV1D, &i8, INPUT_SATURATING, shape, 1, &o);
  size_t saturated = 0;
  for (int i = 0; i < 64 * 128; i++) saturated += abs(((int8_t *)o.in[X].data)[i]) >= 127;
  cr_expect_gt(saturated, 1000, "%zu of 8192 int8 inputs saturate", saturated);

  /* Same numbers under every setting: the int8 input is the float input, quantised. */
  micro_make(&arena, MICRO_CONV1D, &f32, INPUT_NORMAL, shape, 1, &o);
  micro_make(&arena, MICRO_CONV1D, &i8, INPUT_NORMAL, shape, 1, &p);
  for (size_t i = 0; i < 64 * 128; i++)
    cr_assert_eq(((int8_t *)p.in[X].data)[i],
                 q8_even(((float *)o.in[X].data)[i], p.in[X].scale.value));
  micro_make(&arena, MICRO_CONV1D, &f32, INPUT_NORMAL, shape, 2, &p);
  cr_expect_neq(memcmp(o.in[X].data, p.in[X].data, 64 * 128 * sizeof(float)), 0,
                "another seed, the same numbers");
  micro_make(&arena, MICRO_SCAN, &f32, INPUT_SLOW_DECAY, shape, 1, &o);
  for (size_t i = 0; i < 128 * 16; i++) cr_assert_lt(tensor_value(&o.in[SCAN_A_LOG], i), -7);
}

/* --- rows ------------------------------------------------------------------------------------- */

static void clear_times(MicroRows *rows) {
  for (size_t i = 0; i < rows->micros; i++) {
    MicroRow *row = &rows->micro[i];
    row->time_us = row->time_mad_us = row->gb_s = row->copy_ratio = 0;
    row->runs = 0;
  }
}

static void expect_equal_tables(MicroRows *a, MicroRows *b, const char *what) {
  TableRows x[MICRO_TABLES], y[MICRO_TABLES];
  clear_times(a);
  clear_times(b);
  micro_rows_tables(a, x);
  micro_rows_tables(b, y);
  for (int t = 0; t < MICRO_TABLES; t++) {
    const Table *table = x[t].table;
    cr_assert(x[t].count > 0 && x[t].count == y[t].count, "%s: %s: %zu and %zu rows", what,
              table->name, x[t].count, y[t].count);
    for (size_t r = 0; r < x[t].count; r++)
      for (int c = 0; c < table->columns; c++) {
        size_t at = r * table->row_size + table->column[c].offset;
        const char *p = (const char *)x[t].rows + at, *q = (const char *)y[t].rows + at;
        bool same = table->column[c].type == COLUMN_TEXT ? !strcmp(p, q)
                                                         : !memcmp(p, q, table->column[c].size);
        cr_assert(same, "%s: %s.%s, row %zu differs", what, table->name, table->column[c].name, r);
      }
  }
}

Test(micro, equal_seeds_give_equal_rows_on_any_thread_count, .timeout = 120) {
  Arena arena = new_arena();
  Spec spec = spec_of(
      &arena,
      "  - {operator: scan, inputs: [normal, outliers, slow_decay], shapes: [37x33x4]}\n"
      "  - {operator: linear, inputs: [student_t], shapes: [5x65x33]}\n"
      "  - {operator: hadamard, inputs: [ties], shapes: [7x24]}\n"
      "  - {operator: conv1d, inputs: [captured, cancellation], layers: [0], shapes: [9x33]}\n");
  Subject *subject = load(&arena, &spec);
  MicroRows one;
  for (int threads = 1; threads <= 3; threads++) {
    omp_set_num_threads(threads);
    MicroRows rows = run_micro(&arena, &spec, subject);
    for (size_t i = 0; i < rows.micros; i++) cr_assert_eq(rows.micro[i].over_bound, 0);
    if (threads == 1)
      one = rows;
    else
      expect_equal_tables(&one, &rows, threads == 2 ? "2 threads" : "3 threads");
  }
  spec.seed = 2;
  MicroRows other = run_micro(&arena, &spec, subject);
  cr_expect_neq(one.micro[one.micros - 1].max_abs, other.micro[other.micros - 1].max_abs,
                "another seed, the same error");
}

/* Four numbers whose errors are 0, 1 ULP, 3 ULP and beyond any bound. */
Test(micro, rows_are_right_by_hand_and_a_value_beyond_its_bound_is_counted) {
  Arena arena = new_arena();
  float x[4] = {0, 1, 2, 3}, got[4] = {1, 2, 4 + 3 * 0x1p-21f, 9};
  double want[4] = {1, 2 - 0x1p-22, 4, 8}, bound[4] = {1e-7, 1e-6, 1e-5, 1e-4};
  Operator o = {.op = MICRO_EXP, .outs = 1};
  o.in[X] = tensor_of(x, FORMAT_F32, 2, 2, 0);
  o.out[0] =
      (Output){"exp", tensor_of(got, FORMAT_F32, 2, 2, 0), {BOUND_F32, 0, want, bound, NULL, NULL}};
  MicroRows rows = micro_rows_new(&arena, 1);
  MicroRow label = {.item = 0};
  Timing timing = {2, 0.5, 1, 7};
  micro_measure(&rows, &label, &o, NULL, &timing, arena);
  cr_assert_eq(rows.micros, 1);
  const MicroRow *row = rows.micro;
  cr_expect_eq(row->n, 4);
  cr_expect_eq(row->max_abs, 1);
  cr_expect_eq(row->worst_index, 3);
  cr_expect_eq(row->ulp_max, 0x1p20);
  cr_expect_eq(row->ulp_mean, (0 + 2 + 3 + 0x1p20) / 4, "%a",
               row->ulp_mean); /* below 2 an ULP is 2^-23 */
  cr_expect_eq(row->misrounded, 0.75);
  cr_expect_eq(row->first_index, 1);
  cr_expect_eq(row->over_bound, 1);
  cr_expect_eq(row->used_index, 3);
  cr_expect_float_eq(row->used_max, 1e4, 1e-6);
  cr_expect_eq(row->copy_ratio, 2);
  cr_expect_eq(row->bytes, 32);
  cr_assert_eq(rows.worsts, 3, "the exact element is none of the worst");
  cr_expect(rows.worst[0].row == 1 && rows.worst[0].col == 1 && rows.worst[0].got == 9 &&
            rows.worst[0].want == 8);
  cr_expect(strstr(rows.worst[0].inputs, "x = 3"), "%s", rows.worst[0].inputs);
  int64_t ulp = 0, relative = 0;
  for (size_t i = 0; i < rows.bins; i++)
    *(strcmp(rows.bin[i].kind, "ulp") ? &relative : &ulp) += rows.bin[i].count;
  cr_expect(ulp == 4 && relative == 3, "%lld in the ULP histogram, %lld in the relative one",
            (long long)ulp, (long long)relative);

  TableRows table = {&table_micro, rows.micro, rows.micros};
  ReportData d = {.tables = &table, .table_count = 1};
  data_arrange(&arena, &d);
  const char *broken = micro_broken(&arena, &d);
  cr_assert(broken && strstr(broken, "1 value lies beyond"), "%s",
            broken ? broken : "nothing is said");
  rows.micro->over_bound = 0;
  cr_expect_null(micro_broken(&arena, &d));
}

Test(micro, int8_and_f16_errors_are_in_steps_of_their_type) {
  Arena arena = new_arena();
  double want[2] = {0.26, 1000.4}, bound[2] = {1, 1}, low[2] = {2, 0}, high[2] = {3, 0};
  int8_t q[2] = {3, 127};
  uint16_t half[2] = {0x3429, 0x63d1}; /* 0.260009765625, 1000.5 */
  Operator o = {.op = MICRO_HADAMARD, .outs = 2};
  float x[2] = {1, 2};
  o.in[X] = tensor_of(x, FORMAT_F32, 1, 2, 0);
  o.out[0] = (Output){"i8",
                      tensor_of(q, FORMAT_I8, 1, 1, 0.1f),
                      {BOUND_I8_EVEN, (double)0.1f, want, bound, low, high}};
  o.out[1] = (Output){
      "f16", tensor_of(half, FORMAT_F16, 1, 2, 0), {BOUND_F16, 0, want, bound, NULL, NULL}};
  MicroRows rows = micro_rows_new(&arena, 1);
  MicroRow label = {0};
  Timing timing = {1, 1, 1, 1};
  micro_measure(&rows, &label, &o, NULL, &timing, arena);
  cr_expect_float_eq(rows.micro[0].ulp_max, (3 * (double)0.1f - 0.26) / (double)0.1f, 1e-6);
  cr_expect_float_eq(rows.micro[1].ulp_max, 0.2, 1e-9, "%g",
                     rows.micro[1].ulp_max); /* of 2^-1 at 1000 */
  cr_expect_eq(rows.micro[0].misrounded + rows.micro[1].misrounded, 0);
}

/* got drifts away from want by up to 1e-4 of it: the correlation stays within 1e-8 of 1, and the
 * ULPs say it. */
Test(micro, correlation_alone_hides_a_drift_that_the_ulp_table_shows) {
  enum { N = 4096 };
  Arena arena = new_arena();
  float *x = ARENA_NEW(&arena, float, N), *got = ARENA_NEW(&arena, float, N);
  double *want = ARENA_NEW(&arena, double, N), *bound = ARENA_NEW(&arena, double, N);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (int i = 0; i < N; i++) {
    want[i] = gsl_ran_ugaussian(rng);
    bound[i] = 1e-6 * fabs(want[i]) + 1e-30;
    got[i] = (float)(want[i] * (1 + 1e-4 * i / N));
  }
  gsl_rng_free(rng);
  Operator o = {.op = MICRO_EXP, .outs = 1};
  o.in[X] = tensor_of(x, FORMAT_F32, 1, N, 0);
  o.out[0] = (Output){
      "drifting", tensor_of(got, FORMAT_F32, 1, N, 0), {BOUND_F32, 0, want, bound, NULL, NULL}};
  MicroRows rows = micro_rows_new(&arena, 1);
  MicroRow label = {0};
  Timing timing = {1, 1, 1, 1};
  micro_measure(&rows, &label, &o, NULL, &timing, arena);
  cr_expect_gt(rows.micro->pearson, 1 - 1e-8, "%.12f", rows.micro->pearson);
  cr_expect_gt(rows.micro->ulp_max, 800, "%g", rows.micro->ulp_max);
  cr_expect_gt(rows.micro->ulp_mean, 300, "%g", rows.micro->ulp_mean);
  cr_expect_gt(rows.micro->over_bound, N * 9 / 10);
  int64_t far = 0;
  for (size_t i = 0; i < rows.bins; i++)
    far += strcmp(rows.bin[i].kind, "ulp") ? 0 : rows.bin[i].low >= 256 ? rows.bin[i].count : 0;
  cr_expect_gt(far, N / 2, "the histogram has %lld of %d beyond 256 ULP", (long long)far, N);
}

/* --- the state over time ---------------------------------------------------------------------- */

static const double *final_state(Arena *arena, const Operator *from, int tokens, double *out) {
  Operator o = *from;
  static const int by_token[] = {SCAN_U, SCAN_DT, SCAN_B, SCAN_C, SCAN_Z};
  for (int i = 0; i < 5; i++) o.in[by_token[i]].rows = tokens;
  operator_prepare(arena, &o, 0);
  operator_run_own(&o, *arena);
  tensor_values(&o.out[3].got, out);
  return out;
}

Test(micro, the_states_track_is_the_kernels_own_state_after_every_token_in_both_orders) {
  Arena arena = new_arena();
  for (int k = 0; k < 4; k++) {
    MicroSetting setting = {.in = k & 2 ? FORMAT_I8 : FORMAT_F32,
                            .rest = k & 2 ? FORMAT_I8 : FORMAT_F32,
                            .out = FORMAT_F16,
                            .order = k & 1 ? SCAN_BLOCKED : SCAN_SEQUENTIAL};
    Operator o;
    StateTrack track;
    micro_make(&arena, MICRO_SCAN, &setting, INPUT_NORMAL, (MicroShape){171, 19, 5}, 3, &o);
    operator_run_own(&o, arena);
    operator_reference(&arena, &o);
    state_track(&arena, &o, &track);
    cr_assert_eq(track.E, 19);
    double state[19 * 5];
    /* A shorter scan is another blocked computation, but the same sequential one. */
    for (int t = setting.order == SCAN_BLOCKED ? 171 : 1; t <= 171; t += 17) {
      final_state(&arena, &o, t, state);
      for (int i = 0; i < 19 * 5; i++)
        cr_assert_eq(track.got[(t - 1) * 19 * 5 + i], state[i],
                     "order %d, token %d, element %d: got %a, want %a", setting.order, t, i,
                     track.got[(t - 1) * 19 * 5 + i], state[i]);
    }
    for (int i = 0; i < 19 * 5; i++)
      cr_assert_float_eq(track.ref.want[170 * 19 * 5 + i], o.out[3].ref.want[i],
                         1e-12 * fabs(o.out[3].ref.want[i]));
  }
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Nine channels, so that the median is the fifth of them, sorted here. */
Test(micro, the_states_median_channel_is_the_middle_one_of_all_after_every_token) {
  enum { TOKENS = 21, E = 9, N = 4 };
  Arena arena = new_arena();
  MicroSetting setting = {
      .in = FORMAT_F32, .rest = FORMAT_F32, .out = FORMAT_F32, .order = SCAN_SEQUENTIAL};
  Operator o;
  StateTrack track;
  micro_make(&arena, MICRO_SCAN, &setting, INPUT_NORMAL, (MicroShape){TOKENS, E, N}, 3, &o);
  operator_run_own(&o, arena);
  operator_reference(&arena, &o);
  state_track(&arena, &o, &track);
  MicroRows rows = {.drift = ARENA_NEW(&arena, StateDrift, 1),
                    .state = ARENA_NEW(&arena, StateError, STATE_TOKENS)};
  state_measure(&rows, 1, &o, arena);
  cr_assert_eq(rows.states, TOKENS);
  int unlike = 0;
  for (int t = 0; t < TOKENS; t++) {
    double rms[E], relative[E];
    for (int e = 0; e < E; e++) {
      double error2 = 0, size2 = 0;
      for (int i = (t * E + e) * N; i < (t * E + e + 1) * N; i++) {
        double d = track.got[i] - track.ref.want[i];
        error2 += d * d, size2 += track.ref.want[i] * track.ref.want[i];
      }
      rms[e] = sqrt(error2 / N), relative[e] = sqrt(error2 / size2);
    }
    qsort(rms, E, sizeof *rms, by_size), qsort(relative, E, sizeof *relative, by_size);
    cr_expect_float_eq(rows.state[t].rms_median, rms[E / 2], 1e-12 * rms[E / 2], "token %d", t);
    cr_expect_float_eq(rows.state[t].rel_l2_median, relative[E / 2], 1e-12 * relative[E / 2],
                       "token %d", t);
    unlike += fabs(rows.state[t].rms_median / rows.state[t].rms - 1) > 0.05;
  }
  cr_expect_gt(unlike, TOKENS / 2, "the median channel is all channels together");
  cr_expect_eq(rows.drift->rms_median_first, rows.state[0].rms_median);
  cr_expect_eq(rows.drift->rms_median_last, rows.state[TOKENS - 1].rms_median);
}

Test(micro, planted_growth_of_an_error_is_found_and_told_apart) {
  enum { N = 200 };
  Arena arena = new_arena();
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  int power_right = 0, level_right = 0, inside = 0, inside_level = 0;
  for (int draw = 0; draw < 100; draw++) {
    double token[N], power[N], level[N];
    for (int i = 0; i < N; i++) {
      double noise = exp(0.1 * gsl_ran_ugaussian(rng));
      token[i] = i + 1;
      power[i] = 3e-8 * pow(i + 1, 0.5) * noise;
      level[i] = 2e-7 * -expm1(-(i + 1) / 20.0) * noise;
    }
    StateLaw p = state_fit(token, power, N, arena), l = state_fit(token, level, N, arena);
    power_right += !strcmp(p.law, "power");
    level_right += !strcmp(l.law, "saturation");
    inside += p.power_low <= 0.5 && p.power_high >= 0.5;
    inside_level += l.level_low <= 2e-7 && l.level_high >= 2e-7;
    cr_assert_float_eq(l.tokens_to_level, 20, 4, "%g tokens to the level", l.tokens_to_level);
  }
  gsl_rng_free(rng);
  cr_expect_eq(power_right, 100, "%d of 100 powers found", power_right);
  cr_expect_eq(level_right, 100, "%d of 100 saturations found", level_right);
  cr_expect_geq(inside, 88, "the interval holds the planted power in %d of 100", inside);
  cr_expect_geq(inside_level, 88, "the interval holds the planted level in %d of 100",
                inside_level);
  double token[N], none[N] = {0};
  for (int i = 0; i < N; i++) token[i] = i + 1;
  cr_expect_str_eq(state_fit(token, none, N, arena).law, "none");
}
