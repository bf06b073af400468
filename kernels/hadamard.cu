/* hadamard: a block is one row, kept in shared memory: n floats, with gaps where the card has room
 * for them (hadamard_choice). A thread takes 8 elements through three strides (fewer at the end) in
 * registers, so that a barrier serves three. P's signs come as bits. */
#include "kernels/device.cuh"
#include "kernels/tiles.h"

enum { THREADS = 256, MAX_ORDER = 28 };

typedef struct Signs {
  uint32_t negative[MAX_ORDER]; /* bit col of word row: entry (row, col) of P is -1 */
} Signs;

__device__ static float widen(float x) { return x; }
__device__ static float widen(uint16_t x) { return f32_of_f16(x); }

/* Where element i stands: a gap after every 2^3 keeps a warp's accesses out of one another's banks
 * at every stride. */
struct Row {
  float *at_0;
  int gap;
  __device__ float &operator[](int i) const { return at_0[i + (int)((unsigned)i >> gap)]; }
};

/* Strides `stride`, twice that …, LEVELS of them, n elements. */
template <int LEVELS> __device__ static void butterflies(Row row, int n, int stride) {
  enum { POINTS = 1 << LEVELS };
  for (int g = (int)threadIdx.x; g < n / POINTS; g += THREADS) {
    int first = g / stride * stride * POINTS + g % stride;
    float x[POINTS];
#pragma unroll
    for (int i = 0; i < POINTS; i++) x[i] = row[first + i * stride];
#pragma unroll
    for (int half = 1; half < POINTS; half *= 2)
#pragma unroll
      for (int i = 0; i < POINTS; i++)
        if (!(i & half)) hadamard_butterfly(&x[i], &x[i + half]);
#pragma unroll
    for (int i = 0; i < POINTS; i++) row[first + i * stride] = x[i];
  }
  __syncthreads();
}

template <int ORDER, typename Value>
__global__ static void hadamard_kernel(Tensor x, Signs signs, Tensor y, int gap) {
  extern __shared__ float memory[];
  Row row = {memory, gap};
  int t = (int)blockIdx.x, n = x.cols, block = n / ORDER;
  const Value *from = (const Value *)x.data + at(x, t, 0);
#pragma unroll 8
  for (int i = (int)threadIdx.x; i < n; i += THREADS) row[i] = widen(from[i]);
  __syncthreads();
  int stride = 1;
  for (; stride * 8 <= block; stride *= 8) butterflies<3>(row, n, stride);
  if (stride * 4 == block) butterflies<2>(row, n, stride);
  if (stride * 2 == block) butterflies<1>(row, n, stride);
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
  for (int i = (int)threadIdx.x; i < n; i += THREADS)
    nans += store(y, t, i, row[i] * normal, ROUND_EVEN);
  count_nans(y, nans);
}

void hadamard_cuda(Cuda *cuda, const Tensor *x, Tensor *y) {
  int n = x->cols, order = hadamard_factor(n);
  assert(order && (x->format == FORMAT_F32 || x->format == FORMAT_F16) &&
         (y->format == FORMAT_F32 || y->format == FORMAT_I8));
  assert(x->rows == y->rows && x->cols == y->cols);
  Signs signs = {};
  for (int p = 0; order > 1 && p < order; p++)
    for (int q = 0; q < order; q++)
      signs.negative[p] |= (uint32_t)(hadamard_sign(order, p, q) < 0) << q;
  bool f16 = x->format == FORMAT_F16;
  auto *kernel = order == 1    ? f16 ? hadamard_kernel<1, uint16_t> : hadamard_kernel<1, float>
                    : order == 12 ? f16 ? hadamard_kernel<12, uint16_t> : hadamard_kernel<12, float>
                    : order == 20 ? f16 ? hadamard_kernel<20, uint16_t> : hadamard_kernel<20, float>
                    : f16 ? hadamard_kernel<28, uint16_t>
                               : hadamard_kernel<28, float>;
  HadamardTile tile = hadamard_choice(n, &cuda->card);
  if (tile.shared) {
    device_shared(cuda, kernel, tile.shared, "hadamard");
    kernel<<<(unsigned)x->rows, THREADS, tile.shared, device_stream(cuda)>>>(*x, signs, *y,
                                                                             tile.gap);
    device_launched(cuda, "hadamard", x->rows, n);
  } else {
    device_refuse(cuda,
                  "hadamard of %d columns: a row needs %zu bytes of shared memory, this card "
                  "has %zu a block (backend cpu needs none)",
                  n, (size_t)n * sizeof(float), cuda->card.shared);
  }
  y->nans = 0;
  y->kernel = hadamard_witness(x->format, y->format, BACKEND_CUDA);
}
