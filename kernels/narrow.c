/* narrow: the CPU loop, one row a task. */
#include "kernels/narrow.h"

#include <assert.h>

#include "kernels/level.h"

ROOM_FN void row_to(const float *x, int n, Precision to, float *y) {
  for (int c = 0; c < n; c++) y[c] = narrow32(x[c], to);
}
static void row_to_f16(const float *x, int n, float *y) { row_to(x, n, PRECISION_F16, y); }
static void row_to_bf16(const float *x, int n, float *y) { row_to(x, n, PRECISION_BF16, y); }

#ifdef ROOM_ONCE
const char *narrow_witness(Precision to, Backend backend) {
  static const char *const name[2][BACKEND_COUNT] = {WITNESS("narrow f32->f16"),
                                                     WITNESS("narrow f32->bf16")};
  return name[to == PRECISION_BF16][backend];
}
#endif

void ROOM_LEVEL(narrow)(const Tensor *x, Precision to, Tensor *y) {
  assert(x->format == FORMAT_F32 && y->format == FORMAT_F32 && x->rows == y->rows &&
         x->cols == y->cols);
  assert(to == PRECISION_F16 || to == PRECISION_BF16);
#pragma omp parallel for
  for (int r = 0; r < x->rows; r++) {
    const float *from = (const float *)x->data + (size_t)r * (size_t)x->stride;
    float *row = (float *)y->data + (size_t)r * (size_t)y->stride;
    if (to == PRECISION_F16)
      row_to_f16(from, x->cols, row);
    else
      row_to_bf16(from, x->cols, row);
  }
  y->nans = 0;
  y->kernel = narrow_witness(to, BACKEND_CPU);
}
