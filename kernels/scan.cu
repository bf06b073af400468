/* scan: a block takes CHANNELS channels through all tokens, a tile of tokens at a time:
 *   stage:  threads are (token, channel), channels side by side in memory: delta, and the inputs to shared memory;
 *   scan:   the recurrence, by the order;
 *   finish: threads are (token, channel) again: the gate, and the outputs.
 *
 * Sequential order. A thread is (channel, state) and RUN tokens. It has all its decays and inputs before the states of
 * the tokens before it arrive, so only RUN fmas wait for one another; the runs of a tile take turns. The sums over n
 * are then (token, channel) threads' again, out of shared memory.
 *
 * Blocked order. A thread is one lane of the header's chunk: ITEMS tokens of one channel; the states one after the
 * other, so that y[ITEMS] is summed over n where it is. A warp's scan is shuffles, as in CUB's.
 *
 * Tokens past the end are (1, -0), which leaves h as it is, -0 included; nothing else comes of them. */
#include "kernels/device.cuh"

enum { CHANNELS = 4, STATES = 16, RUN = 16, RUNS = 4, TILE = RUN * RUNS };

typedef struct Args {
  Tensor u, dt, B, C, z, A_log, D, dt_bias, delta, y, gated, state;
} Args;

/* delta of one token, and u. */
__device__ static float stage(const Args &p, int t, int channel, float *u) {
  float dt = load(p.dt, scale_of(p.dt), t, channel), bias = load(p.dt_bias, scale_of(p.dt_bias), 0, channel);
  float delta = scan_delta(dt, bias);
  store(p.delta, t, channel, delta, ROUND_EVEN);
  *u = load(p.u, scale_of(p.u), t, channel);
  return delta;
}

__device__ static void finish(const Args &p, int t, int channel, float y) {
  store(p.y, t, channel, y, ROUND_EVEN);
  store(p.gated, t, channel, scan_gate(y, load(p.z, scale_of(p.z), t, channel)), ROUND_EVEN);
}

/* A[channel][n] of this block's channels. */
__device__ static void load_A(const Args &p, int first_channel, float *A) {
  int N = p.A_log.cols, E = p.u.cols;
  for (int i = (int)threadIdx.x; i < CHANNELS * N; i += (int)blockDim.x) {
    int channel = first_channel + i / N;
    A[i] = channel < E ? scan_A(load(p.A_log, scale_of(p.A_log), channel, i % N)) : 0.0f;
  }
}

/* values[i] = from[i], 16 bytes at a time. */
template <int COUNT> __device__ static void load4(const float *from, float *values) {
#pragma unroll
  for (int i = 0; i < COUNT; i += 4) {
    float4 v = *(const float4 *)(from + i);
    values[i] = v.x, values[i + 1] = v.y, values[i + 2] = v.z, values[i + 3] = v.w;
  }
}
template <int COUNT> __device__ static void store4(float *to, const float *values) {
#pragma unroll
  for (int i = 0; i < COUNT; i += 4)
    *(float4 *)(to + i) = make_float4(values[i], values[i + 1], values[i + 2], values[i + 3]);
}

/* Rows of TILE tokens in shared memory. The paddings keep both ways of reading free of bank conflicts: 16-byte pieces
 * of one row per thread, and neighbouring tokens of CHANNELS rows. */
enum { PADDED = TILE + 4, CHANNEL_PADDED = TILE + 8, STATES_PADDED = STATES * PADDED + 8 };

__global__ static void __launch_bounds__(CHANNELS *TILE, 3) sequential_kernel(Args p) {
  __shared__ __align__(16) float delta_s[CHANNELS][CHANNEL_PADDED], delta_u_s[CHANNELS][CHANNEL_PADDED];
  __shared__ __align__(16) float B_s[STATES][PADDED], C_s[STATES][PADDED], h_s[CHANNELS][STATES_PADDED];
  extern __shared__ float of_states[]; /* A and the running h, [CHANNELS][N] each */
  int T = p.u.rows, E = p.u.cols, N = p.B.cols, first_channel = (int)blockIdx.x * CHANNELS, id = (int)threadIdx.x;
  float *A = of_states, *h_now = of_states + CHANNELS * N;
  load_A(p, first_channel, A);
  for (int i = id; i < CHANNELS * N; i += (int)blockDim.x) h_now[i] = 0.0f;

  int t = id / CHANNELS, c = id % CHANNELS, channel = first_channel + c; /* stage, finish */
  int run = id / (CHANNELS * STATES), pair_c = id / STATES % CHANNELS, s = id % STATES, at = run * RUN; /* scan */
  float D = channel < E ? load(p.D, scale_of(p.D), 0, channel) : 0.0f;
  for (int first = 0; first < T; first += TILE) {
    bool mine = first + t < T && channel < E;
    float delta = 0.0f, u = 0.0f;
    if (mine) delta = stage(p, first + t, channel, &u);
    delta_s[c][t] = delta;
    delta_u_s[c][t] = delta * u;
    float y = D * u;
    for (int n = 0; n < N; n += STATES) {
      for (int i = id; i < TILE * STATES; i += (int)blockDim.x) {
        int token = i / STATES, state = i % STATES;
        bool there = first + token < T && n + state < N;
        B_s[state][token] = there ? load(p.B, scale_of(p.B), first + token, n + state) : 0.0f;
        C_s[state][token] = there ? load(p.C, scale_of(p.C), first + token, n + state) : 0.0f;
      }
      __syncthreads();
      float a[RUN], b[RUN];
      bool state_there = n + s < N;
      load4<RUN>(&delta_s[pair_c][at], b);
      scan_decays(b, state_there ? A[pair_c * N + n + s] : 0.0f, RUN, a);
      float B[RUN];
      load4<RUN>(&delta_u_s[pair_c][at], b);
      load4<RUN>(&B_s[s][at], B);
#pragma unroll
      for (int i = 0; i < RUN; i++) {
        b[i] = scan_b(b[i], B[i]);
        if (first + at + i >= T) a[i] = 1.0f, b[i] = -0.0f;
      }
      for (int turn = 0; turn < RUNS; turn++) {
        if (turn == run && state_there) {
          float h = h_now[pair_c * N + n + s];
#pragma unroll
          for (int i = 0; i < RUN; i++) b[i] = h = scan_step(a[i], h, b[i]);
          h_now[pair_c * N + n + s] = h;
          store4<RUN>(&h_s[pair_c][s * PADDED + at], b);
        }
        __syncthreads();
      }
      for (int state = 0; state < STATES && n + state < N; state++)
        y = scan_output(y, h_s[c][state * PADDED + t], C_s[state][t]);
      __syncthreads();
    }
    if (mine) finish(p, first + t, channel, y);
  }
  for (int i = id; i < CHANNELS * N; i += (int)blockDim.x)
    if (first_channel + i / N < E) store(p.state, first_channel + i / N, i % N, h_now[i], ROUND_EVEN);
}

/* Waits for the `threads` threads of one channel. */
__device__ static void channel_barrier(int channel, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(channel + 1), "r"(threads) : "memory");
}

__device__ static ScanPair shuffle_up(ScanPair pair, unsigned distance) {
  ScanPair lower = {__shfl_up_sync(~0u, pair.a, distance), __shfl_up_sync(~0u, pair.b, distance)};
  return lower;
}

/* WARPS warps a channel. Rows of a chunk in shared memory: ITEMS tokens a lane, padded so that 16-byte pieces of
 * neighbouring lanes fall into different banks. GROUP states' B and C are there at a time. */
enum { GROUP = 4 };
template <int ITEMS, int WARPS> struct Blocked {
  enum { LANES = 32 * WARPS, TOKENS = LANES * ITEMS, STRIDE = ITEMS + (ITEMS > 4 ? 4 : 0), ROW = LANES * STRIDE + 8 };
  static __device__ int at(int token) { return token / ITEMS * STRIDE + token % ITEMS; }
  /* delta, u, B, C; then A, [CHANNELS][N], and running prefixes, [CHANNELS * WARPS][N]. */
  static size_t bytes(int N) {
    return sizeof(float) * ((size_t)(2 * CHANNELS + 2 * GROUP) * ROW + (size_t)CHANNELS * N * (1 + 2 * WARPS));
  }
};

template <int ITEMS, int WARPS>
__global__ static void __launch_bounds__(CHANNELS * 32 * WARPS, 4 / WARPS) blocked_kernel(Args p) {
  typedef Blocked<ITEMS, WARPS> Shape;
  extern __shared__ __align__(16) float memory[];
  __shared__ ScanPair totals[2][CHANNELS][WARPS];
  float(*delta_s)[Shape::ROW] = (float(*)[Shape::ROW])memory;
  float(*u_s)[Shape::ROW] = delta_s + CHANNELS, (*B_s)[Shape::ROW] = u_s + CHANNELS, (*C_s)[Shape::ROW] = B_s + GROUP;
  int T = p.u.rows, E = p.u.cols, N = p.B.cols, first_channel = (int)blockIdx.x * CHANNELS, id = (int)threadIdx.x;
  int warp = id / 32 % WARPS, lane = id % 32, c = id / Shape::LANES, position = id % Shape::LANES;
  float *A = (float *)(C_s + GROUP);
  ScanPair *running = (ScanPair *)(A + CHANNELS * N) + id / 32 * N; /* each warp has its own copy */
  load_A(p, first_channel, A);
  for (int n = lane; n < N; n += 32) running[n] = ScanPair{1.0f, 0.0f};
  float D = first_channel + c < E ? load(p.D, scale_of(p.D), 0, first_channel + c) : 0.0f;

  for (int first = 0; first < T; first += Shape::TOKENS) {
    int tokens = T - first < Shape::TOKENS ? T - first : Shape::TOKENS;
    for (int i = id; i < Shape::TOKENS * CHANNELS; i += (int)blockDim.x) {
      int t = i / CHANNELS, channel = first_channel + i % CHANNELS;
      float u = 0.0f, delta = 0.0f;
      if (t < tokens && channel < E) delta = stage(p, first + t, channel, &u);
      delta_s[i % CHANNELS][Shape::at(t)] = delta;
      u_s[i % CHANNELS][Shape::at(t)] = u;
    }
    __syncthreads();
    float delta[ITEMS], delta_u[ITEMS], y[ITEMS];
    load4<ITEMS>(&delta_s[c][position * Shape::STRIDE], delta);
    load4<ITEMS>(&u_s[c][position * Shape::STRIDE], y);
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
      delta_u[i] = delta[i] * y[i];
      y[i] = D * y[i];
    }
    int live = tokens - position * ITEMS; /* of this lane's items, those before the end */
    for (int n = 0; n < N; n++) {
      if (n % GROUP == 0) {
        __syncthreads();
        for (int i = id; i < Shape::TOKENS * GROUP; i += (int)blockDim.x) {
          int t = i / GROUP, state = n + i % GROUP;
          bool there = t < tokens && state < N;
          B_s[i % GROUP][Shape::at(t)] = there ? load(p.B, scale_of(p.B), first + t, state) : 0.0f;
          C_s[i % GROUP][Shape::at(t)] = there ? load(p.C, scale_of(p.C), first + t, state) : 0.0f;
        }
        __syncthreads();
      }
      float a[ITEMS], b[ITEMS];
      scan_decays(delta, A[c * N + n], ITEMS, a);
      load4<ITEMS>(&B_s[n % GROUP][position * Shape::STRIDE], b);
#pragma unroll
      for (int i = 0; i < ITEMS; i++) b[i] = scan_b(delta_u[i], b[i]);
      if (live < ITEMS) {
#pragma unroll
        for (int i = 0; i < ITEMS; i++)
          if (i >= live) a[i] = 1.0f, b[i] = -0.0f;
      }
      ScanPair fold = {a[0], b[0]};
#pragma unroll
      for (int i = 1; i < ITEMS; i++) fold = scan_join(fold, ScanPair{a[i], b[i]});
#pragma unroll
      for (int distance = 1; distance < SCAN_WARP; distance *= 2) {
        ScanPair lower = shuffle_up(fold, (unsigned)distance);
        if (lane >= distance) fold = scan_join(lower, fold);
      }
      ScanPair before = shuffle_up(fold, 1), total; /* before this lane; of the chunk */
      if (WARPS == 1) {
        total = ScanPair{__shfl_sync(~0u, fold.a, 31), __shfl_sync(~0u, fold.b, 31)};
      } else {
        ScanPair *of_warps = totals[n % 2][c];
        if (lane == 31) of_warps[warp] = fold;
        channel_barrier(c, Shape::LANES);
        total = of_warps[0];
#pragma unroll
        for (int w = 1; w < WARPS; w++) {
          if (w == warp) before = lane == 0 ? total : scan_join(total, before);
          total = scan_join(total, of_warps[w]);
        }
      }
      ScanPair prefix = running[n];
      float h = position == 0 ? prefix.b : scan_join(prefix, before).b;
      if (first + Shape::TOKENS < T) {
        __syncwarp();
        if (lane == 0) running[n] = scan_join(prefix, total);
        __syncwarp();
      }
      float C[ITEMS];
      load4<ITEMS>(&C_s[n % GROUP][position * Shape::STRIDE], C);
#pragma unroll
      for (int i = 0; i < ITEMS; i++) {
        h = scan_step(a[i], h, b[i]);
        y[i] = scan_output(y[i], h, C[i]);
      }
      if (first + tokens == T && live > 0 && live <= ITEMS && first_channel + c < E)
        store(p.state, first_channel + c, n, h, ROUND_EVEN);
    }
    store4<ITEMS>(&u_s[c][position * Shape::STRIDE], y);
    __syncthreads();
    for (int i = id; i < tokens * CHANNELS; i += (int)blockDim.x)
      if (first_channel + i % CHANNELS < E)
        finish(p, first + i / CHANNELS, first_channel + i % CHANNELS, u_s[i % CHANNELS][Shape::at(i / CHANNELS)]);
    __syncthreads();
  }
}

template <int ITEMS, int WARPS> static void launch_blocked(const Args &p, unsigned blocks) {
  size_t bytes = Blocked<ITEMS, WARPS>::bytes(p.B.cols);
  device_shared(blocked_kernel<ITEMS, WARPS>, bytes, "scan blocked");
  blocked_kernel<ITEMS, WARPS><<<blocks, CHANNELS * 32 * WARPS, bytes, device_stream()>>>(p);
}

/* Which kernel ran, by the types that went through it: [order][u is i8][rest: f32, i8, mixed][gated is f16]. */
static const char *witness(const ScanInputs *in, ScanOrder order, Type output) {
  static const char *const name[2][2][3][2] = {
      {{{"scan u:f32 rest:f32 sequential->f32 cuda", "scan u:f32 rest:f32 sequential->f16 cuda"},
        {"scan u:f32 rest:i8 sequential->f32 cuda", "scan u:f32 rest:i8 sequential->f16 cuda"},
        {"scan u:f32 rest:mixed sequential->f32 cuda", "scan u:f32 rest:mixed sequential->f16 cuda"}},
       {{"scan u:i8 rest:f32 sequential->f32 cuda", "scan u:i8 rest:f32 sequential->f16 cuda"},
        {"scan u:i8 rest:i8 sequential->f32 cuda", "scan u:i8 rest:i8 sequential->f16 cuda"},
        {"scan u:i8 rest:mixed sequential->f32 cuda", "scan u:i8 rest:mixed sequential->f16 cuda"}}},
      {{{"scan u:f32 rest:f32 blocked->f32 cuda", "scan u:f32 rest:f32 blocked->f16 cuda"},
        {"scan u:f32 rest:i8 blocked->f32 cuda", "scan u:f32 rest:i8 blocked->f16 cuda"},
        {"scan u:f32 rest:mixed blocked->f32 cuda", "scan u:f32 rest:mixed blocked->f16 cuda"}},
       {{"scan u:i8 rest:f32 blocked->f32 cuda", "scan u:i8 rest:f32 blocked->f16 cuda"},
        {"scan u:i8 rest:i8 blocked->f32 cuda", "scan u:i8 rest:i8 blocked->f16 cuda"},
        {"scan u:i8 rest:mixed blocked->f32 cuda", "scan u:i8 rest:mixed blocked->f16 cuda"}}}};
  const Tensor *rest[] = {in->dt, in->B, in->C, in->z, in->A_log, in->D, in->dt_bias};
  int count = sizeof rest / sizeof *rest, i8 = 0;
  for (int i = 0; i < count; i++) i8 += rest[i]->type == TYPE_I8;
  return name[order == SCAN_BLOCKED][in->u->type == TYPE_I8][i8 == 0 ? 0 : i8 == count ? 1 : 2][output == TYPE_F16];
}

void scan_cuda(const ScanInputs *in, ScanOrder order, const ScanOutputs *out, void *scratch) {
  (void)scratch; /* shared memory does */
  int T = in->u->rows, E = in->u->cols, N = in->B->cols;
  assert(in->dt->rows == T && in->dt->cols == E && in->z->rows == T && in->z->cols == E && in->B->rows == T);
  assert(in->C->rows == T && in->C->cols == N && in->A_log->rows == E && in->A_log->cols == N);
  assert(in->D->cols == E && in->dt_bias->cols == E && out->state->rows == E && out->state->cols == N);
  assert(out->delta->type == TYPE_F32 && out->y->type == TYPE_F32 && out->state->type == TYPE_F32);
  assert(out->gated->type == TYPE_F32 || out->gated->type == TYPE_F16);
  Args p = {*in->u, *in->dt,      *in->B,      *in->C,  *in->z,      *in->A_log,
            *in->D, *in->dt_bias, *out->delta, *out->y, *out->gated, *out->state};
  unsigned blocks = (unsigned)ceil_div(E, CHANNELS);
  ScanChunk chunk = scan_chunk(T);
  if (order == SCAN_SEQUENTIAL) {
    size_t bytes = 2 * sizeof(float) * (size_t)CHANNELS * (size_t)N;
    device_shared(sequential_kernel, bytes, "scan sequential");
    sequential_kernel<<<blocks, CHANNELS * TILE, bytes, device_stream()>>>(p);
  } else if (chunk.lanes == 32 && chunk.items == 4)
    launch_blocked<4, 1>(p, blocks);
  else if (chunk.lanes == 32 && chunk.items == 8)
    launch_blocked<8, 1>(p, blocks);
  else if (chunk.lanes == 32)
    launch_blocked<16, 1>(p, blocks);
  else if (chunk.lanes == 64)
    launch_blocked<16, 2>(p, blocks);
  else
    launch_blocked<16, 4>(p, blocks);
  device_launched(order == SCAN_BLOCKED ? "scan blocked" : "scan sequential", T, E);

  Tensor *written[] = {out->delta, out->y, out->gated, out->state};
  for (int i = 0; i < 4; i++) {
    written[i]->nans = 0;
    written[i]->kernel = witness(in, order, written[i]->type);
  }
}
