/* scan64: the selective scan with softplus, skip and gate, in float64, from state zero.
 * delta = softplus(dt + bias);  h_n <- exp(-delta e^A_log_n) h_n + delta u B_n;  y = D u + sum over
 * n of C_n h_n; gated = y silu(z). Channels share nothing, so threads take channels; a channel's
 * states walk the tokens in groups. The exponential of each (token, channel, state) is nearly all
 * of the time. */
#include <stddef.h>

#include "reference/operators64.h"

/* States that walk together: all those of a published Mamba-1 model, in memory of fixed size
 * whatever N is. */
enum { GROUP = 16 };

/* Takes states first … first + count - 1 of channel e over all tokens and adds their part to its
 * y. */
static void walk(const Scan64 *s, int e, int first, int count) {
  const size_t own = (size_t)e * (size_t)s->N + (size_t)first;
  double rate[GROUP], h[GROUP];
  for (int n = 0; n < count; n++) {
    rate[n] = -exp(s->A_log[own + (size_t)n]);
    h[n] = 0;
  }
  for (int t = 0; t < s->T; t++) {
    const size_t at = (size_t)t * (size_t)s->E + (size_t)e;
    const double *B = s->B + (size_t)t * (size_t)s->BC_stride + first;
    const double *C = s->C + (size_t)t * (size_t)s->BC_stride + first;
    const double delta = s->delta[at], u = s->u[at];
    double seen = 0;
    for (int n = 0; n < count; n++) {
      h[n] = h[n] * exp(delta * rate[n]) + delta * u * B[n];
      seen += C[n] * h[n];
    }
    s->y[at] += seen;
  }
  for (int n = 0; n < count; n++) s->state[own + (size_t)n] = h[n];
}

void scan64(const Scan64 *s) {
#pragma omp parallel for schedule(static)
  for (int e = 0; e < s->E; e++) {
    for (int t = 0; t < s->T; t++) {
      const size_t at = (size_t)t * (size_t)s->E + (size_t)e;
      s->delta[at] = softplus64(s->dt[at] + s->dt_bias[e]);
      s->y[at] = s->D[e] * s->u[at];
    }
    for (int n = 0; n < s->N; n += GROUP) walk(s, e, n, s->N - n < GROUP ? s->N - n : GROUP);
    for (int t = 0; t < s->T; t++) {
      const size_t at = (size_t)t * (size_t)s->E + (size_t)e;
      s->gated[at] = s->y[at] * silu64(s->z[(size_t)t * (size_t)s->z_stride + (size_t)e]);
    }
  }
}
