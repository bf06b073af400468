#include "study/timed_ops.h"

#include <stddef.h>

#include "base/progress.h"

const char *const operator_names[OP_COUNT] = {[OP_EMBEDDING] = "embedding",
                                              [OP_NORM] = "rmsnorm",
                                              [OP_IN_PROJ] = "in_proj",
                                              [OP_CONV1D] = "conv1d",
                                              [OP_X_PROJ] = "x_proj",
                                              [OP_DT_PROJ] = "dt_proj",
                                              [OP_SCAN] = "scan",
                                              [OP_HADAMARD] = "hadamard",
                                              [OP_OUT_PROJ] = "out_proj",
                                              [OP_QUANTISE] = "quantise",
                                              [OP_DEQUANTISE] = "dequantise",
                                              [OP_NARROW] = "narrow",
                                              [OP_RESIDUAL] = "residual",
                                              [OP_HEAD] = "head"};

static Ops real, timed;
static const Model *of_model;
static void (*wait_for)(void);
static OperatorTime count[OP_COUNT];
static double started_s;

static void start(void) { started_s = clock_s(); }

static void stop(Operator op, double bytes) {
  if (wait_for) wait_for();
  count[op].time_s += clock_s() - started_s;
  count[op].calls++;
  count[op].bytes += bytes;
}

static double bytes_of(const Tensor *t) { return (double)t->rows * (double)t->cols * (double)type_size(t->type); }

/* The projection that a linear is: by where it stands in its layer. */
static Operator projection(const Linear *w) {
  const char *first = (const char *)of_model->layer, *at = (const char *)w;
  if (at < first || at >= (const char *)(of_model->layer + of_model->layers)) return OP_HEAD;
  size_t offset = (size_t)(at - first) % sizeof(ModelLayer);
  size_t in_format =
      offset - (offset < offsetof(ModelLayer, i8) ? offsetof(ModelLayer, f32) : offsetof(ModelLayer, i8));
  switch (in_format) {
    case offsetof(LayerWeights, in_proj): return OP_IN_PROJ;
    case offsetof(LayerWeights, x_proj): return OP_X_PROJ;
    case offsetof(LayerWeights, dt_proj): return OP_DT_PROJ;
    default: return OP_OUT_PROJ;
  }
}

static void timed_embedding(const float *table, const int32_t *token, Tensor *y) {
  start();
  real.embedding(table, token, y);
  stop(OP_EMBEDDING, 2 * bytes_of(y));
}

static void timed_rmsnorm(const Tensor *x, const float *gain, float eps, Tensor *y) {
  start();
  real.rmsnorm(x, gain, eps, y);
  stop(OP_NORM, bytes_of(x) + bytes_of(y));
}

static void timed_linear(const Linear *w, const Tensor *x, Tensor *y) {
  start();
  real.linear(w, x, y);
  stop(projection(w), (double)w->out * (double)w->in * (double)type_size(w->type) + bytes_of(x) + bytes_of(y));
}

static void timed_conv1d(const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu) {
  start();
  real.conv1d(w, x, pre, silu);
  stop(OP_CONV1D, bytes_of(x) + bytes_of(pre) + bytes_of(silu));
}

static void timed_scan(const ScanInputs *in, ScanOrder order, const ScanOutputs *out, void *scratch) {
  start();
  real.scan(in, order, out, scratch);
  stop(OP_SCAN, bytes_of(in->u) + bytes_of(in->dt) + bytes_of(in->B) + bytes_of(in->C) + bytes_of(in->z) +
                    bytes_of(in->A_log) + bytes_of(out->delta) + bytes_of(out->y) + bytes_of(out->gated) +
                    bytes_of(out->state));
}

static void timed_hadamard(const Tensor *x, Tensor *y) {
  start();
  real.hadamard(x, y);
  stop(OP_HADAMARD, bytes_of(x) + bytes_of(y));
}

static void timed_quantise(const Tensor *x, Rounding rounding, Tensor *y) {
  start();
  real.quantise(x, rounding, y);
  stop(OP_QUANTISE, bytes_of(x) + bytes_of(y));
}

static void timed_quantise_dynamic(const Tensor *x, Tensor *y) {
  start();
  real.quantise_dynamic(x, y);
  stop(OP_QUANTISE, bytes_of(x) + bytes_of(y));
}

static void timed_dequantise(const Tensor *x, Tensor *y) {
  start();
  real.dequantise(x, y);
  stop(OP_DEQUANTISE, bytes_of(x) + bytes_of(y));
}

static void timed_narrow(const Tensor *x, Precision to, Tensor *y) {
  start();
  real.narrow(x, to, y);
  stop(OP_NARROW, bytes_of(x) + bytes_of(y));
}

static void timed_residual_add(const Tensor *x, const Tensor *branch, Tensor *y) {
  start();
  real.residual_add(x, branch, y);
  stop(OP_RESIDUAL, bytes_of(x) + bytes_of(branch) + bytes_of(y));
}

const Ops *timed_ops_start(const Model *model, void (*wait)(void)) {
  for (int op = 0; op < OP_COUNT; op++) count[op] = (OperatorTime){0};
  of_model = model;
  wait_for = wait;
  real = *model->ops;
#define TIMED(name) .name = timed_##name,
  timed = (Ops){.backend = real.backend, .clear = real.clear, OPS_EACH(TIMED)};
#undef TIMED
  return &timed;
}

const OperatorTime *timed_ops_read(void) { return count; }
