/* scan: a block takes CHANNELS channels through all tokens, a tile of tokens at a time:
 *   stage:  threads are (token, channel), channels side by side in memory: delta, and the inputs to
 *   shared memory;
 *   scan:   the recurrence, by the order;
 *   finish: threads are (token, channel) again: the gate, and the outputs.
 *
 * Sequential order. A thread is (channel, state) and RUN tokens. It has all its decays and inputs
 * before the states of the tokens before it arrive, so only RUN fmas wait for one another; the runs
 * of a tile take turns. The sums over n are then (token, channel) threads' again, out of shared
 * memory.
 *
 * Blocked order. A thread is one lane of the header's chunk: ITEMS tokens of one channel; the
 * states one after the other, so that y[ITEMS] is summed over n where it is. A warp's scan is
 * shuffles, as in CUB's.
 *
 * Tokens past the end are (1, -0), which leaves h as it is, -0 included; nothing else comes of
 * them. */
#include "kernels/device.cuh"
#include <cuda_pipeline.h>

enum { CHANNELS = 4, STATES = 16, RUN = 16, RUNS = 4, TILE = RUN * RUNS };

typedef struct Args {
  Tensor u, dt, B, C, z, A_log, D, dt_bias, delta, y, gated, state;
} Args;

/* One element of a tensor of parameters; 0 past the last channel. */
__device__ static float load_real(const Tensor &t, int row, int col, bool there) {
  Reader r = reader(t, row, col, 0);
  return read(&r, there);
}

/* A[channel][n] of this block's channels. */
__device__ static void load_A(const Args &p, int first_channel, float *A) {
  int N = p.A_log.cols, E = p.u.cols;
  for (int i = (int)threadIdx.x; i < CHANNELS * N; i += (int)blockDim.x) {
    int channel = first_channel + i / N;
    A[i] = scan_A(load_real(p.A_log, channel, i % N, channel < E));
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

/* Rows of TILE tokens in shared memory. The paddings keep both ways of reading free of bank
 * conflicts: 16-byte pieces of one row per thread, and neighbouring tokens of CHANNELS rows. */
enum { PADDED = TILE + 4, CHANNEL_PADDED = TILE + 8, STATES_PADDED = STATES * PADDED + 8 };

__global__ static void __launch_bounds__(CHANNELS *TILE, 3) sequential_kernel(Args p) {
  __shared__ __align__(16) float delta_s[CHANNELS][CHANNEL_PADDED],
      delta_u_s[CHANNELS][CHANNEL_PADDED];
  __shared__ __align__(16) float B_s[STATES][PADDED], C_s[TILE][STATES + 4],
      h_s[CHANNELS][STATES_PADDED];
  extern __shared__ float of_states[]; /* A and the running h, [CHANNELS][N] each */
  int T = p.u.rows, E = p.u.cols, N = p.B.cols, first_channel = (int)blockIdx.x * CHANNELS,
      id = (int)threadIdx.x;
  float *A = of_states, *h_now = of_states + CHANNELS * N;
  load_A(p, first_channel, A);
  for (int i = id; i < CHANNELS * N; i += (int)blockDim.x) h_now[i] = 0.0f;

  int t = id / CHANNELS, c = id % CHANNELS, channel = first_channel + c; /* stage, finish */
  int run = id / (CHANNELS * STATES), pair_c = id / STATES % CHANNELS, s = id % STATES,
      at = run * RUN; /* scan */
  bool here = channel < E;
  float D = load_real(p.D, 0, channel, here), bias = load_real(p.dt_bias, 0, channel, here);
  /* What comes next is on its way while this is worked on: a thread's token, and a state's B and C
   * of MINE tokens. */
  enum { THREADS = CHANNELS * TILE, APART = THREADS / STATES, MINE = TILE / APART };
  int my_token = id / STATES;
  Reader read_dt = reader(p.dt, t, channel, TILE), read_u = reader(p.u, t, channel, TILE);
  Reader read_z = reader(p.z, t, channel, TILE);
  Writer write_delta = writer(p.delta, FORMAT_F32, t, channel, TILE),
         write_y = writer(p.y, FORMAT_F32, t, channel, TILE);
  Writer write_gated = writer(p.gated, p.gated.format, t, channel, TILE);
  Reader read_B = reader(p.B, my_token, s, APART), read_C = reader(p.C, my_token, s, APART);
  float dt = read(&read_dt, here && t < T), u = read(&read_u, here && t < T),
        z = read(&read_z, here && t < T);
  float next_B[MINE], next_C[MINE];
#pragma unroll
  for (int i = 0; i < MINE; i++) {
    bool there = my_token + i * APART < T && s < N;
    next_B[i] = read(&read_B, there);
    next_C[i] = read(&read_C, there);
  }
  for (int first = 0; first < T; first += TILE) {
    bool mine = first + t < T && here;
    float delta = scan_delta(dt, bias), y = scan_skip(D, u), my_z = z;
    write(&write_delta, delta, mine);
    delta_s[c][t] = delta;
    delta_u_s[c][t] = scan_delta_u(delta, u);
    bool next_mine = first + TILE + t < T && here;
    dt = read(&read_dt, next_mine);
    u = read(&read_u, next_mine);
    z = read(&read_z, next_mine);
    for (int n = 0; n < N; n += STATES) {
#pragma unroll
      for (int i = 0; i < MINE; i++) {
        B_s[s][my_token + i * APART] = next_B[i];
        C_s[my_token + i * APART][s] = next_C[i];
      }
      bool more = n + STATES < N;
      int next_n = more ? n + STATES : 0, next_t = (more ? first : first + TILE) + my_token;
      if (N > STATES) {
        read_B = reader(p.B, next_t, next_n + s, APART);
        read_C = reader(p.C, next_t, next_n + s, APART);
      }
#pragma unroll
      for (int i = 0; i < MINE; i++) {
        bool there = next_t + i * APART < T && next_n + s < N;
        next_B[i] = read(&read_B, there);
        next_C[i] = read(&read_C, there);
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
      for (int i = 0; i < RUN; i++) b[i] = scan_b(b[i], B[i]);
      if (first + at + RUN > T) {
#pragma unroll
        for (int i = 0; i < RUN; i++)
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
      float C[STATES];
      load4<STATES>(C_s[t], C);
#pragma unroll
      for (int state = 0; state < STATES; state++)
        if (n + state < N) y = scan_output(y, h_s[c][state * PADDED + t], C[state]);
      __syncthreads();
    }
    write(&write_y, y, mine);
    write(&write_gated, scan_gate(y, my_z), mine);
  }
  for (int i = id; i < CHANNELS * N; i += (int)blockDim.x)
    if (first_channel + i / N < E)
      store(p.state, first_channel + i / N, i % N, h_now[i], ROUND_EVEN);
}

__device__ static ScanPair shuffle_up(ScanPair pair, unsigned distance) {
  ScanPair lower = {__shfl_up_sync(~0u, pair.a, distance), __shfl_up_sync(~0u, pair.b, distance)};
  return lower;
}

/* WARPS warps a channel. A lane's ITEMS tokens are read in 16-byte pieces. In shared memory lanes
 * are padded, so that the pieces of neighbours fall into different banks. B and C, the same for
 * every channel, are laid out once in global memory in the order that lanes read them, and copied
 * to shared memory in the background, a state at a time, SLOTS states. */
enum { SLOTS = 3 };
template <int ITEMS, int WARPS> struct Blocked {
  enum { AT_ONCE = ITEMS > 8 ? 1 : 2, SLOTS = 3 * AT_ONCE };
  enum {
    LANES = 32 * WARPS,
    TOKENS = LANES * ITEMS,
    STRIDE = ITEMS + (ITEMS > 4 ? 4 : 0),
    ROW = LANES * STRIDE + 8
  };
  static __host__ __device__ int at(int token) { return token / ITEMS * STRIDE + token % ITEMS; }
  /* Token t of a state, among scan_padded_tokens. */
  static __host__ __device__ int laid_out(int t) {
    int in_chunk = t % TOKENS, lane = in_chunk / ITEMS, item = in_chunk % ITEMS;
    return t - in_chunk + item / 4 * 4 * LANES + lane * 4 + item % 4;
  }
  /* B and C, delta and u; then A, [CHANNELS][N], and running prefixes, [CHANNELS * WARPS][N]. */
  static size_t bytes(int N) {
    return sizeof(float) * ((size_t)(SLOTS * 2) * TOKENS + (size_t)(2 * CHANNELS) * ROW +
                            (size_t)CHANNELS * (size_t)N * (1 + 2 * WARPS));
  }
};

/* B and C as float32, [N][padded tokens] each, zero past the end. */
template <int ITEMS, int WARPS>
__global__ static void lay_out_kernel(Args p, int padded, float *B, float *C) {
  int N = p.B.cols, i = (int)(blockIdx.x * blockDim.x + threadIdx.x), t = i / N, n = i % N;
  if (t >= padded) return;
  size_t to = (size_t)n * (size_t)padded + (size_t)Blocked<ITEMS, WARPS>::laid_out(t);
  B[to] = load_real(p.B, t, n, t < p.B.rows);
  C[to] = load_real(p.C, t, n, t < p.C.rows);
}

template <int ITEMS, int WARPS>
__global__ static void __launch_bounds__(CHANNELS * 32 * WARPS, WARPS == 1 ? 3 : 4 / WARPS)
    blocked_kernel(Args p, int padded, const float *B, const float *C) {
  typedef Blocked<ITEMS, WARPS> Shape;
  enum { AT_ONCE = Shape::AT_ONCE };
  extern __shared__ __align__(16) float memory[];
  __shared__ ScanPair totals[2][CHANNELS][AT_ONCE][WARPS];

  float(*B_s)[Shape::TOKENS] = (float(*)[Shape::TOKENS])memory,
  (*C_s)[Shape::TOKENS] = B_s + Shape::SLOTS;
  float(*delta_s)[Shape::ROW] = (float(*)[Shape::ROW])(C_s + Shape::SLOTS),
  (*u_s)[Shape::ROW] = delta_s + CHANNELS;
  int T = p.u.rows, E = p.u.cols, N = p.B.cols, first_channel = (int)blockIdx.x * CHANNELS,
      id = (int)threadIdx.x;
  int warp = id / 32 % WARPS, lane = id % 32, c = id / Shape::LANES, position = id % Shape::LANES;
  float *A = (float *)(u_s + CHANNELS);
  ScanPair *running = (ScanPair *)(A + CHANNELS * N) + id / 32 * N; /* each warp has its own copy */
  load_A(p, first_channel, A);
  for (int n = lane; n < N; n += 32) running[n] = ScanPair{1.0f, 0.0f};
  float D = load_real(p.D, 0, first_channel + c, first_channel + c < E);
  /* stage and finish: ITEMS tokens of one channel, APART from one another */
  enum { APART = 32 * WARPS };
  int my_t = id / CHANNELS, my_c = id % CHANNELS, channel = first_channel + my_c;
  bool here = channel < E;
  float bias = load_real(p.dt_bias, 0, channel, here);
  Reader read_dt = reader(p.dt, my_t, channel, APART), read_u = reader(p.u, my_t, channel, APART);
  Reader read_z = reader(p.z, my_t, channel, APART);
  Writer write_delta = writer(p.delta, FORMAT_F32, my_t, channel, APART),
         write_y = writer(p.y, FORMAT_F32, my_t, channel, APART);
  Writer write_gated = writer(p.gated, p.gated.format, my_t, channel, APART);

  /* Queues states n … n + AT_ONCE - 1 of the chunk at `first`; what is not there is an empty place
   * in the queue. */
  auto copy_states = [&](int first, int n) {
#pragma unroll
    for (int s = 0; s < AT_ONCE; s++) {
      size_t from = (size_t)(n + s) * (size_t)padded + (size_t)first;
      for (int i = id * 4; n + s < N && i < Shape::TOKENS; i += (int)blockDim.x * 4) {
        __pipeline_memcpy_async(&B_s[(n + s) % Shape::SLOTS][i], &B[from + (size_t)i], 16);
        __pipeline_memcpy_async(&C_s[(n + s) % Shape::SLOTS][i], &C[from + (size_t)i], 16);
      }
    }
    __pipeline_commit();
  };
  for (int first = 0; first < T; first += Shape::TOKENS) {
    copy_states(first, 0);
    copy_states(first, AT_ONCE);
    int tokens = T - first < Shape::TOKENS ? T - first : Shape::TOKENS;
#pragma unroll
    for (int i = 0; i < ITEMS; i++) { /* all loads under way, then the rest */
      int t = my_t + i * APART;
      delta_s[my_c][Shape::at(t)] = read(&read_dt, here && t < tokens);
      u_s[my_c][Shape::at(t)] = read(&read_u, here && t < tokens);
    }
#pragma unroll 2
    for (int t = my_t; t < tokens; t += APART) {
      float delta = scan_delta(delta_s[my_c][Shape::at(t)], bias);
      delta_s[my_c][Shape::at(t)] = delta;
      write(&write_delta, delta, here);
    }
    __pipeline_wait_prior(1);
    __syncthreads();
    float delta[ITEMS], delta_u[ITEMS], y[ITEMS];
    load4<ITEMS>(&delta_s[c][position * Shape::STRIDE], delta);
    load4<ITEMS>(&u_s[c][position * Shape::STRIDE], y);
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
      delta_u[i] = scan_delta_u(delta[i], y[i]); /* y: u until here */
      y[i] = scan_skip(D, y[i]);
    }
    int live = tokens - position * ITEMS; /* of this lane's items, those before the end */
    for (int n = 0; n < N; n += AT_ONCE) {
      float a[AT_ONCE][ITEMS], b[AT_ONCE][ITEMS];
      ScanPair fold[AT_ONCE];
#pragma unroll
      for (int s = 0; s < AT_ONCE; s++) {
        scan_decays(delta, A[c * N + min(n + s, N - 1)], ITEMS, a[s]);
        load4<ITEMS>(&B_s[(n + s) % Shape::SLOTS][position * 4], b[s], 4 * Shape::LANES);
#pragma unroll
        for (int i = 0; i < ITEMS; i++) b[s][i] = scan_b(delta_u[i], b[s][i]);
        if (live < ITEMS) {
#pragma unroll
          for (int i = 0; i < ITEMS; i++)
            if (i >= live) a[s][i] = 1.0f, b[s][i] = -0.0f;
        }
        fold[s] = ScanPair{a[s][0], b[s][0]};
#pragma unroll
        for (int i = 1; i < ITEMS; i++) fold[s] = scan_join(fold[s], ScanPair{a[s][i], b[s][i]});
      }
#pragma unroll
      for (int distance = 1; distance < SCAN_WARP; distance *= 2)
#pragma unroll
        for (int s = 0; s < AT_ONCE; s++) {
          ScanPair lower = shuffle_up(fold[s], (unsigned)distance);
          if (lane >= distance) fold[s] = scan_join(lower, fold[s]);
        }
      ScanPair(*of_warps)[WARPS] = totals[n / AT_ONCE % 2][c];
#pragma unroll
      for (int s = 0; s < AT_ONCE; s++)
        if (lane == 31) of_warps[s][warp] = fold[s];
      __pipeline_wait_prior(0);
      __syncthreads(); /* the totals, and the next states, are there for all; those before were used
                          by all */
      copy_states(first, n + 2 * AT_ONCE);
#pragma unroll
      for (int s = 0; s < AT_ONCE; s++) {
        if (n + s >= N) break;
        ScanPair before = shuffle_up(fold[s], 1),
                 total = of_warps[s][0]; /* before this lane; of the chunk */
#pragma unroll
        for (int w = 1; w < WARPS; w++) {
          if (w == warp) before = lane == 0 ? total : scan_join(total, before);
          total = scan_join(total, of_warps[s][w]);
        }
        ScanPair prefix = running[n + s];
        float h = position == 0 ? prefix.b : scan_join(prefix, before).b;
        if (first + Shape::TOKENS < T) {
          __syncwarp();
          if (lane == 0) running[n + s] = scan_join(prefix, total);
          __syncwarp();
        }
        float C_n[ITEMS];
        load4<ITEMS>(&C_s[(n + s) % Shape::SLOTS][position * 4], C_n, 4 * Shape::LANES);
#pragma unroll
        for (int i = 0; i < ITEMS; i++) {
          h = scan_step(a[s][i], h, b[s][i]);
          y[i] = scan_output(y[i], h, C_n[i]);
        }
        if (first + tokens == T && live > 0 && live <= ITEMS && first_channel + c < E)
          store(p.state, first_channel + c, n + s, h, ROUND_EVEN);
      }
    }
    __syncthreads();
    store4<ITEMS>(&u_s[c][position * Shape::STRIDE], y);
    __syncthreads();
#pragma unroll
    for (int i = 0; i < ITEMS; i++)
      delta_s[my_c][Shape::at(my_t + i * APART)] = read(&read_z, here && my_t + i * APART < tokens);
#pragma unroll 2
    for (int t = my_t; t < tokens; t += APART) {
      float of_t = u_s[my_c][Shape::at(t)];
      write(&write_y, of_t, here);
      write(&write_gated, scan_gate(of_t, delta_s[my_c][Shape::at(t)]), here);
    }
    __syncthreads();
  }
}

template <int ITEMS, int WARPS>
static void launch_blocked(Cuda *cuda, const Args &p, unsigned blocks, float *scratch) {
  int N = p.B.cols, padded = scan_padded_tokens(p.u.rows);
  size_t bytes = Blocked<ITEMS, WARPS>::bytes(N);
  float *B = scratch, *C = scratch + (size_t)N * (size_t)padded;
  device_shared(cuda, blocked_kernel<ITEMS, WARPS>, bytes, "scan blocked");
  lay_out_kernel<ITEMS, WARPS>
      <<<(unsigned)ceil_div(padded * N, 256), 256, 0, device_stream(cuda)>>>(p, padded, B, C);
  blocked_kernel<ITEMS, WARPS>
      <<<blocks, CHANNELS * 32 * WARPS, bytes, device_stream(cuda)>>>(p, padded, B, C);
}

void scan_cuda(Cuda *cuda, const ScanInputs *in, ScanOrder order, const ScanOutputs *out,
               void *scratch) {
  int T = in->u->rows, E = in->u->cols, N = in->B->cols;
  assert(in->dt->rows == T && in->dt->cols == E && in->z->rows == T && in->z->cols == E &&
         in->B->rows == T);
  assert(in->C->rows == T && in->C->cols == N && in->A_log->rows == E && in->A_log->cols == N);
  assert(in->D->cols == E && in->dt_bias->cols == E && out->state->rows == E &&
         out->state->cols == N);
  assert(out->delta->format == FORMAT_F32 && out->y->format == FORMAT_F32 &&
         out->state->format == FORMAT_F32);
  assert(out->gated->format == FORMAT_F32 || out->gated->format == FORMAT_F16);
  assert(!in->precision.softplus && !in->precision.decay &&
         !in->precision.state); /* narrower stages: the CPU's alone */
  const Tensor *large[] = {in->u,     in->dt,     in->B,  in->C,     in->z,
                           in->A_log, out->delta, out->y, out->gated};
  for (size_t i = 0; i < sizeof large / sizeof *large; i++) assert(device_addressable(large[i]));
  Args p = {*in->u, *in->dt,      *in->B,      *in->C,  *in->z,      *in->A_log,
            *in->D, *in->dt_bias, *out->delta, *out->y, *out->gated, *out->state};
  unsigned blocks = (unsigned)ceil_div(E, CHANNELS);
  ScanChunk chunk = scan_chunk(T);
  float *laid_out = (float *)(((uintptr_t)scratch + 15) & ~(uintptr_t)15);
  if (order == SCAN_SEQUENTIAL) {
    size_t bytes = 2 * sizeof(float) * (size_t)CHANNELS * (size_t)N;
    device_shared(cuda, sequential_kernel, bytes, "scan sequential");
    sequential_kernel<<<blocks, CHANNELS * TILE, bytes, device_stream(cuda)>>>(p);
  } else if (chunk.lanes == 32 && chunk.items == 4)
    launch_blocked<4, 1>(cuda, p, blocks, laid_out);
  else if (chunk.lanes == 32 && chunk.items == 8)
    launch_blocked<8, 1>(cuda, p, blocks, laid_out);
  else if (chunk.lanes == 32)
    launch_blocked<16, 1>(cuda, p, blocks, laid_out);
  else if (chunk.lanes == 64)
    launch_blocked<16, 2>(cuda, p, blocks, laid_out);
  else
    launch_blocked<16, 4>(cuda, p, blocks, laid_out);
  device_launched(cuda, order == SCAN_BLOCKED ? "scan blocked" : "scan sequential", T, E);

  ScanKind kind = scan_kind(in, order);
  Tensor *written[] = {out->delta, out->y, out->gated, out->state};
  for (int i = 0; i < 4; i++) {
    written[i]->nans = 0;
    written[i]->kernel = scan_witness(&kind, written[i]->format, BACKEND_CUDA);
  }
}
