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

/* --- the grid --------------------------------------------------------------------------------- */

/* Neither a maximum nor a minimum depends on its order. */
__global__ static void grid_kernel(const double *values, size_t n, PreparedGrid *grid) {
  __shared__ unsigned most_of_block;
  if (threadIdx.x == 0) most_of_block = 0;
  __syncthreads();
  unsigned most = 0;
  for (size_t i = first_of(); i < n; i += step_of()) {
    const float value = (float)values[i];
    most = max(most, absmax_bits(value));
    if (!(fabsf(value) <= 0x1.fffffep127f))
      atomicMin((unsigned long long *)&grid->beyond, (unsigned long long)i);
  }
  for (int distance = 16; distance > 0; distance /= 2)
    most = max(most, __shfl_xor_sync(~0u, most, distance));
  if (threadIdx.x % 32 == 0) atomicMax(&most_of_block, most);
  __syncthreads();
  if (threadIdx.x == 0 && most_of_block > 0) atomicMax((unsigned *)&grid->most, most_of_block);
}

__global__ static void scale_kernel(PreparedGrid *grid) {
  grid->scale = q8_static_scale((double)f32_of_bits(grid->most));
}

void prepare_grid(Cuda *cuda, const double *values, size_t n, PreparedGrid *grid) {
  cudaError_t error = cudaMemsetAsync(&grid->beyond, 0xff, sizeof grid->beyond, ahead(cuda));
  if (error == cudaSuccess) error = cudaMemsetAsync(&grid->most, 0, sizeof grid->most, ahead(cuda));
  device_check(cuda, error, "weight grid", 1, (int)n);
  if (n) grid_kernel<<<blocks_of(n), THREADS, 0, ahead(cuda)>>>(values, n, grid);
  scale_kernel<<<1, 1, 0, ahead(cuda)>>>(grid);
  device_launched(cuda, "weight grid", 1, (int)n);
}

/* --- row-major -------------------------------------------------------------------------------- */

__global__ static void round_kernel(const double *values, size_t n, float *f32) {
  for (size_t i = first_of(); i < n; i += step_of()) f32[i] = (float)values[i];
}

/* Rows of `in` values become rows of `pitch` bytes, zero past their ends and past the last. */
__global__ static void quantise_kernel(const double *values, int out, int in, size_t rows,
                                       size_t pitch, const PreparedGrid *grid, int8_t *i8) {
  const float scale = grid->scale;
  for (size_t i = first_of(); i < rows * pitch; i += step_of()) {
    const size_t row = i / pitch, k = i % pitch;
    const bool there = row < (size_t)out && k < (size_t)in;
    i8[i] = there ? q8_even((float)values[row * (size_t)in + k], scale) : (int8_t)0;
  }
}

static void quantise(const Cuda *cuda, const double *values, int out, int in, size_t rows,
                     size_t pitch, const PreparedGrid *grid, int8_t *i8) {
  quantise_kernel<<<blocks_of(rows * pitch), THREADS, 0, ahead(cuda)>>>(values, out, in, rows,
                                                                        pitch, grid, i8);
}

void prepare_values(Cuda *cuda, const double *values, size_t n, const PreparedGrid *grid,
                    float *f32, int8_t *i8) {
  if (!n) return;
  assert(n <= INT32_MAX);
  if (f32) round_kernel<<<blocks_of(n), THREADS, 0, ahead(cuda)>>>(values, n, f32);
  if (i8) quantise(cuda, values, 1, (int)n, 1, n, grid, i8);
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

void prepare_linear(Cuda *cuda, const double *values, int out, int in, const PreparedGrid *grid,
                    float *f32, int8_t *i8) {
  if (f32) {
    const dim3 squares((unsigned)ceil_div(out, SIDE), (unsigned)ceil_div(in, SIDE));
    panels_kernel<<<squares, SIDE_THREADS, 0, ahead(cuda)>>>(values, out, in, f32);
  }
  if (i8)
    quantise(cuda, values, out, in, (size_t)ceil_div(out, LINEAR_PANEL) * LINEAR_PANEL,
             (size_t)ceil_div(in, LINEAR_I8_DEPTH) * LINEAR_I8_DEPTH, grid, i8);
  device_launched(cuda, "weight panels", out, in);
}
