/* scan_sequential: SCAN_CHANNELS warps, a channel each; a tile is STAGED pieces of PIECE = 32
 * tokens, a piece two runs of 16.
 *   stage and finish: a thread has STAGED tokens, which go through the functions side by side.
 *   scan: a lane is one of 16 states and one of the two runs of a piece. It has all its decays and
 *   inputs before h arrives, so that only 16 fmas wait for one another; then the run before hands
 *   its h over, by a shuffle (take_turns). h of every state and token goes through shared memory to
 *   the lane of its token, which sums over n (add_states).
 *
 * A tile is staged while the one before is scanned, and the one before that is finished: one
 * barrier a tile.
 *
 * Shared memory: for each channel three rows of TILE floats, twice, and 16 rows of h; A and the
 * running h, [channels][N] each (scan_sequential_shared). */
#ifndef DS_KERNELS_SCAN_SEQUENTIAL_CUH
#define DS_KERNELS_SCAN_SEQUENTIAL_CUH
#include "kernels/scan_device.cuh"

enum {
  PIECE = SCAN_RUN * SCAN_RUNS,
  STAGED = SCAN_STAGED,
  TILE = PIECE * STAGED,
  SEQUENTIAL_THREADS = 32 * SCAN_CHANNELS
};
static_assert(SCAN_STATES * SCAN_RUNS == 32 && PIECE == 32, "a lane is a state and a run; a token");

/* Paddings keep both ways of reading free of bank conflicts: 16-byte pieces of one row a lane, and
 * neighbouring tokens of SCAN_CHANNELS rows. */
enum { CHANNEL_PITCH = SCAN_CHANNEL_PITCH, STATE_PITCH = SCAN_STATE_PITCH };

/* Pieces, SCAN_STATES states of one after the other. Four neighbours
 * are four tokens of a state for B, whose reader is a state and a run; four states of a token for
 * C, whose reader is a token. */
struct SequentialLayout {
  __device__ static size_t piece(int t, int n, int N) {
    return (size_t)(t / PIECE * (N / SCAN_STATES) + n / SCAN_STATES) * (PIECE * SCAN_STATES);
  }
  __device__ static size_t of_B(int t, int n, int, int N) {
    int run = t % PIECE / SCAN_RUN, i = t % SCAN_RUN, lane = run * SCAN_STATES + n % SCAN_STATES;
    return piece(t, n, N) + (size_t)(i / 4 * 128 + lane * 4 + i % 4);
  }
  __device__ static size_t of_C(int t, int n, int, int N) {
    int lane = t % PIECE, s = n % SCAN_STATES;
    return piece(t, n, N) + (size_t)(s / 4 * 128 + lane * 4 + s % 4);
  }
};

/* One of the two tiles that are under way. y: D u when staged, the sum when scanned. */
struct Tile {
  float delta[SCAN_CHANNELS][CHANNEL_PITCH], delta_u[SCAN_CHANNELS][CHANNEL_PITCH],
      y[SCAN_CHANNELS][CHANNEL_PITCH];
};

/* A thread's part in staging and finishing: tokens t, t + PIECE, … and channel c of every tile. */
struct Staging {
  Tokens tokens;
  int t, c, T;
  bool here; /* its channel is one of the E */
  float D, bias;
  float dt[STAGED], u[STAGED], z[STAGED]; /* of the next tile to be staged */
  float z_staged[STAGED], z_scanned[STAGED];

  __device__ Staging(const Args &p, int first_channel) {
    t = (int)threadIdx.x / SCAN_CHANNELS, c = (int)threadIdx.x % SCAN_CHANNELS, T = p.u.rows;
    int channel = first_channel + c;
    here = channel < p.u.cols;
    D = load_real(p.D, 0, channel, here), bias = load_real(p.dt_bias, 0, channel, here);
    tokens = tokens_of(p, t, channel, PIECE);
  }
  __device__ bool there(int first, int i) const { return here && first + t + i * PIECE < T; }
  /* The tile at `first` is on its way while others are worked on. */
  __device__ void fetch(int first) {
#pragma unroll
    for (int i = 0; i < STAGED; i++) {
      dt[i] = read(&tokens.dt, there(first, i));
      u[i] = read(&tokens.u, there(first, i));
      z[i] = read(&tokens.z, there(first, i));
    }
  }
  __device__ void stage(Tile *tile, int first) {
    float delta[STAGED];
    scan_deltas(dt, bias, STAGED, delta);
#pragma unroll
    for (int i = 0; i < STAGED; i++) {
      write(&tokens.delta, delta[i], there(first, i));
      tile->delta[c][t + i * PIECE] = delta[i];
      tile->delta_u[c][t + i * PIECE] = scan_delta_u(delta[i], u[i]);
      tile->y[c][t + i * PIECE] = scan_skip(D, u[i]);
      z_scanned[i] = z_staged[i], z_staged[i] = z[i];
    }
  }
  __device__ void finish(const Tile *tile, const float *of_z, int first) {
    float y[STAGED], gated[STAGED];
#pragma unroll
    for (int i = 0; i < STAGED; i++) y[i] = tile->y[c][t + i * PIECE];
    scan_gates(y, of_z, STAGED, gated);
#pragma unroll
    for (int i = 0; i < STAGED; i++) {
      write(&tokens.y, y[i], there(first, i));
      write(&tokens.gated, gated[i], there(first, i));
    }
  }
};

/* A lane's part in scanning: one state, and one run of the tile. */
struct Lane {
  int lane, run, s, at;
  __device__ Lane() {
    lane = (int)threadIdx.x % 32, run = lane / SCAN_STATES, s = lane % SCAN_STATES;
    at = run * SCAN_RUN;
  }
};

/* a, b of the lane's run become h of its tokens, in shared memory; h_now, the state's h before the
 * tile, that behind it. The runs take turns. */
__device__ static void take_turns(const Lane &my, const float *a, float *b, float *h_now,
                                  bool there, float (*h)[STATE_PITCH]) {
  float now = there ? *h_now : 0.0f;
#pragma unroll
  for (int turn = 0; turn < SCAN_RUNS; turn++) {
    if (turn == my.run) {
#pragma unroll
      for (int i = 0; i < SCAN_RUN; i++) b[i] = now = scan_step(a[i], now, b[i]);
    }
    now = __shfl_sync(~0u, now, turn * SCAN_STATES + my.s);
  }
  store4<SCAN_RUN>(&h[my.s][my.at], b);
  if (my.run == 0 && there) *h_now = now;
  __syncwarp();
}

/* y of the lane's token, further by `count` states. */
__device__ static float add_states(const Lane &my, float y, const float *C, int count,
                                   const float (*h)[STATE_PITCH]) {
#pragma unroll
  for (int s = 0; s < SCAN_STATES; s++)
    if (s < count) y = scan_output(y, h[s][my.lane], C[s]);
  __syncwarp();
  return y;
}

/* The block's fixed part of shared memory. */
struct Tiles {
  Tile tile[2];
  float h[SCAN_CHANNELS][SCAN_STATES][STATE_PITCH];
};

__global__ static void __launch_bounds__(SEQUENTIAL_THREADS, 4)
    sequential_kernel(Args p, LaidOut laid_out) {
  __shared__ __align__(16) Tiles shared;
  Tile *tile = shared.tile;
  extern __shared__ float of_states[]; /* A and the running h, [SCAN_CHANNELS][N] each */
  int T = p.u.rows, E = p.u.cols, N = p.B.cols, first_channel = (int)blockIdx.x * SCAN_CHANNELS,
      warp = (int)threadIdx.x / 32;
  float *A = of_states, *h_now = of_states + SCAN_CHANNELS * N;
  load_A(p, first_channel, SCAN_CHANNELS, A);
  for (int i = (int)threadIdx.x; i < SCAN_CHANNELS * N; i += SEQUENTIAL_THREADS) h_now[i] = 0.0f;
  Lane lane;
  Staging my(p, first_channel);
  my.fetch(0);
  my.stage(&tile[0], 0);
  my.fetch(TILE);
  const float *B = laid_out.B + lane.lane * 4, *C = laid_out.C + lane.lane * 4;
  for (int first = 0, now = 0; first < T; first += TILE, now = 1 - now) {
    __syncthreads(); /* `now` is staged by all; the other was scanned by all */
    if (first > 0) my.finish(&tile[1 - now], my.z_scanned, first - TILE);
    if (first + TILE < T) {
      my.stage(&tile[1 - now], first + TILE);
      my.fetch(first + 2 * TILE);
    }
    for (int piece = 0; piece < TILE && first + piece < T; piece += PIECE) {
      float y = tile[now].y[warp][piece + lane.lane];
      for (int n = 0; n < N; n += SCAN_STATES, B += PIECE * SCAN_STATES, C += PIECE * SCAN_STATES) {
        float delta[SCAN_RUN], delta_u[SCAN_RUN], a[SCAN_RUN], b[SCAN_RUN], of_C[SCAN_STATES];
        int state = warp * N + n + lane.s, at = piece + lane.at;
        bool there = n + lane.s < N;
        load4<SCAN_RUN>(B, b, 128);
        load4<SCAN_RUN>(&tile[now].delta[warp][at], delta);
        load4<SCAN_RUN>(&tile[now].delta_u[warp][at], delta_u);
        decays_and_inputs<SCAN_RUN>(delta, delta_u, there ? A[state] : 0.0f, T - first - at, a, b);
        load4<SCAN_STATES>(C, of_C, 128);
        take_turns(lane, a, b, &h_now[state], there, shared.h[warp]);
        y = add_states(lane, y, of_C, N - n, shared.h[warp]);
      }
      tile[now].y[warp][piece + lane.lane] = y;
    }
  }
  __syncthreads();
  int last = (T - 1) / TILE;
  my.finish(&tile[last % 2], my.z_staged, last * TILE);
  for (int i = (int)threadIdx.x; i < SCAN_CHANNELS * N; i += SEQUENTIAL_THREADS)
    if (first_channel + i / N < E)
      store(p.state, first_channel + i / N, i % N, h_now[i], ROUND_EVEN);
}

#endif
