#include "model/model.h"

#include <math.h>

#include "kernels/q8.h"

float scale_of(double statistic) { return (float)((statistic > 1e-5 ? statistic : 1e-5) / 127); }

int model_dim(const Model *m, Dim dim) {
  const int width[DIM_COUNT] = {
      [DIM_D_MODEL] = m->D,          [DIM_D_INNER] = m->E, [DIM_D_INNER2] = 2 * m->E, [DIM_DT_RANK] = m->R,
      [DIM_DT_BC] = m->R + 2 * m->N, [DIM_D_STATE] = m->N, [DIM_VOCAB] = m->vocab};
  return width[dim];
}

/* A float64 weight rounded to float32; NULL (no bias) becomes zeros. */
static Tensor rounded(Arena *arena, const double *values, int rows, int cols) {
  size_t n = (size_t)rows * (size_t)cols;
  float *out = ARENA_NEW(arena, float, n);
  for (size_t i = 0; values && i < n; i++) out[i] = (float)values[i];
  return tensor_of(out, TYPE_F32, rows, cols, 0);
}

/* A float32 weight quantised half to even with the scale of its absolute maximum. */
static Tensor quantised(Arena *arena, const Tensor *w) {
  int8_t *q = ARENA_NEW(arena, int8_t, (size_t)w->rows * (size_t)w->cols);
  Tensor result = tensor_of(q, TYPE_I8, w->rows, w->cols, scale_of(absmax(w)));
  quantise(w, ROUND_EVEN, &result);
  return result;
}

/* A projection in both formats. The panels stay; the row-major copies are scratch behind them. */
static void pack_projection(Arena *arena, const char *name, const double *weight, int out, int in, Linear *f32,
                            Linear *i8) {
  void *panels = arena_alloc(arena, linear_packed_bytes(out, in, TYPE_F32), 1);
  void *panels_i8 = i8 ? arena_alloc(arena, linear_packed_bytes(out, in, TYPE_I8), 1) : NULL;
  Arena scratch = *arena;
  Tensor w = rounded(&scratch, weight, out, in);
  *f32 = linear_pack(w.data, out, in, TYPE_F32, 0, panels);
  f32->name = name;
  if (!i8) return;
  Tensor q = quantised(&scratch, &w);
  *i8 = linear_pack(q.data, out, in, TYPE_I8, q.scale, panels_i8);
  i8->name = name;
}

static Conv1d conv_of(const Tensor *weight, const Tensor *bias) {
  return (Conv1d){.E = weight->rows,
                  .K = weight->cols,
                  .type = weight->type,
                  .weight = weight->data,
                  .bias = bias->data,
                  .weight_scale = weight->scale,
                  .bias_scale = bias->scale};
}

static void build_layer(Arena *arena, const Model64 *m, const Layer64 *from, ModelLayer *layer) {
  LayerWeights *f = &layer->f32, *q = &layer->i8;
  layer->norm = from->norm ? rounded(arena, from->norm, 1, m->D).data : NULL;
  pack_projection(arena, "in_proj", from->in_proj, 2 * m->E, m->D, &f->in_proj, &q->in_proj);
  pack_projection(arena, "x_proj", from->x_proj, m->R + 2 * m->N, m->E, &f->x_proj, &q->x_proj);
  pack_projection(arena, "dt_proj", from->dt_proj, m->E, m->R, &f->dt_proj, &q->dt_proj);
  pack_projection(arena, "out_proj", from->out_proj, m->D, m->E, &f->out_proj, &q->out_proj);

  Tensor weight = rounded(arena, from->conv_weight, m->E, m->K), bias = rounded(arena, from->conv_bias, 1, m->E);
  Tensor weight_q = quantised(arena, &weight), bias_q = quantised(arena, &bias);
  f->conv = conv_of(&weight, &bias);
  q->conv = conv_of(&weight_q, &bias_q);

  f->A_log = rounded(arena, from->A_log, m->E, m->N);
  f->D = rounded(arena, from->D, 1, m->E);
  f->dt_bias = rounded(arena, from->dt_bias, 1, m->E);
  q->A_log = quantised(arena, &f->A_log);
  q->D = quantised(arena, &f->D);
  q->dt_bias = quantised(arena, &f->dt_bias);
}

size_t model_bytes(const Config *c) {
  size_t D = (size_t)c->D, E = (size_t)c->E, N = (size_t)c->N, R = (size_t)c->R, K = (size_t)c->K;
  size_t projections = 2 * E * D + (R + 2 * N) * E + E * R + D * E;
  size_t layer = D + projections + E * K + E + E * N + 2 * E;
  return (size_t)c->layers * layer * (sizeof(float) + sizeof(int8_t)) + 2 * (size_t)c->vocab * D * sizeof(float);
}

bool model_build(Arena *arena, const Model64 *w, Model *model, Status *st) {
  if (w->D > LINEAR_I8_MAX_IN || w->E > LINEAR_I8_MAX_IN)
    return FAIL(st, "model: widths %d and %d: above %d an int8 product's int32 sum could overflow", w->D, w->E,
                LINEAR_I8_MAX_IN);
  *model = (Model){.ops = &ops_cpu,
                   .D = w->D,
                   .E = w->E,
                   .N = w->N,
                   .R = w->R,
                   .K = w->K,
                   .layers = w->layers,
                   .vocab = w->vocab,
                   .eps = (float)w->eps,
                   .hadamard = w->hadamard};
  model->embedding = rounded(arena, w->embedding, w->vocab, w->D).data;
  model->norm_f = w->norm_f ? rounded(arena, w->norm_f, 1, w->D).data : NULL;
  pack_projection(arena, "head", w->head, w->vocab, w->D, &model->head, NULL);
  model->layer = ARENA_NEW(arena, ModelLayer, w->layers);
  for (int i = 0; i < w->layers; i++) build_layer(arena, w, &w->layer[i], &model->layer[i]);
  return true;
}
