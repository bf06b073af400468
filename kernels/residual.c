/* residual: row copies and sums. */
#include "kernels/residual.h"

#include <assert.h>
#include <string.h>

#include "kernels/f16.h"
#include "kernels/level.h"

#ifdef ROOM_ONCE
const char *embedding_witness(Backend backend) {
  static const char *const name[BACKEND_COUNT] = WITNESS("embedding f32->f32");
  return name[backend];
}

const char *residual_witness(Format branch, Backend backend) {
  static const char *const name[2][BACKEND_COUNT] = {WITNESS("residual f32+f32->f32"),
                                                     WITNESS("residual f32+f16->f32")};
  return name[branch == FORMAT_F16][backend];
}

void embedding(const float *table, const int32_t *token, Tensor *y) {
  assert(y->format == FORMAT_F32);
  for (int t = 0; t < y->rows; t++)
    memcpy((float *)y->data + (size_t)t * (size_t)y->stride,
           table + (size_t)token[t] * (size_t)y->cols, (size_t)y->cols * sizeof *table);
  y->nans = 0;
  y->kernel = embedding_witness(BACKEND_CPU);
}
#endif

static void row_f32(const float *x, const float *branch, int D, float *y) {
  for (int i = 0; i < D; i++) y[i] = x[i] + branch[i];
}

static void row_f16(const float *x, const uint16_t *branch, int D, float *y) {
  for (int i = 0; i < D; i++) y[i] = x[i] + f32_of_f16(branch[i]);
}

void ROOM_LEVEL(residual_add)(const Tensor *x, const Tensor *branch, Tensor *y) {
  assert(x->format == FORMAT_F32 && y->format == FORMAT_F32 &&
         (branch->format == FORMAT_F32 || branch->format == FORMAT_F16));
  assert(x->rows == y->rows && x->cols == y->cols && branch->rows == y->rows &&
         branch->cols == y->cols);
#pragma omp parallel for
  for (int t = 0; t < y->rows; t++) {
    const float *from = (const float *)x->data + (size_t)t * (size_t)x->stride;
    float *to = (float *)y->data + (size_t)t * (size_t)y->stride;
    size_t at = (size_t)t * (size_t)branch->stride;
    if (branch->format == FORMAT_F32)
      row_f32(from, (const float *)branch->data + at, y->cols, to);
    else
      row_f16(from, (const uint16_t *)branch->data + at, y->cols, to);
  }
  y->nans = 0;
  y->kernel = residual_witness(branch->format, BACKEND_CPU);
}
