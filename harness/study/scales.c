#include "study/scales.h"

#include <string.h>

bool scales_weight_used(const Spec *spec, const WeightInfo *weight, int layer) {
  for (int i = 0; i < spec->mode_count; i++)
    if (weight_is_i8(weight, mode_in(&spec->modes[i], layer))) return true;
  return false;
}

static void add(ScaleRow *row, size_t *count, int layer, const char *name, double statistic,
                float scale) {
  row[*count] = (ScaleRow){.layer = layer, .statistic = statistic, .scale = (double)scale};
  table_text(row[(*count)++].name, sizeof row->name, name);
}

TableRows scales_of(Arena *arena, const Spec *spec, const Subject *subject, const ScaleRow *own,
                    size_t owns) {
  const Model *model = &subject->model;
  const Family *family = model->config.family;
  const Tensors *tensors = &family->tensors;
  size_t count = 0,
         most = (size_t)model->layers * (size_t)(tensors->scales + family->weights) + owns;
  ScaleRow *row = ARENA_NEW(arena, ScaleRow, most);
  for (int i = 0; i < model->layers; i++) {
    const LayerScales *layer = &model->scales[i];
    for (int s = 0; subject->calibration_token && s < tensors->scales; s++)
      add(row, &count, i, tensors->scale[s], layer->statistic[s], layer->scale[s]);
    for (int w = 0; w < family->weights; w++) {
      const WeightInfo *weight = &family->weight[w];
      if (!scales_weight_used(spec, weight, i)) continue;
      const WeightGrid *grid = &subject->layers->grid[i][w];
      add(row, &count, i, weight_short_name(weight), grid->most, grid->scale);
    }
  }
  if (owns) memcpy(row + count, own, owns * sizeof *own);
  return (TableRows){&table_scales, row, count + owns};
}
