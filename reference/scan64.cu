/* scan64 on a device. A block takes CHANNELS channels through all tokens, some TOKENS at a time, in
 * three steps with a barrier behind each:
 *   meet   a thread a (token, channel): delta; and B and C of these tokens
 *   walk   a thread a (channel, state): h goes through the tokens, and each h is left in shared
 *          memory. The exponentials of neighbouring tokens wait for nothing of each other.
 *   see    a thread a (token, channel): the sum over the states in their order, y and gated
 * States beyond GROUP walk after the others, and go on with the sum that those left in y.
 * Shared memory: 20 KiB. */
#include "reference/device64.cuh"

enum { CHANNELS = 8, GROUP = 16, TOKENS = 16, THREADS = CHANNELS * GROUP };
static_assert(TOKENS * CHANNELS == THREADS, "a thread a state, and a thread an output");

typedef struct Shared {
  double delta[TOKENS][CHANNELS], delta_u[TOKENS][CHANNELS];
  double B[TOKENS][GROUP], C[TOKENS][GROUP];
  double h[TOKENS][CHANNELS][GROUP + 1]; /* so that rows start in different banks */
} Shared;

/* A place of [T, E], and whether it is there. */
typedef struct Place {
  int t, e;
  bool here;
  size_t at;
} Place;

__device__ static Place place(const Scan64 &s, int token, int channel) {
  const Place p = {token, channel, token < s.T && channel < s.E,
                   (size_t)token * (size_t)s.E + (size_t)channel};
  return p;
}

/* delta of this thread's token and channel; one B and two … of the tokens from `token` on. */
__device__ static void meet(const Scan64 &s, const Place &p, int token, int first, int count,
                            Shared *m) {
  const int i = p.t - token, c = (int)threadIdx.x % CHANNELS;
  const double delta = p.here ? scan64_delta(s.dt[p.at], s.dt_bias[p.e]) : 0;
  m->delta[i][c] = delta;
  m->delta_u[i][c] = p.here ? delta * s.u[p.at] : 0;
  if (p.here && first == 0) s.delta[p.at] = delta;
  for (int k = (int)threadIdx.x; k < TOKENS * GROUP; k += THREADS) {
    const int t = k / GROUP, n = k % GROUP;
    const bool here = token + t < s.T && n < count;
    const size_t at = (size_t)(token + t) * (size_t)s.BC_stride + (size_t)(first + n);
    m->B[t][n] = here ? s.B[at] : 0;
    m->C[t][n] = here ? s.C[at] : 0;
  }
}

/* h of one channel and state through `tokens` tokens. */
__device__ static double walk(Shared *m, int c, int n, int tokens, double rate, double h) {
#pragma unroll 4
  for (int t = 0; t < tokens; t++) {
    h = scan64_state(h, m->delta[t][c], rate, m->delta_u[t][c], m->B[t][n]);
    m->h[t][c][n] = h;
  }
  return h;
}

__device__ static void see(const Scan64 &s, const Place &p, int token, int first, int count,
                           const Shared *m) {
  if (!p.here) return;
  const int i = p.t - token, c = (int)threadIdx.x % CHANNELS;
  double seen = first ? s.y[p.at] : 0;
  for (int n = 0; n < count; n++) seen = scan64_see(seen, m->C[i][n], m->h[i][c][n]);
  if (first + count == s.N) {
    seen = scan64_out(seen, s.D[p.e], s.u[p.at]);
    s.gated[p.at] = scan64_gate(seen, s.z[(size_t)p.t * (size_t)s.z_stride + (size_t)p.e]);
  }
  s.y[p.at] = seen;
}

__global__ static void __launch_bounds__(THREADS) scan_kernel(Scan64 s) {
  __shared__ Shared m;
  const int channel = (int)blockIdx.x * CHANNELS;
  const int n = (int)threadIdx.x % GROUP, c = (int)threadIdx.x / GROUP;
  for (int first = 0; first < s.N; first += GROUP) {
    const int count = min((int)GROUP, s.N - first);
    const bool mine = n < count && channel + c < s.E;
    const size_t own = (size_t)(channel + c) * (size_t)s.N + (size_t)(first + n);
    const double rate = mine ? scan64_rate(s.A_log[own]) : 0;
    double h = 0;
    for (int token = 0; token < s.T; token += TOKENS) {
      const Place p =
          place(s, token + (int)threadIdx.x / CHANNELS, channel + (int)threadIdx.x % CHANNELS);
      meet(s, p, token, first, count, &m);
      __syncthreads();
      if (mine) h = walk(&m, c, n, min((int)TOKENS, s.T - token), rate, h);
      __syncthreads();
      see(s, p, token, first, count, &m);
      __syncthreads();
    }
    if (mine) s.state[own] = h;
  }
}

void scan64_cuda(void *context, const Scan64 *s) {
  Cuda64 *cuda = (Cuda64 *)context;
  if (s->E > 0) scan_kernel<<<(unsigned)parts64(s->E, CHANNELS), THREADS, 0, stream64(cuda)>>>(*s);
  launched64(cuda, "scan64", s->T, s->E);
}
