#include "scales.h"

#include <math.h>
#include <string.h>

/* A weight of a layer: its values, and the scale of its int8 form. */
typedef struct WeightScale {
  const char *name;
  const double *value; /* NULL: zeros */
  size_t count;
  float scale;
  bool used; /* some mode takes it as int8 */
} WeightScale;

enum { WEIGHTS = 9 };

/* Which weights the modes take as int8. */
typedef struct Use {
  bool projections, conv, scan;
} Use;

static Use use_of(const Spec *spec) {
  Use use = {0};
  for (int i = 0; i < spec->mode_count; i++) {
    const Mode *mode = &spec->modes[i];
    use.projections |= mode->linears == LINEARS_W8A8;
    use.conv |= mode->conv_in != CONV_IN_F32;
    use.scan |= mode->scan_rest == SCAN_REST_I8;
  }
  return use;
}

static void weights_of(const Model *m, const Layer64 *w, const ModelLayer *layer, Use use, WeightScale list[WEIGHTS]) {
  const LayerWeights *q = &layer->i8;
  size_t D = (size_t)m->D, E = (size_t)m->E, N = (size_t)m->N, R = (size_t)m->R, K = (size_t)m->K;
  const WeightScale all[WEIGHTS] = {
      {"in_proj.weight", w->in_proj, 2 * E * D, q->in_proj.scale, use.projections},
      {"conv1d.weight", w->conv_weight, E * K, q->conv.weight_scale, use.conv},
      {"conv1d.bias", w->conv_bias, E, q->conv.bias_scale, use.conv},
      {"x_proj.weight", w->x_proj, (R + 2 * N) * E, q->x_proj.scale, use.projections},
      {"dt_proj.weight", w->dt_proj, E * R, q->dt_proj.scale, use.projections},
      {"dt_proj.bias", w->dt_bias, E, q->dt_bias.scale, use.scan},
      {"A_log", w->A_log, E * N, q->A_log.scale, use.scan},
      {"D", w->D, E, q->D.scale, use.scan},
      {"out_proj.weight", w->out_proj, D * E, q->out_proj.scale, use.projections},
  };
  memcpy(list, all, sizeof all);
}

/* As model_build takes it: of the values rounded to float32. */
static double largest(const WeightScale *w) {
  double most = 0;
  for (size_t i = 0; w->value && i < w->count; i++) most = fmax(most, fabs(w->value[i]));
  return (double)(float)most;
}

static void add(ScaleRow *row, size_t *count, int layer, const char *name, double statistic, float scale) {
  row[*count] = (ScaleRow){.layer = layer, .statistic = statistic, .scale = (double)scale};
  table_text(row[(*count)++].name, sizeof row->name, name);
}

TableRows scales_of(Arena *arena, const Spec *spec, const Subject *subject, const ScaleRow *own, size_t owns) {
  const Model *model = &subject->model;
  size_t count = 0;
  ScaleRow *row = ARENA_NEW(arena, ScaleRow, (size_t)model->layers * (S_COUNT + WEIGHTS) + owns);
  Use use = use_of(spec);
  for (int i = 0; i < model->layers; i++) {
    const ModelLayer *layer = &model->layer[i];
    WeightScale weight[WEIGHTS];
    for (int s = 0; subject->calibration_token && s < S_COUNT; s++)
      add(row, &count, i, scale_names[s], layer->statistic[s], layer->scale[s]);
    weights_of(model, &subject->weights.layer[i], layer, use, weight);
    for (int w = 0; w < WEIGHTS; w++)
      if (weight[w].used) add(row, &count, i, weight[w].name, largest(&weight[w]), weight[w].scale);
  }
  if (owns) memcpy(row + count, own, owns * sizeof *own);
  return (TableRows){&table_scales, row, count + owns};
}
