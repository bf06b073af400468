/* scan_sequential: SCAN_CHANNELS warps, a channel each; a tile is STAGED pieces of PIECE = 32
 * tokens, a piece two runs of 16.
 *   stage and finish: a thread has STAGED tokens, which go through the functions side by side.
 *   scan: a lane is one of 16 states and one of the two runs of a piece. It has all its decays and
 *   inputs before h arrives, so that only 16 fmas wait for one another; then the run before hands
 *   its h over, by a shuffle (take_turns). h of every state and token goes through shared memory to
 *   the lane of its token, which sums over n (add_states).
 *
 * A tile is staged while the one before is scanned, and the one before that is finished: one
 * barrier a tile. What staging and finishing read of dt, u and z comes to shared memory in the
 * background, a tile ahead (Words).
 *
 * Shared memory: for each channel three rows of TILE floats, twice, 16 rows of h, and a tile's
 * words; A and the running h, [channels][N up to whole 16] each (scan_sequential_shared). */
#ifndef DS_KERNELS_SCAN_SEQUENTIAL_CUH
#define DS_KERNELS_SCAN_SEQUENTIAL_CUH
#include <cuda_pipeline.h>

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

/* A tile's words of dt, u and z, which hold its elements, a place for every thread. Not in
 * registers: what is on its way there at the start of a loop of loads is waited for there. */
struct Words {
  uint32_t dt[STAGED][SEQUENTIAL_THREADS], u[STAGED][SEQUENTIAL_THREADS],
      z[STAGED][SEQUENTIAL_THREADS];
};

/* A thread's part in staging and finishing: tokens t, t + PIECE, … and channel c of every tile. */
struct Staging {
  Tokens tokens;
  int t, c, T;
  bool here; /* its channel is one of the E */
  float D, bias;
  float farthest_A; /* of its channel */

  __device__ Staging(const Args &p, int first_channel) {
    t = (int)threadIdx.x / SCAN_CHANNELS, c = (int)threadIdx.x % SCAN_CHANNELS, T = p.u.rows;
    int channel = first_channel + c;
    here = channel < p.u.cols;
    D = load_real(p.D, 0, channel, here), bias = load_real(p.dt_bias, 0, channel, here);
    tokens = tokens_of(p, t, channel, PIECE);
  }
  __device__ bool there(int first, int i) const { return here && first + t + i * PIECE < T; }
  /* A word of int8 serves up to four channels: the first of them brings it, and its neighbours in
   * the warp take it from there. How many threads before this one has the word of byte `at`: */
  __device__ int before(uint32_t at) const { return min(c, (int)(at % 4u)); }
  __device__ void bring(uint32_t *words, Reader *r, bool is_there) {
    bool mine = before(r->at) == 0;
    const uint32_t *word = next_word(r, is_there);
    if (mine) __pipeline_memcpy_async(&words[threadIdx.x], word, 4);
  }
  /* Element i of those STAGED that were brought last, of the tile at `first`. */
  __device__ float brought(const uint32_t (*words)[SEQUENTIAL_THREADS], const Reader &r, int i,
                           int first) const {
    uint32_t at = r.at - (uint32_t)(STAGED - i) * r.step;
    return element(&r, words[i][(int)threadIdx.x - before(at)], there(first, i), STAGED - i);
  }
  /* What the tile at `first` takes when it is staged. */
  __device__ void fetch(Words *words, int first) {
    __syncwarp();
#pragma unroll
    for (int i = 0; i < STAGED; i++) {
      bring(words->dt[i], &tokens.dt, there(first, i));
      bring(words->u[i], &tokens.u, there(first, i));
    }
    __pipeline_commit();
  }
  /* And when it is finished. */
  __device__ void fetch_z(Words *words, int first) {
    __syncwarp();
#pragma unroll
    for (int i = 0; i < STAGED; i++) bring(words->z[i], &tokens.z, there(first, i));
    __pipeline_commit();
  }
  __device__ static void wait_for_words() {
    __pipeline_wait_prior(0);
    __syncwarp();
  }
  /* The tile that was fetched last; whether its decays are near, in every state. */
  __device__ bool stage(const Words &words, Tile *tile, int first) {
    float dt[STAGED], u[STAGED], delta[STAGED];
    bool near = true;
    wait_for_words();
#pragma unroll
    for (int i = 0; i < STAGED; i++) {
      dt[i] = brought(words.dt, tokens.dt, i, first);
      u[i] = brought(words.u, tokens.u, i, first);
    }
    scan_deltas(dt, bias, STAGED, delta);
#pragma unroll
    for (int i = 0; i < STAGED; i++) {
      write(&tokens.delta, delta[i], there(first, i));
      tile->delta[c][t + i * PIECE] = delta[i];
      tile->delta_u[c][t + i * PIECE] = scan_delta_u(delta[i], u[i]);
      tile->y[c][t + i * PIECE] = scan_skip(D, u[i]);
      near &= scan_is_near(delta[i], farthest_A);
    }
    return near;
  }
  __device__ void finish(const Words &words, const Tile *tile, int first) {
    float y[STAGED], z[STAGED], gated[STAGED];
    wait_for_words();
#pragma unroll
    for (int i = 0; i < STAGED; i++) {
      y[i] = tile->y[c][t + i * PIECE];
      z[i] = brought(words.z, tokens.z, i, first);
    }
    scan_gates(y, z, STAGED, gated);
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

/* a, b of the lane's run become h of its tokens, in shared memory. now: the state's h before the
 * piece; returned is that behind it. The runs take turns. */
__device__ static float take_turns(const Lane &my, const float *a, float *b, float now,
                                   float (*h)[STATE_PITCH]) {
#pragma unroll
  for (int turn = 0; turn < SCAN_RUNS; turn++) {
    if (turn == my.run) {
#pragma unroll
      for (int i = 0; i < SCAN_RUN; i++) b[i] = now = scan_step(a[i], now, b[i]);
    }
    now = __shfl_sync(~0u, now, turn * SCAN_STATES + my.s);
  }
  store4<SCAN_RUN>(&h[my.s][my.at], b);
  return now;
}

/* y of the lane's token, further by the first `count` states. All are read before the first is
 * added. */
__device__ static float add_states(const Lane &my, float y, const float *C, int count,
                                   const float (*h)[STATE_PITCH]) {
  float of_token[SCAN_STATES];
#pragma unroll
  for (int s = 0; s < SCAN_STATES; s++) of_token[s] = h[s][my.lane];
  if (count >= SCAN_STATES) {
#pragma unroll
    for (int s = 0; s < SCAN_STATES; s++) y = scan_output(y, of_token[s], C[s]);
  } else {
#pragma unroll
    for (int s = 0; s < SCAN_STATES; s++)
      if (s < count) y = scan_output(y, of_token[s], C[s]);
  }
  return y;
}

/* The block's shared memory, but for A and the running h: [SCAN_CHANNELS][states] each. */
struct Tiles {
  Tile tile[2];
  float h[SCAN_CHANNELS][SCAN_STATES][STATE_PITCH];
  Words words;
};

__global__ static void __launch_bounds__(SEQUENTIAL_THREADS, 4)
    sequential_kernel(Args p, LaidOut laid_out) {
  extern __shared__ __align__(16) float memory[];
  Tiles &shared = *(Tiles *)memory;
  Tile *tile = shared.tile;
  int T = p.u.rows, E = p.u.cols, N = p.B.cols, states = ceil_div(N, SCAN_STATES) * SCAN_STATES,
      first_channel = (int)blockIdx.x * SCAN_CHANNELS, warp = (int)threadIdx.x / 32;
  float *A = memory + sizeof(Tiles) / sizeof(float), *h_now = A + SCAN_CHANNELS * states;
  Staging my(p, first_channel);
  my.fetch(&shared.words, 0);
  load_A(p, first_channel, SCAN_CHANNELS, states, A);
  for (int i = (int)threadIdx.x; i < SCAN_CHANNELS * states; i += SEQUENTIAL_THREADS)
    h_now[i] = 0.0f;
  __syncthreads();
  my.farthest_A = scan_farthest(A + my.c * states, states);
  Lane lane;
  bool near = my.stage(shared.words, &tile[0], 0);
  my.fetch(&shared.words, TILE);
  const float *B = laid_out.B + lane.lane * 4, *C = laid_out.C + lane.lane * 4;
  float *my_A = A + warp * states + lane.s, *my_h = h_now + warp * states + lane.s;
  for (int first = 0, now = 0; first < T; first += TILE, now = 1 - now) {
    /* `now` is staged by all; the other was scanned by all */
    const bool all_near = __syncthreads_and(near);
    if (first > 0) my.finish(shared.words, &tile[1 - now], first - TILE);
    if (first + TILE < T) {
      near = my.stage(shared.words, &tile[1 - now], first + TILE);
      my.fetch(&shared.words, first + 2 * TILE);
    }
    my.fetch_z(&shared.words, first);
    for (int piece = 0; piece < TILE && first + piece < T; piece += PIECE) {
      float y = tile[now].y[warp][piece + lane.lane];
      for (int n = 0; n < N; n += SCAN_STATES, B += PIECE * SCAN_STATES, C += PIECE * SCAN_STATES) {
        float delta[SCAN_RUN], delta_u[SCAN_RUN], a[SCAN_RUN], b[SCAN_RUN], of_C[SCAN_STATES];
        float of_A = my_A[n], h = lane.run == 0 ? my_h[n] : 0.0f; /* the others are handed theirs */
        int at = piece + lane.at;
        load4<SCAN_RUN>(B, b,
                        128); /* and C with it: waiting for B behind the exps would wait for */
        load4<SCAN_STATES>(C, of_C, 128); /* a C that has only just been asked for */
        load4<SCAN_RUN>(&tile[now].delta[warp][at], delta);
        load4<SCAN_RUN>(&tile[now].delta_u[warp][at], delta_u);
        bool run_near = all_near || scan_are_near(delta, of_A, SCAN_RUN);
        decays_and_inputs<SCAN_RUN>(delta, delta_u, of_A, run_near, T - first - at, a, b);
        h = take_turns(lane, a, b, h, shared.h[warp]);
        if (lane.run == 0) my_h[n] = h;
        __syncwarp();
        y = add_states(lane, y, of_C, N - n, shared.h[warp]);
        __syncwarp();
      }
      tile[now].y[warp][piece + lane.lane] = y;
    }
  }
  __syncthreads();
  int last = (T - 1) / TILE;
  my.finish(shared.words, &tile[last % 2], last * TILE);
  for (int i = (int)threadIdx.x; i < SCAN_CHANNELS * N; i += SEQUENTIAL_THREADS)
    if (first_channel + i / N < E)
      store(p.state, first_channel + i / N, i % N, h_now[i / N * states + i % N], ROUND_EVEN);
}

#endif
