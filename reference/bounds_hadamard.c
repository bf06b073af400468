/* bounds of hadamard: butterflies of stride 1, 2, 4, … in each of the blocks, then the rows of P
 * over the blocks, each summed left to right, then the product with 1 / sqrt(n). */
#include <omp.h>

#include "reference/approx.h"
#include "reference/model64.h"

static void butterflies(Approx *x, int n, int stride) {
  for (int i = 0; i < n; i++)
    if ((i & stride) == 0) {
      Approx a = x[i], b = x[i + stride];
      x[i] = approx_add(a, b);
      x[i + stride] = approx_add(a, approx_minus(b));
    }
}

static void apply_P(Approx *x, int order, int width, const double *sign) {
  for (int j = 0; j < width; j++) {
    Approx column[HADAMARD64_MAX_ORDER];
    for (int q = 0; q < order; q++) column[q] = x[q * width + j];
    for (int p = 0; p < order; p++) {
      Approx sum = sign[p * order] < 0 ? approx_minus(column[0]) : column[0];
      for (int q = 1; q < order; q++)
        sum = approx_add(sum, sign[p * order + q] < 0 ? approx_minus(column[q]) : column[q]);
      x[p * width + j] = sum;
    }
  }
}

size_t bound_hadamard_room(int n) {
  return (size_t)omp_get_max_threads() * (size_t)n * sizeof(Approx);
}

void bound_hadamard(const BoundIn *x, int T, int n, const BoundOut *y, void *room) {
  int order = hadamard64_factor(n), width = n / order;
  double sign[HADAMARD64_MAX_ORDER * HADAMARD64_MAX_ORDER];
  hadamard64_signs(order, sign);
  Approx normal = approx_div(exactly(1), approx_sqrt(exactly(n)));
#pragma omp parallel for schedule(static)
  for (int t = 0; t < T; t++) {
    Approx *row = (Approx *)room + (size_t)omp_get_thread_num() * (size_t)n;
    for (int i = 0; i < n; i++) row[i] = bound_take(x, t, i);
    for (int stride = 1; stride < width; stride *= 2)
      butterflies(row, n, stride); /* width divides n: blocks stay apart */
    if (order > 1) apply_P(row, order, width, sign);
    for (int i = 0; i < n; i++)
      bound_put(y, (size_t)t * (size_t)n + (size_t)i, approx_mul(row[i], normal));
  }
}
