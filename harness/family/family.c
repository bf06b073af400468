#include "family/family.h"

#include <string.h>

#include "base/number.h"
#include "family/mamba1.h"

const Family *const families[] = {&family_mamba1, NULL};

const Family *family_kind(int i) {
  for (const Family *const *family = families; *family; family++)
    for (const Family *row = *family; row; row = row->next_row)
      if (i-- == 0) return row;
  return NULL;
}

const Family *family_of_type(const char *model_type) {
  const Family *kind = family_kind(0);
  for (int i = 1; kind && strcmp(kind->model_type, model_type); i++) kind = family_kind(i);
  return kind;
}

const Tensors *family_tensors_with(const char *name) {
  for (const Family *row = families[0]; row; row = row->next_row)
    if (tensors_find(&row->tensors, name) != ABSENT) return &row->tensors;
  return NULL;
}

/* What enters and leaves a block others may have behind its norm or before its sum. */
Basis family_basis(const char *name, Role role) {
  const Tensors *tensors = family_tensors_with(name);
  const bool one =
      role == ROLE_EMBEDDING || role == ROLE_CONV_OUT || role == ROLE_SCAN || role == ROLE_LOGITS;
  if (tensors) return tensors->info[tensors_find(tensors, name)].basis;
  if (!one) return BASIS_UNKNOWN;
  tensors = &families[0]->tensors;
  return tensors->info[tensors_role(tensors, role)].basis;
}

const char *family_tensor_name(int i) {
  for (const Family *row = families[0]; row; row = row->next_row)
    for (int id = 0; id < row->tensors.count; id++) {
      const char *name = row->tensors.info[id].name;
      if (family_tensors_with(name) == &row->tensors && i-- == 0) return name;
    }
  return NULL;
}

/* A vector is one row. */
int weight_rows(const Config *config, const WeightInfo *weight) {
  return weight->rank == 1 ? 1 : config->family->width(config, weight->shape[0]);
}

int weight_cols(const Config *config, const WeightInfo *weight) {
  int cols = 1;
  for (int i = weight->rank == 1 ? 0 : 1; i < weight->rank; i++)
    cols *= config->family->width(config, weight->shape[i]);
  return cols;
}

size_t weight_values(const Config *config, const WeightInfo *weight) {
  return (size_t)weight_rows(config, weight) * (size_t)weight_cols(config, weight);
}

const char *weight_short_name(const WeightInfo *weight) { return strchr(weight->name, '.') + 1; }

bool weight_is_i8(const WeightInfo *weight, const Mode *mode) {
  return weight->stage != ABSENT && mode->setting[weight->stage] != weight->whole;
}

Forms forms_of_mode(const Mode *mode) {
  Forms forms = {0};
  for (int layer = 0; layer != ABSENT; layer = mode_next(mode, layer))
    for (int w = 0; w < mode->family->weights; w++)
      *(weight_is_i8(&mode->family->weight[w], mode_in(mode, layer)) ? &forms.i8 : &forms.f32) |=
          1u << w;
  return forms;
}

Forms forms_of_both(Forms a, Forms b) {
  return (Forms){.f64 = a.f64 || b.f64,
                 .f32 = a.f32 | b.f32,
                 .i8 = a.i8 | b.i8,
                 .head = a.head || b.head,
                 .head64 = a.head64 || b.head64};
}

const char *family_sizes(Arena *arena, const Config *c) {
  const char *sizes =
      arena_printf(arena, "%d layer%s, D %d, E %d, N %d, R %d, K %d, vocabulary %d", c->layers,
                   plural(c->layers), c->D, c->E, c->N, c->R, c->K, c->vocab);
  return c->mixer_eps > 0 ? arena_printf(arena, "%s, mixer_rms_eps %g", sizes, c->mixer_eps)
                          : sizes;
}

int family_widest(const Config *config) {
  const Tensors *tensors = &config->family->tensors;
  int widest = 0;
  for (int id = 0; id < tensors->layer; id++) {
    int width = config->family->width(config, tensors->info[id].cols);
    if (width > widest) widest = width;
  }
  return widest;
}

size_t family_layer_values(const Config *config) {
  size_t values = 0;
  for (int w = 0; w < config->family->weights; w++)
    values += weight_values(config, &config->family->weight[w]);
  return values;
}

size_t family_layer64_bytes(const Config *config) {
  size_t bytes = 0;
  for (int w = 0; w < config->family->weights; w++)
    bytes += arena_lines(weight_values(config, &config->family->weight[w]) * sizeof(double));
  return bytes;
}
