/* hadamard64 on a device: along rows and down columns by the same two kernels, which differ only in
 * how far apart the elements of a transform stand. A thread takes all numbers that meet in what it
 * does, in registers, and puts the results where they were: P over its blocks, then up to LEVELS
 * halvings at a time, from the widest stride down; the last division goes with the last of them.
 * So the matrix goes through the caches two to five times, and no size needs shared memory. */
#include <assert.h>

#include "reference/device64.cuh"

enum { THREADS = 128, LEVELS = 4 };

/* n elements of each of `count` transforms; element i of transform c stands at i step + c apart.
 * Threads count along whichever of the two is 1. */
typedef struct Layout {
  size_t step, apart;
  int n, count;
} Layout;

typedef struct Signs {
  signed char sign[HADAMARD64_MAX_ORDER * HADAMARD64_MAX_ORDER];
} Signs;

/* Of the pieces x count pairs the i-th: the piece of a transform, and where the transform begins.
 */
__device__ static int piece_of(const Layout &l, size_t i, int pieces, size_t *start) {
  const size_t c = l.step == 1 ? i / (size_t)pieces : i % (size_t)l.count;
  *start = c * l.apart;
  return (int)(l.step == 1 ? i % (size_t)pieces : i / (size_t)l.count);
}

/* y <- P x of `width` columns of blocks: from 0, from the first block to the last. */
template <int ORDER>
__global__ static void paley_kernel(const double *x, double *y, Layout l, Signs signs) {
  const int width = l.n / ORDER;
  for (size_t i = first64(); i < (size_t)width * (size_t)l.count; i += step64()) {
    size_t start;
    const int j = piece_of(l, i, width, &start);
    double column[ORDER];
#pragma unroll
    for (int c = 0; c < ORDER; c++) column[c] = x[start + (size_t)(c * width + j) * l.step];
    for (int p = 0; p < ORDER; p++) {
      double sum = 0;
#pragma unroll
      for (int c = 0; c < ORDER; c++) sum += signs.sign[p * ORDER + c] * column[c];
      y[start + (size_t)(p * width + j) * l.step] = sum;
    }
  }
}

/* The halvings of strides COUNT / 2 least … least, and a division. */
template <int COUNT>
__global__ static void halve_kernel(const double *x, double *y, Layout l, int least,
                                    double length) {
  const int pieces = l.n / COUNT;
  for (size_t i = first64(); i < (size_t)pieces * (size_t)l.count; i += step64()) {
    size_t start;
    const int piece = piece_of(l, i, pieces, &start);
    const int j = piece / least * least * COUNT + piece % least;
    double row[COUNT];
#pragma unroll
    for (int k = 0; k < COUNT; k++) row[k] = x[start + (size_t)(j + k * least) * l.step];
#pragma unroll
    for (int stride = COUNT / 2; stride; stride /= 2)
#pragma unroll
      for (int k = 0; k < COUNT; k++) {
        if (k & stride) continue;
        const double a = row[k], b = row[k + stride];
        row[k] = a + b;
        row[k + stride] = a - b;
      }
#pragma unroll
    for (int k = 0; k < COUNT; k++) y[start + (size_t)(j + k * least) * l.step] = row[k] / length;
  }
}

static void paley(const Cuda64 *cuda, const double *x, double *y, const Layout *l, int order) {
  double sign[HADAMARD64_MAX_ORDER * HADAMARD64_MAX_ORDER];
  Signs signs = {};
  hadamard64_signs(order, sign);
  for (int i = 0; i < order * order; i++) signs.sign[i] = (signed char)sign[i];
  const int blocks = blocks64((size_t)(l->n / order) * (size_t)l->count, THREADS);
  if (order == 12) paley_kernel<12><<<blocks, THREADS, 0, stream64(cuda)>>>(x, y, *l, signs);
  if (order == 20) paley_kernel<20><<<blocks, THREADS, 0, stream64(cuda)>>>(x, y, *l, signs);
  if (order == 28) paley_kernel<28><<<blocks, THREADS, 0, stream64(cuda)>>>(x, y, *l, signs);
}

/* The halvings of a stride below `block`, as many as go together; returns the block that is left.
 */
static int halve(const Cuda64 *cuda, const double *x, double *y, const Layout *l, int block) {
  const int count = block >> LEVELS ? 1 << LEVELS : block, least = block / count;
  const double length = least == 1 ? sqrt((double)l->n) : 1;
  const int blocks = blocks64((size_t)(l->n / count) * (size_t)l->count, THREADS);
  const cudaStream_t stream = stream64(cuda);
  if (count == 16) halve_kernel<16><<<blocks, THREADS, 0, stream>>>(x, y, *l, least, length);
  if (count == 8) halve_kernel<8><<<blocks, THREADS, 0, stream>>>(x, y, *l, least, length);
  if (count == 4) halve_kernel<4><<<blocks, THREADS, 0, stream>>>(x, y, *l, least, length);
  if (count == 2) halve_kernel<2><<<blocks, THREADS, 0, stream>>>(x, y, *l, least, length);
  if (count == 1) halve_kernel<1><<<blocks, THREADS, 0, stream>>>(x, y, *l, least, length);
  return least;
}

static void rotate(Cuda64 *cuda, const double *x, double *y, const Layout *l) {
  const int order = hadamard64_factor(l->n);
  assert(order);
  if (l->count > 0) {
    if (order > 1) paley(cuda, x, y, l, order);
    const double *from = order > 1 ? y : x;
    int block = l->n / order;
    do {
      block = halve(cuda, from, y, l, block);
      from = y;
    } while (block > 1);
  }
  launched64(cuda, "hadamard64", l->count, l->n);
}

void hadamard64_cuda(void *context, const double *x, int T, int n, double *y) {
  const Layout rows = {1, (size_t)n, n, T};
  rotate((Cuda64 *)context, x, y, &rows);
}

void hadamard64_columns_cuda(void *context, double *x, int rows, int cols) {
  const Layout columns = {(size_t)cols, 1, rows, cols};
  rotate((Cuda64 *)context, x, x, &columns);
}
