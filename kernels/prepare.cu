/* prepare: a thread is an element, or every so many-th; panels of float32 are turned in shared
 * memory, a square of SIDE rows by SIDE k at a time, so that both sides go whole lines. */
#include "kernels/device.cuh"
#include "kernels/tiles.h"

extern "C" {
#include "kernels/bf16.h"
#include "kernels/prepare.h"
}

enum { THREADS = 256, MOST_BLOCKS = 4096, SIDE = 32, SIDE_THREADS = SIDE * 8 };
static_assert((int)SIDE == (int)LINEAR_PANEL, "a square is a panel wide");

static cudaStream_t ahead(const Cuda *cuda) { return (cudaStream_t)cuda->ahead; }

static unsigned blocks_of(size_t n) {
  const size_t blocks = (n + THREADS - 1) / THREADS;
  return (unsigned)(blocks < MOST_BLOCKS ? blocks : MOST_BLOCKS);
}
__device__ static size_t first_of() { return (size_t)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ static size_t step_of() { return (size_t)gridDim.x * blockDim.x; }

/* --- widening --------------------------------------------------------------------------------- */

struct F16 {
  uint16_t bits;
  __device__ operator double() const { return (double)f32_of_f16(bits); }
};
struct BF16 {
  uint16_t bits;
  __device__ operator double() const { return (double)f32_of_bf16(bits); }
};

template <typename Value>
__global__ static void widen_kernel(const Value *stored, size_t n, double *values) {
  for (size_t i = first_of(); i < n; i += step_of()) values[i] = (double)stored[i];
}

template <typename Value>
static void widen(const Cuda *cuda, const void *stored, size_t n, double *values) {
  widen_kernel<Value><<<blocks_of(n), THREADS, 0, ahead(cuda)>>>((const Value *)stored, n, values);
}

void prepare_widen(Cuda *cuda, const void *stored, Stored as, size_t n, double *values) {
  if (!n) return;
  switch (as) {
    case STORED_F16: widen<F16>(cuda, stored, n, values); break;
    case STORED_BF16: widen<BF16>(cuda, stored, n, values); break;
    case STORED_F32: widen<float>(cuda, stored, n, values); break;
    case STORED_F64: widen<double>(cuda, stored, n, values); break;
  }
  device_launched(cuda, "widen", 1, (int)n);
}

/* --- the range -------------------------------------------------------------------------------- */

/* Neither a maximum nor a minimum depends on its order. */
__global__ static void range_kernel(const double *values, size_t n, PreparedRange *range) {
  __shared__ unsigned most_of_block;
  if (threadIdx.x == 0) most_of_block = 0;
  __syncthreads();
  unsigned most = 0;
  for (size_t i = first_of(); i < n; i += step_of()) {
    const float value = (float)values[i];
    most = max(most, absmax_bits(value));
    if (!(fabsf(value) <= 0x1.fffffep127f))
      atomicMin((unsigned long long *)&range->beyond, (unsigned long long)i);
  }
  for (int distance = 16; distance > 0; distance /= 2)
    most = max(most, __shfl_xor_sync(~0u, most, distance));
  if (threadIdx.x % 32 == 0) atomicMax(&most_of_block, most);
  __syncthreads();
  if (threadIdx.x == 0 && most_of_block > 0) atomicMax((unsigned *)&range->most, most_of_block);
}

void prepare_range(Cuda *cuda, const double *values, size_t n, PreparedRange *range) {
  cudaError_t error = cudaMemsetAsync(&range->beyond, 0xff, sizeof range->beyond, ahead(cuda));
  if (error == cudaSuccess)
    error = cudaMemsetAsync(&range->most, 0, sizeof range->most, ahead(cuda));
  device_check(cuda, error, "range of a weight", 1, (int)n);
  if (n) range_kernel<<<blocks_of(n), THREADS, 0, ahead(cuda)>>>(values, n, range);
  device_launched(cuda, "range of a weight", 1, (int)n);
}

void prepare_ranges_back(Cuda *cuda, PreparedRange *host, const PreparedRange *range, int count) {
  device_check(cuda,
               cudaMemcpyAsync(host, range, (size_t)count * sizeof *host, cudaMemcpyDeviceToHost,
                               ahead(cuda)),
               "ranges of weights", 1, count);
}

/* --- row-major -------------------------------------------------------------------------------- */

__global__ static void round_kernel(const double *values, size_t n, float *f32) {
  for (size_t i = first_of(); i < n; i += step_of()) f32[i] = (float)values[i];
}

/* Rows of `in` values become rows of `pitch` bytes, zero past their ends and past the last. */
__global__ static void quantise_kernel(const double *values, int out, int in, size_t rows,
                                       size_t pitch, float scale, int8_t *i8) {
  for (size_t i = first_of(); i < rows * pitch; i += step_of()) {
    const size_t row = i / pitch, k = i % pitch;
    const bool there = row < (size_t)out && k < (size_t)in;
    i8[i] = there ? q8_even((float)values[row * (size_t)in + k], scale) : (int8_t)0;
  }
}

static void quantise(const Cuda *cuda, const double *values, int out, int in, size_t rows,
                     size_t pitch, float scale, int8_t *i8) {
  quantise_kernel<<<blocks_of(rows * pitch), THREADS, 0, ahead(cuda)>>>(values, out, in, rows,
                                                                        pitch, scale, i8);
}

static void zero(Cuda *cuda, void *room, size_t bytes) {
  device_check(cuda, cudaMemsetAsync(room, 0, bytes, ahead(cuda)), "weight", 1, (int)bytes);
}

void prepare_values(Cuda *cuda, const double *values, size_t n, float scale, float *f32,
                    int8_t *i8) {
  if (!n) return;
  assert(n <= INT32_MAX);
  if (!values) {
    if (f32) zero(cuda, f32, n * sizeof *f32);
    if (i8) zero(cuda, i8, n);
    return;
  }
  if (f32) round_kernel<<<blocks_of(n), THREADS, 0, ahead(cuda)>>>(values, n, f32);
  if (i8) quantise(cuda, values, 1, (int)n, 1, n, scale, i8);
  device_launched(cuda, "weight", 1, (int)n);
}

/* --- panels ----------------------------------------------------------------------------------- */

/* A square: rows of one panel, and SIDE k. */
__global__ static void panels_kernel(const double *values, int out, int in, float *panels) {
  __shared__ float square[SIDE][SIDE + 1];
  const int panel = (int)blockIdx.x, first = (int)blockIdx.y * SIDE, lane = (int)threadIdx.x % SIDE,
            line = (int)threadIdx.x / SIDE;
  for (int r = line; r < SIDE; r += SIDE_THREADS / SIDE) {
    const int row = panel * SIDE + r, k = first + lane;
    square[r][lane] =
        row < out && k < in ? (float)values[(size_t)row * (size_t)in + (size_t)k] : 0.0f;
  }
  __syncthreads();
  for (int r = line; r < SIDE && first + r < in; r += SIDE_THREADS / SIDE)
    panels[((size_t)panel * (size_t)in + (size_t)(first + r)) * SIDE + (size_t)lane] =
        square[lane][r];
}

void prepare_linear(Cuda *cuda, const double *values, int out, int in, float scale, float *f32,
                    int8_t *i8) {
  if (!values) {
    if (f32) zero(cuda, f32, linear_cuda_packed_bytes(out, in, FORMAT_F32));
    if (i8) zero(cuda, i8, linear_cuda_packed_bytes(out, in, FORMAT_I8));
    return;
  }
  if (f32) {
    const dim3 squares((unsigned)ceil_div(out, SIDE), (unsigned)ceil_div(in, SIDE));
    panels_kernel<<<squares, SIDE_THREADS, 0, ahead(cuda)>>>(values, out, in, f32);
  }
  if (i8)
    quantise(cuda, values, out, in, (size_t)ceil_div(out, LINEAR_PANEL) * LINEAR_PANEL,
             (size_t)ceil_div(in, LINEAR_I8_DEPTH) * LINEAR_I8_DEPTH, scale, i8);
  device_launched(cuda, "weight panels", out, in);
}
