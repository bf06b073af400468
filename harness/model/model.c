#include "model/model.h"

#include <math.h>
#include <string.h>

#include "kernels/q8.h"

float scale_of(double statistic) { return (float)((statistic > 1e-5 ? statistic : 1e-5) / 127); }

/* A float64 weight rounded to float32; NULL (no bias) becomes zeros. */
static Tensor rounded(Arena *arena, const double *values, int rows, int cols) {
  size_t n = (size_t)rows * (size_t)cols;
  float *out = ARENA_NEW(arena, float, n);
  for (size_t i = 0; values && i < n; i++) out[i] = (float)values[i];
  return tensor_of(out, FORMAT_F32, rows, cols, 0);
}

/* A float32 weight quantised half to even with the scale of its absolute maximum. */
static Tensor quantised(Arena *arena, const Tensor *w) {
  int8_t *q = ARENA_NEW(arena, int8_t, (size_t)w->rows * (size_t)w->cols);
  Tensor result = tensor_of(q, FORMAT_I8, w->rows, w->cols, scale_of(absmax(w)));
  quantise(w, ROUND_EVEN, &result);
  return result;
}

/* A projection in both formats. The panels stay; the row-major copies are scratch behind them. */
static void pack_projection(Arena *arena, const char *name, const double *weight, int out, int in, Linear *f32,
                            Linear *i8) {
  void *panels = arena_alloc(arena, linear_packed_bytes(out, in, FORMAT_F32), 1);
  void *panels_i8 = i8 ? arena_alloc(arena, linear_packed_bytes(out, in, FORMAT_I8), 1) : NULL;
  Arena scratch = *arena;
  Tensor w = rounded(&scratch, weight, out, in);
  *f32 = linear_pack(w.data, out, in, FORMAT_F32, 0, panels);
  f32->name = name;
  if (!i8) return;
  Tensor q = quantised(&scratch, &w);
  *i8 = linear_pack(q.data, out, in, FORMAT_I8, q.scale.value, panels_i8);
  i8->name = name;
}

/* What a projection is called where its time is told: "in_proj" of "mixer.in_proj.weight". */
static const char *operator_name(Arena *arena, const WeightInfo *info) {
  const char *name = weight_short_name(info);
  return arena_printf(arena, "%.*s", (int)strcspn(name, "."), name);
}

static void prepare(Arena *arena, const Config *c, const WeightInfo *info, const double *values, Prepared *f32,
                    Prepared *i8) {
  const int rows = weight_rows(c, info), cols = weight_cols(c, info);
  switch (info->form) {
    case FORM_LINEAR:
      pack_projection(arena, operator_name(arena, info), values, rows, cols, &f32->linear, &i8->linear);
      break;
    case FORM_VALUES:
      f32->values = rounded(arena, values, rows, cols);
      i8->values = quantised(arena, &f32->values);
      break;
    case FORM_GAIN:
      if (values) f32->values = rounded(arena, values, rows, cols);
      break;
  }
}

size_t model_bytes(const Config *c) {
  const size_t embedding = weight_values(c, &c->family->end[END_EMBEDDING]);
  return (size_t)c->layers * family_layer_values(c) * (sizeof(float) + sizeof(int8_t)) + 2 * embedding * sizeof(float);
}

/* Every width that a product's int8 sum runs over. */
static bool check_widths(const Config *c, Status *st) {
  int most = 0;
  for (int w = 0; w < c->family->weights; w++)
    if (c->family->weight[w].form == FORM_LINEAR && weight_cols(c, &c->family->weight[w]) > most)
      most = weight_cols(c, &c->family->weight[w]);
  return most <= LINEAR_I8_MAX_IN ||
         FAIL(st, "model: widths %d and %d: above %d an int8 product's int32 sum could overflow", c->D, c->E,
              LINEAR_I8_MAX_IN);
}

bool model_build(Arena *arena, const Weights64 *w, Model *model, Status *st) {
  const Config *c = &w->config;
  const WeightInfo *end = c->family->end;
  TRY(check_widths(c, st));
  *model = (Model){.ops = &ops_cpu,
                   .config = *c,
                   .D = c->D,
                   .layers = c->layers,
                   .vocab = c->vocab,
                   .eps = (float)c->eps,
                   .hadamard = w->hadamard};
  model->embedding = rounded(arena, w->end[END_EMBEDDING], c->vocab, c->D).data;
  model->norm_f = w->end[END_NORM] ? rounded(arena, w->end[END_NORM], 1, c->D).data : NULL;
  pack_projection(arena, "head", w->end[END_HEAD], weight_rows(c, &end[END_HEAD]), weight_cols(c, &end[END_HEAD]),
                  &model->head, NULL);
  model->layer = ARENA_NEW(arena, ModelLayer, c->layers);
  for (int i = 0; i < c->layers; i++)
    for (int k = 0; k < c->family->weights; k++)
      prepare(arena, c, &c->family->weight[k], w->layer[i][k], &model->layer[i].f32[k], &model->layer[i].i8[k]);
  return true;
}
