/* scale_choice: what a scale clips and rounds, from counts of magnitudes, against quantising the
 * values themselves. */
#include "shipped_model.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_sort_float.h>
#include <math.h>
#include <omp.h>

#include "family/mamba1.h"
#include "kernels/q8.h"
#include "measure/scale_choice.h"
#include "model/model.h"
#include "study/choices.h"

enum { VALUES = 200000 };

static uint64_t counts[MAGNITUDE_BINS];
static Arena arena;

static Magnitudes counted(const float *x, size_t n) {
  Status st = {0};
  double most = 0;
  if (!arena.base) cr_assert(arena_reserve(&arena, (size_t)1 << 28, exhausted, &st), "%s", st.text);
  memset(counts, 0, sizeof counts);
  for (size_t i = 0; i < n; i++)
    counts[magnitude_bin(bits_of_f32(x[i]))]++, most = fmax(most, fabs((double)x[i]));
  return magnitudes_of(&arena, counts, most);
}

/* On the grid itself: symmetric, as it is counted; or down to -128, as the kernels have it. */
static ScaleError quantised(const float *x, size_t n, float scale, bool symmetric) {
  ScaleError e = {0};
  for (size_t i = 0; i < n; i++) {
    float value = symmetric ? fabsf(x[i]) : x[i];
    double d = (double)value - (double)dq(q8_even(value, scale), scale), end = 127 * (double)scale;
    bool clipped = fabs((double)value) > end;
    e.beyond += clipped;
    *(clipped ? &e.clipped : &e.rounded) += d * d;
  }
  return e;
}

static double off(double got, double want) { return want > 0 ? fabs(got / want - 1) : got; }

/* The largest relative differences of both errors together, over scales from no clipping to
 * much. */
typedef struct Worst {
  double symmetric, real;
} Worst;
static Worst compare(const float *x, size_t n) {
  Magnitudes m = counted(x, n);
  Worst worst = {0};
  for (double share = 1; share > 0.2; share *= 0.85) {
    float scale = (float)(share * m.largest / 127);
    ScaleError got = scale_error(&m, (double)scale), want = quantised(x, n, scale, true),
               real = quantised(x, n, scale, false);
    worst.symmetric =
        fmax(worst.symmetric, off(got.clipped + got.rounded, want.clipped + want.rounded));
    worst.real = fmax(worst.real, off(got.clipped + got.rounded, real.clipped + real.rounded));
    cr_expect(fabs(got.beyond - want.beyond) <= 2 + 0.02 * want.beyond, "beyond: got %g want %g",
              got.beyond, want.beyond);
    if (share == 1)
      cr_expect_eq(got.beyond, 0, "the largest value is beyond its own grid: %g", got.beyond);
  }
  return worst;
}

static float *drawn(double (*draw)(gsl_rng *), unsigned long seed) {
  static float x[VALUES];
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, seed);
  for (int i = 0; i < VALUES; i++) x[i] = (float)draw(rng);
  gsl_rng_free(rng);
  return x;
}
static double normal(gsl_rng *rng) { return gsl_ran_gaussian(rng, 3); }
static double heavy(gsl_rng *rng) { return gsl_ran_tdist(rng, 4); }
static double small(gsl_rng *rng) { return gsl_ran_laplace(rng, 1e-4); }

Test(scale_choice, errors_of_drawn_values_are_those_of_quantising_them) {
  double (*const draws[])(gsl_rng *) = {normal, heavy, small};
  for (int d = 0; d < 3; d++) {
    Worst worst = compare(drawn(draws[d], 7 + (unsigned long)d), VALUES);
    printf("distribution %d: squared error within %.2g, of a grid down to -128 within %.2g\n", d,
           worst.symmetric, worst.real);
    cr_expect(worst.symmetric < 0.005, "distribution %d: off by %.3g", d, worst.symmetric);
  }
}

Test(scale_choice, the_least_is_found_among_all_ends) {
  double (*const draws[])(gsl_rng *) = {normal, heavy, small};
  for (int d = 0; d < 3; d++) {
    const float *x = drawn(draws[d], 11 + (unsigned long)d);
    Magnitudes m = counted(x, VALUES);
    float least = (float)(scale_least_end(&m) / 127);
    ScaleError at = quantised(x, VALUES, least, true);
    double best = INFINITY;
    for (double end = m.largest; end > m.largest / 60; end *= 0.97) {
      ScaleError e = quantised(x, VALUES, (float)(end / 127), true);
      best = fmin(best, e.clipped + e.rounded);
    }
    cr_expect(at.clipped + at.rounded <= 1.002 * best,
              "distribution %d: %g at the least, %g can be had", d, at.clipped + at.rounded, best);
    ScaleError whole = quantised(x, VALUES, (float)(m.largest / 127), true);
    cr_expect(at.clipped + at.rounded < 0.9 * (whole.clipped + whole.rounded),
              "nothing was to be had");
  }
}

Test(scale_choice, quantiles_lie_within_their_bin) {
  float *x = drawn(normal, 3);
  Magnitudes m = counted(x, VALUES);
  for (int i = 0; i < VALUES; i++) x[i] = fabsf(x[i]);
  gsl_sort_float(x, 1, VALUES);
  for (int q = 0; q < CHOICE_QUANTILES; q++) {
    double f = scale_choice_quantiles[q], want = (double)x[(int)ceil(f * VALUES) - 1];
    cr_expect(off(magnitudes_quantile(&m, f), want) < 0.008, "%g: got %g want %g", f,
              magnitudes_quantile(&m, f), want);
  }
  cr_expect_eq(magnitudes_quantile(&m, 1), m.largest);
}

Test(scale_choice, a_few_values_by_hand) {
  const float one[] = {0, 1, -0x1.01p0f, 2};
  Magnitudes m = counted(one, 4);
  cr_expect_eq(magnitudes_number(&m), 4);
  ScaleError e = scale_error(&m, 1.0 / 127);
  cr_expect(fabs(e.clipped - 1) < 0.01 && e.beyond == 3,
            "a bin of the grid's end is taken as evenly spread: %g, %g", e.clipped, e.beyond);
  ScaleError wide = scale_error(&m, 100);
  cr_expect(
      wide.clipped == 0 && wide.beyond == 0 && off(wide.rounded, magnitudes_squares(&m)) < 1e-12,
      "all below half a step is rounded to 0: %g of %g", wide.rounded, magnitudes_squares(&m));
  const float none[] = {0, -0.0f, 0x1p-40f};
  m = counted(none, 3);
  cr_expect(scale_least_end(&m) == 0 || scale_least_end(&m) == m.largest);
  cr_expect_eq(scale_error(&m, 1e-7).rounded, 0);
  const float huge[] = {0x1p40f, 0x1p33f, 1};
  m = counted(huge, 3);
  cr_expect(isfinite(scale_error(&m, m.largest / 127).rounded) && scale_least_end(&m) > 0);
}

Test(scale_choice, errors_of_the_shipped_models_tensors_are_those_of_quantising_them) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 8);
  double worst = 0, real = 0;
  Tensor x = {0};
  for (int layer = 0; layer < s.model.layers; layer++) {
    Trace ends, trace;
    if (layer == 0) {
      block_embed(&s.model, s.test + 4000, 171, &s.arena, &ends);
      x = ends.t[T_EMBEDDING];
    }
    block_run(&s.model, layer, family_mamba1.plain, &x, &s.arena, &trace);
    for (int k = 0; k < S_COUNT && layer % 6 == 1; k++) {
      const Tensor *t = &trace.t[family_mamba1.scale[k].tensor];
      Worst of = compare(t->data, (size_t)t->rows * (size_t)t->cols);
      worst = fmax(worst, of.symmetric), real = fmax(real, of.real);
      cr_expect(of.symmetric < 0.02, "layer %d %s: off by %.3g", layer,
                family_mamba1.tensors.scale[k], of.symmetric);
    }
    x = trace.t[T_BLOCK_OUT];
  }
  printf("shipped tensors: squared error within %.2g, of a grid down to -128 within %.2g\n", worst,
         real);
}

/* --- of the calibration pass ------------------------------------------------------------------ */

enum { WINDOWS = 4, LENGTH = 96 };

static ScaleChoice *choices(Shipped *s, double alpha) {
  Status st = {0};
  Calibration how = {
      .text = "data/text/valid.txt", .windows = WINDOWS, .length = LENGTH, .alpha = alpha};
  ScaleChoice *rows = ARENA_NEW(&s->arena, ScaleChoice, choices_count(&s->model.config));
  cr_assert(calibrate(&s->model, s->valid, s->valid_count, &how, rows, s->arena, &st), "%s",
            st.text);
  return rows;
}

/* Another quantile is what a calibration at that alpha gives, to the bit; and asking changes no
 * scale. */
Test(scale_choice, quantiles_of_the_pass_are_those_of_a_calibration_at_that_alpha) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 8);
  const ScaleChoice *rows = choices(&s, 0.9995);
  for (int q = -1; q < CHOICE_QUANTILES; q++) {
    Status st = {0};
    Calibration how = {.text = "data/text/valid.txt", .windows = WINDOWS, .length = LENGTH};
    how.alpha = q < 0 ? 0.9995 : scale_choice_quantiles[q];
    cr_assert(calibrate(&s.model, s.valid, s.valid_count, &how, NULL, s.arena, &st), "%s", st.text);
    for (int layer = 0; layer < s.model.layers; layer++)
      for (int k = 0; k < S_COUNT; k++) {
        ScaleChoiceKind kind = (ScaleChoiceKind)(CHOICE_0_999 + q);
        const ScaleChoice *row = choices_row((ScaleChoice *)rows, &family_mamba1, layer, k, kind);
        if (q >= 0 && !family_mamba1.scale[k].quantile && scale_choice_quantiles[q] < 1) continue;
        cr_expect_eq(row->value, (double)s.model.scales[layer].scale[k],
                     "layer %d %s %s: got %a want %a", layer, row->scale, row->choice, row->value,
                     (double)s.model.scales[layer].scale[k]);
      }
  }
}

Test(scale_choice, choices_are_bit_equal_on_any_thread_count_and_kept_in_the_cache) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 8);
  const size_t count = choices_count(&s.model.config);
  omp_set_num_threads(1);
  ScaleChoice *one = choices(&s, 0.9999);
  omp_set_num_threads(3);
  ScaleChoice *three = choices(&s, 0.9999), *kept = ARENA_NEW(&s.arena, ScaleChoice, count);
  cr_expect_arr_eq(one, three, count * sizeof *one, "with three threads");
  for (size_t i = 0; i < count; i++)
    cr_expect(!isnan(one[i].rel_l2) && one[i].values > 0 && one[i].rel_l2 < 1, "row %zu", i);
  const CalibrationValues plain = {.model = &s.model}, found = {.model = &s.model, .choice = one},
                          asked = {.model = &s.model, .choice = kept};
  Digest key = digest_of("key", 3);
  char path[] = "/tmp/driftscope-choices-XXXXXX", *text = calibration_json(&found, &key);
  Status st = {0};
  close(mkstemp(path));
  cr_assert(file_write(path, text, strlen(text), false, &st), "%s", st.text);
  cr_expect_eq(calibration_load(path, &key, &plain, s.arena), CALIBRATION_TAKEN);
  cr_expect_eq(calibration_load(path, &key, &asked, s.arena), CALIBRATION_TAKEN);
  cr_expect_arr_eq(one, kept, count * sizeof *one, "from the cache");
  char *digit = strstr(text, "\"choices\"");
  digit += strcspn(digit, "123456789");
  *digit = *digit == '9' ? '1' : (char)(*digit + 1);
  cr_assert(file_write(path, text, strlen(text), false, &st), "%s", st.text);
  cr_expect_eq(calibration_load(path, &key, &plain, s.arena), CALIBRATION_DAMAGED,
               "a changed digit was taken");
  free(text);
  text = calibration_json(&plain, &key);
  cr_assert(file_write(path, text, strlen(text), false, &st), "%s", st.text);
  cr_expect_eq(calibration_load(path, &key, &asked, s.arena), CALIBRATION_LESS,
               "choices that it has not");
  cr_expect_eq(calibration_load(path, &key, &plain, s.arena), CALIBRATION_TAKEN);
  free(text);
  unlink(path);
}

/* A channel at its own scale, quantised: the estimate says as much. */
Test(scale_choice, per_channel_rounding_is_that_of_quantising_each_channel) {
  Shipped s = shipped_first(REWRITE_QUAMBA, 1);
  const ScaleChoice *rows = choices(&s, 0.9999);
  Arena scratch = s.arena;
  double error2[S_COUNT] = {0}, size2[S_COUNT] = {0};
  Trace trace[WINDOWS];
  for (int w = 0; w < WINDOWS; w++) {
    Trace ends;
    const int64_t start = (int64_t)w * (s.valid_count - LENGTH) / (WINDOWS - 1);
    block_embed(&s.model, s.valid + start, LENGTH, &scratch, &ends);
    block_run(&s.model, 0, family_mamba1.plain, &ends.t[T_EMBEDDING], &scratch, &trace[w]);
  }
  for (int k = 0; k < S_COUNT; k++) {
    const int id = family_mamba1.scale[k].tensor, rows_of = trace[0].t[id].rows,
              cols = trace[0].t[id].cols;
    const bool by_row = id == T_SSM_STATE;
    for (int c = 0; c < (by_row ? rows_of : cols); c++) {
      float most = 0;
      for (int pass = 0; pass < 2; pass++)
        for (int w = 0; w < WINDOWS; w++)
          for (int i = 0; i < (by_row ? cols : rows_of); i++) {
            float x = ((const float *)trace[w].t[id].data)[by_row ? c * cols + i : i * cols + c];
            if (!pass) most = fmaxf(most, fabsf(x));
            double d = pass ? (double)x - (double)dq(q8_even(x, most / 127), most / 127) : 0;
            error2[k] += d * d;
            size2[k] += pass ? (double)x * (double)x : 0;
          }
    }
    const ScaleChoice *row =
        choices_row((ScaleChoice *)rows, &family_mamba1, 0, k, CHOICE_PER_CHANNEL);
    double want = sqrt(error2[k] / size2[k]);
    printf("%s: per channel %.4g, quantised %.4g\n", row->scale, row->rel_l2, want);
    cr_expect(off(row->rel_l2, want) < 0.05, "%s: estimated %g, quantised %g", row->scale,
              row->rel_l2, want);
    cr_expect(isnan(row->value) && row->rel_l2_clipped == 0 && row->beyond == 0);
  }
}
