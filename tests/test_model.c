/* The shipped model in float32 and its rewrite, against the golden float64 forward. */
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

#include <hdf5.h>
#include <hdf5_hl.h>
#include <math.h>

enum { GOLDEN_T = 96 };

static double *golden_logits(Shipped *s, int32_t token[GOLDEN_T]) {
  hid_t file = H5Fopen("data/golden/bytes10m_fp64.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
  cr_assert(file >= 0);
  double *logits = ARENA_NEW(&s->arena, double, GOLDEN_T * 256);
  cr_assert(H5LTread_dataset_int(file, "token_id", token) >= 0);
  cr_assert(H5LTread_dataset_double(file, "logits", logits) >= 0);
  H5Fclose(file);
  return logits;
}

/* Relative Frobenius distance; junk-proof: NaN anywhere gives NaN. */
static double distance(const Tensor *got, const double *want) {
  double error = 0, size = 0;
  for (size_t i = 0; i < (size_t)got->rows * (size_t)got->cols; i++) {
    double d = tensor_value(got, i) - want[i];
    error += d * d;
    size += want[i] * want[i];
  }
  return sqrt(error / size);
}

static const Tensor *fp32_logits(Shipped *s, const int32_t *token, int T, Trace *ends) {
  block_embed(&s->model, token, T, &s->arena, ends);
  Tensor x = ends->t[T_EMBEDDING];
  for (int layer = 0; layer < s->model.layers; layer++) {
    Trace trace;
    block_run(&s->model, layer, mode_preset("fp32"), &x, &s->arena, &trace);
    x = trace.t[T_BLOCK_OUT];
  }
  block_head(&s->model, &x, &s->arena, ends);
  return &ends->t[T_LOGITS];
}

static const Tensor *fp64_logits(Shipped *s, const int32_t *token, int T, Trace *ends) {
  Source reference = source_ref64(&s->weights);
  reference.embed(&reference, token, T, &s->arena, ends);
  Tensor x = ends->t[T_EMBEDDING];
  for (int layer = 0; layer < s->model.layers; layer++) {
    Trace trace;
    reference.block(&reference, NULL, layer, &x, &s->arena, &trace);
    x = trace.t[T_BLOCK_OUT];
  }
  reference.head(&reference, &x, &s->arena, ends);
  return &ends->t[T_LOGITS];
}

Test(model, mode_fp32_without_rewrite_agrees_with_the_golden_logits_to_1e_6) {
  Shipped s = shipped_load(REWRITE_NONE);
  int32_t token[GOLDEN_T];
  double *want = golden_logits(&s, token);
  Trace ends = {0};
  double error = distance(fp32_logits(&s, token, GOLDEN_T, &ends), want);
  printf("mode fp32, rewrite none: relative error of the logits %.3g\n", error);
  cr_assert(error <= 1e-6, "relative error %.3g", error);
}

Test(model, quamba_rewrite_changes_no_logit_beyond_float64_rounding) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  int32_t token[GOLDEN_T];
  double *want = golden_logits(&s, token);
  Trace ends = {0};
  double error = distance(fp64_logits(&s, token, GOLDEN_T, &ends), want);
  printf("fp64, rewrite quamba: relative difference of the logits %.3g\n", error);
  cr_assert(error <= 1e-12, "relative difference %.3g", error);
}

/* The rewritten float32 model runs the kernels' own Hadamard transform, the weights were rotated
 * with the reference's. */
Test(model, mode_fp32_with_quamba_rewrite_agrees_with_the_golden_logits) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  int32_t token[GOLDEN_T];
  double *want = golden_logits(&s, token);
  Trace ends = {0};
  double error = distance(fp32_logits(&s, token, GOLDEN_T, &ends), want);
  printf("mode fp32, rewrite quamba: relative error of the logits %.3g\n", error);
  cr_assert(error <= 1e-6, "relative error %.3g", error);
}

Test(model, rewrite_is_refused_where_a_width_has_no_hadamard_matrix) {
  Shipped s = shipped_load(REWRITE_NONE);
  Status st = {0};
  s.checkpoint.config.D = 264; /* 8 x 33 */
  cr_assert_not(rewrite_check(&s.checkpoint, REWRITE_QUAMBA, s.arena, &st));
  cr_assert(strstr(st.text, "264") && strstr(st.text, SHIPPED_MODEL), "%s", st.text);
}

Test(model, weights_are_quantised_half_even_with_the_scale_of_their_maximum) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  const Tensor *f = &s.model.layer[3].f32[W_A_LOG].values,
               *q = &s.model.layer[3].i8[W_A_LOG].values;
  double most = 0;
  for (size_t i = 0; i < (size_t)f->rows * (size_t)f->cols; i++)
    most = fmax(most, fabs(tensor_value(f, i)));
  cr_assert_eq(q->scale.value, (float)(most / 127), "got %a want %a", (double)q->scale.value,
               most / 127);
  for (size_t i = 0; i < (size_t)f->rows * (size_t)f->cols; i++) {
    double want = nearbyint((double)(((const float *)f->data)[i] / q->scale.value));
    cr_assert_eq((double)((const int8_t *)q->data)[i], want, "element %zu", i);
  }
}
