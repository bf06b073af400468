#include "command/calls.h"

#include <assert.h>

#include "kernels/hadamard.h"

/* --- watching: an Ops has no room for a context, so the watch is the file's
 * --------------------------------------------- */

static Calls *watched;

static Call *remember(CallKind kind) {
  assert(watched->count < CALLS_MAX);
  Call *call = &watched->call[watched->count++];
  *call = (Call){.ops = watched->behind, .kind = kind};
  return call;
}

static void takes(Call *call, const Tensor *t) { call->in[call->ins++] = *t; }
static void makes(Call *call, const Tensor *t) { call->out[call->outs++] = *t; }

static void see_embedding(const float *table, const int32_t *token, Tensor *y) {
  Call *call = remember(CALL_EMBEDDING);
  call->table = table;
  call->token = token;
  call->ops->embedding(table, token, y);
  makes(call, y);
}

static void see_rmsnorm(const Tensor *x, const float *gain, float eps, Tensor *y) {
  Call *call = remember(CALL_RMSNORM);
  call->table = gain;
  call->eps = eps;
  takes(call, x);
  call->ops->rmsnorm(x, gain, eps, y);
  makes(call, y);
}

static void see_linear(const Linear *w, const Tensor *x, Tensor *y) {
  Call *call = remember(CALL_LINEAR);
  call->linear = *w;
  takes(call, x);
  call->ops->linear(w, x, y);
  makes(call, y);
}

static void see_conv1d(const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu) {
  Call *call = remember(CALL_CONV1D);
  call->conv = *w;
  takes(call, x);
  call->ops->conv1d(w, x, pre, silu);
  makes(call, pre);
  makes(call, silu);
}

static void see_scan(const ScanInputs *in, ScanOrder order, const ScanOutputs *out, void *scratch) {
  Call *call = remember(CALL_SCAN);
  const Tensor *given[] = {in->u, in->dt, in->B, in->C, in->z, in->A_log, in->D, in->dt_bias};
  const Tensor *made[] = {out->delta, out->y, out->gated, out->state};
  call->order = order;
  call->precision = in->precision;
  call->scratch = scratch;
  for (int i = 0; i < 8; i++) takes(call, given[i]);
  call->ops->scan(in, order, out, scratch);
  for (int i = 0; i < 4; i++) makes(call, made[i]);
}

static void see_hadamard(const Tensor *x, Tensor *y) {
  Call *call = remember(CALL_HADAMARD);
  takes(call, x);
  call->ops->hadamard(x, y);
  makes(call, y);
}

static void see_quantise(const Tensor *x, Rounding rounding, Tensor *y) {
  Call *call = remember(CALL_QUANTISE);
  call->rounding = rounding;
  takes(call, x);
  call->ops->quantise(x, rounding, y);
  makes(call, y);
}

static void see_quantise_dynamic(const Tensor *x, Tensor *y) {
  Call *call = remember(CALL_QUANTISE_DYNAMIC);
  takes(call, x);
  call->ops->quantise_dynamic(x, y);
  makes(call, y);
}

static void see_dequantise(const Tensor *x, Tensor *y) {
  Call *call = remember(CALL_DEQUANTISE);
  takes(call, x);
  call->ops->dequantise(x, y);
  makes(call, y);
}

static void see_narrow(const Tensor *x, Precision to, Tensor *y) {
  Call *call = remember(CALL_NARROW);
  call->to = to;
  takes(call, x);
  call->ops->narrow(x, to, y);
  makes(call, y);
}

static void see_residual_add(const Tensor *x, const Tensor *branch, Tensor *y) {
  Call *call = remember(CALL_RESIDUAL);
  takes(call, x);
  takes(call, branch);
  call->ops->residual_add(x, branch, y);
  makes(call, y);
}

const Ops *calls_watch(Calls *calls, const Ops *behind) {
  watched = calls;
  calls->count = 0;
  calls->behind = behind;
#define SEEN(name) .name = see_##name,
  calls->ops = (Ops){.backend = behind->backend, .clear = behind->clear, OPS_EACH(SEEN)};
#undef SEEN
  return &calls->ops;
}

/* --- again
 * -------------------------------------------------------------------------------------------------------------- */

void call_again(Call *c) {
  Tensor *x = c->in, *y = c->out;
  switch (c->kind) {
    case CALL_EMBEDDING: c->ops->embedding(c->table, c->token, y); break;
    case CALL_RMSNORM: c->ops->rmsnorm(x, c->table, c->eps, y); break;
    case CALL_LINEAR: c->ops->linear(&c->linear, x, y); break;
    case CALL_CONV1D: c->ops->conv1d(&c->conv, x, y, y + 1); break;
    case CALL_HADAMARD: c->ops->hadamard(x, y); break;
    case CALL_QUANTISE: c->ops->quantise(x, c->rounding, y); break;
    case CALL_QUANTISE_DYNAMIC: c->ops->quantise_dynamic(x, y); break;
    case CALL_DEQUANTISE: c->ops->dequantise(x, y); break;
    case CALL_NARROW: c->ops->narrow(x, c->to, y); break;
    case CALL_RESIDUAL: c->ops->residual_add(x, x + 1, y); break;
    case CALL_SCAN: {
      ScanInputs in = {.u = x,
                       .dt = x + 1,
                       .B = x + 2,
                       .C = x + 3,
                       .z = x + 4,
                       .A_log = x + 5,
                       .D = x + 6,
                       .dt_bias = x + 7,
                       .precision = c->precision};
      ScanOutputs out = {y, y + 1, y + 2, y + 3};
      c->ops->scan(&in, c->order, &out, c->scratch);
      break;
    }
  }
}

const Tensor *call_output(const Call *call) { return &call->out[call->kind == CALL_SCAN ? 2 : call->outs - 1]; }

/* --- what it costs
 * ------------------------------------------------------------------------------------------------------ */

/* Float32 instructions, read off kernels/math32.h, q8.h and bf16.h; a division is counted as the 8 that it becomes on a
 * device.
 */
enum { EXP = 22, LOG1P = 36, DIVISION = 8, SILU = EXP + 1 + DIVISION, QUANTISE = DIVISION + 6, NARROW = 12 };

static int64_t elements(const Tensor *t) { return (int64_t)t->rows * t->cols; }
static int64_t bytes_of(const Tensor *t) { return elements(t) * (int64_t)type_size(t->type); }

/* Steps for each element of the output (of linear and scan: without their sums). */
static int64_t element_steps(const Call *c) {
  const Tensor *y = call_output(c);
  int n = y->cols, factor, log2_n = 0;
  switch (c->kind) {
    case CALL_RMSNORM: return 2 + DIVISION;
    case CALL_CONV1D: return c->conv.K + SILU;
    case CALL_SCAN: return EXP + LOG1P + SILU + 4;
    case CALL_HADAMARD:
      factor = hadamard_factor(n);
      while (factor << (log2_n + 1) <= n) log2_n++;
      return log2_n + factor;
    case CALL_QUANTISE:
    case CALL_QUANTISE_DYNAMIC: return QUANTISE;
    case CALL_DEQUANTISE:
    case CALL_RESIDUAL: return 1;
    case CALL_NARROW: return NARROW;
    case CALL_EMBEDDING:
    case CALL_LINEAR: return 0;
  }
  return 0;
}

CallCost call_cost(const Call *c) {
  CallCost cost = {0};
  const Tensor *y = call_output(c);
  bool quantises = y->type == TYPE_I8 && c->kind != CALL_QUANTISE && c->kind != CALL_QUANTISE_DYNAMIC;
  for (int i = 0; i < c->ins; i++) cost.bytes += bytes_of(&c->in[i]);
  for (int i = 0; i < c->outs; i++) cost.bytes += bytes_of(&c->out[i]);
  cost.float_steps = elements(y) * (element_steps(c) + (quantises ? QUANTISE : 0));
  if (c->kind == CALL_EMBEDDING) cost.bytes *= 2; /* the rows that it copies */
  if (c->kind == CALL_LINEAR) {
    const Linear *w = &c->linear;
    int64_t macs = (int64_t)y->rows * w->out * w->in;
    cost.bytes += (int64_t)w->out * w->in * (int64_t)type_size(w->type);
    *(w->type == TYPE_I8 ? &cost.i8_macs : &cost.float_steps) += macs;
  }
  if (c->kind == CALL_CONV1D) cost.bytes += (int64_t)c->conv.E * (c->conv.K + 1) * (int64_t)type_size(c->conv.type);
  if (c->kind == CALL_SCAN) /* for each state: delta A and its exp, b, h, and the sum of y */
    cost.float_steps += elements(y) * c->in[5].cols * (EXP + 4);
  return cost;
}

void cost_add(CallCost *sum, CallCost cost, int times) {
  sum->bytes += cost.bytes * times;
  sum->float_steps += cost.float_steps * times;
  sum->i8_macs += cost.i8_macs * times;
}
