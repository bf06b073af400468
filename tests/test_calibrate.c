/* Activation scales: against the float64 reference's own statistics, and against themselves on
 * other numbers of threads. */
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <omp.h>

enum { WINDOWS = 3, LENGTH = 40 };

static double magnitude_quantile(const Tensor *t, double alpha) {
  size_t n = (size_t)t->rows * (size_t)t->cols;
  double *x = malloc(n * sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = fabs(((const double *)t->data)[i]);
  gsl_sort(x, 1, n);
  double result = alpha < 0 ? x[n - 1] : gsl_stats_quantile_from_sorted_data(x, 1, n, alpha);
  free(x);
  return result;
}

/* The statistics as arithmetic.md defines them, from the float64 reference: float32 rounding apart,
 * the same. */
Test(calibrate, statistics_agree_with_the_float64_reference) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, WINDOWS, LENGTH);
  const struct {
    int scale;
    int tensor;
    bool quantile;
  } rows[] = {{S_IN, T_NORM, false},    {S_XZ, T_IN_PROJ, false}, {S_U, T_CONV1D_SILU, true},
              {S_DBC, T_X_PROJ, false}, {S_DT, T_DT_PROJ, false}, {S_O, T_OUT_PROJ_IN, false},
              {S_H, T_SSM_STATE, true}};
  double want[24][S_COUNT] = {{0}}, worst = 0;
  for (int w = 0; w < WINDOWS; w++) {
    int64_t start = (int64_t)floor((double)w * (double)(s.valid_count - LENGTH) / (WINDOWS - 1));
    Trace ends, trace;
    Source reference = source_ref64(&s.weights);
    reference.embed(&reference, s.valid + start, LENGTH, &s.arena, &ends);
    Tensor x = ends.t[T_EMBEDDING];
    for (int layer = 0; layer < s.model.layers; layer++) {
      reference.block(&reference, NULL, layer, &x, &s.arena, &trace);
      x = trace.t[T_BLOCK_OUT];
      for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        double *m = &want[layer][rows[r].scale];
        double now = magnitude_quantile(&trace.t[rows[r].tensor], rows[r].quantile ? 0.9999 : -1);
        if (!rows[r].quantile)
          *m = fmax(*m, now);
        else
          *m = w == 0 ? now : *m + 0.01 * (now - *m);
      }
    }
  }
  for (int layer = 0; layer < s.model.layers; layer++)
    for (int k = 0; k < S_COUNT; k++) {
      double got = s.model.scales[layer].statistic[k],
             error = fabs(got - want[layer][k]) / want[layer][k];
      worst = fmax(worst, error);
      cr_expect(error < 1e-4, "layer %d %s: got %.9g want %.9g", layer,
                family_mamba1.tensors.scale[k], got, want[layer][k]);
      cr_expect_eq(s.model.scales[layer].scale[k], (float)(fmax(got, 1e-5) / 127),
                   "layer %d %s: scale", layer, family_mamba1.tensors.scale[k]);
    }
  printf("calibration statistics against float64: worst relative difference %.2g\n", worst);
}

Test(calibrate, statistics_are_bit_equal_on_any_thread_count) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  omp_set_num_threads(1);
  shipped_calibrate(&s, WINDOWS, LENGTH);
  for (int threads = 2; threads <= 3; threads++) {
    Model one = s.model;
    one.scales = ARENA_NEW(&s.arena, LayerScales, one.layers);
    memcpy(one.scales, s.model.scales, (size_t)one.layers * sizeof *one.scales);
    omp_set_num_threads(threads);
    shipped_calibrate(&s, WINDOWS, LENGTH);
    for (int layer = 0; layer < one.layers; layer++)
      cr_assert_arr_eq(one.scales[layer].statistic, s.model.scales[layer].statistic,
                       sizeof one.scales[layer].statistic, "layer %d with %d threads", layer,
                       threads);
  }
}

Test(calibrate, text_shorter_than_a_window_is_refused_by_its_place) {
  static const char text[] =
      "title: t\nmodel: data/mamba-bytes-10m\n"
      "calibration: {text: data/text/valid.txt, windows: 1, length: 1048576}\n"
      "prompts: [{name: p, string: abc}]\ncompare_all: ['2-0']\n";
  Shipped s = shipped_load(REWRITE_NONE);
  Spec spec;
  Subject subject;
  Status st = {0};
  cr_assert(spec_parse(&s.arena, "short.yaml", text, strlen(text), &spec, &st), "%s", st.text);
  cr_assert_not(subject_check(&s.arena, &spec, &subject, &st));
  cr_expect(strstr(st.text, "short.yaml:3:") && strstr(st.text, "key 'length'") &&
                strstr(st.text, "valid.txt: has") && strstr(st.text, "1048576"),
            "%s", st.text);
}

Test(calibrate, cache_is_taken_only_with_its_own_key) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, LENGTH);
  const CalibrationValues values = {.model = &s.model};
  Digest key = digest_of("key", 3), other = digest_of("other", 5);
  double kept = s.model.scales[5].statistic[S_U];
  char path[] = "/tmp/driftscope-cache-XXXXXX";
  Status st = {0};
  close(mkstemp(path));
  char *text = calibration_json(&values, &key);
  cr_assert(file_write(path, text, strlen(text), false, &st), "%s", st.text);
  s.model.scales[5].statistic[S_U] = -1;
  cr_expect_eq(calibration_load(path, &other, &values, s.arena), CALIBRATION_OTHER);
  cr_expect_eq(calibration_load("/tmp/driftscope-test-never", &key, &values, s.arena),
               CALIBRATION_NONE);
  cr_expect_eq(s.model.scales[5].statistic[S_U], -1);
  cr_expect_eq(calibration_load(path, &key, &values, s.arena), CALIBRATION_TAKEN);
  cr_expect_eq(s.model.scales[5].statistic[S_U], kept, "got %a want %a",
               s.model.scales[5].statistic[S_U], kept);
  cr_assert(file_write(path, text, strlen(text) / 2, false, &st), "%s", st.text);
  cr_expect_eq(calibration_load(path, &key, &values, s.arena), CALIBRATION_DAMAGED,
               "a truncated cache was taken");
  cr_expect(calibration_may_stand(path, &st), "%s", st.text);
  unlink(path);
  cr_assert_eq(symlink("/dev/zero", path), 0);
  cr_expect_eq(calibration_load(path, &key, &values, s.arena), CALIBRATION_DAMAGED,
               "read without end");
  cr_expect_not(calibration_may_stand(path, &st));
  unlink(path);
  /* any digit of any value or of the digest, one at a time */
  int digits = 0, seen = 0, taken = 0;
  for (size_t i = 64, n = strlen(text); i < n; i += 7) {
    if (text[i] < '0' || text[i] > '9') continue;
    char kept_digit = text[i];
    text[i] = kept_digit == '9' ? '1' : (char)(kept_digit + 1);
    cr_assert(file_write(path, text, n, false, &st), "%s", st.text);
    CalibrationFound found = calibration_load(path, &key, &values, s.arena);
    char *same =
        calibration_json(&values, &key); /* a seventeenth digit may stand for the same value */
    seen += found == CALIBRATION_DAMAGED;
    taken += found == CALIBRATION_OTHER;
    text[i] = kept_digit;
    taken += found == CALIBRATION_TAKEN && memcmp(same, text, n) != 0;
    free(same);
    digits++;
  }
  cr_expect(digits > 200 && seen > 9 * digits / 10 && taken == 0,
            "%d of %d changed digits seen, %d taken", seen, digits, taken);
  free(text);
  unlink(path);
}
