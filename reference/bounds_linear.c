/* bounds of linear: float: y = fmaf(x[k], w[k], y), k = 0 … in-1, from 0; int8: the sum is exact,
 * then converted to float32 and multiplied by the rounded product of the scales. */
#include <assert.h>

#include "reference/approx.h"

static const double *row_of(const BoundIn *in, int row) {
  return in->value + (size_t)row * (size_t)in->stride;
}

/* Outputs that are summed side by side, which hides how long one sum waits for its last step. */
enum { WIDTH = 8 };

static void sums_f32(const double *x, const BoundIn *weight, int first, int count, int in,
                     Approx *y) {
  const double *w[WIDTH];
  for (int o = 0; o < WIDTH; o++) {
    w[o] = row_of(weight, o < count ? first + o : first);
    y[o] = exactly(0);
  }
  for (int k = 0; k < in; k++)
    for (int o = 0; o < WIDTH; o++) y[o] = approx_round(x[k] * w[o][k] + y[o].v, y[o].e);
}

static Approx value_i8(const double *x, const double *w, int in, Approx scale) {
  double sum = 0;
  for (int k = 0; k < in; k++) sum += x[k] * w[k];
  return approx_mul(approx_whole(sum), scale);
}

void bound_linear(const BoundIn *x, int T, int in, const BoundIn *weight, int out,
                  const BoundOut *y) {
  assert((x->scale == 0) == (weight->scale == 0));
  Approx scale = approx_mul(exactly(x->scale), exactly(weight->scale));
#pragma omp parallel for schedule(static)
  for (int t = 0; t < T; t++)
    for (int first = 0; first < out; first += WIDTH) {
      int count = out - first < WIDTH ? out - first : WIDTH;
      Approx value[WIDTH];
      if (x->scale == 0)
        sums_f32(row_of(x, t), weight, first, count, in, value);
      else
        for (int o = 0; o < count; o++)
          value[o] = value_i8(row_of(x, t), row_of(weight, first + o), in, scale);
      for (int o = 0; o < count; o++)
        bound_put(y, (size_t)t * (size_t)out + (size_t)(first + o), value[o]);
    }
}
