/* linear: one thread an output, for a start. */
#include "kernels/device.cuh"
#include <string.h>

enum { COLS = 32, GROUP = 4, DEPTH = 64 };

/* Device panels. Float: as linear_pack made them. Int8: row-major [out rounded up to COLS][in rounded up to DEPTH],
 * zeros past the ends, as the tensor cores' B operand reads it. */
static size_t padded(int n, int multiple) { return (size_t)ceil_div(n, multiple) * (size_t)multiple; }

size_t linear_cuda_packed_bytes(int out, int in, Type type) {
  return type == TYPE_F32 ? linear_packed_bytes(out, in, type) : padded(out, COLS) * padded(in, DEPTH);
}

void linear_cuda_pack(const Linear *cpu, void *panels) {
  if (cpu->type == TYPE_F32) {
    memcpy(panels, cpu->panels, linear_packed_bytes(cpu->out, cpu->in, TYPE_F32));
    return;
  }
  memset(panels, 0, linear_cuda_packed_bytes(cpu->out, cpu->in, TYPE_I8));
  for (int row = 0; row < cpu->out; row++)
    linear_unpack_i8(cpu, row, (int8_t *)panels + (size_t)row * padded(cpu->in, DEPTH));
}

__global__ static void linear_kernel(Linear w, Tensor x, Tensor y) {
  int t = (int)blockIdx.x, col = (int)(blockIdx.y * 128 + threadIdx.x);
  if (col >= w.out) return;
  float value = 0.0f;
  if (w.type == TYPE_F32) {
    const float *panel = (const float *)w.panels + (size_t)(col / COLS) * (size_t)w.in * COLS + col % COLS;
    for (int k = 0; k < w.in; k++) value = fmaf(((const float *)x.data)[at(x, t, k)], panel[(size_t)k * COLS], value);
  } else {
    int32_t acc = 0;
    const int8_t *row = (const int8_t *)w.panels + (size_t)col * (size_t)(ceil_div(w.in, DEPTH) * DEPTH);
    for (int k = 0; k < w.in; k++) acc += (int32_t)row[k] * ((const int8_t *)x.data)[at(x, t, k)];
    value = linear_dequantise(acc, scale_of(x), w.scale);
  }
  count_nans(y, store(y, t, col, value, ROUND_EVEN));
}

void linear_cuda(const Linear *w, const Tensor *x, Tensor *y) {
  static const char *const witness[2][3] = {
      {"linear f32*f32->f32 cuda", "linear f32*f32->f16 cuda", "linear f32*f32->i8 half-even cuda"},
      {"linear i8*i8->f32 cuda", "linear i8*i8->f16 cuda", "linear i8*i8->i8 half-even cuda"},
  };
  assert(x->type == w->type && x->cols == w->in);
  assert(y->type != TYPE_F64 && y->rows == x->rows && y->cols == w->out);
  linear_kernel<<<dim3((unsigned)x->rows, (unsigned)ceil_div(w->out, 128)), 128, 0, device_stream()>>>(*w, *x, *y);
  device_launched("linear", x->rows, w->out);
  y->nans = 0;
  y->kernel = witness[w->type == TYPE_I8][y->type];
}
