/* scan64: the selective scan with softplus, skip and gate, in float64, from state zero.
 *   delta = softplus(dt + bias);  h_n <- exp(-delta e^A_log_n) h_n + delta u B_n;
 *   y = D u + sum over n of C_n h_n;  gated = y silu(z).
 * Channels share nothing: LANES of them, side by side in memory, go through the tokens together,
 * and threads take LANES at a time. Their states walk in groups, and a group goes on with the sum
 * over n that the one before left in y. The exponential of each (token, channel, state) is most of
 * the time: 0.9 ns of one AVX-512 core. */
#include <stddef.h>
#include <string.h>

#include "reference/operators64.h"

/* GROUP: all states of a published Mamba-1 model, in memory of fixed size whatever N is. */
enum { LANES = 16, GROUP = 16 };

typedef struct Lanes {
  double at[LANES];
} Lanes;

/* States of LANES channels that walk together. */
typedef struct Group {
  int first, count;
  double rate[GROUP][LANES], h[GROUP][LANES];
} Group;

/* `count` numbers; the lanes that are not there are 0. */
static inline __attribute__((always_inline)) Lanes take(const double *from, int count) {
  Lanes x;
  if (count == LANES) {
    memcpy(&x, from, sizeof x);
  } else {
    memset(&x, 0, sizeof x);
    memcpy(&x, from, (size_t)count * sizeof *from);
  }
  return x;
}

static inline __attribute__((always_inline)) void put(const Lanes *x, int count, double *to) {
  if (count == LANES)
    memcpy(to, x, sizeof *x);
  else
    memcpy(to, x, (size_t)count * sizeof *to);
}

/* One token: every state of the group takes its step, and y goes on. */
static inline __attribute__((always_inline)) void step(Group *g, const Lanes *delta, const Lanes *u,
                                                       const double *B, const double *C, Lanes *y) {
  Lanes delta_u;
  for (int l = 0; l < LANES; l++) delta_u.at[l] = delta->at[l] * u->at[l];
  for (int n = 0; n < g->count; n++)
    for (int l = 0; l < LANES; l++) {
      const double h = scan64_state(g->h[n][l], delta->at[l], g->rate[n][l], delta_u.at[l], B[n]);
      g->h[n][l] = h;
      y->at[l] = scan64_see(y->at[l], C[n], h);
    }
}

REF_CLONES static void find_delta(const Scan64 *s, int e, int count) {
  const Lanes bias = take(s->dt_bias + e, count);
  for (int t = 0; t < s->T; t++) {
    const size_t at = (size_t)t * (size_t)s->E + (size_t)e;
    Lanes x = take(s->dt + at, count);
    for (int l = 0; l < LANES; l++) x.at[l] = scan64_delta(x.at[l], bias.at[l]);
    put(&x, count, s->delta + at);
  }
}

/* Channels e … e + count - 1 of all tokens: the sum over the group's states goes into y. */
REF_CLONES static void walk(const Scan64 *s, int e, int count, Group *g) {
  const Lanes none = {{0}};
  for (int n = 0; n < g->count; n++)
    for (int l = 0; l < LANES; l++) g->rate[n][l] = scan64_rate(g->rate[n][l]);
  for (int t = 0; t < s->T; t++) {
    const size_t at = (size_t)t * (size_t)s->E + (size_t)e;
    const size_t row = (size_t)t * (size_t)s->BC_stride + (size_t)g->first;
    const Lanes delta = take(s->delta + at, count), u = take(s->u + at, count);
    Lanes y = g->first ? take(s->y + at, count) : none;
    step(g, &delta, &u, s->B + row, s->C + row, &y);
    put(&y, count, s->y + at);
  }
}

REF_CLONES static void finish(const Scan64 *s, int e, int count) {
  const Lanes D = take(s->D + e, count);
  for (int t = 0; t < s->T; t++) {
    const size_t at = (size_t)t * (size_t)s->E + (size_t)e;
    const Lanes u = take(s->u + at, count);
    const Lanes z = take(s->z + (size_t)t * (size_t)s->z_stride + e, count);
    Lanes y = take(s->y + at, count), gated;
    for (int l = 0; l < LANES; l++) y.at[l] = scan64_out(y.at[l], D.at[l], u.at[l]);
    for (int l = 0; l < LANES; l++) gated.at[l] = scan64_gate(y.at[l], z.at[l]);
    put(&y, count, s->y + at);
    put(&gated, count, s->gated + at);
  }
}

void scan64(const Scan64 *s) {
#pragma omp parallel for schedule(dynamic)
  for (int e = 0; e < s->E; e += LANES) {
    const int count = s->E - e < LANES ? s->E - e : LANES;
    const size_t N = (size_t)s->N;
    find_delta(s, e, count);
    for (int first = 0; first < s->N; first += GROUP) {
      Group g = {.first = first, .count = s->N - first < GROUP ? s->N - first : GROUP};
      for (int n = 0; n < g.count; n++)
        for (int l = 0; l < count; l++)
          g.rate[n][l] = s->A_log[(size_t)(e + l) * N + (size_t)(first + n)];
      walk(s, e, count, &g);
      for (int n = 0; n < g.count; n++)
        for (int l = 0; l < count; l++)
          s->state[(size_t)(e + l) * N + (size_t)(first + n)] = g.h[n][l];
    }
    finish(s, e, count);
  }
}
