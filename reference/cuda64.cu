/* cuda64: the table of a device, and the operators that make one element of one. */
#include "reference/device64.cuh"

enum { THREADS = 256 };

__global__ static void embed_kernel(const double *table, const int32_t *token, int T, int D,
                                    double *y) {
  for (size_t i = first64(); i < (size_t)T * (size_t)D; i += step64())
    y[i] = table[(size_t)token[i / (size_t)D] * (size_t)D + i % (size_t)D];
}

__global__ static void add_kernel(const double *a, const double *b, size_t n, double *y) {
  for (size_t i = first64(); i < n; i += step64()) y[i] = a[i] + b[i];
}

__global__ static void scale_columns_kernel(double *x, size_t n, int cols, const double *gain) {
  for (size_t i = first64(); i < n; i += step64()) x[i] *= gain[i % (size_t)cols];
}

__global__ static void round32_kernel(const double *x, size_t n, float *y) {
  for (size_t i = first64(); i < n; i += step64()) y[i] = (float)x[i];
}

static void embed(void *context, const double *table, const int32_t *token, int T, int D,
                  double *y) {
  Cuda64 *cuda = (Cuda64 *)context;
  const size_t n = (size_t)T * (size_t)D;
  if (n) embed_kernel<<<blocks64(n, THREADS), THREADS, 0, stream64(cuda)>>>(table, token, T, D, y);
  launched64(cuda, "embed64", T, D);
}

static void copy(void *context, const double *x, size_t n, double *y) {
  Cuda64 *cuda = (Cuda64 *)context;
  const cudaError_t error =
      x == y ? cudaSuccess
             : cudaMemcpyAsync(y, x, n * sizeof *y, cudaMemcpyDeviceToDevice, stream64(cuda));
  check64(cuda, error, "copy64", 1, (int)n);
}

static void add(void *context, const double *a, const double *b, size_t n, double *y) {
  Cuda64 *cuda = (Cuda64 *)context;
  if (n) add_kernel<<<blocks64(n, THREADS), THREADS, 0, stream64(cuda)>>>(a, b, n, y);
  launched64(cuda, "add64", 1, (int)n);
}

static void scale_columns(void *context, double *x, int rows, int cols, const double *gain) {
  Cuda64 *cuda = (Cuda64 *)context;
  const size_t n = (size_t)rows * (size_t)cols;
  if (n)
    scale_columns_kernel<<<blocks64(n, THREADS), THREADS, 0, stream64(cuda)>>>(x, n, cols, gain);
  launched64(cuda, "scale_columns64", rows, cols);
}

static void round32(void *context, const double *x, size_t n, float *y) {
  Cuda64 *cuda = (Cuda64 *)context;
  if (n) round32_kernel<<<blocks64(n, THREADS), THREADS, 0, stream64(cuda)>>>(x, n, y);
  launched64(cuda, "round32", 1, (int)n);
}

Cuda64 cuda64_on(void *stream) {
  Cuda64 cuda = {};
  int device = 0;
  cudaError_t error = cudaGetDevice(&device);
  if (error == cudaSuccess)
    error = cudaDeviceGetAttribute(&cuda.processors, cudaDevAttrMultiProcessorCount, device);
  cuda.stream = stream;
  check64(&cuda, error, "cuda64_on", 0, 0);
  return cuda;
}

Ops64 ops64_cuda(Cuda64 *cuda) {
  Ops64 ops = {};
  ops.backend = "cuda";
  ops.context = cuda;
  ops.embed = embed;
  ops.linear = linear64_cuda;
  ops.rmsnorm = rmsnorm64_cuda;
  ops.conv1d = conv1d64_cuda;
  ops.scan = scan64_cuda;
  ops.hadamard = hadamard64_cuda;
  ops.hadamard_columns = hadamard64_columns_cuda;
  ops.copy = copy;
  ops.add = add;
  ops.scale_columns = scale_columns;
  ops.round32 = round32;
  return ops;
}
