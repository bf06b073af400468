/* scan: the selective scan (SSM) with softplus, skip and gate, from state zero.
 *   delta = softplus(dt + dt_bias)        per token and channel
 *   A = -exp(A_log)                       per channel and state
 *   a = exp(delta * A), b = (delta * u) * B, h from them by the order
 *   y = D * u, then y = fmaf(h[n], C[n], y) for n = 0 … N-1
 *   gated = (y * z) / (1 + exp(-z))
 * Source: Mamba's selective_scan_fwd kernel and Quamba's quant_sscan_fwd, which dequantises its
 * int8 inputs first.
 * Error:  relative L2 against float64 at T 171, N 16, standard normal inputs: delta 3.8e-8, y
 *         1.1e-7, state 7.5e-8 in either order, gated as f16 2.0e-4 (tests/test_error.c); within
 *         its provable bound on every input tried, 2100 tokens and slow decay among them
 *         (tests/test_bounds.c).
 *
 * Sequential order: t = 0, 1, 2 …, h = fmaf(a, h, b).
 *
 * Blocked order: that of CUB's BlockScan with warp scans, as those kernels use it. One pair (a, b)
 * a token; two pairs join as (a2 * a1, fmaf(a2, b1, b2)). A chunk is lanes x items tokens
 * (scan_chunk); tokens past the end are (1, 0).
 *   1. Each lane folds its items left to right.
 *   2. Each warp of 32 lanes scans the folds inclusively with distances 1, 2, 4, 8, 16, the lower
 *      lane first. A lane's exclusive pair is its lower neighbour's.
 *   3. The totals of the warps, folded left to right, give each warp its prefix: join(warp prefix,
 *      exclusive pair); in lane 0 the warp prefix itself; in warp 0 the exclusive pair.
 *   4. join(running prefix, that); in lane 0 of warp 0 the running prefix itself. It is (1, 0) in
 *      the first chunk, and becomes join(running prefix, chunk total) after each.
 *   5. From there each lane goes through its items left to right: h = fmaf(a, h, b).
 *
 * Narrower stages (ScanPrecision), each rounded by narrow32:
 *   softplus  delta, as it leaves the softplus
 *   decay     each token's a = exp(delta * A)
 *   state     sequential order alone: h as it is stored between tokens: y takes h before it is
 *             stored, the next token and `state` take what the storage left of it; int8 at
 *             state_scale, half away from zero, NaN to 0 and counted
 *
 * In both orders `state` is h of the last token. (Those kernels hand out the running prefix after
 * the last chunk: the same state, joined in another order, which may differ in the last places.) */
#ifndef DS_KERNELS_SCAN_H
#define DS_KERNELS_SCAN_H
#include "kernels/math32.h"
#include "kernels/narrow.h"
#include "kernels/room.h"
#include "kernels/tensor.h"
#include "kernels/witness.h"

ROOM_FN float scan_dt(float dt, float bias) { return dt + bias; }
ROOM_FN float scan_delta(float dt, float bias) { return softplus32(scan_dt(dt, bias)); }
ROOM_FN float scan_A(float A_log) { return -exp32(A_log); }
ROOM_FN float scan_a(float delta, float A) { return exp32(delta * A); }
/* Whether e^(delta A) is in reach of exp32_near. Rounding keeps the order of products: where it is
 * with the farthest delta and the farthest A, it is with all of them. */
ROOM_FN bool scan_is_near(float delta, float A) { return fabsf(delta * A) <= EXP32_NEAR; }
/* The largest magnitude; a NaN where there is one, with which nothing is near. */
ROOM_FN float scan_farthest(const float *x, int items) {
  uint32_t farthest = 0;
  for (int i = 0; i < items; i++) {
    uint32_t bits = bits_of_f32(fabsf(x[i]));
    farthest = bits > farthest ? bits : farthest;
  }
  return f32_of_bits(farthest);
}
/* Of all of `items` tokens, one by one. */
ROOM_FN bool scan_are_near(const float *delta, float A, int items) {
  bool near = true;
  for (int i = 0; i < items; i++) near &= scan_is_near(delta[i], A);
  return near;
}
/* scan_a of `items` tokens. near: all are known to be; then they go side by side on a device: exps
 * in one basic block overlap. */
ROOM_FN void scan_decays(const float *delta, float A, bool near, int items, float *a) {
  if (near) {
#ifdef __CUDA_ARCH__
#pragma unroll
#endif
    for (int i = 0; i < items; i++) a[i] = exp32_near(delta[i] * A);
    return;
  }
  for (int i = 0; i < items; i++) a[i] = scan_a(delta[i], A);
}
/* scan_delta of `items` tokens, likewise. */
ROOM_FN void scan_deltas(const float *dt, float bias, int items, float *delta) {
#ifdef __CUDA_ARCH__
  bool near = true;
#pragma unroll
  for (int i = 0; i < items; i++) {
    float d = dt[i] + bias;
    delta[i] = softplus32_near(d);
    near = near && fabsf(d) <= EXP32_NEAR;
  }
  if (near) return;
#endif
  for (int i = 0; i < items; i++) delta[i] = scan_delta(dt[i], bias);
}
ROOM_FN float scan_delta_u(float delta, float u) { return delta * u; }
ROOM_FN float scan_skip(float D, float u) { return D * u; }
ROOM_FN float scan_b(float delta_u, float B) { return delta_u * B; }
ROOM_FN float scan_step(float a, float h, float b) { return fmaf(a, h, b); }
ROOM_FN float scan_output(float y, float h, float C) { return fmaf(h, C, y); }
/* e = e^-z */
ROOM_FN float scan_gate_by(float y, float z, float e) { return silu32_by(y * z, e); }
ROOM_FN float scan_gate(float y, float z) { return scan_gate_by(y, z, exp32(-z)); }
/* scan_gate of `items` tokens, likewise. */
ROOM_FN void scan_gates(const float *y, const float *z, int items, float *gated) {
#ifdef __CUDA_ARCH__
  bool near = true;
#pragma unroll
  for (int i = 0; i < items; i++) {
    gated[i] = 1.0f + exp32_near(-z[i]);
    near = near && fabsf(z[i]) <= EXP32_NEAR;
  }
  if (near) {
#pragma unroll
    for (int i = 0; i < items; i++) gated[i] = (y[i] * z[i]) / gated[i];
    return;
  }
#endif
  for (int i = 0; i < items; i++) gated[i] = scan_gate(y[i], z[i]);
}

typedef struct ScanPair {
  float a, b;
} ScanPair;

ROOM_FN ScanPair scan_join(ScanPair first, ScanPair second) {
  ScanPair joined = {second.a * first.a, scan_step(second.a, first.b, second.b)};
  return joined;
}

enum { SCAN_WARP = 32, SCAN_MAX_LANES = 128 };

typedef struct ScanChunk {
  int lanes, items;
} ScanChunk;

/* The launch shapes of Mamba's and Quamba's kernels, by length. */
ROOM_FN ScanChunk scan_chunk(int T) {
  ScanChunk chunk = {T <= 512 ? 32 : T <= 1024 ? 64 : 128, T <= 128 ? 4 : T <= 256 ? 8 : 16};
  return chunk;
}

/* T rounded up to whole chunks. */
ROOM_FN int scan_padded_tokens(int T) {
  ScanChunk chunk = scan_chunk(T);
  int tokens = chunk.lanes * chunk.items;
  return (T + tokens - 1) / tokens * tokens;
}

typedef enum ScanOrder { SCAN_SEQUENTIAL, SCAN_BLOCKED } ScanOrder;

/* All zero: float32 throughout. softplus and decay: f32, f16 or bf16; state: i8 too. */
typedef struct ScanPrecision {
  Precision softplus, decay, state;
  float state_scale; /* of state i8 */
} ScanPrecision;

/* Each input is f32 or i8 with its scale (dequantised first), any stride. */
typedef struct ScanInputs {
  const Tensor *u;       /* [T, E] */
  const Tensor *dt;      /* [T, E], before bias and softplus */
  const Tensor *B, *C;   /* [T, N] */
  const Tensor *z;       /* [T, E] */
  const Tensor *A_log;   /* [E, N] */
  const Tensor *D;       /* [1, E] */
  const Tensor *dt_bias; /* [1, E] */
  ScanPrecision precision;
} ScanInputs;

typedef struct ScanOutputs {
  Tensor *delta; /* [T, E] f32 */
  Tensor *y;     /* [T, E] f32, before the gate */
  Tensor *gated; /* [T, E] f32 or f16 */
  Tensor *state; /* [E, N] f32, after the last token */
} ScanOutputs;

/* Bytes of working memory that scan needs for these sizes: with omp_get_max_threads() threads, or
 * on a device. */
size_t scan_scratch_bytes(int T, int E, int N, ScanOrder order);
void scan(const ScanInputs *in, ScanOrder order, const ScanOutputs *out, void *scratch);

/* What of its settings names a scan. rest: the format of all inputs but u; FORMAT_COUNT where they
 * are of both. */
typedef struct ScanKind {
  Format u, rest;
  ScanOrder order;
  ScanPrecision precision;
} ScanKind;
ScanKind scan_kind(const ScanInputs *in, ScanOrder order);
/* output: the format of the one that is signed. */
const char *scan_witness(const ScanKind *kind, Format output, Backend backend);
#endif
