/* rmsnorm: a block is one row. It comes through shared memory in tiles; RMSNORM_LANES threads carry
 * the sum of squares in the order of the header, then all threads divide. */
#include "kernels/device.cuh"

enum { THREADS = 128, TILE = 2048 };

__global__ static void rmsnorm_kernel(Tensor x, const float *gain, float eps, Tensor y) {
  __shared__ float tile[TILE], divisor;
  int t = (int)blockIdx.x, D = x.cols, lane = (int)threadIdx.x;
  const float *row = (const float *)x.data + at(x, t, 0);
  float ss = 0.0f;
  for (int first = 0; first < D; first += TILE) {
    int n = D - first < TILE ? D - first : TILE;
    __syncthreads();
    for (int i = lane; i < n; i += THREADS) tile[i] = row[first + i];
    __syncthreads();
    if (lane < RMSNORM_LANES) {
#pragma unroll 8
      for (int i = lane; i < n; i += RMSNORM_LANES) ss = rmsnorm_add(ss, tile[i]);
    }
  }
  if (lane < RMSNORM_LANES) {
    for (int half = RMSNORM_LANES / 2; half > 0; half /= 2)
      ss += __shfl_down_sync((1u << RMSNORM_LANES) - 1, ss, (unsigned)half);
    if (lane == 0) divisor = rmsnorm_root(ss, D, eps);
  }
  __syncthreads();
  int nans = 0;
  for (int i = lane; i < D; i += THREADS)
    nans += store(y, t, i, rmsnorm_value(row[i], divisor, gain ? gain[i] : 1.0f), ROUND_AWAY);
  count_nans(y, nans);
}

void rmsnorm_cuda(Cuda *cuda, const Tensor *x, const float *gain, float eps, Tensor *y) {
  assert(x->format == FORMAT_F32 && (y->format == FORMAT_F32 || y->format == FORMAT_I8));
  assert(x->rows == y->rows && x->cols == y->cols);
  rmsnorm_kernel<<<(unsigned)x->rows, THREADS, 0, device_stream(cuda)>>>(*x, gain, eps, *y);
  device_launched(cuda, "rmsnorm", x->rows, x->cols);
  y->nans = 0;
  y->kernel = rmsnorm_witness(y->format, BACKEND_CUDA);
}
