/* device: what every .cu file needs: the headers of the operators, the stream they queue on, and the way a launch says
 * that it went wrong. An operator here is an index, a guard and a call of what its header defines. */
#ifndef DS_KERNELS_DEVICE_CUH
#define DS_KERNELS_DEVICE_CUH
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include "kernels/cuda.h"
#include "kernels/f16.h"
#include "kernels/hadamard.h"
#include "kernels/ops.h"
#include "kernels/residual.h"
#include "kernels/rmsnorm.h"
}

/* The one stream that operators and copies are queued on. */
cudaStream_t device_stream(void);
/* After every launch or call: keeps the first error, with the operator's name and shape, until cuda_wait. */
void device_check(cudaError_t error, const char *what, int rows, int cols);
/* Lets a kernel have `bytes` of dynamic shared memory, more than the 48 KiB that need no asking. */
template <typename Kernel> void device_shared(Kernel *kernel, size_t bytes, const char *what) {
  if (bytes > 48 * 1024)
    device_check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes), what, 0, 0);
}
inline void device_launched(const char *what, int rows, int cols) {
  device_check(cudaGetLastError(), what, rows, cols);
}

ROOM_FN int ceil_div(int a, int b) { return (a + b - 1) / b; }

__device__ inline size_t at(const Tensor &t, int row, int col) { return (size_t)row * (size_t)t.stride + (size_t)col; }
__device__ inline float scale_of(const Tensor &t) { return t.scale_at ? *t.scale_at : t.scale; }

/* An element as float32, dequantised. */
__device__ inline float load(const Tensor &t, float scale, int row, int col) {
  size_t i = at(t, row, col);
  return t.type == TYPE_I8    ? dq(((const int8_t *)t.data)[i], scale)
         : t.type == TYPE_F16 ? f32_of_f16(((const uint16_t *)t.data)[i])
                              : ((const float *)t.data)[i];
}

/* A value into a tensor of any type; returns whether q8 met a NaN. */
__device__ inline bool store(const Tensor &t, int row, int col, float value, Rounding rounding) {
  size_t i = at(t, row, col);
  if (t.type == TYPE_F32)
    ((float *)t.data)[i] = value;
  else if (t.type == TYPE_F16)
    ((uint16_t *)t.data)[i] = f16_of(value);
  else
    ((int8_t *)t.data)[i] = rounding == ROUND_AWAY ? q8_away(value, t.scale) : q8_even(value, t.scale);
  return t.type == TYPE_I8 && value != value;
}

/* Adds a thread's count of NaNs to the tensor's; nearly always there is nothing to add. */
__device__ inline void count_nans(const Tensor &t, int nans) {
  if (nans && t.nans_at) atomicAdd((unsigned long long *)t.nans_at, (unsigned long long)nans);
}

void embedding_cuda(const float *table, const int32_t *token, Tensor *y);
void rmsnorm_cuda(const Tensor *x, const float *gain, float eps, Tensor *y);
void linear_cuda(const Linear *w, const Tensor *x, Tensor *y);
void conv1d_cuda(const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu);
void scan_cuda(const ScanInputs *in, ScanOrder order, const ScanOutputs *out, void *scratch);
void hadamard_cuda(const Tensor *x, Tensor *y);
void quantise_cuda(const Tensor *x, Rounding rounding, Tensor *y);
void quantise_dynamic_cuda(const Tensor *x, Tensor *y);
void dequantise_cuda(const Tensor *x, Tensor *y);
void residual_add_cuda(const Tensor *x, const Tensor *branch, Tensor *y);

#endif
