/* rmsnorm: the loop over rows; a row is one thread's. */
#include "kernels/rmsnorm.h"

#include <assert.h>

#include "kernels/level.h"
#include "kernels/q8.h"

static void row_f32(const float *x, const float *gain, int D, float eps, float *y) {
  float divisor = rmsnorm_divisor(x, D, eps);
  if (gain)
    for (int i = 0; i < D; i++) y[i] = rmsnorm_value(x[i], divisor, gain[i]);
  else
    for (int i = 0; i < D; i++)
      y[i] = rmsnorm_value(x[i], divisor, 1.0f); /* a product with 1 changes nothing */
}

/* Returns how many NaNs q8 met. */
static int row_i8(const float *x, const float *gain, int D, float eps, float scale, int8_t *y) {
  float divisor = rmsnorm_divisor(x, D, eps);
  int nans = 0;
  for (int i = 0; i < D; i++) {
    float v = rmsnorm_value(x[i], divisor, gain ? gain[i] : 1.0f);
    y[i] = q8_away(v, scale);
    nans += v != v;
  }
  return nans;
}

#ifdef ROOM_ONCE
const char *rmsnorm_witness(Format y, Backend backend) {
  static const char *const name[2][BACKEND_COUNT] = {WITNESS("rmsnorm f32->f32"),
                                                     WITNESS("rmsnorm f32->i8 half-away")};
  return name[y == FORMAT_I8][backend];
}
#endif

void ROOM_LEVEL(rmsnorm)(const Tensor *x, const float *gain, float eps, Tensor *y) {
  assert(x->format == FORMAT_F32 && (y->format == FORMAT_F32 || y->format == FORMAT_I8));
  assert(x->rows == y->rows && x->cols == y->cols);
  int64_t nans = 0;
#pragma omp parallel for reduction(+ : nans)
  for (int t = 0; t < x->rows; t++) {
    const float *from = (const float *)x->data + (size_t)t * (size_t)x->stride;
    size_t to = (size_t)t * (size_t)y->stride;
    if (y->format == FORMAT_F32)
      row_f32(from, gain, x->cols, eps, (float *)y->data + to);
    else
      nans += row_i8(from, gain, x->cols, eps, y->scale.value, (int8_t *)y->data + to);
  }
  y->nans = nans;
  y->kernel = rmsnorm_witness(y->format, BACKEND_CPU);
}
