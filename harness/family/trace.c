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
  return id < tensors->layer                        ? layer
         : tensors->info[id].role == ROLE_EMBEDDING ? LAYER_EMBEDDING
                                                    : layers;
}

const Tensor *trace_role_of(const Trace *trace, Role role) {
  int id = tensors_role(&trace->family->tensors, role);
  assert(id != ABSENT);
  return &trace->t[id];
}

TensorSet tensors_in(const Tensors *tensors, Role a, Role b) {
  const int id[] = {tensors_role(tensors, a), tensors_role(tensors, b)};
  TensorSet set = 0;
  for (int i = 0; i < 2; i++)
    if (id[i] != ABSENT) set |= (TensorSet)1 << id[i];
  return set;
}

Tensor *trace_role(Trace *trace, Role role) {
  return &trace->t[trace_role_of(trace, role) - trace->t];
}

void trace_add_ends(Trace *trace, const Trace *ends) {
  if (!ends->family) return;
  const Tensors *tensors = &ends->family->tensors;
  for (int id = tensors->layer; id < tensors->count; id++)
    if (tensor_is_made(&ends->t[id])) trace->t[id] = ends->t[id];
}

/* By the format's row and the element's own scale: any format, any axis. */
static double element_value(const Tensor *t, int row, int col) {
  const FormatInfo *format = &format_info[t->format];
  size_t at = (size_t)row * (size_t)t->stride + (size_t)col;
  return format_decode(format, format_load(format, t->data, at), scale_value(&t->scale, row, col));
}

double tensor_value(const Tensor *t, size_t i) {
  const size_t row = i / (size_t)t->cols, col = i % (size_t)t->cols,
               at = row * (size_t)t->stride + col;
  if (t->scale.axis == SCALE_NONE) switch (t->format) {
      case FORMAT_F64: return ((const double *)t->data)[at];
      case FORMAT_F32: return ((const float *)t->data)[at];
      case FORMAT_F16: return f32_of_f16(((const uint16_t *)t->data)[at]);
      case FORMAT_I8: return (float)((const int8_t *)t->data)[at] * t->scale.value;
      default: break;
    }
  return element_value(t, (int)row, (int)col);
}

int tensor_column_in(const Tensor *t, int col, const Tensor *part) {
  const uintptr_t first = (uintptr_t)part->data, at = (uintptr_t)tensor_columns(t, col, 1).data;
  const size_t size = format_size(t->format);
  const bool in = t->data && part->data && part->format == t->format && part->stride == t->stride &&
                  at >= first && at < first + (size_t)part->cols * size;
  return in ? (int)((at - first) / size) : ABSENT;
}

Tensor tensor_block(const Tensor *t, size_t first, int most, size_t *count) {
  int row = (int)(first / (size_t)t->cols), col = (int)(first % (size_t)t->cols);
  int cols = t->cols - col < most ? t->cols - col : most;
  int rows = cols == t->cols ? most / cols : 1;
  Tensor whole_rows = tensor_rows(t, row, t->rows - row < rows ? t->rows - row : rows);
  *count = (size_t)whole_rows.rows * (size_t)cols;
  return tensor_columns(&whole_rows, col, cols);
}

/* One loop a format, so that each can be vectorised; false where there is none for this one. */
ROOM_CLONES static bool row_values(const Tensor *t, const void *row, size_t n, double *out) {
  const int8_t *i8 = row;
  const uint16_t *f16 = row;
  const float *f32 = row;
  const double *f64 = row;
  switch (t->format) {
    case FORMAT_F64:
      for (size_t i = 0; i < n; i++) out[i] = f64[i];
      return true;
    case FORMAT_F32:
      for (size_t i = 0; i < n; i++) out[i] = f32[i];
      return true;
    case FORMAT_F16:
      for (size_t i = 0; i < n; i++) out[i] = f32_of_f16(f16[i]);
      return true;
    case FORMAT_I8:
      for (size_t i = 0; i < n; i++) out[i] = (float)i8[i] * t->scale.value;
      return true;
    default: return false;
  }
}

void tensor_values(const Tensor *t, double *out) {
  for (int r = 0; r < t->rows; r++, out += t->cols) {
    const Tensor row = tensor_rows(t, r, 1);
    if (t->scale.axis == SCALE_NONE && row_values(t, row.data, (size_t)t->cols, out)) continue;
    for (int c = 0; c < t->cols; c++) out[c] = element_value(&row, 0, c);
  }
}

void tensor_pack(const Tensor *t, void *to) {
  const size_t row = (size_t)t->cols * format_size(t->format),
               stride = (size_t)t->stride * format_size(t->format);
#pragma omp parallel for
  for (int r = 0; r < t->rows; r++)
    memcpy((char *)to + (size_t)r * row, (const char *)t->data + (size_t)r * stride, row);
}

Tensor tensor_copy(Arena *arena, const Tensor *t) {
  Tensor copy = *t;
  copy.stride = t->cols;
  copy.data = arena_room(arena, tensor_elements(t), format_size(t->format));
  tensor_pack(t, copy.data);
  return copy;
}
