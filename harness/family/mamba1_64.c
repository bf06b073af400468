/* mamba1_64: the reference's block and ends as traces; the one place where the float64 weights get
 * the reference's names. */
#include "family/block.h"
#include "family/mamba1_parts.h"
#include "reference/model64.h"

static Layer64 layer_of(const double *const *w) {
  return (Layer64){.norm = w[W_NORM],
                   .in_proj = w[W_IN_PROJ],
                   .conv_weight = w[W_CONV],
                   .conv_bias = w[W_CONV_BIAS],
                   .x_proj = w[W_X_PROJ],
                   .dt_proj = w[W_DT_PROJ],
                   .dt_bias = w[W_DT_BIAS],
                   .A_log = w[W_A_LOG],
                   .D = w[W_D],
                   .out_proj = w[W_OUT_PROJ]};
}

/* Of one layer, without its ends. */
static Model64 model_of(const Weights64 *w, const Layer64 *layer) {
  const Config *c = &w->config;
  return (Model64){.D = c->D,
                   .E = c->E,
                   .N = c->N,
                   .R = c->R,
                   .K = c->K,
                   .layers = 1,
                   .vocab = c->vocab,
                   .eps = c->eps,
                   .dbc_eps = c->mixer_eps,
                   .hadamard = w->hadamard,
                   .layer = layer};
}

/* NULL where this model has no such tensor. */
static double *make(const Config *c, int T, Arena *arena, Trace *trace, int tensor) {
  const int id = mamba1_at(c->family, tensor);
  if (id == ABSENT) return NULL;
  const TensorInfo *info = &c->family->tensors.info[id];
  int rows = info->rows == DIM_TOKEN ? T : mamba1_width(c, info->rows),
      cols = mamba1_width(c, info->cols);
  double *data = arena_room(arena, (size_t)rows * (size_t)cols, sizeof *data);
  trace->t[id] = tensor_of(data, FORMAT_F64, rows, cols, 0);
  trace->t[id].kernel = "reference f64";
  return data;
}

/* x_proj_in and scan_in are conv1d_silu itself: the reference requantises nothing. */
void mamba1_block64(const Weights64 *weights, int layer, const Tensor *x, Arena *arena,
                    Trace *trace) {
  const Config *c = &weights->config;
  const int T = x->rows;
  const Layer64 one = layer_of(weights->layer[layer]);
  const Model64 model = model_of(weights, &one);
  *trace = (Trace){.family = c->family};
  trace->t[T_BLOCK_IN] = *x;
  Block64 out = {.norm = make(c, T, arena, trace, T_NORM),
                 .in_proj = make(c, T, arena, trace, T_IN_PROJ),
                 .conv1d = make(c, T, arena, trace, T_CONV1D),
                 .conv1d_silu = make(c, T, arena, trace, T_CONV1D_SILU),
                 .x_proj = make(c, T, arena, trace, T_X_PROJ),
                 .dbc_norm = make(c, T, arena, trace, T_DBC_NORM),
                 .dt_proj = make(c, T, arena, trace, T_DT_PROJ),
                 .delta = make(c, T, arena, trace, T_DELTA),
                 .scan = make(c, T, arena, trace, T_SCAN),
                 .gated = make(c, T, arena, trace, T_GATED),
                 .out_proj_in = make(c, T, arena, trace, T_OUT_PROJ_IN),
                 .out_proj = make(c, T, arena, trace, T_OUT_PROJ),
                 .block_out = make(c, T, arena, trace, T_BLOCK_OUT),
                 .ssm_state = make(c, T, arena, trace, T_SSM_STATE)};
  trace->t[T_X_PROJ_IN] = trace->t[T_SCAN_IN] = trace->t[T_CONV1D_SILU];
  block64(weights->ops, &model, 0, x->data, T, &out);
}

void mamba1_embed64(const Weights64 *weights, const double *rows, int T, Arena *arena,
                    Trace *trace) {
  trace->family = weights->config.family;
  double *embedding = make(&weights->config, T, arena, trace, T_EMBEDDING);
  weights->ops->copy(weights->ops->context, rows, (size_t)T * (size_t)weights->config.D, embedding);
}

void mamba1_head64(const Weights64 *weights, const Tensor *x, Arena *arena, Trace *trace) {
  const Config *c = &weights->config;
  trace->family = c->family;
  double *norm_f = make(c, x->rows, arena, trace, T_NORM_F),
         *logits = make(c, x->rows, arena, trace, T_LOGITS);
  norm64(weights->ops, x->data, weights->norm_f, c->eps, x->rows, c->D, norm_f);
  block_logits64(weights, norm_f, x->rows, logits, *arena);
}
