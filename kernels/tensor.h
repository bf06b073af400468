/* tensor: a matrix in a format, and the witness of what made it. Every operator reads and writes
 * tensors, so the formats that really went in and out are known where the operator runs, and
 * nowhere else. */
#ifndef DS_KERNELS_TENSOR_H
#define DS_KERNELS_TENSOR_H
#include <stddef.h>
#include <stdint.h>

#include "kernels/format.h"

typedef struct Tensor {
  void *data; /* row-major: element (r, c) at index r * stride + c; owned by whoever allocated it */
  Format format;  /* the operator that writes a tensor obeys the format it finds here */
  int rows, cols; /* usually [T, width] */
  int stride;     /* elements from one row to the next; cols where the tensor is whole */
  Scale scale;  /* FORMAT_I8: value = (float)q * scale.value, or its values'; floats of today: none,
                   0 */
  int64_t nans; /* NaNs that q8 turned into 0 while this tensor was written */
  float *scale_at;  /* on a device, where the scale is computed there: where it stands; else NULL */
  int64_t *nans_at; /* on a device: where the count stands until the tensor is fetched; else NULL */
  const char *kernel; /* witness, set by the operator that wrote it: "conv1d i8*i8->f32,i8 cpu"; a
                         static string */
} Tensor;

static inline size_t tensor_elements(const Tensor *t) { return (size_t)t->rows * (size_t)t->cols; }
/* Of a whole one. */
static inline size_t tensor_bytes(const Tensor *t) {
  return tensor_elements(t) * format_size(t->format);
}

/* Rows first … first + count - 1 of a tensor, as a view; and columns. */
static inline Tensor tensor_rows(const Tensor *t, int first, int count) {
  Tensor view = *t;
  view.data = (char *)t->data + (size_t)first * (size_t)t->stride * format_size(t->format);
  view.rows = count;
  if (t->scale.axis != SCALE_NONE) view.scale = scale_from(t->scale, first, 0);
  return view;
}

static inline Tensor tensor_columns(const Tensor *t, int first, int count) {
  Tensor view = *t;
  view.data = (char *)t->data + (size_t)first * format_size(t->format);
  view.cols = count;
  if (t->scale.axis != SCALE_NONE) view.scale = scale_from(t->scale, 0, first);
  return view;
}

/* One scale, or 0: none. */
static inline Tensor tensor_of(void *data, Format format, int rows, int cols, float scale) {
  return (Tensor){.data = data,
                  .format = format,
                  .rows = rows,
                  .cols = cols,
                  .stride = cols,
                  .scale = {.value = scale}};
}
#endif
