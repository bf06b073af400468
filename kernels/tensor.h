/* tensor: a typed matrix, and the witness of what made it. Every operator reads and writes tensors, so the types that
 * really went in and out are known where the operator runs, and nowhere else. */
#ifndef DS_KERNELS_TENSOR_H
#define DS_KERNELS_TENSOR_H
#include <stddef.h>
#include <stdint.h>

typedef enum Type { TYPE_F32, TYPE_F16, TYPE_I8, TYPE_F64, TYPE_COUNT } Type;

typedef struct Tensor {
  void *data;         /* row-major: element (r, c) at index r * stride + c; owned by whoever allocated it */
  Type type;          /* the operator that writes a tensor obeys the type it finds here */
  int rows, cols;     /* usually [T, width] */
  int stride;         /* elements from one row to the next; cols where the tensor is whole */
  float scale;        /* TYPE_I8: value = (float)q * scale; otherwise 0 */
  int64_t nans;       /* NaNs that q8 turned into 0 while this tensor was written */
  float *scale_at;    /* on a device, where the scale is computed there: where it stands; else NULL */
  int64_t *nans_at;   /* on a device: where the count stands until the tensor is fetched; else NULL */
  const char *kernel; /* witness, set by the operator that wrote it: "conv1d i8*i8->f32,i8 cpu"; a static string */
} Tensor;

static inline size_t type_size(Type type) {
  return type == TYPE_F64 ? 8 : type == TYPE_F32 ? 4 : type == TYPE_F16 ? 2 : 1;
}
static inline const char *type_name(Type type) {
  return type == TYPE_F64 ? "f64" : type == TYPE_F32 ? "f32" : type == TYPE_F16 ? "f16" : "i8";
}
/* Rows first … first + count - 1 of a tensor, as a view; and columns. */
static inline Tensor tensor_rows(const Tensor *t, int first, int count) {
  Tensor view = *t;
  view.data = (char *)t->data + (size_t)first * (size_t)t->stride * type_size(t->type);
  view.rows = count;
  return view;
}

static inline Tensor tensor_columns(const Tensor *t, int first, int count) {
  Tensor view = *t;
  view.data = (char *)t->data + (size_t)first * type_size(t->type);
  view.cols = count;
  return view;
}
static inline Tensor tensor_of(void *data, Type type, int rows, int cols, float scale) {
  return (Tensor){.data = data, .type = type, .rows = rows, .cols = cols, .stride = cols, .scale = scale};
}
#endif
