#include "source/ref64.h"

static double *make(Arena *arena, Trace *trace, TensorId id, int rows, int cols) {
  double *data = ARENA_NEW(arena, double, (size_t)rows *(size_t)cols);
  trace->t[id] = tensor_of(data, TYPE_F64, rows, cols, 0);
  trace->t[id].kernel = "reference f64";
  return data;
}

void trace64_block(const Model64 *w, int layer, const Tensor *x, Arena *arena, Trace *trace) {
  int T = x->rows, D = w->D, E = w->E;
  *trace = (Trace){0};
  trace->t[T_BLOCK_IN] = *x;
  Block64 out = {.norm = make(arena, trace, T_NORM, T, D),
                 .in_proj = make(arena, trace, T_IN_PROJ, T, 2 * E),
                 .conv1d = make(arena, trace, T_CONV1D, T, E),
                 .conv1d_silu = make(arena, trace, T_CONV1D_SILU, T, E),
                 .x_proj = make(arena, trace, T_X_PROJ, T, w->R + 2 * w->N),
                 .dt_proj = make(arena, trace, T_DT_PROJ, T, E),
                 .delta = make(arena, trace, T_DELTA, T, E),
                 .scan = make(arena, trace, T_SCAN, T, E),
                 .gated = make(arena, trace, T_GATED, T, E),
                 .out_proj_in = make(arena, trace, T_OUT_PROJ_IN, T, E),
                 .out_proj = make(arena, trace, T_OUT_PROJ, T, D),
                 .block_out = make(arena, trace, T_BLOCK_OUT, T, D),
                 .ssm_state = make(arena, trace, T_SSM_STATE, E, w->N)};
  trace->t[T_X_PROJ_IN] = trace->t[T_SCAN_IN] = trace->t[T_CONV1D_SILU];
  block64(w, layer, x->data, T, &out);
}

void trace64_embed(const Model64 *w, const int32_t *token, int T, Arena *arena, Trace *trace) {
  embed64(w, token, T, make(arena, trace, T_EMBEDDING, T, w->D));
}

void trace64_head(const Model64 *w, const Tensor *x, Arena *arena, Trace *trace) {
  double *norm_f = make(arena, trace, T_NORM_F, x->rows, w->D);
  head64(w, x->data, x->rows, norm_f, make(arena, trace, T_LOGITS, x->rows, w->vocab));
}
