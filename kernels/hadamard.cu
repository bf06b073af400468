/* hadamard: a block is one row, kept in shared memory; a barrier after every stride. P's signs come as bits. */
#include "kernels/device.cuh"

enum { THREADS = 256, MAX_ORDER = 28 };

typedef struct Signs {
  uint32_t negative[MAX_ORDER]; /* bit col of word row: entry (row, col) of P is -1 */
} Signs;

template <int ORDER> __global__ static void hadamard_kernel(Tensor x, Signs signs, Tensor y) {
  extern __shared__ float row[];
  int t = (int)blockIdx.x, n = x.cols, block = n / ORDER;
  for (int i = (int)threadIdx.x; i < n; i += THREADS) row[i] = load(x, 0, t, i);
  __syncthreads();
  for (int stride = 1; stride < block; stride *= 2) {
    for (int i = (int)threadIdx.x; i < n / 2; i += THREADS) {
      float *pair = row + 2 * i - i % stride; /* i / stride whole pairs of runs, then i % stride */
      float a = pair[0], b = pair[stride];
      pair[0] = a + b;
      pair[stride] = a - b;
    }
    __syncthreads();
  }
  for (int j = (int)threadIdx.x; ORDER > 1 && j < block; j += THREADS) {
    float column[ORDER];
#pragma unroll
    for (int q = 0; q < ORDER; q++) column[q] = row[q * block + j];
    for (int p = 0; p < ORDER; p++) {
      float sum = 0.0f;
#pragma unroll
      for (int q = 0; q < ORDER; q++) {
        float term = signs.negative[p] >> q & 1 ? -column[q] : column[q];
        sum = q ? sum + term : term;
      }
      row[p * block + j] = sum;
    }
  }
  __syncthreads();
  float normal = 1.0f / sqrtf((float)n);
  int nans = 0;
  for (int i = (int)threadIdx.x; i < n; i += THREADS) nans += store(y, t, i, row[i] * normal, ROUND_EVEN);
  count_nans(y, nans);
}

void hadamard_cuda(const Tensor *x, Tensor *y) {
  static const char *const witness[2][2] = {
      {"hadamard f32->f32 cuda", "hadamard f32->i8 half-even cuda"},
      {"hadamard f16->f32 cuda", "hadamard f16->i8 half-even cuda"},
  };
  int n = x->cols, order = hadamard_factor(n);
  assert(order && (x->type == TYPE_F32 || x->type == TYPE_F16) && (y->type == TYPE_F32 || y->type == TYPE_I8));
  assert(x->rows == y->rows && x->cols == y->cols);
  Signs signs = {};
  for (int p = 0; order > 1 && p < order; p++)
    for (int q = 0; q < order; q++) signs.negative[p] |= (uint32_t)(hadamard_sign(order, p, q) < 0) << q;
  auto *kernel = order == 1    ? hadamard_kernel<1>
                 : order == 12 ? hadamard_kernel<12>
                 : order == 20 ? hadamard_kernel<20>
                               : hadamard_kernel<28>;
  size_t shared = (size_t)n * sizeof(float);
  device_shared(kernel, shared, "hadamard");
  kernel<<<(unsigned)x->rows, THREADS, shared, device_stream()>>>(*x, signs, *y);
  device_launched("hadamard", x->rows, n);
  y->nans = 0;
  y->kernel = witness[x->type == TYPE_F16][y->type == TYPE_I8];
}
