/* q8: a thread is one element of a row; blockIdx.x is the row. A maximum does not depend on its
 * order. */
#include "kernels/device.cuh"

enum { THREADS = 256, MAX_BLOCKS = 1024 };

static dim3 grid_of(const Tensor *t) {
  return dim3((unsigned)t->rows, (unsigned)ceil_div(t->cols, THREADS));
}

__global__ static void quantise_kernel(Tensor x, Rounding rounding, Tensor y) {
  int row = (int)blockIdx.x, col = (int)(blockIdx.y * THREADS + threadIdx.x);
  if (col < x.cols) count_nans(y, store(y, row, col, load(x, 0, row, col), rounding));
}

void quantise_cuda(Cuda *cuda, const Tensor *x, Rounding rounding, Tensor *y) {
  assert((x->format == FORMAT_F32 || x->format == FORMAT_F16) && y->format == FORMAT_I8);
  assert(x->rows == y->rows && x->cols == y->cols);
  quantise_kernel<<<grid_of(x), THREADS, 0, device_stream(cuda)>>>(*x, rounding, *y);
  device_launched(cuda, "quantise", x->rows, x->cols);
  y->nans = 0;
  y->kernel = quantise_witness(x->format, rounding, BACKEND_CUDA);
}

__global__ static void absmax_kernel(Tensor x, unsigned *most) {
  __shared__ unsigned of_block;
  if (threadIdx.x == 0) of_block = 0;
  __syncthreads();
  unsigned bits = 0;
  for (int row = (int)blockIdx.x; row < x.rows; row += (int)gridDim.x) {
    const float *from = (const float *)x.data + at(x, row, 0);
#pragma unroll 4
    for (int col = (int)threadIdx.x; col < x.cols; col += THREADS)
      bits = max(bits, absmax_bits(from[col]));
  }
  for (int distance = 16; distance > 0; distance /= 2)
    bits = max(bits, __shfl_xor_sync(~0u, bits, distance));
  if (threadIdx.x % 32 == 0) atomicMax(&of_block, bits);
  __syncthreads();
  if (threadIdx.x == 0 && of_block > 0) atomicMax(most, of_block);
}

/* y's scale is put where its readers look for it. */
__global__ static void quantise_dynamic_kernel(Tensor x, const unsigned *most, Tensor y) {
  int row = (int)blockIdx.x, col = (int)(blockIdx.y * THREADS + threadIdx.x);
  y.scale.value = q8_dynamic_scale(f32_of_bits(*most));
  if (row == 0 && col == 0) *y.scale_at = y.scale.value;
  if (col < x.cols) count_nans(y, store(y, row, col, load(x, 0, row, col), ROUND_EVEN));
}

void quantise_dynamic_cuda(Cuda *cuda, const Tensor *x, Tensor *y) {
  assert(x->format == FORMAT_F32 && y->format == FORMAT_I8 && y->scale_at);
  assert(x->rows == y->rows && x->cols == y->cols);
  device_check(cuda, cudaMemsetAsync(cuda->absmax, 0, sizeof(unsigned), device_stream(cuda)),
               "quantise_dynamic", x->rows, x->cols);
  absmax_kernel<<<(unsigned)(x->rows < MAX_BLOCKS ? x->rows : MAX_BLOCKS), THREADS, 0,
                  device_stream(cuda)>>>(*x, cuda->absmax);
  quantise_dynamic_kernel<<<grid_of(x), THREADS, 0, device_stream(cuda)>>>(*x, cuda->absmax, *y);
  device_launched(cuda, "quantise_dynamic", x->rows, x->cols);
  y->nans = 0;
  y->kernel = quantise_witness(x->format, ROUND_EVEN, BACKEND_CUDA);
}

__global__ static void dequantise_kernel(Tensor x, Tensor y) {
  int row = (int)blockIdx.x, col = (int)(blockIdx.y * THREADS + threadIdx.x);
  if (col < x.cols) store(y, row, col, load(x, scale_of(x), row, col), ROUND_EVEN);
}

void dequantise_cuda(Cuda *cuda, const Tensor *x, Tensor *y) {
  assert(x->format != FORMAT_F64 && y->format == FORMAT_F32);
  assert(x->rows == y->rows && x->cols == y->cols);
  dequantise_kernel<<<grid_of(x), THREADS, 0, device_stream(cuda)>>>(*x, *y);
  device_launched(cuda, "dequantise", x->rows, x->cols);
  y->nans = 0;
  y->kernel = dequantise_witness(x->format, BACKEND_CUDA);
}
