/* scan_device: what both orders of the scan need on a device. A block takes a few neighbouring
 * channels through all tokens, a tile of tokens at a time. For each tile three things are done:
 *   stage   a thread is a (token, channel), channels side by side in memory: delta, and what else
 *           the recurrence takes, to shared memory;
 *   scan    the recurrence, by the order: warps are a channel's;
 *   finish  a thread is a (token, channel) again: the gate, and the outputs.
 *
 * B and C are the same for every channel. lay_out_kernel puts them into scratch before, as float32
 * and in the order in which a warp reads them, 16 bytes a lane and 512 side by side, so that they
 * need no shared memory: from the second warp on they are in the first-level cache. The scan's
 * kernel may start while that one runs (device_launch_early): it stages its first tile before it
 * waits for it.
 *
 * Tokens past the end are (1, -0), which leaves h as it is, -0 included; nothing else comes of
 * them. */
#ifndef DS_KERNELS_SCAN_DEVICE_CUH
#define DS_KERNELS_SCAN_DEVICE_CUH
#include "kernels/device.cuh"
#include "kernels/tiles.h"

typedef struct Args {
  Tensor u, dt, B, C, z, A_log, D, dt_bias, delta, y, gated, state;
} Args;

/* B and C, laid out. */
typedef struct LaidOut {
  const float *B, *C;
} LaidOut;

/* One element of a tensor of parameters; 0 past the last channel. */
__device__ static float load_real(const Tensor &t, int row, int col, bool there) {
  Reader r = reader(t, row, col, 0);
  return read(&r, there);
}

/* A[channel][n] of the block's channels, `pitch` states each; 0 past the last state. */
__device__ static void load_A(const Args &p, int first_channel, int channels, int pitch, float *A) {
  int N = p.A_log.cols, E = p.u.cols;
  for (int i = (int)threadIdx.x; i < channels * pitch; i += (int)blockDim.x) {
    int channel = first_channel + i / pitch, n = i % pitch;
    A[i] = n < N ? scan_A(load_real(p.A_log, channel, n, channel < E)) : 0.0f;
  }
}

/* COUNT values in pieces of 16 bytes, `apart` values from one to the next. */
template <int COUNT> __device__ static void load4(const float *from, float *values, int apart = 4) {
#pragma unroll
  for (int i = 0; i < COUNT; i += 4) {
    float4 v = *(const float4 *)(from + i / 4 * apart);
    values[i] = v.x, values[i + 1] = v.y, values[i + 2] = v.z, values[i + 3] = v.w;
  }
}
template <int COUNT> __device__ static void store4(float *to, const float *values) {
#pragma unroll
  for (int i = 0; i < COUNT; i += 4)
    *(float4 *)(to + i) = make_float4(values[i], values[i + 1], values[i + 2], values[i + 3]);
}

/* COUNT tokens of one channel, `apart` from one another: what a thread reads and writes when it
 * stages and finishes. */
typedef struct Tokens {
  Reader dt, u, z;
  Writer delta, y, gated;
} Tokens;

__device__ static Tokens tokens_of(const Args &p, int t, int channel, int apart) {
  return Tokens{reader(p.dt, t, channel, apart),
                reader(p.u, t, channel, apart),
                reader(p.z, t, channel, apart),
                writer(p.delta, FORMAT_F32, t, channel, apart),
                writer(p.y, FORMAT_F32, t, channel, apart),
                writer(p.gated, p.gated.format, t, channel, apart)};
}

/* a and b of COUNT tokens of one state, of which the first `live` are there. b: B until here.
 * near: see scan_decays. */
template <int COUNT>
__device__ static void decays_and_inputs(const float *delta, const float *delta_u, float A,
                                         bool near, int live, float *a, float *b) {
  scan_decays(delta, A, near, COUNT, a);
#pragma unroll
  for (int i = 0; i < COUNT; i++) b[i] = scan_b(delta_u[i], b[i]);
  if (live < COUNT) {
#pragma unroll
    for (int i = 0; i < COUNT; i++)
      if (i >= live) a[i] = 1.0f, b[i] = -0.0f;
  }
}

/* B and C as float32 in the places that `Layout` gives them; zero past the ends of T and N. */
template <typename Layout>
__global__ static void lay_out_kernel(Args p, int T, int N, float *B, float *C) {
  device_let_next_start();
  int i = (int)(blockIdx.x * blockDim.x + threadIdx.x), t = i / N, n = i % N;
  if (t >= T) return;
  bool there = t < p.B.rows && n < p.B.cols;
  B[Layout::of_B(t, n, T, N)] = load_real(p.B, t, n, there);
  C[Layout::of_C(t, n, T, N)] = load_real(p.C, t, n, there);
}

template <typename Layout>
static LaidOut lay_out(Cuda *cuda, const Args &p, int T, int N, float *scratch) {
  float *B = scratch, *C = scratch + (size_t)T * (size_t)N;
  lay_out_kernel<Layout>
      <<<(unsigned)ceil_div(T * N, 256), 256, 0, device_stream(cuda)>>>(p, T, N, B, C);
  return LaidOut{B, C};
}

#endif
