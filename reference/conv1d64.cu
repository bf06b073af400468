/* conv1d64 on a device: a thread makes one output. */
#include "reference/device64.cuh"

enum { THREADS = 128 };

__global__ static void conv1d_kernel(const double *x, int stride, int T, int E, int K,
                                     const double *weight, const double *bias, double *pre,
                                     double *silu) {
  const int e = (int)blockIdx.x * THREADS + (int)threadIdx.x;
  if (e >= E) return;
  const double *newest = weight + (size_t)e * (size_t)K + (size_t)(K - 1);
  for (int t = (int)blockIdx.y; t < T; t += (int)gridDim.y) {
    double sum = 0;
    for (int age = 0; age < K && age <= t; age++)
      sum = conv1d64_tap(sum, newest[-age], x[(size_t)(t - age) * (size_t)stride + (size_t)e]);
    if (bias) sum += bias[e];
    const size_t at = (size_t)t * (size_t)E + (size_t)e;
    pre[at] = sum;
    silu[at] = silu64(sum);
  }
}

void conv1d64_cuda(void *context, const double *x, int stride, int T, int E, int K,
                   const double *weight, const double *bias, double *pre, double *silu) {
  Cuda64 *cuda = (Cuda64 *)context;
  const int most = 65535; /* of a grid's second dimension */
  const dim3 grid((unsigned)parts64(E, THREADS), (unsigned)(T < most ? T : most));
  if (T > 0 && E > 0)
    conv1d_kernel<<<grid, THREADS, 0, stream64(cuda)>>>(x, stride, T, E, K, weight, bias, pre,
                                                        silu);
  launched64(cuda, "conv1d64", T, E);
}
