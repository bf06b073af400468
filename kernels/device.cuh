/* device: what every .cu file needs: the headers of the operators, the stream they queue on, and
 * the way a launch says that it went wrong. An operator here is an index, a guard and a call of
 * what its header defines. */
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
inline cudaStream_t device_stream(const Cuda *cuda) { return (cudaStream_t)cuda->operators; }
/* After every launch or call: keeps the first error, with the operator's name and shape, until
 * cuda_wait. */
void device_check(Cuda *cuda, cudaError_t error, const char *what, int rows, int cols);
/* Instead of a launch: what was asked for, and what this card cannot. */
void device_refuse(Cuda *cuda, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Lets a kernel have `bytes` of dynamic shared memory, more than the 48 KiB that need no asking. */
template <typename Kernel>
void device_shared(Cuda *cuda, Kernel *kernel, size_t bytes, const char *what) {
  if (bytes > 48 * 1024)
    device_check(
        cuda, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes),
        what, 0, 0);
}
/* A kernel that may start before the one queued last has ended, where that one lets it
 * (device_let_next_start) and the code that runs knows of it: what that one writes must be read
 * behind device_after_kernel_before. */
template <typename Kernel, typename... Values>
void device_launch_early(Cuda *cuda, Kernel *kernel, int blocks, int threads, size_t shared,
                         const char *what, Values... values) {
  device_shared(cuda, kernel, shared, what);
  cudaLaunchAttribute early = {};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3((unsigned)blocks);
  config.blockDim = dim3((unsigned)threads);
  config.dynamicSmemBytes = shared;
  config.stream = device_stream(cuda);
  config.attrs = &early;
  config.numAttrs = cuda->starts_early;
  device_check(cuda, cudaLaunchKernelEx(&config, kernel, values...), what, blocks, threads);
}
__device__ inline void device_let_next_start() {
#if __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}
__device__ inline void device_after_kernel_before() {
#if __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
}
inline void device_launched(Cuda *cuda, const char *what, int rows, int cols) {
  device_check(cuda, cudaGetLastError(), what, rows, cols);
}

ROOM_FN int ceil_div(int a, int b) { return (a + b - 1) / b; }

__device__ inline size_t at(const Tensor &t, int row, int col) {
  return (size_t)row * (size_t)t.stride + (size_t)col;
}
__device__ inline float scale_of(const Tensor &t) {
  return t.scale_at ? *t.scale_at : t.scale.value;
}

/* An element as float32, dequantised. */
__device__ inline float load(const Tensor &t, float scale, int row, int col) {
  size_t i = at(t, row, col);
  return t.format == FORMAT_I8    ? dq(((const int8_t *)t.data)[i], scale)
         : t.format == FORMAT_F16 ? f32_of_f16(((const uint16_t *)t.data)[i])
                                  : ((const float *)t.data)[i];
}

/* Reads elements of an f32 or i8 tensor down one column, with no branch on the type or on whether
 * the element is there: each by the aligned word that holds it (cuda_reserve hands out whole
 * words), or by the tensor's first. A branch would wait for its load, and a load that may be of
 * shared memory for the stores before it; so all loads of a loop are under way before the first is
 * needed. Places are 32-bit numbers of bytes from the base: half the registers and sums
 * (device_addressable). */
typedef struct Reader {
  const char *base;
  uint32_t at, step;
  float scale;
  bool i8;
} Reader;

/* From element (row, col) on, every `apart` rows. */
__device__ inline Reader reader(const Tensor &t, int row, int col, int apart) {
  int shift = t.format == FORMAT_I8 ? 0 : 2;
  uint32_t past_word = (uint32_t)(uintptr_t)t.data & 3u,
           element = (uint32_t)row * (uint32_t)t.stride + (uint32_t)col;
  Reader r = {(const char *)t.data - past_word, past_word + (element << shift),
              (uint32_t)(t.stride * apart) << shift, scale_of(t), !shift};
  return r;
}

/* The word that holds the next element. */
__device__ inline const uint32_t *next_word(Reader *r, bool there) {
  uint32_t at = there ? r->at : 0u;
  r->at += r->step;
  return (const uint32_t *)(r->base + (at & ~3u));
}
/* The element in the word that was the next one `ago` words ago, or 0 where it is not there. */
__device__ inline float element(const Reader *r, uint32_t word, bool there, int ago) {
  uint32_t at = r->at - (uint32_t)ago * r->step;
  float value = r->i8 ? dq((int8_t)(word >> (at % 4u * 8u)), r->scale) : f32_of_bits(word);
  return there ? value : 0.0f;
}
/* The next element, or 0 where it is not there. */
__device__ inline float read(Reader *r, bool there) {
  uint32_t word = __ldg(next_word(r, there));
  return element(r, word, there, 1);
}

/* Writes elements of a tensor of `type` (f32 or f16; said where it is known, so that the other way
 * is not compiled) down one column, from element (row, col) on, every `apart` rows. */
typedef struct Writer {
  char *base;
  uint32_t at, step;
  bool f16;
} Writer;

__device__ inline Writer writer(const Tensor &t, Format format, int row, int col, int apart) {
  int shift = format == FORMAT_F16 ? 1 : 2;
  uint32_t element = (uint32_t)row * (uint32_t)t.stride + (uint32_t)col;
  Writer w = {(char *)t.data, element << shift, (uint32_t)(t.stride * apart) << shift,
              format == FORMAT_F16};
  return w;
}

/* The next element, where it is there. */
__device__ inline void write(Writer *w, float value, bool there) {
  if (there && w->f16) *(uint16_t *)(w->base + w->at) = f16_of(value);
  if (there && !w->f16) *(float *)(w->base + w->at) = value;
  w->at += w->step;
}

/* Whether a Reader or Writer reaches all of it. */
inline bool device_addressable(const Tensor *t) {
  return (uint64_t)t->rows * (uint64_t)t->stride * format_size(t->format) < UINT32_MAX - 3u;
}

/* A value into a tensor of any type; returns whether q8 met a NaN. */
__device__ inline bool store(const Tensor &t, int row, int col, float value, Rounding rounding) {
  size_t i = at(t, row, col);
  if (t.format == FORMAT_F32)
    ((float *)t.data)[i] = value;
  else if (t.format == FORMAT_F16)
    ((uint16_t *)t.data)[i] = f16_of(value);
  else
    ((int8_t *)t.data)[i] =
        rounding == ROUND_AWAY ? q8_away(value, t.scale.value) : q8_even(value, t.scale.value);
  return t.format == FORMAT_I8 && value != value;
}

/* Adds a thread's count of NaNs to the tensor's; nearly always there is nothing to add. */
__device__ inline void count_nans(const Tensor &t, int nans) {
  if (nans && t.nans_at) atomicAdd((unsigned long long *)t.nans_at, (unsigned long long)nans);
}

void embedding_cuda(Cuda *cuda, const float *table, const int32_t *token, Tensor *y);
void rmsnorm_cuda(Cuda *cuda, const Tensor *x, const float *gain, float eps, Tensor *y);
void linear_cuda(Cuda *cuda, const Linear *w, const Tensor *x, Tensor *y);
/* The tile that it takes for T rows, a row of the tables of kernels/tiles.h; and with any. */
int linear_choice(const Cuda *cuda, const Linear *w, int T);
void linear_launch(Cuda *cuda, int which, const Linear *w, const Tensor *x, Tensor *y);
void conv1d_cuda(Cuda *cuda, const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu);
void scan_cuda(Cuda *cuda, const ScanInputs *in, ScanOrder order, const ScanOutputs *out,
               void *scratch);
/* Whether the code of scan.cu that this card runs knows device_launch_early. */
bool scan_starts_early(void);
void hadamard_cuda(Cuda *cuda, const Tensor *x, Tensor *y);
void quantise_cuda(Cuda *cuda, const Tensor *x, Rounding rounding, Tensor *y);
void quantise_dynamic_cuda(Cuda *cuda, const Tensor *x, Tensor *y);
void dequantise_cuda(Cuda *cuda, const Tensor *x, Tensor *y);
void residual_add_cuda(Cuda *cuda, const Tensor *x, const Tensor *branch, Tensor *y);

#endif
