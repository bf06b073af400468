/* residual: rows gathered as they are, and sums rounded once. */
#include "kernels/residual.h"
#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "tests/half.h"

Test(residual, embedding_copies_the_row_of_each_token) {
  enum { VOCAB = 7, D = 5, T = 6, GAP = 2 };
  static const int32_t token[T] = {6, 0, 3, 3, 0, 5};
  float table[VOCAB * D], y[T * (D + GAP)];
  for (int i = 0; i < VOCAB * D; i++) table[i] = 100.25f - (float)i;
  table[3 * D] = -0.0f;
  memset(y, 0x5a, sizeof y);
  Tensor Y = tensor_of(y, FORMAT_F32, T, D, 0);
  Y.stride = D + GAP;
  embedding(table, token, &Y);
  cr_assert_str_eq(Y.kernel, "embedding f32->f32 cpu");
  for (int t = 0; t < T; t++) {
    for (int i = 0; i < D; i++) {
      const float *got = &y[t * (D + GAP) + i], *want = &table[token[t] * D + i];
      cr_assert(!memcmp(got, want, sizeof *got), "[%d, %d] got %a, want %a", t, i, *got, *want);
    }
    cr_assert(!memcmp(&y[t * (D + GAP) + D], "ZZZZZZZZ", 8), "row %d written past its end", t);
  }
}

/* A double has more than twice a float's 24 bits and 2, so a sum rounded to it first is still the
 * float32 sum. */
static void check_add(Format branch_format, int threads) {
  enum { T = 256, D = 256, GAP = 1 };
  static float x[T * D], y[T * (D + GAP)], wide[T * (D + GAP)];
  static uint16_t half[T * (D + GAP)];
  for (int i = 0; i < T * D; i++) {
    int at = i / D * (D + GAP) + i % D;
    half[at] = (uint16_t)i; /* every half there is, infinities and NaNs too */
    wide[at] = half_value(half[at]) * (1 + 0x1p-20f);
    x[i] = ldexpf((float)(i * 7919 % 65537 - 32768), i % 31 - 20);
  }
  memset(y, 0x5a, sizeof y);
  Tensor X = tensor_of(x, FORMAT_F32, T, D, 0), Y = tensor_of(y, FORMAT_F32, T, D, 0);
  Tensor branch =
      tensor_of(branch_format == FORMAT_F32 ? (void *)wide : (void *)half, branch_format, T, D, 0);
  branch.stride = Y.stride = D + GAP;
  omp_set_num_threads(threads);
  residual_add(&X, &branch, &Y);
  cr_assert_str_eq(Y.kernel, branch_format == FORMAT_F32 ? "residual f32+f32->f32 cpu"
                                                         : "residual f32+f16->f32 cpu");
  for (int t = 0; t < T; t++)
    for (int i = 0; i < D; i++) {
      int at = t * (D + GAP) + i;
      float got = y[at], want = (float)(x[t * D + i] + (branch_format == FORMAT_F32
                                                            ? (double)wide[at]
                                                            : (double)half_value(half[at])));
      cr_assert(isnan(want) ? isnan(got) : got == want, "[%d, %d] got %a, want %a", t, i, got,
                want);
    }
}

Test(residual, add_rounds_x_plus_a_float_branch_once) {
  for (int threads = 1; threads <= 3; threads++) check_add(FORMAT_F32, threads);
}

Test(residual, add_widens_every_half_of_a_branch_exactly) {
  for (int threads = 1; threads <= 3; threads++) check_add(FORMAT_F16, threads);
}

Test(residual, add_may_write_over_its_input) {
  float x[6] = {1, 2, 3, 4, 5, 6}, branch[6] = {10, 20, 30, 40, 50, 60};
  Tensor X = tensor_of(x, FORMAT_F32, 2, 3, 0), B = tensor_of(branch, FORMAT_F32, 2, 3, 0);
  residual_add(&X, &B, &X);
  for (int i = 0; i < 6; i++)
    cr_assert(x[i] == (float)(11 * (i + 1)), "[%d] got %a, want %d", i, x[i], 11 * (i + 1));
}
