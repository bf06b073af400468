/* rmsnorm64 on a device: a warp takes a row, a lane one of its sums. */
#include "reference/device64.cuh"

enum { WARP = 32, ROWS = 4 /* of a block */ };
static_assert((int)RMSNORM64_LANES == (int)WARP, "a lane of the sum is a lane of a warp");

__global__ static void rmsnorm_kernel(const double *x, int stride, const double *gain, double eps,
                                      int T, int D, double root_D, double *y, int y_stride) {
  const int t = (int)blockIdx.x * ROWS + (int)threadIdx.y, lane = (int)threadIdx.x;
  if (t >= T) return;
  const double *row = x + (size_t)t * (size_t)stride;
  double squares = 0;
  for (int d = lane; d < D; d += WARP) squares = rmsnorm64_add(squares, row[d]);
  for (int half = WARP / 2; half; half /= 2)
    squares += __shfl_down_sync(0xffffffffu, squares, (unsigned)half);
  squares = __shfl_sync(0xffffffffu, squares, 0);
  const double rms = rmsnorm64_rms(squares, D, eps, root_D);
  for (int d = lane; d < D; d += WARP)
    y[(size_t)t * (size_t)y_stride + (size_t)d] = rmsnorm64_value(row[d], rms, gain ? gain[d] : 1);
}

void rmsnorm64_cuda(void *context, const double *x, int stride, const double *gain, double eps,
                    int T, int D, double *y, int y_stride) {
  Cuda64 *cuda = (Cuda64 *)context;
  const dim3 block(WARP, ROWS);
  if (T > 0)
    rmsnorm_kernel<<<(unsigned)parts64(T, ROWS), block, 0, stream64(cuda)>>>(
        x, stride, gain, eps, T, D, sqrt((double)D), y, y_stride);
  launched64(cuda, "rmsnorm64", T, D);
}
