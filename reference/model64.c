/* model64: a Mamba-1 model in float64 from the operators of operators64.h; T tokens, state zero
 * before the first.
 *   norm = rmsnorm(x);  x', z = norm W_in^T;  u = silu(conv1d(x'));
 *   dt_r, B, C = u W_x^T, and each of the three rmsnorm of itself where the model has it so;
 *   dt = dt_r W_dt^T;  gated = scan(u, dt, A, B, C, D, z);
 *   block_out = x + gated W_out^T, gated through H where the weight was rotated.
 * Error: at most 1.7e-15 relative (Frobenius) in each of 51 tensors of 24 layers, against the
 * golden float64 forward data/golden/bytes10m_fp64.h5 (tests/test_reference.c). */
#include "reference/model64.h"

void embed64(const Ops64 *ops, const Model64 *m, const int32_t *token, int T, double *x) {
  ops->embed(ops->context, m->embedding, token, T, m->D, x);
}

/* What dt_proj and the scan take: dt, B, C of x_proj as they are, or each normed, without a gain.
 */
static const double *normed64(const Ops64 *ops, const Model64 *m, int T, const Block64 *out) {
  const int width[] = {m->R, m->N, m->N}, dbc = m->R + 2 * m->N;
  if (!(m->dbc_eps > 0)) return out->x_proj;
  for (int part = 0, first = 0; part < 3; first += width[part++])
    ops->rmsnorm(ops->context, out->x_proj + first, dbc, NULL, m->dbc_eps, T, width[part],
                 out->dbc_norm + first, dbc);
  return out->dbc_norm;
}

void block64(const Ops64 *ops, const Model64 *m, int layer, const double *x, int T,
             const Block64 *out) {
  const Layer64 *w = &m->layer[layer];
  void *const on = ops->context;
  const int D = m->D, E = m->E, N = m->N, R = m->R;
  const int dbc = R + 2 * N;
  const size_t inner = (size_t)T * (size_t)E, outer = (size_t)T * (size_t)D;

  ops->rmsnorm(on, x, D, w->norm, m->eps, T, D, out->norm, D);
  ops->linear(on, out->norm, D, T, D, w->in_proj, 2 * E, out->in_proj, 2 * E);
  ops->conv1d(on, out->in_proj, 2 * E, T, E, m->K, w->conv_weight, w->conv_bias, out->conv1d,
              out->conv1d_silu);
  ops->linear(on, out->conv1d_silu, E, T, E, w->x_proj, dbc, out->x_proj, dbc);
  const double *dt = normed64(ops, m, T, out);
  ops->linear(on, dt, dbc, T, R, w->dt_proj, E, out->dt_proj, E);
  const Scan64 scan = {.T = T,
                       .E = E,
                       .N = N,
                       .u = out->conv1d_silu,
                       .dt = out->dt_proj,
                       .B = dt + R,
                       .C = dt + R + N,
                       .BC_stride = dbc,
                       .z = out->in_proj + E,
                       .z_stride = 2 * E,
                       .A_log = w->A_log,
                       .D = w->D,
                       .dt_bias = w->dt_bias,
                       .delta = out->delta,
                       .y = out->scan,
                       .gated = out->gated,
                       .state = out->ssm_state};
  ops->scan(on, &scan);
  if (m->hadamard)
    ops->hadamard(on, out->gated, T, E, out->out_proj_in);
  else
    ops->copy(on, out->gated, inner, out->out_proj_in);
  ops->linear(on, out->out_proj_in, E, T, E, w->out_proj, D, out->out_proj, D);
  ops->add(on, x, out->out_proj, outer, out->block_out);
}

void norm64(const Ops64 *ops, const double *x, const double *gain, double eps, int T, int D,
            double *norm_f) {
  ops->rmsnorm(ops->context, x, D, gain, eps, T, D, norm_f, D);
}

void logits64(const Ops64 *ops, const double *norm_f, int T, int D, const double *head, int rows,
              double *logits, int vocab) {
  ops->linear(ops->context, norm_f, D, T, D, head, rows, logits, vocab);
}

void head64(const Ops64 *ops, const Model64 *m, const double *x, int T, double *norm_f,
            double *logits) {
  norm64(ops, x, m->norm_f, m->eps, T, m->D, norm_f);
  logits64(ops, norm_f, T, m->D, m->head, m->vocab, logits, m->vocab);
}
