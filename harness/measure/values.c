#include "measure/values.h"

#include "kernels/f16.h"

/* Whether values_of gives doubles. */
static bool are_wide(const Tensor *t) {
  if (t->scale.axis != SCALE_NONE) return true;
  return t->format != FORMAT_F32 && t->format != FORMAT_F16 && t->format != FORMAT_I8;
}

ROOM_CLONES static void decode_i8(const int8_t *q, size_t n, float scale, float *out) {
  for (size_t i = 0; i < n; i++) out[i] = dq(q[i], scale);
}

ROOM_CLONES static void decode_f16(const uint16_t *h, size_t n, float *out) {
  for (size_t i = 0; i < n; i++) out[i] = f32_of_f16(h[i]);
}

/* Rows that stand side by side are one. */
static Tensor as_one_row(Tensor view) {
  if (view.stride != view.cols) return view;
  view.cols = view.stride = view.rows * view.cols;
  view.rows = 1;
  return view;
}

static Values narrow_values(const Tensor *t, float *out) {
  const Tensor view = as_one_row(*t);
  const size_t n = (size_t)view.cols;
  if (view.format == FORMAT_F32 && view.rows == 1) return (Values){.f = view.data};
  for (int r = 0; r < view.rows; r++) {
    const Tensor row = tensor_rows(&view, r, 1);
    float *to = out + (size_t)r * n;
    if (row.format == FORMAT_F32) memcpy(to, row.data, n * sizeof *to);
    if (row.format == FORMAT_F16) decode_f16(row.data, n, to);
    if (row.format == FORMAT_I8) decode_i8(row.data, n, row.scale.value, to);
  }
  return (Values){.f = out};
}

Values values_of(const Tensor *t, const BlockPlace *at, ValuesRoom *room) {
  const Tensor rows = tensor_rows(t, (int)at->row, (int)at->rows),
               view = tensor_columns(&rows, (int)at->col, (int)at->cols);
  if (!are_wide(t)) return narrow_values(&view, room->f);
  const bool is_plain = view.format == FORMAT_F64 && view.scale.axis == SCALE_NONE;
  if (is_plain && (view.rows == 1 || view.stride == view.cols)) return (Values){.d = view.data};
  tensor_values(&view, room->d);
  return (Values){.d = room->d};
}

ROOM_CLONES static void round_values(const double *x, size_t n, float *out) {
  for (size_t i = 0; i < n; i++) out[i] = (float)x[i];
}

ROOM_CLONES static void widen_values(const float *x, size_t n, double *out) {
  for (size_t i = 0; i < n; i++) out[i] = x[i];
}

const float *values_f32(Values values, size_t n, ValuesRoom *room) {
  if (values.f) return values.f;
  round_values(values.d, n, room->f);
  return room->f;
}

const double *values_f64(Values values, size_t n, ValuesRoom *room) {
  if (values.d) return values.d;
  widen_values(values.f, n, room->d);
  return room->d;
}
