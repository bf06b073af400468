/* clipping: planted values, counted by hand; random ones against a plain second computation; and
 * the int8 weights of the shipped model. */
#include "measure/clipping.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <omp.h>

#include "shipped_model.h"
#include "study/clipped.h"
#include "tests/measure_rows.h"
#include "tests/small_model.h"

TestSuite(clipping, .init = shell_begin, .fini = shell_end);

static Clipping row_of(const Tensor *reference, const Tensor *got, float scale,
                       bool rows_are_tokens) {
  Arena arena = new_arena();
  Clipping row;
  memset(&row, 0xa5, sizeof row);
  Arena scratch = arena;
  scratch.end =
      scratch.next + clipping_scratch_bytes(
                         (size_t)reference->rows * (size_t)reference->cols, (size_t)reference->rows,
                         (size_t)(rows_are_tokens ? reference->cols : reference->rows));
  clipping_of(reference, got, scale, rows_are_tokens, &row, scratch);
  arena_release(&arena);
  return row;
}

/* Three tokens of four channels at scale 0.5: the grid ends at -64 and 63.5. */
static double planted[] = {
    63.5, -64, 10, 0,     /* on both ends: not beyond */
    65.5, 3,   0,  63.75, /* beyond by 2; by 1/4, where rounding would reach */
    1,    -80, 2,  -66};  /* beyond by 16 and by 2 */
static int8_t planted_q8[] = {127, -128, 20, 1, 127, 6, 0, 127, 2, -128, 5, -128};

Test(clipping, planted_values_are_told_from_rounded_ones) {
  const Tensor reference = tensor_of(planted, FORMAT_F64, 3, 4, 0),
               got = tensor_of(planted_q8, FORMAT_I8, 3, 4, 0.5f);
  const Clipping row = row_of(&reference, &got, 0.5f, true);
  /* squared errors beyond: 4, 1/16, 256, 4; of the rest 1/4 of planted[3] and of planted[10] */
  const double beyond = 264.0625, rest = 0.5;
  double size = 0;
  for (int i = 0; i < 12; i++) size += planted[i] * planted[i];
  SAME(row.scale, 0.5), SAME(row.grid_end, 63.5);
  cr_expect_eq(row.n, 12);
  cr_expect_eq(row.beyond, 4);
  cr_expect_eq(row.channels, 3);
  cr_expect_eq(row.worst_channel, 1);
  SAME(row.furthest, 80.0 / 64);
  cr_expect_eq(row.furthest_token, 2);
  cr_expect_eq(row.furthest_channel, 1);
  SAME(row.furthest_value, -80);
  NEAR(row.error_share, beyond / (beyond + rest), 1e-15);
  NEAR(row.rel_l2, sqrt((beyond + rest) / size), 1e-15);
  NEAR(row.rel_l2_clipped, sqrt(beyond / size), 1e-15);
  NEAR(row.rel_l2_rounded, sqrt(rest / size), 1e-15);
  cr_expect_eq(row.nonfinite, 0);
}

Test(clipping, where_rows_are_no_tokens_they_are_channels) {
  const Tensor reference = tensor_of(planted, FORMAT_F64, 3, 4, 0),
               got = tensor_of(planted_q8, FORMAT_I8, 3, 4, 0.5f);
  const Clipping row = row_of(&reference, &got, 0.5f, false);
  cr_expect_eq(row.channels, 2);
  cr_expect_eq(row.worst_channel, 2);
  cr_expect_eq(row.furthest_channel, 2);
  cr_expect_eq(row.furthest_token, -1);
  SAME(row.furthest_value, -80);
}

/* A float32 tensor on the grid says the same as int8. */
Test(clipping, a_dequantised_tensor_has_the_same_row) {
  float f32[12];
  for (int i = 0; i < 12; i++) f32[i] = (float)planted_q8[i] * 0.5f;
  const Tensor reference = tensor_of(planted, FORMAT_F64, 3, 4, 0),
               got = tensor_of(planted_q8, FORMAT_I8, 3, 4, 0.5f),
               same = tensor_of(f32, FORMAT_F32, 3, 4, 0);
  const Clipping a = row_of(&reference, &got, 0.5f, true),
                 b = row_of(&reference, &same, 0.5f, true);
  cr_expect_arr_eq(&a.scale, &b.scale, sizeof a - offsetof(Clipping, scale));
}

Test(clipping, nothing_beyond_nothing_finite_and_no_reference_are_defined) {
  double zeros[4] = {0}, small[4] = {1, -1, 2, 0}, bad[4] = {NAN, INFINITY, 300, 1},
         got_bad[4] = {0, 127, NAN, 1};
  const Tensor zero = tensor_of(zeros, FORMAT_F64, 2, 2, 0),
               on = tensor_of(small, FORMAT_F64, 2, 2, 0);
  Clipping row = row_of(&on, &on, 1, true);
  SAME(row.error_share, NAN), SAME(row.rel_l2, 0), SAME(row.rel_l2_clipped, 0),
      SAME(row.furthest, NAN);
  cr_expect(row.beyond == 0 && row.channels == 0 && row.worst_channel == -1 &&
            row.furthest_channel == -1);
  row = row_of(&zero, &on, 1, true);
  SAME(row.error_share, 0), SAME(row.rel_l2, NAN), SAME(row.rel_l2_rounded, NAN),
      SAME(row.rel_l2_clipped, 0);
  const Tensor a = tensor_of(bad, FORMAT_F64, 2, 2, 0), b = tensor_of(got_bad, FORMAT_F64, 2, 2, 0);
  row = row_of(&a, &b, 1, true);
  cr_expect_eq(row.nonfinite, 3);
  cr_expect_eq(row.beyond, 0);
  SAME(row.rel_l2, 0);
}

/* By long double, element by element. */
static void expect_row(const Tensor *reference, const Tensor *got, float scale,
                       bool rows_are_tokens, const Clipping *row) {
  const size_t cols = (size_t)reference->cols, n = (size_t)reference->rows * cols;
  long double beyond2 = 0, rest2 = 0, base2 = 0, furthest = 0;
  long double *channel = calloc(n, sizeof *channel);
  int64_t beyond = 0, at = -1;
  for (size_t i = 0; i < n; i++) {
    const long double a = tensor_value(reference, i), d = tensor_value(got, i) - a;
    const long double over = a > 0 ? a / (127.0L * scale) : -a / (128.0L * scale);
    base2 += a * a;
    if (over <= 1) rest2 += d * d;
    if (over <= 1) continue;
    beyond2 += d * d;
    beyond++;
    channel[rows_are_tokens ? i % cols : i / cols] += d * d;
    if (over > furthest) furthest = over, at = (int64_t)i;
  }
  int32_t worst = -1, channels = 0;
  for (size_t c = 0; c < n; c++) {
    channels += channel[c] > 0;
    if (channel[c] > 0 && (worst < 0 || channel[c] > channel[worst])) worst = (int32_t)c;
  }
  cr_expect_eq(row->beyond, beyond);
  cr_expect_eq(row->channels, channels);
  cr_expect_eq(row->worst_channel, worst);
  NEAR(row->furthest, at < 0 ? NAN : (double)furthest, 1e-15 * (double)furthest);
  SAME(row->furthest_value, at < 0 ? NAN : tensor_value(reference, (size_t)at));
  cr_expect_eq(row->furthest_token, at < 0 || !rows_are_tokens ? -1 : at / (int64_t)cols);
  cr_expect_eq(row->furthest_channel, at < 0            ? -1
                                      : rows_are_tokens ? at % (int64_t)cols
                                                        : at / (int64_t)cols);
  NEAR(row->error_share, (double)(beyond2 / (beyond2 + rest2)), 1e-13);
  NEAR(row->rel_l2, (double)sqrtl((beyond2 + rest2) / base2), 1e-13);
  NEAR(row->rel_l2_clipped, (double)sqrtl(beyond2 / base2), 1e-13);
  NEAR(row->rel_l2_rounded, (double)sqrtl(rest2 / base2), 1e-13);
  free(channel);
}

static int8_t quantised(double x, float scale) {
  const double q = round(x / (double)scale);
  return (int8_t)(q > 127 ? 127 : q < -128 ? -128 : q);
}

Test(clipping, columns_are_those_of_a_plain_second_computation) {
  static const int shape[][2] = {{1, 1},    {2, 3},    {7, 8},    {13, 256},
                                 {171, 31}, {3, 1024}, {5, 1030}, {600, 2}};
  static const float scale = 0.03f;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
    const int rows = shape[s][0], cols = shape[s][1], stride = cols + 3;
    double *a = malloc((size_t)(rows * stride) * sizeof *a);
    int8_t *b = malloc((size_t)(rows * stride));
    for (int i = 0; i < rows * stride; i++) {
      a[i] = gsl_ran_gaussian(rng, 1.6);
      b[i] = quantised(a[i], scale);
    }
    Tensor reference = tensor_of(a, FORMAT_F64, rows, cols, 0),
           got = tensor_of(b, FORMAT_I8, rows, cols, scale);
    reference.stride = got.stride = stride;
    for (int tokens = 0; tokens < 2; tokens++) {
      const Clipping row = row_of(&reference, &got, scale, tokens);
      expect_row(&reference, &got, scale, tokens, &row);
    }
    free(a), free(b);
  }
  gsl_rng_free(rng);
}

static TableRows weights_under(Shipped *s, const char *name, int threads) {
  static Mode mode;
  mode = *mode_preset(name);
  const Spec spec = {.modes = &mode, .mode_count = 1};
  Status st = {0};
  double time_s;
  omp_set_num_threads(threads);
  shipped_open(s, REWRITE_QUAMBA, 0);
  Subject subject = {.layers = s->layers, .weights = s->weights, .model = s->model};
  const Clipped *clipped = clipped_ride(&s->arena, &spec, &subject);
  cr_assert(layers_ride_all(s->layers, &st), "%s", st.text);
  return clipped_rows(&s->arena, clipped, NULL, 0, &time_s);
}

/* A weight's scale is its maximum over 127, rounded to float32: what lies beyond does so by that
 * rounding. */
Test(clipping, int8_weights_lie_beyond_their_grid_by_a_rounding_at_most) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  const TableRows all = weights_under(&s, "0", 1), threads = weights_under(&s, "0", 3);
  cr_assert_eq(all.count, (size_t)s.model.layers * 9, "%zu rows", all.count);
  cr_expect_eq(weights_under(&s, "fp32", 1).count, 0);
  cr_expect(threads.count == all.count &&
                !memcmp(all.rows, threads.rows, all.count * sizeof(Clipping)),
            "the rows depend on the number of threads");
  const Clipping *row = all.rows;
  for (size_t i = 0; i < all.count; i++) {
    cr_expect_str_empty(row[i].mode);
    cr_expect(row[i].rel_l2 > 0 && row[i].rel_l2 < 0.02, "layer %d, %s: %g", row[i].layer,
              row[i].tensor, row[i].rel_l2);
    cr_expect(!row[i].beyond || row[i].furthest < 1 + 0x1p-22, "layer %d, %s: %a", row[i].layer,
              row[i].tensor, row[i].furthest);
  }
}

Test(clipping, int8_weights_are_compared_with_what_the_reference_runs) {
  Shipped s = shipped_load(REWRITE_QUAMBA), opened = s;
  const Clipping *row = weights_under(&opened, "0", 2).rows;
  for (int layer = 0; layer < s.model.layers; layer++)
    for (int w = 0; w < family_mamba1.weights; w++) {
      const WeightInfo *info = &family_mamba1.weight[w];
      if (info->form == FORM_GAIN) continue;
      const Prepared *q = &s.model.layer[layer].i8[w];
      const int rows = weight_rows(&s.model.config, info),
                cols = weight_cols(&s.model.config, info);
      const float scale = info->form == FORM_LINEAR ? q->linear.scale : q->values.scale.value;
      double error2 = 0, base2 = 0;
      int8_t *values = malloc((size_t)cols);
      for (int r = 0; r < rows; r++) {
        const double *want = s.weights.layer[layer][w] + (size_t)r * (size_t)cols;
        if (info->form == FORM_LINEAR)
          linear_unpack(&q->linear, r, values);
        else
          memcpy(values, (const int8_t *)q->values.data + (size_t)r * (size_t)cols, (size_t)cols);
        for (int c = 0; c < cols; c++) {
          const double d = (double)((float)values[c] * scale) - want[c];
          error2 += d * d;
          base2 += want[c] * want[c];
        }
      }
      free(values);
      cr_expect_str_eq(row->tensor, weight_short_name(info));
      cr_expect_eq(row->layer, layer);
      SAME(row->scale, scale);
      NEAR(row->rel_l2, sqrt(error2 / base2), 1e-12);
      row++;
    }
}

Test(clipping, a_run_has_rows_of_what_stands_on_a_grid_alone) {
  small_model(2);
  cr_assert_eq(shell("cat > %s/s.yaml <<END\n"
                     "title: t\nmodel: model\npairs: [[2-0, 2-4]]\nkeep: {tensors: none}\n"
                     "calibration: {text: $PWD/data/text/valid.txt, windows: 1, length: 32}\n"
                     "prompts: [{name: p, text: $PWD/data/text/test.txt, length: 9}]\nEND\n"
                     "%s run %s/s.yaml -q -o %s/r 2>&1",
                     shell_folder, shell_program(), shell_folder, shell_folder),
               0, "%s", shell_output);
  shell("grep -c '^p,2-0,conv1d_silu,' %s/r/tables/clipping.csv", shell_folder);
  cr_expect_str_eq(shell_output, "2\n");
  shell("grep -c '^p,2-4,conv1d_silu,' %s/r/tables/clipping.csv", shell_folder);
  cr_expect_str_eq(shell_output, "0\n", "float32 without a grid has a row: %s", shell_output);
}
