/* device64: what every .cu file of reference/ needs: the operators' arithmetic, the stream, and the
 * way a launch says that it went wrong. An operator here is an index, a guard and a call of what
 * operators64.h defines. */
#ifndef DS_REFERENCE_DEVICE64_CUH
#define DS_REFERENCE_DEVICE64_CUH
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

extern "C" {
#include "reference/cuda64.h"
#include "reference/model64.h"
}

inline cudaStream_t stream64(const Cuda64 *cuda) { return (cudaStream_t)cuda->stream; }

/* After every launch or call: keeps the first error, with the operator's name and shape. */
inline void check64(Cuda64 *cuda, cudaError_t error, const char *what, int rows, int cols) {
  snprintf(cuda->last_queued, sizeof cuda->last_queued, "%s %d x %d", what, rows, cols);
  if (error != cudaSuccess && !cuda->first_error[0])
    snprintf(cuda->first_error, sizeof cuda->first_error, "%s: %s", cuda->last_queued,
             cudaGetErrorString(error));
}
inline void launched64(Cuda64 *cuda, const char *what, int rows, int cols) {
  check64(cuda, cudaGetLastError(), what, rows, cols);
}

REF_FN int parts64(int all, int each) { return (all + each - 1) / each; }

/* Blocks of `threads` for n elements; a thread takes every so many-th. */
inline int blocks64(size_t n, int threads) {
  const size_t most = 1 << 16, all = (n + (size_t)threads - 1) / (size_t)threads;
  return (int)(all < most ? all : most);
}
__device__ inline size_t first64() { return (size_t)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ inline size_t step64() { return (size_t)gridDim.x * blockDim.x; }

/* The operators as the table has them; `context` is the Cuda64. */
void linear64_cuda(void *context, const double *x, int stride, int T, int in, const double *weight,
                   int out, double *y, int y_stride);
void rmsnorm64_cuda(void *context, const double *x, int stride, const double *gain, double eps,
                    int T, int D, double *y, int y_stride);
void conv1d64_cuda(void *context, const double *x, int stride, int T, int E, int K,
                   const double *weight, const double *bias, double *pre, double *silu);
void scan64_cuda(void *context, const Scan64 *s);
void hadamard64_cuda(void *context, const double *x, int T, int n, double *y);
void hadamard64_columns_cuda(void *context, double *x, int rows, int cols);

#endif
