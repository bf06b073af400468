/* bounds of scan: the error of a state reaches the next: |dh_t| <= |a| dh_{t-1} + |h_{t-1}| da + da
 * dh_{t-1} + db and a rounding, which is approx_fma. In the blocked order every join of the tree is
 * taken as the operator takes it, so the bound grows with the depth of what was really composed. A
 * channel is one thread's. */
#include <assert.h>
#include <omp.h>

#include "reference/approx.h"

enum { WARP = 32, MAX_LANES = 1024 };

typedef struct Pair {
  Approx a, b;
} Pair;

/* What a channel needs for each token. */
typedef struct Channel {
  Approx *delta, *delta_u, *y; /* [T] */
  Pair *pair; /* [T], of one state; afterwards pair.b is the state after each token */
} Channel;

/* First happens before second. */
static Pair join(Pair first, Pair second) {
  return (Pair){approx_mul(second.a, first.a), approx_fma(second.a, first.b, second.b)};
}

static void walk_sequential(Pair *pair, int T) {
  Approx h = exactly(0);
  for (int t = 0; t < T; t++) h = pair[t].b = approx_fma(pair[t].a, h, pair[t].b);
}

/* One chunk of `count` tokens after `running`; returns the running prefix of the next. */
static Pair walk_chunk(Pair *pair, int count, int lanes, int items, Pair running) {
  const Pair nothing = {exactly(1), exactly(0)};
  Pair lane[MAX_LANES],
      before[MAX_LANES]; /* before: all of the chunk's tokens in front of a lane */
  for (int l = 0; l < lanes; l++)
    for (int i = 0; i < items; i++) {
      int t = l * items + i;
      Pair token = t < count ? pair[t] : nothing;
      lane[l] = i == 0 ? token : join(lane[l], token);
    }
  Pair warps = nothing; /* all warps in front of this one */
  for (int first = 0; first < lanes; first += WARP) {
    Pair *own = lane + first;
    for (int distance = 1; distance < WARP; distance *= 2)
      for (int l = WARP - 1; l >= distance; l--) own[l] = join(own[l - distance], own[l]);
    before[first] = warps;
    for (int l = 1; l < WARP; l++)
      before[first + l] = first == 0 ? own[l - 1] : join(warps, own[l - 1]);
    warps = first == 0 ? own[WARP - 1] : join(warps, own[WARP - 1]);
  }
  for (int l = 0; l < lanes; l++) {
    Approx h = l == 0 ? running.b : join(running, before[l]).b;
    for (int t = l * items; t < (l + 1) * items && t < count; t++)
      h = pair[t].b = approx_fma(pair[t].a, h, pair[t].b);
  }
  return join(running, warps);
}

static void walk_blocked(Pair *pair, int T, int lanes, int items) {
  assert(lanes % WARP == 0 && lanes <= MAX_LANES && items > 0);
  Pair running = {exactly(1), exactly(0)};
  for (int first = 0; first < T; first += lanes * items) {
    int count = T - first < lanes * items ? T - first : lanes * items;
    running = walk_chunk(pair + first, count, lanes, items, running);
  }
}

static void bound_channel(const BoundScan *s, int e, Channel c) {
  Approx D = bound_take(&s->D, 0, e), dt_bias = bound_take(&s->dt_bias, 0, e);
  for (int t = 0; t < s->T; t++) {
    Approx u = bound_take(&s->u, t, e);
    c.delta[t] = approx_softplus(approx_add(bound_take(&s->dt, t, e), dt_bias));
    c.delta_u[t] = approx_mul(c.delta[t], u);
    c.y[t] = approx_mul(D, u);
  }
  for (int n = 0; n < s->N; n++) {
    Approx A = approx_minus(approx_exp(bound_take(&s->A_log, e, n)));
    for (int t = 0; t < s->T; t++)
      c.pair[t] = (Pair){approx_exp(approx_mul(c.delta[t], A)),
                         approx_mul(c.delta_u[t], bound_take(&s->B, t, n))};
    if (s->lanes)
      walk_blocked(c.pair, s->T, s->lanes, s->items);
    else
      walk_sequential(c.pair, s->T);
    for (int t = 0; t < s->T; t++) {
      c.y[t] = approx_fma(c.pair[t].b, bound_take(&s->C, t, n), c.y[t]);
      if (s->states.want)
        bound_put(&s->states, ((size_t)t * (size_t)s->E + (size_t)e) * (size_t)s->N + (size_t)n,
                  c.pair[t].b);
    }
    bound_put(&s->state, (size_t)e * (size_t)s->N + (size_t)n,
              s->T > 0 ? c.pair[s->T - 1].b : exactly(0));
  }
  for (int t = 0; t < s->T; t++) {
    size_t i = (size_t)t * (size_t)s->E + (size_t)e;
    bound_put(&s->delta, i, c.delta[t]);
    bound_put(&s->y, i, c.y[t]);
    bound_put(&s->gated, i, approx_gate(c.y[t], bound_take(&s->z, t, e)));
  }
}

static size_t channel_bytes(int T) { return (size_t)T * (3 * sizeof(Approx) + sizeof(Pair)); }

size_t bound_scan_room(int T) { return (size_t)omp_get_max_threads() * channel_bytes(T); }

void bound_scan(const BoundScan *s, void *room) {
  const size_t T = (size_t)s->T;
#pragma omp parallel for schedule(static)
  for (int e = 0; e < s->E; e++) {
    Approx *own = (Approx *)((char *)room + (size_t)omp_get_thread_num() * channel_bytes(s->T));
    bound_channel(s, e, (Channel){own, own + T, own + 2 * T, (Pair *)(own + 3 * T)});
  }
}
