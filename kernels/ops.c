#include "kernels/ops.h"

#include "kernels/hadamard.h"
#include "kernels/residual.h"
#include "kernels/rmsnorm.h"

#define INFO(kind, name, ins, outs, main) [OP_##kind] = {name, ins, outs, main},
const OpInfo op_info[OP_COUNT] = {OPS_EACH(INFO)};
#undef INFO
#define FITS(kind, name, ins, outs, main)                                                          \
  _Static_assert((ins) <= CALL_INS && (main) < (outs) && (outs) <= CALL_OUTS,                      \
                 "a call has room for " name);
OPS_EACH(FITS)
#undef FITS

/* --- one call each ---------------------------------------------------------------------------- */

void op_embedding(const Ops *ops, const float *table, const int32_t *token, Tensor *y) {
  Call call = {.kind = OP_EMBEDDING, .table = table, .token = token, .out = {y}};
  ops->run(ops->context, &call);
}

void op_rmsnorm(const Ops *ops, const Tensor *x, const float *gain, float eps, Tensor *y) {
  Call call = {.kind = OP_RMSNORM, .in = {*x}, .eps = eps, .out = {y}};
  if (gain) call.in[IN_GAIN] = tensor_of((void *)gain, FORMAT_F32, 1, x->cols, 0);
  ops->run(ops->context, &call);
}

void op_linear(const Ops *ops, const Linear *w, const Tensor *x, Tensor *y) {
  Call call = {.kind = OP_LINEAR, .linear = *w, .in = {*x}, .out = {y}};
  ops->run(ops->context, &call);
}

void op_conv1d(const Ops *ops, const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu) {
  Call call = {.kind = OP_CONV1D, .in = {*x}, .precision = w->acc, .out = {pre, silu}};
  call.in[IN_WEIGHT] = tensor_of((void *)w->weight, w->format, w->E, w->K, w->weight_scale);
  call.in[IN_BIAS] = tensor_of((void *)w->bias, w->format, 1, w->E, w->bias_scale);
  ops->run(ops->context, &call);
}

void op_scan(const Ops *ops, const ScanInputs *in, ScanOrder order, const ScanOutputs *out,
             void *scratch) {
  Call call = {.kind = OP_SCAN,
               .in = {*in->u, *in->dt, *in->B, *in->C, *in->z, *in->A_log, *in->D, *in->dt_bias},
               .stages = in->precision,
               .order = order,
               .scratch = scratch,
               .out = {out->delta, out->y, out->gated, out->state}};
  ops->run(ops->context, &call);
}

void op_hadamard(const Ops *ops, const Tensor *x, Tensor *y) {
  Call call = {.kind = OP_HADAMARD, .in = {*x}, .out = {y}};
  ops->run(ops->context, &call);
}

void op_quantise(const Ops *ops, const Tensor *x, Rounding rounding, Tensor *y) {
  Call call = {.kind = OP_QUANTISE, .in = {*x}, .rounding = rounding, .out = {y}};
  ops->run(ops->context, &call);
}

void op_quantise_dynamic(const Ops *ops, const Tensor *x, Tensor *y) {
  Call call = {.kind = OP_QUANTISE_DYNAMIC, .in = {*x}, .out = {y}};
  ops->run(ops->context, &call);
}

void op_dequantise(const Ops *ops, const Tensor *x, Tensor *y) {
  Call call = {.kind = OP_DEQUANTISE, .in = {*x}, .out = {y}};
  ops->run(ops->context, &call);
}

void op_narrow(const Ops *ops, const Tensor *x, Precision to, Tensor *y) {
  Call call = {.kind = OP_NARROW, .in = {*x}, .precision = to, .out = {y}};
  ops->run(ops->context, &call);
}

void op_residual_add(const Ops *ops, const Tensor *x, const Tensor *branch, Tensor *y) {
  Call call = {.kind = OP_RESIDUAL, .in = {*x, *branch}, .out = {y}};
  ops->run(ops->context, &call);
}

/* --- and back --------------------------------------------------------------------------------- */

Conv1d call_conv1d(const Call *c) {
  Conv1d w = conv1d_weights(&c->in[IN_WEIGHT], &c->in[IN_BIAS]);
  w.acc = c->precision;
  return w;
}

ScanInputs call_scan_inputs(const Call *c) {
  const Tensor *in = c->in;
  return (ScanInputs){.u = &in[SCAN_U],
                      .dt = &in[SCAN_DT],
                      .B = &in[SCAN_B],
                      .C = &in[SCAN_C],
                      .z = &in[SCAN_Z],
                      .A_log = &in[SCAN_A_LOG],
                      .D = &in[SCAN_D],
                      .dt_bias = &in[SCAN_BIAS],
                      .precision = c->stages};
}

ScanOutputs call_scan_outputs(const Call *c) {
  return (ScanOutputs){.delta = c->out[0], .y = c->out[1], .gated = c->out[2], .state = c->out[3]};
}

/* --- the CPU ---------------------------------------------------------------------------------- */

static void run_conv1d(const Call *c) {
  Conv1d w = call_conv1d(c);
  conv1d(&w, &c->in[IN_X], c->out[0], c->out[1]);
}

static void run_scan(const Call *c) {
  ScanInputs in = call_scan_inputs(c);
  ScanOutputs out = call_scan_outputs(c);
  scan(&in, c->order, &out, c->scratch);
}

/* Without a default: the compiler names an operator that is forgotten here. */
static void run(void *context, Call *c) {
  const Tensor *x = &c->in[IN_X];
  Tensor *y = c->out[0];
  (void)context;
  switch (c->kind) {
    case OP_EMBEDDING: embedding(c->table, c->token, y); break;
    case OP_RMSNORM: rmsnorm(x, c->in[IN_GAIN].data, c->eps, y); break;
    case OP_LINEAR: linear(&c->linear, x, y); break;
    case OP_CONV1D: run_conv1d(c); break;
    case OP_SCAN: run_scan(c); break;
    case OP_HADAMARD: hadamard(x, y); break;
    case OP_QUANTISE: quantise(x, c->rounding, y); break;
    case OP_QUANTISE_DYNAMIC: quantise_dynamic(x, y); break;
    case OP_DEQUANTISE: dequantise(x, y); break;
    case OP_NARROW: narrow(x, c->precision, y); break;
    case OP_RESIDUAL: residual_add(x, &c->in[IN_BRANCH], y); break;
    case OP_COUNT: break;
  }
}

const Ops ops_cpu = {.backend = "cpu", .run = run};
