/* scan_blocked: a tile is the header's chunk; a channel has as many threads as the chunk has lanes,
 * and a thread is one lane: ITEMS tokens.
 *   scan, for each state: fold the own items; scan the folds of the warp, by shuffles; with the
 *   totals of the warps before, and of the chunks before, the prefix; from there h through the own
 *   items, each of which adds h C to its y. So y is summed over n where it is. Steps are numbered
 *   as in kernels/scan.h. Where ITEMS is small, two states go through them side by side.
 *
 * B and C: where a channel is one warp, warps are in no step with one another, and read them from
 * the first-level cache. Above 512 tokens, where warps wait for one another anyway, they come
 * through shared memory, SLOTS states at a time, copied in the background (States), if the card has
 * room for that.
 *
 * Shared memory: two rows of the chunk for each channel, A [channels][N], and for each warp its
 * running prefixes [N] (blocked_shared in kernels/tiles.c): 84,736 bytes for four channels above
 * 1024 tokens; with slots, SLOTS rows of B and of C more: 133,888. As many channels a block as the
 * card has room for (scan_blocked_choice). */
#ifndef DS_KERNELS_SCAN_BLOCKED_CUH
#define DS_KERNELS_SCAN_BLOCKED_CUH
#include <cuda_pipeline.h>

#include "kernels/scan_device.cuh"

/* A chunk of one channel: ITEMS tokens a lane. B and C are laid out [N][padded tokens]: of each
 * chunk first four tokens of every lane, then the next four. */
template <int ITEMS, int WARPS> struct Chunk {
  enum {
    LANES = 32 * WARPS,
    TOKENS = LANES * ITEMS,
    PITCH = scan_lane_pitch(ITEMS),
    ROW = scan_channel_pitch(LANES, ITEMS),
    AT_ONCE = scan_states_at_once(ITEMS)
  };
  /* Where token t of the chunk stands in a row of shared memory. */
  __device__ static int at(int t) { return t / ITEMS * PITCH + t % ITEMS; }
  __device__ static size_t of_B(int t, int n, int T, int) {
    int in_chunk = t % TOKENS, lane = in_chunk / ITEMS, item = in_chunk % ITEMS;
    return (size_t)n * (size_t)T +
           (size_t)(t - in_chunk + item / 4 * 4 * LANES + lane * 4 + item % 4);
  }
  __device__ static size_t of_C(int t, int n, int T, int N) { return of_B(t, n, T, N); }
};

/* The block's shared memory: rows of its channels, and what they carry on. */
template <int ITEMS, int WARPS> struct BlockRoom {
  typedef Chunk<ITEMS, WARPS> Shape;
  float (*delta)[Shape::ROW], (*u)[Shape::ROW]; /* of each channel; then z, and y */
  float *A;                                     /* [channels][N] */
  ScanPair *running;                            /* [warps][N]: each warp has its own */
  ScanPair *totals;                             /* [2][channels][AT_ONCE][WARPS] */

  __device__ BlockRoom(float *memory, int channels, int N) {
    delta = (float(*)[Shape::ROW])memory;
    u = delta + channels;
    A = (float *)(u + channels);
    running = (ScanPair *)(A + channels * N + channels * N % 2);
    totals = running + channels * WARPS * N;
  }
};

/* B and C of the chunk's states on their way through shared memory, SLOTS of them at a time; with
 * no slots they are read where they were laid out. */
template <int ITEMS, int WARPS, int SLOTS> struct States {
  typedef Chunk<ITEMS, WARPS> Shape;
  LaidOut from;
  size_t padded; /* tokens from one state to the next */
  float (*B)[Shape::TOKENS], (*C)[Shape::TOKENS];

  __device__ States(const LaidOut &laid_out, int tokens, float *memory) {
    from = laid_out;
    padded = (size_t)tokens;
    B = (float(*)[Shape::TOKENS])memory, C = B + SLOTS;
  }
  __device__ static int slot(int n) { return n % (SLOTS > 0 ? SLOTS : 1); }
  /* Queues state n of the chunk at `first`; what is not there is an empty place in the queue. */
  __device__ void queue(int first, int n, int N) {
    if (!SLOTS) return;
    const size_t at = (size_t)n * padded + (size_t)first;
    for (int i = (int)threadIdx.x * 4; n < N && i < Shape::TOKENS; i += (int)blockDim.x * 4) {
      __pipeline_memcpy_async(&B[slot(n)][i], &from.B[at + (size_t)i], 16);
      __pipeline_memcpy_async(&C[slot(n)][i], &from.C[at + (size_t)i], 16);
    }
    __pipeline_commit();
  }
  __device__ static const float *place(const float *laid_out, const float (*slots)[Shape::TOKENS],
                                       size_t padded, int first, int n, int position) {
    return (SLOTS ? slots[slot(n)] : laid_out + (size_t)n * padded + first) + position * 4;
  }
  /* A lane's items of state n. */
  __device__ void read_B(int first, int n, int position, float *items) const {
    load4<ITEMS>(place(from.B, B, padded, first, n, position), items, 4 * Shape::LANES);
  }
  __device__ void read_C(int first, int n, int position, float *items) const {
    load4<ITEMS>(place(from.C, C, padded, first, n, position), items, 4 * Shape::LANES);
  }
};

/* A thread's part in staging and finishing: every LANES-th token of channel c of every chunk.
 * GROUP of them go through the functions at once, so that they overlap. */
template <int ITEMS, int WARPS> struct ChunkStaging {
  typedef Chunk<ITEMS, WARPS> Shape;
  enum { APART = Shape::LANES, GROUP = 4 };
  Tokens tokens;
  int t, c;
  bool here;
  float bias;

  __device__ ChunkStaging(const Args &p, int first_channel, int channels) {
    t = (int)threadIdx.x / channels, c = (int)threadIdx.x % channels;
    int channel = first_channel + c;
    here = channel < p.u.cols;
    bias = load_real(p.dt_bias, 0, channel, here);
    tokens = tokens_of(p, t, channel, APART);
  }
  /* delta and u to their rows; `live` tokens of the chunk are there. */
  __device__ void stage(float *delta_row, float *u_row, int live) {
#pragma unroll
    for (int i = 0; i < ITEMS; i++) { /* all loads under way, then the rest */
      int at = Shape::at(t + i * APART);
      bool there = here && t + i * APART < live;
      delta_row[at] = read(&tokens.dt, there);
      u_row[at] = read(&tokens.u, there);
    }
#pragma unroll 1
    for (int first = t; first < live; first += GROUP * APART) {
      float dt[GROUP], delta[GROUP];
#pragma unroll
      for (int i = 0; i < GROUP; i++) dt[i] = delta_row[Shape::at(first + i * APART)];
      scan_deltas(dt, bias, GROUP, delta);
#pragma unroll
      for (int i = 0; i < GROUP; i++) {
        delta_row[Shape::at(first + i * APART)] = delta[i];
        write(&tokens.delta, delta[i], here && first + i * APART < live);
      }
    }
  }
  /* The outputs, from the row of y; the row of delta is free for z. */
  __device__ void finish(float *z_row, const float *y_row, int live) {
#pragma unroll
    for (int i = 0; i < ITEMS; i++)
      z_row[Shape::at(t + i * APART)] = read(&tokens.z, here && t + i * APART < live);
#pragma unroll 1
    for (int first = t; first < live; first += GROUP * APART) {
      float y[GROUP], z[GROUP], gated[GROUP];
#pragma unroll
      for (int i = 0; i < GROUP; i++) {
        y[i] = y_row[Shape::at(first + i * APART)];
        z[i] = z_row[Shape::at(first + i * APART)];
      }
      scan_gates(y, z, GROUP, gated);
#pragma unroll
      for (int i = 0; i < GROUP; i++) {
        bool there = here && first + i * APART < live;
        write(&tokens.y, y[i], there);
        write(&tokens.gated, gated[i], there);
      }
    }
  }
};

__device__ static ScanPair shuffle_up(ScanPair pair, unsigned distance) {
  return ScanPair{__shfl_up_sync(~0u, pair.a, distance), __shfl_up_sync(~0u, pair.b, distance)};
}

/* Step 1: a lane's items, left to right. */
template <int ITEMS> __device__ static ScanPair fold_items(const float *a, const float *b) {
  ScanPair fold = {a[0], b[0]};
#pragma unroll
  for (int i = 1; i < ITEMS; i++) fold = scan_join(fold, ScanPair{a[i], b[i]});
  return fold;
}

/* Step 2: COUNT scans of a warp's folds, inclusive. */
template <int COUNT> __device__ static void scan_warp(ScanPair *fold) {
  int lane = (int)threadIdx.x % 32;
#pragma unroll
  for (int distance = 1; distance < SCAN_WARP; distance *= 2)
#pragma unroll
    for (int s = 0; s < COUNT; s++) {
      ScanPair lower = shuffle_up(fold[s], (unsigned)distance);
      if (lane >= distance) fold[s] = scan_join(lower, fold[s]);
    }
}

/* What the warps of channel c leave for one another is there for them; with slots, what is queued
 * is there for all threads. */
template <int WARPS, int SLOTS> __device__ static void share_totals(int c) {
  if (SLOTS) {
    __pipeline_wait_prior(0);
    __syncthreads();
  } else if (WARPS > 1)
    __barrier_sync_count((unsigned)(c + 1), 32 * WARPS);
  else
    __syncwarp();
}

/* Step 3: what is before this lane in the chunk, and the total of the chunk, from the totals of its
 * channel's warps. */
typedef struct Joined {
  ScanPair before, total;
} Joined;
template <int WARPS>
__device__ static Joined join_warps(ScanPair fold, const ScanPair *of_warps, int warp) {
  int lane = (int)threadIdx.x % 32;
  Joined joined = {shuffle_up(fold, 1), of_warps[0]};
#pragma unroll
  for (int w = 1; w < WARPS; w++) {
    if (w == warp)
      joined.before = lane == 0 ? joined.total : scan_join(joined.total, joined.before);
    joined.total = scan_join(joined.total, of_warps[w]);
  }
  return joined;
}

template <int ITEMS, int WARPS, int SLOTS>
__global__ static void __launch_bounds__(SCAN_CHANNELS * 32 * WARPS, WARPS == 1 ? 3 : 4 / WARPS)
    blocked_kernel(Args p, LaidOut laid_out, int channels) {
  typedef Chunk<ITEMS, WARPS> Shape;
  enum { AT_ONCE = Shape::AT_ONCE, LANES = Shape::LANES };
  extern __shared__ __align__(16) float memory[];
  int T = p.u.rows, E = p.u.cols, N = p.B.cols, first_channel = (int)blockIdx.x * channels,
      padded = ceil_div(T, Shape::TOKENS) * Shape::TOKENS;
  States<ITEMS, WARPS, SLOTS> states(laid_out, padded, memory);
  BlockRoom<ITEMS, WARPS> room(memory + 2 * SLOTS * Shape::TOKENS, channels, N);
  load_A(p, first_channel, channels, N, room.A);
  ChunkStaging<ITEMS, WARPS> my(p, first_channel, channels);
  /* The scan: this thread is a lane of channel c. */
  int c = (int)threadIdx.x / LANES, position = (int)threadIdx.x % LANES, lane = position % 32,
      warp = position / 32;
  bool here = first_channel + c < E;
  float D = load_real(p.D, 0, first_channel + c, here);
  ScanPair *running = room.running + (int)threadIdx.x / 32 * N;
  for (int n = lane; n < N; n += 32) running[n] = ScanPair{1.0f, 0.0f};

  if (SLOTS) device_after_kernel_before();
  for (int first = 0; first < T; first += Shape::TOKENS) {
    int tokens = min(T - first, (int)Shape::TOKENS);
    states.queue(first, 0, N);
    states.queue(first, 1, N);
    my.stage(room.delta[my.c], room.u[my.c], tokens);
    if (!SLOTS && first == 0) device_after_kernel_before();
    if (SLOTS) __pipeline_wait_prior(1);
    __syncthreads();
    float delta[ITEMS], delta_u[ITEMS], y[ITEMS];
    load4<ITEMS>(&room.delta[c][position * Shape::PITCH], delta);
    load4<ITEMS>(&room.u[c][position * Shape::PITCH], y);
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
      delta_u[i] = scan_delta_u(delta[i], y[i]); /* y: u until here */
      y[i] = scan_skip(D, y[i]);
    }
    float farthest = scan_farthest(delta, ITEMS);
    int live = tokens - position * ITEMS; /* of this lane's items, those before the end */
    for (int n = 0; n < N; n += AT_ONCE) {
      float a[AT_ONCE][ITEMS], b[AT_ONCE][ITEMS], of_C[AT_ONCE][ITEMS];
      ScanPair fold[AT_ONCE];
#pragma unroll
      for (int s = 0; s < AT_ONCE; s++) {
        int state = min(n + s, N - 1);
        states.read_B(first, state, position, b[s]);
        float A = room.A[c * N + state];
        decays_and_inputs<ITEMS>(delta, delta_u, A, scan_is_near(farthest, A), live, a[s], b[s]);
        if (!SLOTS) states.read_C(first, state, position, of_C[s]); /* on its way from here on */
        fold[s] = fold_items<ITEMS>(a[s], b[s]);
      }
      scan_warp<AT_ONCE>(fold);
      ScanPair *of_warps = room.totals + (n / AT_ONCE % 2 * channels + c) * (AT_ONCE * WARPS);
#pragma unroll
      for (int s = 0; s < AT_ONCE; s++)
        if (lane == 31) of_warps[s * WARPS + warp] = fold[s];
      share_totals<WARPS, SLOTS>(c); /* and the next state is there, and the one before was used */
      states.queue(first, n + 2, N);
#pragma unroll
      for (int s = 0; s < AT_ONCE; s++) {
        if (n + s >= N) break;
        Joined joined = join_warps<WARPS>(fold[s], of_warps + s * WARPS, warp);
        ScanPair prefix = running[n + s];
        float h = position == 0 ? prefix.b : scan_join(prefix, joined.before).b; /* step 4 */
        if (first + Shape::TOKENS < T) {
          __syncwarp();
          if (lane == 0) running[n + s] = scan_join(prefix, joined.total);
          __syncwarp();
        }
        if (SLOTS) states.read_C(first, n + s, position, of_C[s]);
#pragma unroll
        for (int i = 0; i < ITEMS; i++) { /* step 5 */
          h = scan_step(a[s][i], h, b[s][i]);
          y[i] = scan_output(y[i], h, of_C[s][i]);
        }
        if (first + tokens == T && live > 0 && live <= ITEMS && here)
          store(p.state, first_channel + c, n + s, h, ROUND_EVEN);
      }
    }
    __syncthreads();
    store4<ITEMS>(&room.u[c][position * Shape::PITCH], y);
    __syncthreads();
    my.finish(room.delta[my.c], room.u[my.c], tokens);
    __syncthreads();
  }
}

#endif
