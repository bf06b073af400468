/* pair: a tensor twice, for the CPU's operator and for the device's, and whether both came to the
 * same bits. The CPU's kernels are the witness. Outputs start as junk, different on either side;
 * NaNs compare equal whatever their payload, which is the hardware's. Everything allocated lives
 * until kept_free. */
#ifndef DS_TESTS_GPU_PAIR_H
#define DS_TESTS_GPU_PAIR_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kept.h"
#include "kernels/f16.h"
#include "tests/draws.h"

typedef struct Pair {
  Tensor cpu, gpu;
  size_t bytes;
} Pair;

/* About normal, variance 1. */
static float random_value(void) {
  float sum = 0;
  for (int i = 0; i < 4; i++) sum += (float)random_bits() * 0x1p-32f - 0.5f;
  return sum * 1.7320508f;
}

/* [rows, cols] in rows of `stride` elements, filled with junk. */
static Pair pair_junk(Format format, int rows, int cols, int stride, float scale) {
  Pair p = {.bytes = (size_t)rows * (size_t)stride * format_size(format)};
  p.cpu = p.gpu = tensor_of(NULL, format, rows, cols, scale);
  p.cpu.stride = p.gpu.stride = stride;
  p.cpu.data = keep(malloc(p.bytes), 0);
  p.gpu.data = keep(cuda_reserve(&cuda, p.bytes), 1);
  memset(p.cpu.data, 0xa5, p.bytes);
  void *junk = keep(malloc(p.bytes), 0);
  memset(junk, 0x5a, p.bytes);
  cuda_to_device(&cuda, p.gpu.data, junk, p.bytes);
  if (format == FORMAT_I8) {
    p.gpu.nans_at = keep(cuda_reserve(&cuda, sizeof(int64_t)), 1);
    cuda_zero(&cuda, p.gpu.nans_at, sizeof(int64_t));
  }
  wait_or_exit();
  return p;
}

/* Values of about `size`; where `odd`, one in 50 is a NaN, an infinity, a zero of either sign, a
 * denormal or huge. */
static Pair pair_values(Format format, int rows, int cols, int stride, float scale, float size,
                        int odd) {
  static const uint32_t strange[] = {0x7fc00000, 0xffc12345, 0x7f800000, 0xff800000,
                                     0x80000000, 0,          1,          0x80012345,
                                     0x7f7fffff, 0xff7fffff, 0x42c80000, 0xc2c80000};
  Pair p = pair_junk(format, rows, cols, stride, scale);
  for (size_t i = 0; i < (size_t)rows * (size_t)stride; i++) {
    float value = random_value() * size;
    if (odd && random_bits() % 50 == 0) value = f32_of_bits(strange[random_bits() % 12]);
    if (format == FORMAT_F32)
      ((float *)p.cpu.data)[i] = value;
    else if (format == FORMAT_F16)
      ((uint16_t *)p.cpu.data)[i] = f16_of(value);
    else
      ((int8_t *)p.cpu.data)[i] = (int8_t)random_bits();
  }
  cuda_to_device(&cuda, p.gpu.data, p.cpu.data, p.bytes);
  wait_or_exit();
  return p;
}

static Pair pair_columns(const Pair *p, int first, int count) {
  Pair view = *p;
  view.cpu = tensor_columns(&p->cpu, first, count);
  view.gpu = tensor_columns(&p->gpu, first, count);
  return view;
}

#endif
