#include "primitives.h"

#include "kernels/device.cuh"

__global__ static void primitives_kernel(Primitive which, uint32_t first, uint32_t *out) {
  size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  out[i] = primitive_bits(which, first + (uint32_t)i);
}

/* n: a multiple of 256. */
void primitives_cuda(Cuda *cuda, Primitive which, uint32_t first, size_t n, uint32_t *out) {
  primitives_kernel<<<(unsigned)(n / 256), 256, 0, device_stream(cuda)>>>(which, first, out);
  device_launched(cuda, "primitives", 1, (int)n);
}
