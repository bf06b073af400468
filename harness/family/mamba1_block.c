/* mamba1_block: one block under one mode, and the model's ends, over the operators. */
#include "family/mamba1_parts.h"
#include "kernels/conv1d.h"

/* What one block_run hands from stage to stage. */
typedef struct Run {
  const Ops *ops; /* the model's */
  const Model *model;
  const ModelLayer *layer;
  const float *scale; /* of the layer's activations */
  const Mode *mode;
  int T;
  Arena *arena;
  Tensor *t;         /* the trace's tensors */
  int64_t *counters; /* on a device: what its operators count or compute stands there; else NULL */
  int counters_used;
} Run;

enum { COUNTERS = 24 }; /* int8 tensors of a block: 12 at most */

static void make_counters(Run *r) {
  if (!r->ops->clear) return;
  r->counters = arena_room(r->arena, COUNTERS, sizeof *r->counters);
  r->ops->clear(r->ops->context, r->counters, COUNTERS * sizeof *r->counters);
}

/* A matrix of its own. */
static Tensor room_for(Run *r, Format format, int rows, int cols, float scale) {
  void *data = arena_room(r->arena, (size_t)rows * (size_t)cols, format_size(format));
  Tensor t = tensor_of(data, format, rows, cols, scale);
  if (format == FORMAT_I8 && r->counters) t.nans_at = &r->counters[r->counters_used++];
  return t;
}

static Tensor *at(const Run *r, int tensor) {
  return &r->t[mamba1_at(r->model->config.family, tensor)];
}

static Tensor *make(Run *r, int tensor, Format format) {
  const Config *c = &r->model->config;
  const TensorInfo *info = &c->family->tensors.info[mamba1_at(c->family, tensor)];
  int rows = info->rows == DIM_TOKEN ? r->T : c->family->width(c, info->rows),
      cols = c->family->width(c, info->cols);
  float scale = format == FORMAT_I8 ? r->scale[info->scale] : 0;
  *at(r, tensor) = room_for(r, format, rows, cols, scale);
  return at(r, tensor);
}

/* A tensor that is no part of the trace. */
static Tensor scratch_like(Run *r, const Tensor *x, Format format, float scale) {
  return room_for(r, format, x->rows, x->cols, scale);
}

/* x as int8 at `scale`: itself where it is int8 already (it then stands on that grid), else
 * requantised half to even. The NaNs that x lost when it was written are x's own: handing it on
 * loses none. */
static Tensor as_i8(Run *r, const Tensor *x, float scale) {
  if (x->format == FORMAT_I8) {
    Tensor same = *x;
    same.nans = 0;
    same.nans_at = NULL;
    return same;
  }
  Tensor q = scratch_like(r, x, FORMAT_I8, scale);
  op_quantise(r->ops, x, ROUND_EVEN, &q);
  return q;
}

/* x as float32: itself, or dequantised. */
static Tensor as_f32(Run *r, const Tensor *x) {
  if (x->format == FORMAT_F32) return *x;
  Tensor f = scratch_like(r, x, FORMAT_F32, 0);
  op_dequantise(r->ops, x, &f);
  return f;
}

/* What a stage's setting asks of the operator that it is inside of. */
static Precision inner(int setting) {
  static const Precision precision[] = {[INNER_F32] = PRECISION_F32,
                                        [INNER_F16] = PRECISION_F16,
                                        [INNER_BF16] = PRECISION_BF16,
                                        [INNER_I8] = PRECISION_I8};
  return precision[setting];
}

static Format output_format(int setting) { return setting == OUTPUT_F16 ? FORMAT_F16 : FORMAT_F32; }

/* There is no tensor of bf16: its values are kept as float32. */
static void narrow_output(Run *r, int tensor, int setting) {
  if (setting == OUTPUT_BF16) op_narrow(r->ops, at(r, tensor), PRECISION_BF16, at(r, tensor));
}

static Tensor as_format(Run *r, const Tensor *x, bool i8, float scale) {
  return i8 ? as_i8(r, x, scale) : as_f32(r, x);
}

static int setting(const Run *r, int stage) { return r->mode->setting[stage]; }

static const Prepared *weights(const Run *r, bool i8) { return i8 ? r->layer->i8 : r->layer->f32; }

/* norm, in_proj, conv1d and its SiLU. */
static void run_conv(Run *r) {
  const bool w8a8 = setting(r, STAGE_LINEARS) == LINEARS_W8A8;
  const int conv_in = setting(r, STAGE_CONV_IN), conv_out = setting(r, STAGE_CONV_OUT);
  const float *gain = r->layer->f32[W_NORM].values.data;

  op_rmsnorm(r->ops, at(r, T_BLOCK_IN), gain, r->model->eps,
             make(r, T_NORM, w8a8 ? FORMAT_I8 : FORMAT_F32));
  op_linear(r->ops, &weights(r, w8a8)[W_IN_PROJ].linear, at(r, T_NORM),
            make(r, T_IN_PROJ, conv_in == CONV_IN_I8 ? FORMAT_I8 : FORMAT_F32));

  Tensor x = tensor_columns(at(r, T_IN_PROJ), 0, r->model->config.E);
  if (conv_in == CONV_IN_I8_DYNAMIC) {
    Tensor dynamic = scratch_like(r, &x, FORMAT_I8, 0);
    if (r->counters) dynamic.scale_at = (float *)(void *)&r->counters[r->counters_used++];
    op_quantise_dynamic(r->ops, &x, &dynamic);
    x = *at(r, T_CONV_IN) = dynamic;
  }
  Tensor *pre = make(r, T_CONV1D, FORMAT_F32);
  Tensor *silu = make(r, T_CONV1D_SILU, conv_out == CONV_OUT_F32 ? FORMAT_F32 : FORMAT_I8);
  const Prepared *w = weights(r, conv_in != CONV_IN_F32);
  Conv1d conv = conv1d_weights(&w[W_CONV].values, &w[W_CONV_BIAS].values);
  conv.acc = inner(setting(r, STAGE_CONV_ACC));
  op_conv1d(r->ops, &conv, &x, pre, silu);
  if (conv_out == CONV_OUT_F32_GRID) {
    Tensor on_grid = *silu;
    op_dequantise(r->ops, &on_grid, make(r, T_CONV1D_SILU, FORMAT_F32));
    silu->nans = on_grid.nans;
    silu->nans_at = on_grid.nans_at;
  }
}

/* x_proj, or where the model has them the norms of its dt, B and C, each by itself and without a
 * gain. */
static const Tensor *run_norms(Run *r, Format format) {
  const Config *m = &r->model->config;
  if (!mamba1_has_norms(m->family)) return at(r, T_X_PROJ);
  const Tensor whole = as_f32(r, at(r, T_X_PROJ));
  const int width[] = {m->R, m->N, m->N};
  Tensor *normed = make(r, T_DBC_NORM, format);
  for (int part = 0, first = 0; part < 3; first += width[part++]) {
    const Tensor x = tensor_columns(&whole, first, width[part]);
    Tensor y = tensor_columns(normed, first, width[part]);
    op_rmsnorm(r->ops, &x, NULL, (float)m->mixer_eps, &y);
    normed->nans += y.nans;
    normed->kernel = y.kernel;
  }
  return normed;
}

/* x_proj, dt_proj and the scan with its gate. */
static void run_scan(Run *r) {
  const Config *m = &r->model->config;
  const float *scale = r->scale;
  const bool w8a8 = setting(r, STAGE_LINEARS) == LINEARS_W8A8,
             rest_i8 = setting(r, STAGE_SCAN_REST) == SCAN_REST_I8;
  Format rest = rest_i8 ? FORMAT_I8 : FORMAT_F32;

  *at(r, T_X_PROJ_IN) =
      as_format(r, at(r, T_CONV1D_SILU), setting(r, STAGE_X_PROJ_IN) == X_PROJ_IN_I8, scale[S_U]);
  *at(r, T_SCAN_IN) =
      as_format(r, at(r, T_CONV1D_SILU), setting(r, STAGE_SCAN_U) == SCAN_U_I8, scale[S_U]);
  op_linear(r->ops, &weights(r, w8a8)[W_X_PROJ].linear, at(r, T_X_PROJ_IN),
            make(r, T_X_PROJ, rest));

  const Tensor *dbc = run_norms(r, rest);
  Tensor dt_r = tensor_columns(dbc, 0, m->R);
  dt_r = as_format(r, &dt_r, w8a8, scale[mamba1_has_norms(m->family) ? S_DBC_NORM : S_DBC]);
  op_linear(r->ops, &weights(r, w8a8)[W_DT_PROJ].linear, &dt_r, make(r, T_DT_PROJ, rest));

  Tensor z = tensor_columns(at(r, T_IN_PROJ), m->E, m->E);
  z = as_format(r, &z, rest_i8, scale[S_XZ]);
  Tensor B = tensor_columns(dbc, m->R, m->N), C = tensor_columns(dbc, m->R + m->N, m->N);
  const Prepared *w = weights(r, rest_i8);
  ScanInputs in = {.u = at(r, T_SCAN_IN),
                   .dt = at(r, T_DT_PROJ),
                   .B = &B,
                   .C = &C,
                   .z = &z,
                   .A_log = &w[W_A_LOG].values,
                   .D = &w[W_D].values,
                   .dt_bias = &w[W_DT_BIAS].values,
                   .precision = {.softplus = inner(setting(r, STAGE_SOFTPLUS)),
                                 .decay = inner(setting(r, STAGE_DECAY)),
                                 .state = inner(setting(r, STAGE_STATE)),
                                 .state_scale = scale[S_H]}};
  ScanOutputs out = {.delta = make(r, T_DELTA, FORMAT_F32),
                     .y = make(r, T_SCAN, FORMAT_F32),
                     .gated = make(r, T_GATED, output_format(setting(r, STAGE_GATED))),
                     .state = make(r, T_SSM_STATE, FORMAT_F32)};
  ScanOrder order =
      setting(r, STAGE_SCAN_ORDER) == SCAN_ORDER_BLOCKED ? SCAN_BLOCKED : SCAN_SEQUENTIAL;
  Arena scratch = *r->arena;
  op_scan(r->ops, &in, order, &out,
          arena_room(&scratch, scan_scratch_bytes(r->T, m->E, m->N, order), 1));
  narrow_output(r, T_GATED, setting(r, STAGE_GATED));
  if (setting(r, STAGE_SCAN_U) == SCAN_U_I8)
    op_quantise(r->ops, at(r, T_SSM_STATE), ROUND_AWAY, make(r, T_SSM_STATE_Q8, FORMAT_I8));
}

/* The Hadamard transform, out_proj and the residual. */
static void run_out(Run *r) {
  bool w8a8 = setting(r, STAGE_LINEARS) == LINEARS_W8A8;
  const Tensor *gated = at(r, T_GATED);
  if (r->model->hadamard)
    op_hadamard(r->ops, gated, make(r, T_OUT_PROJ_IN, w8a8 ? FORMAT_I8 : FORMAT_F32));
  else
    *at(r, T_OUT_PROJ_IN) = as_format(r, gated, w8a8, r->scale[S_O]);
  op_linear(r->ops, &weights(r, w8a8)[W_OUT_PROJ].linear, at(r, T_OUT_PROJ_IN),
            make(r, T_OUT_PROJ, output_format(setting(r, STAGE_OUT_PROJ))));
  narrow_output(r, T_OUT_PROJ, setting(r, STAGE_OUT_PROJ));
  op_residual_add(r->ops, at(r, T_BLOCK_IN), at(r, T_OUT_PROJ), make(r, T_BLOCK_OUT, FORMAT_F32));
}

void mamba1_block(const Model *model, int layer, const Mode *mode, const Tensor *x, Arena *arena,
                  Trace *trace) {
  *trace = (Trace){.family = model->config.family};
  trace->t[T_BLOCK_IN] = *x;
  Run run = {.ops = model->ops,
             .model = model,
             .layer = &model->layer[layer],
             .scale = model->scales[layer].scale,
             .mode = mode,
             .T = x->rows,
             .arena = arena,
             .t = trace->t};
  make_counters(&run);
  run_conv(&run);
  run_scan(&run);
  run_out(&run);
}

void mamba1_embed(const Model *model, const float *rows, const int32_t *row, int T, Arena *arena,
                  Trace *trace) {
  trace->family = model->config.family;
  Run run = {.ops = model->ops, .model = model, .T = T, .arena = arena, .t = trace->t};
  op_embedding(run.ops, rows, row, make(&run, T_EMBEDDING, FORMAT_F32));
}

void mamba1_head(const Model *model, const Tensor *x, Arena *arena, Trace *trace) {
  trace->family = model->config.family;
  Run run = {.ops = model->ops, .model = model, .T = x->rows, .arena = arena, .t = trace->t};
  op_rmsnorm(run.ops, x, model->norm_f, model->eps, make(&run, T_NORM_F, FORMAT_F32));
  op_linear(run.ops, &model->head, at(&run, T_NORM_F), make(&run, T_LOGITS, FORMAT_F32));
}

size_t mamba1_block_bytes(const Config *c, int T) {
  size_t D = (size_t)c->D, E = (size_t)c->E, N = (size_t)c->N, R = (size_t)c->R, t = (size_t)T;
  size_t dbc = (mamba1_has_norms(c->family) ? 4 : 2) * (R + 2 * N);
  size_t values = t * (4 * D + 2 * E + 11 * E + dbc + (size_t)c->vocab) + 2 * E * N;
  size_t starts = 32 * 64 + COUNTERS * sizeof(int64_t); /* every tensor starts at a cache line */
  return values * sizeof(float) + starts + scan_scratch_bytes(T, c->E, c->N, SCAN_BLOCKED);
}
