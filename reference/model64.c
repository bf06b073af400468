/* model64: a Mamba-1 model in float64 from the operators of operators64.h; T tokens, state zero
 * before the first.
 *   norm = rmsnorm(x);  x', z = norm W_in^T;  u = silu(conv1d(x'));  dt_r, B, C = u W_x^T;  dt =
 *   dt_r W_dt^T;
 *   gated = scan(u, dt, A, B, C, D, z);  block_out = x + gated W_out^T, gated through H where the
 *   weight was rotated.
 * Error: at most 1.2e-15 relative (Frobenius) in each of 51 tensors of 24 layers, against the
 * golden float64 forward data/golden/bytes10m_fp64.h5 (tests/test_reference.c). */
#include <assert.h>
#include <string.h>

#include "reference/model64.h"
#include "reference/operators64.h"

void embed64(const Model64 *m, const int32_t *token, int T, double *x) {
  const size_t D = (size_t)m->D;
  for (int t = 0; t < T; t++) {
    assert(token[t] >= 0 && token[t] < m->vocab);
    memcpy(x + (size_t)t * D, m->embedding + (size_t)token[t] * D, D * sizeof *x);
  }
}

void block64(const Model64 *m, int layer, const double *x, int T, const Block64 *out) {
  const Layer64 *w = &m->layer[layer];
  const int D = m->D, E = m->E, N = m->N, R = m->R;
  const int dbc = R + 2 * N;
  const size_t inner = (size_t)T * (size_t)E, outer = (size_t)T * (size_t)D;

  rmsnorm64(x, w->norm, m->eps, T, D, out->norm);
  linear64(out->norm, D, T, D, w->in_proj, 2 * E, out->in_proj, 2 * E);
  conv1d64(out->in_proj, 2 * E, T, E, m->K, w->conv_weight, w->conv_bias, out->conv1d,
           out->conv1d_silu);
  linear64(out->conv1d_silu, E, T, E, w->x_proj, dbc, out->x_proj, dbc);
  linear64(out->x_proj, dbc, T, R, w->dt_proj, E, out->dt_proj, E);
  scan64(&(Scan64){.T = T,
                   .E = E,
                   .N = N,
                   .u = out->conv1d_silu,
                   .dt = out->dt_proj,
                   .B = out->x_proj + R,
                   .C = out->x_proj + R + N,
                   .BC_stride = dbc,
                   .z = out->in_proj + E,
                   .z_stride = 2 * E,
                   .A_log = w->A_log,
                   .D = w->D,
                   .dt_bias = w->dt_bias,
                   .delta = out->delta,
                   .y = out->scan,
                   .gated = out->gated,
                   .state = out->ssm_state});
  memcpy(out->out_proj_in, out->gated, inner * sizeof *out->gated);
  if (m->hadamard) hadamard64(out->out_proj_in, T, E);
  linear64(out->out_proj_in, E, T, E, w->out_proj, D, out->out_proj, D);
  for (size_t i = 0; i < outer; i++) out->block_out[i] = x[i] + out->out_proj[i];
}

void norm64(const double *x, const double *gain, double eps, int T, int D, double *norm_f) {
  rmsnorm64(x, gain, eps, T, D, norm_f);
}

void logits64(const double *norm_f, int T, int D, const double *head, int rows, double *logits,
              int vocab) {
  linear64(norm_f, D, T, D, head, rows, logits, vocab);
}

void head64(const Model64 *m, const double *x, int T, double *norm_f, double *logits) {
  norm64(x, m->norm_f, m->eps, T, m->D, norm_f);
  logits64(norm_f, T, m->D, m->head, m->vocab, logits, m->vocab);
}
