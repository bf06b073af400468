/* positions: a row of logits is POSITION_LANES threads', a lane each, which go through the vocabulary
 * side by side: once for the largest, once for the sum of exp, once for KL. */
#include "kernels/device.cuh"

extern "C" {
#include "measure/positions.h"
}

enum { ROWS = 8 }; /* of a block */

/* The lanes of a row are neighbours in a warp. */
__device__ static unsigned row_mask() {
  return 0xffffu << (threadIdx.y % 2 * POSITION_LANES);
}

__device__ static double lanes_in_order(double lane) {
  double sum = 0;
  for (int l = 0; l < POSITION_LANES; l++)
    sum += __shfl_sync(row_mask(), lane, l, POSITION_LANES);
  return sum;
}

struct Top {
  double largest;
  int at; /* -1: a value is not finite */
};

/* The first of equal ones, as one thread finds it. */
template <typename T>
__device__ static Top top_of(const T *x, int n) {
  Top top = {0, -1};
  double sum = 0;
  for (int i = threadIdx.x; i < n; i += POSITION_LANES) {
    const double value = (double)x[i];
    sum += value * 0;
    if (top.at < 0 || value > top.largest) top.largest = value, top.at = i;
  }
  bool finite = sum == 0;
  for (int step = POSITION_LANES / 2; step; step /= 2) {
    const double other = __shfl_xor_sync(row_mask(), top.largest, step, POSITION_LANES);
    const int other_at = __shfl_xor_sync(row_mask(), top.at, step, POSITION_LANES);
    finite = __shfl_xor_sync(row_mask(), (int)finite, step, POSITION_LANES) && finite;
    if (other_at >= 0 &&
        (top.at < 0 || other > top.largest || (other == top.largest && other_at < top.at)))
      top.largest = other, top.at = other_at;
  }
  if (!finite) top.at = -1;
  return top;
}

template <typename T>
__device__ static double log_sum_of(const T *x, int n, double largest) {
  double lane = 0;
  for (int i = threadIdx.x; i < n; i += POSITION_LANES) lane += exp64((double)x[i] - largest);
  return position_log_sum(largest, lanes_in_order(lane));
}

/* Threads (lane, row). */
template <typename T>
__global__ static void positions_kernel(const double *reference, size_t reference_stride,
                                        const T *logits, size_t stride, int rows, int vocab,
                                        const int32_t *target, EvaluationPosition *at) {
  const int row = (int)(blockIdx.x * ROWS + threadIdx.y);
  if (row >= rows) return;
  const double *p = reference + row * reference_stride;
  const T *q = logits + row * stride;
  const Top top_p = top_of(p, vocab), top_q = top_of(q, vocab);
  EvaluationPosition found = {NAN, NAN, false, false};
  if (top_p.at >= 0 && top_q.at >= 0) {
    const double log_sum_p = log_sum_of(p, vocab, top_p.largest),
                 log_sum_q = log_sum_of(q, vocab, top_q.largest);
    double lane = 0;
    for (int i = threadIdx.x; i < vocab; i += POSITION_LANES)
      lane += position_divergence(p[i] - log_sum_p, (double)q[i] - log_sum_q);
    found.nats = -((double)q[target[row]] - log_sum_q);
    found.kl = lanes_in_order(lane);
    found.agrees = top_p.at == top_q.at;
    found.right = top_q.at == target[row];
  }
  if (threadIdx.x == 0) at[row] = found;
}

template <typename T>
static void queue(Cuda *cuda, const Tensor *reference, const Tensor *logits, const int32_t *target,
                  EvaluationPosition *at) {
  const int rows = logits->rows;
  positions_kernel<<<(rows + ROWS - 1) / ROWS, dim3(POSITION_LANES, ROWS), 0,
                     device_stream(cuda)>>>(
      (const double *)reference->data, (size_t)reference->stride, (const T *)logits->data,
      (size_t)logits->stride, rows, logits->cols, target, at);
  device_launched(cuda, "positions of logits", rows, logits->cols);
}

void evaluation_positions_queue(Cuda *cuda, const Tensor *reference, const Tensor *logits,
                                const int32_t *target, EvaluationPosition *at) {
  (logits->format == FORMAT_F64 ? queue<double> : queue<float>)(cuda, reference, logits, target,
                                                               at);
}
