#include "family/footprint.h"

#include "family/family.h"

/* Values of a weight, int8 with a scale, or float32. */
static void add_weight(Footprint *f, const Config *config, const WeightInfo *weight, bool i8) {
  f->weight_bytes += (int64_t)weight_values(config, weight) * (i8 ? 1 : 4);
  f->scale_bytes += i8 ? 4 : 0;
}

/* The static scales of the layer's int8 tensors, each once. */
static int static_scales(const Family *family, const Mode *mode) {
  bool used[SCALES_MOST] = {false};
  int count = 0;
  for (int id = 0; id < family->tensors.layer; id++) {
    Format format;
    int scale = family->tensors.info[id].scale;
    if (scale == ABSENT || used[scale] || !family->format(mode, id, &format) || format != FORMAT_I8)
      continue;
    used[scale] = true;
    count++;
  }
  return count;
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static void add_layer(Footprint *f, const Model *m, const Mode *mode) {
  const Family *family = m->config.family;
  const Activations activations = family->activations(m, mode);
  for (int w = 0; w < family->weights; w++) {
    const WeightInfo *weight = &family->weight[w];
    if (weight->form == FORM_GAIN && !m->norm_f) continue; /* folded */
    add_weight(f, &m->config, weight, weight_is_i8(weight, mode));
  }
  f->scale_bytes += 4 * (int64_t)static_scales(family, mode);
  f->activation_bytes = larger(f->activation_bytes, activations.total);
  f->peak_activation_bytes = larger(f->peak_activation_bytes, activations.peak);
  f->state_bytes += family->state_bytes(m, mode);
}

Footprint footprint_of(const Model *m, const Mode *mode) {
  const Family *family = m->config.family;
  Footprint f = {0};
  for (int layer = 0; layer < m->layers; layer++) add_layer(&f, m, mode_in(mode, layer));
  for (int w = 0; w < END_COUNT; w++)
    if (w != END_NORM || m->norm_f) add_weight(&f, &m->config, &family->end[w], false);
  return f;
}
