/* conv1d: a thread makes RUN tokens of one channel, tap by tap as the header orders; neighbouring
 * threads are neighbouring channels, so that a warp reads and writes whole lines. */
#include "kernels/device.cuh"

enum { THREADS = 128, RUN = 4 };

template <typename Value> __device__ static float tap(float acc, Value w, Value x);
template <> __device__ float tap<float>(float acc, float w, float x) {
  return conv1d_tap_f32(acc, w, x);
}
template <> __device__ float tap<int8_t>(float acc, int8_t w, int8_t x) {
  return conv1d_tap_i8(acc, w, x);
}

/* TAPS: the number of taps where the compiler may know it, else 0. */
template <typename Value, int TAPS>
__global__ static void conv1d_kernel(Conv1d w, Tensor x, Tensor pre, Tensor silu) {
  int K = TAPS ? TAPS : w.K, T = x.rows, first = (int)blockIdx.x * RUN;
  int c = (int)(blockIdx.y * THREADS + threadIdx.x);
  if (c >= w.E) return;
  const Value *in = (const Value *)x.data + c,
              *weight = (const Value *)w.weight + (size_t)c * (size_t)K;
  bool i8 = sizeof(Value) == 1;
  float acc[RUN], scale = i8 ? w.weight_scale * scale_of(x) : 0.0f;
  float bias = i8 ? dq(((const int8_t *)w.bias)[c], w.bias_scale) : ((const float *)w.bias)[c];
#pragma unroll
  for (int r = 0; r < RUN; r++) acc[r] = i8 ? 0.0f : bias;
#pragma unroll
  for (int k = 0; k < K; k++) {
    Value wk = weight[k];
#pragma unroll
    for (int r = 0; r < RUN; r++) {
      int from = first + r - K + 1 + k;
      if (from >= 0 && from < T)
        acc[r] = tap<Value>(acc[r], wk, in[(size_t)from * (size_t)x.stride]);
    }
  }
  int nans = 0;
#pragma unroll
  for (int r = 0; r < RUN; r++) {
    if (first + r >= T) break;
    float value = i8 ? conv1d_value_i8(acc[r], scale, bias) : acc[r];
    store(pre, first + r, c, value, ROUND_AWAY);
    nans += store(silu, first + r, c, silu32(value), ROUND_AWAY);
  }
  count_nans(silu, nans);
}

void conv1d_cuda(Cuda *cuda, const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu) {
  int T = x->rows, E = w->E, i8 = w->format == FORMAT_I8;
  assert(x->format == w->format && (i8 || w->format == FORMAT_F32) && w->K >= 1 &&
         w->K <= CONV1D_MAX_TAPS);
  assert(w->acc == PRECISION_F32); /* a narrower accumulator: the CPU's alone */
  assert(pre->format == FORMAT_F32 && (silu->format == FORMAT_F32 || silu->format == FORMAT_I8));
  assert(x->cols == E && pre->cols == E && silu->cols == E && pre->rows == T && silu->rows == T);
  auto *kernel = i8          ? w->K == 4 ? conv1d_kernel<int8_t, 4> : conv1d_kernel<int8_t, 0>
                          : w->K == 4 ? conv1d_kernel<float, 4>
                             : conv1d_kernel<float, 0>;
  dim3 grid((unsigned)ceil_div(T, RUN), (unsigned)ceil_div(E, THREADS));
  kernel<<<grid, THREADS, 0, device_stream(cuda)>>>(*w, *x, *pre, *silu);
  device_launched(cuda, "conv1d", T, E);
  pre->nans = silu->nans = 0;
  pre->kernel = conv1d_witness(w->format, w->acc, CONV1D_PRE, BACKEND_CUDA);
  silu->kernel =
      conv1d_witness(w->format, w->acc,
                     silu->format == FORMAT_I8 ? CONV1D_SILU_I8 : CONV1D_SILU_F32, BACKEND_CUDA);
}
