/* residual: a thread is one element of a row; blockIdx.x is the row. */
#include "kernels/device.cuh"

enum { THREADS = 256 };

__global__ static void embedding_kernel(const float *table, const int32_t *token, Tensor y) {
  int t = (int)blockIdx.x, i = (int)(blockIdx.y * THREADS + threadIdx.x);
  if (i < y.cols)
    ((float *)y.data)[at(y, t, i)] = table[(size_t)token[t] * (size_t)y.cols + (size_t)i];
}

void embedding_cuda(Cuda *cuda, const float *table, const int32_t *token, Tensor *y) {
  assert(y->format == FORMAT_F32);
  dim3 grid((unsigned)y->rows, (unsigned)ceil_div(y->cols, THREADS));
  embedding_kernel<<<grid, THREADS, 0, device_stream(cuda)>>>(table, token, *y);
  device_launched(cuda, "embedding", y->rows, y->cols);
  y->nans = 0;
  y->kernel = embedding_witness(BACKEND_CUDA);
}

__global__ static void residual_kernel(Tensor x, Tensor branch, Tensor y) {
  int t = (int)blockIdx.x, i = (int)(blockIdx.y * THREADS + threadIdx.x);
  if (i < y.cols) ((float *)y.data)[at(y, t, i)] = load(x, 0, t, i) + load(branch, 0, t, i);
}

void residual_add_cuda(Cuda *cuda, const Tensor *x, const Tensor *branch, Tensor *y) {
  assert(x->format == FORMAT_F32 && y->format == FORMAT_F32 &&
         (branch->format == FORMAT_F32 || branch->format == FORMAT_F16));
  assert(x->rows == y->rows && x->cols == y->cols && branch->rows == y->rows &&
         branch->cols == y->cols);
  dim3 grid((unsigned)y->rows, (unsigned)ceil_div(y->cols, THREADS));
  residual_kernel<<<grid, THREADS, 0, device_stream(cuda)>>>(*x, *branch, *y);
  device_launched(cuda, "residual_add", y->rows, y->cols);
  y->nans = 0;
  y->kernel = residual_witness(branch->format, BACKEND_CUDA);
}
