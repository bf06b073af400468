#include "family/trace.h"

#include <assert.h>
#include <string.h>

#include "family/family.h"
#include "kernels/f16.h"

const char *const role_names[ROLE_COUNT] = {"",     "embedding", "block_in",  "conv_out",
                                            "scan", "added",     "block_out", "logits"};

int tensors_find(const Tensors *tensors, const char *name) {
  for (int id = 0; id < tensors->count; id++)
    if (!strcmp(tensors->info[id].name, name)) return id;
  return ABSENT;
}

int tensors_role(const Tensors *tensors, Role role) {
  for (int id = 0; id < tensors->count; id++)
    if (tensors->info[id].role == role) return id;
  return ABSENT;
}

const char *tensors_role_name(const Tensors *tensors, Role role) {
  int id = tensors_role(tensors, role);
  return id == ABSENT ? "" : tensors->info[id].name;
}

void tensors_computed(const Tensors *tensors, int id[TENSORS_MOST]) {
  const int first = tensors_role(tensors, ROLE_EMBEDDING);
  int count = 0;
  if (first != ABSENT) id[count++] = first;
  for (int i = 0; i < tensors->count; i++)
    if (i != first) id[count++] = i;
}

int tensors_filed(const Tensors *tensors, int id, int layer, int layers) {
  return id < tensors->layer ? layer : tensors->info[id].role == ROLE_EMBEDDING ? LAYER_EMBEDDING : layers;
}

const Tensor *trace_role_of(const Trace *trace, Role role) {
  int id = tensors_role(&trace->family->tensors, role);
  assert(id != ABSENT);
  return &trace->t[id];
}

Tensor *trace_role(Trace *trace, Role role) { return &trace->t[trace_role_of(trace, role) - trace->t]; }

void trace_add_ends(Trace *trace, const Trace *ends) {
  if (!ends->family) return;
  const Tensors *tensors = &ends->family->tensors;
  for (int id = tensors->layer; id < tensors->count; id++)
    if (ends->t[id].data) trace->t[id] = ends->t[id];
}

double tensor_value(const Tensor *t, size_t i) {
  size_t at = i / (size_t)t->cols * (size_t)t->stride + i % (size_t)t->cols;
  switch (t->type) {
    case TYPE_F64: return ((const double *)t->data)[at];
    case TYPE_F32: return ((const float *)t->data)[at];
    case TYPE_F16: return f32_of_f16(((const uint16_t *)t->data)[at]);
    default: return (float)((const int8_t *)t->data)[at] * t->scale;
  }
}

Tensor tensor_block(const Tensor *t, size_t first, int most, size_t *count) {
  int row = (int)(first / (size_t)t->cols), col = (int)(first % (size_t)t->cols);
  int cols = t->cols - col < most ? t->cols - col : most;
  Tensor view = tensor_columns(t, col, cols);
  view.data = (char *)view.data + (size_t)row * (size_t)t->stride * type_size(t->type);
  int rows = cols == t->cols ? most / cols : 1;
  view.rows = t->rows - row < rows ? t->rows - row : rows;
  *count = (size_t)view.rows * (size_t)cols;
  return view;
}

/* One loop a type, so that each can be vectorised. */
ROOM_CLONES static void row_values(const Tensor *t, const void *row, size_t n, double *out) {
  const int8_t *i8 = row;
  const uint16_t *f16 = row;
  const float *f32 = row;
  const double *f64 = row;
  switch (t->type) {
    case TYPE_F64:
      for (size_t i = 0; i < n; i++) out[i] = f64[i];
      break;
    case TYPE_F32:
      for (size_t i = 0; i < n; i++) out[i] = f32[i];
      break;
    case TYPE_F16:
      for (size_t i = 0; i < n; i++) out[i] = f32_of_f16(f16[i]);
      break;
    default:
      for (size_t i = 0; i < n; i++) out[i] = (float)i8[i] * t->scale;
      break;
  }
}

void tensor_values(const Tensor *t, double *out) {
  const size_t cols = (size_t)t->cols, row_bytes = (size_t)t->stride * type_size(t->type);
  for (size_t r = 0; r < (size_t)t->rows; r++)
    row_values(t, (const char *)t->data + r * row_bytes, cols, out + r * cols);
}
