/* hadamard: the matrix itself in whole numbers, its signs through the kernel, the documented order
 * bit for bit. */
#include "kernels/hadamard.h"
#include "reference/model64.h"
#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "tests/draws.h"
#include "tests/half.h"

static const int orders[] = {1, 12, 20, 28};

/* Entry of P (x) H_2^k; Sylvester's sign is the parity of the bits that both indices have. */
static bool negative(int order, int block, int row, int col) {
  bool parity = __builtin_parity((unsigned)(row % block & col % block));
  return parity != (order > 1 && hadamard_sign(order, row / block, col / block) < 0);
}

Test(hadamard, rows_of_every_size_are_orthogonal_in_whole_numbers) {
  enum { WORDS = 1792 / 64 };
  static uint64_t bits[1792][WORDS];
  for (int o = 0; o < 4; o++)
    for (int block = 1; orders[o] * block <= (o ? 1792 : 1024); block *= 2) {
      int n = orders[o] * block;
      memset(bits, 0, sizeof bits);
      for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
          bits[i][j / 64] |= (uint64_t)negative(orders[o], block, i, j) << j % 64;
      for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
          int differ = 0;
          for (int w = 0; w < WORDS; w++) differ += __builtin_popcountll(bits[i][w] ^ bits[j][w]);
          cr_assert(n - 2 * differ == (i == j ? n : 0), "n %d: rows %d and %d have the product %d",
                    n, i, j, n - 2 * differ);
        }
    }
}

Test(hadamard, factor_knows_the_sizes_that_have_a_matrix) {
  static const int want[][2] = {{1, 1},     {2, 1},     {512, 1}, {1024, 1},  {12, 12},   {24, 12},
                                {768, 12},  {1536, 12}, {20, 20}, {2560, 20}, {5120, 20}, {28, 28},
                                {3584, 28}, {32768, 1}, {3, 0},   {5, 0},     {6, 0},     {7, 0},
                                {10, 0},    {14, 0},    {36, 0},  {60, 0},    {100, 0},   {144, 0},
                                {240, 0},   {0, 0},     {-12, 0}, {65536, 0}};
  for (size_t i = 0; i < sizeof want / sizeof *want; i++)
    cr_assert(hadamard_factor(want[i][0]) == want[i][1], "n %d: got %d, want %d", want[i][0],
              hadamard_factor(want[i][0]), want[i][1]);
}

static float *junk(size_t count) {
  float *p = malloc(count * sizeof *p);
  return memset(p, 0x5a, count * sizeof *p);
}

Test(hadamard, unit_vectors_come_out_as_the_columns_of_the_matrix) {
  for (int o = 0; o < 4; o++)
    for (int block = 1; orders[o] * block <= 320; block *= 2) {
      int n = orders[o] * block;
      float *x = calloc((size_t)n * (size_t)n, sizeof *x), *y = junk((size_t)n * (size_t)n);
      for (int i = 0; i < n; i++) x[i * n + i] = 1;
      Tensor X = tensor_of(x, FORMAT_F32, n, n, 0), Y = tensor_of(y, FORMAT_F32, n, n, 0);
      hadamard(&X, &Y);
      for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
          float size = 1.0f / sqrtf((float)n), got = y[j * n + i],
                want = negative(orders[o], block, i, j) ? -size : size;
          cr_assert(got == want, "n %d: H[%d, %d] got %a, want %a", n, i, j, got, want);
        }
      free(x), free(y);
    }
}

Test(hadamard, the_float64_reference_uses_the_same_matrix) {
  static const int sizes[] = {1, 2, 64, 12, 48, 20, 80, 28, 112};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    int n = sizes[s];
    float *x = calloc((size_t)n * (size_t)n, sizeof *x), *y = junk((size_t)n * (size_t)n);
    double *want = calloc((size_t)n * (size_t)n, sizeof *want);
    for (int i = 0; i < n; i++) x[i * n + i] = 1, want[i * n + i] = 1;
    Tensor X = tensor_of(x, FORMAT_F32, n, n, 0), Y = tensor_of(y, FORMAT_F32, n, n, 0);
    hadamard(&X, &Y);
    hadamard64(want, n, n);
    for (int i = 0; i < n * n; i++)
      cr_assert(!signbit(y[i]) == !signbit(want[i]), "n %d: H[%d, %d] got %a, want %a", n, i % n,
                i / n, y[i], want[i]);
    free(x), free(y), free(want);
  }
}

Test(hadamard, the_reference_has_the_very_sizes_that_the_operator_has) {
  cr_assert(hadamard_factor(HADAMARD_MAX_N) == 1 && hadamard_factor(2 * HADAMARD_MAX_N) == 0);
  for (int n = 0; n <= 4 * HADAMARD_MAX_N; n++)
    cr_assert_eq(hadamard64_factor(n), hadamard_factor(n),
                 "n %d: the reference %d, the operator %d", n, hadamard64_factor(n),
                 hadamard_factor(n));
}

/* The documented order, one element after the other. */
static void plain(const float *x, int order, int block, float *y) {
  int n = order * block;
  float *work = junk((size_t)n);
  memcpy(work, x, (size_t)n * sizeof *x);
  for (int stride = 1; stride < block; stride *= 2)
    for (int i = 0; i < n; i++)
      if (i / stride % 2 == 0) {
        float a = work[i], b = work[i + stride];
        work[i] = a + b;
        work[i + stride] = a - b;
      }
  for (int i = 0; i < n; i++) {
    float sum = work[i];
    for (int q = 0; order > 1 && q < order; q++) {
      float term = work[q * block + i % block];
      bool minus = hadamard_sign(order, i / block, q) < 0;
      sum = q == 0 ? (minus ? -term : term) : minus ? sum - term : sum + term;
    }
    y[i] = sum * (1.0f / sqrtf((float)n));
  }
  free(work);
}

Test(hadamard, the_documented_order_holds_bit_for_bit_on_any_thread_count) {
  enum { T = 5, GAP = 3 };
  for (int o = 0; o < 4; o++)
    for (int block = 1; orders[o] * block <= 2048; block *= 2) {
      int n = orders[o] * block, stride = n + GAP;
      float *x = junk((size_t)(T * stride)), *y = junk((size_t)(T * stride)),
            *want = junk((size_t)n);
      for (int i = 0; i < T * stride; i++) x[i] = random_float();
      Tensor X = tensor_of(x, FORMAT_F32, T, n, 0), Y = tensor_of(y, FORMAT_F32, T, n, 0);
      X.stride = Y.stride = stride;
      for (int threads = 1; threads <= 3; threads++) {
        memset(y, 0x5a, (size_t)(T * stride) * sizeof *y);
        omp_set_num_threads(threads);
        hadamard(&X, &Y);
        cr_assert_str_eq(Y.kernel, "hadamard f32->f32 cpu");
        for (int t = 0; t < T; t++) {
          plain(x + t * stride, orders[o], block, want);
          for (int i = 0; i < n; i++)
            cr_assert(!memcmp(&y[t * stride + i], &want[i], sizeof *y),
                      "n %d, %d threads: [%d, %d] got %a, want %a", n, threads, t, i,
                      y[t * stride + i], want[i]);
          cr_assert(!memcmp(&y[t * stride + n], "ZZZZZZZZZZZZ", 12),
                    "n %d: row %d written past its end", n, t);
        }
      }
      free(x), free(y), free(want);
    }
}

Test(hadamard, f16_input_is_widened_first) {
  enum { T = 3, N = 24 };
  uint16_t half[T * N];
  float x[T * N], y[2][T * N];
  for (int i = 0; i < T * N; i++) half[i] = half_of(random_float()), x[i] = half_value(half[i]);
  memset(y, 0x5a, sizeof y);
  Tensor H = tensor_of(half, FORMAT_F16, T, N, 0), X = tensor_of(x, FORMAT_F32, T, N, 0);
  Tensor Y[2] = {tensor_of(y[0], FORMAT_F32, T, N, 0), tensor_of(y[1], FORMAT_F32, T, N, 0)};
  hadamard(&H, &Y[0]);
  hadamard(&X, &Y[1]);
  cr_assert_str_eq(Y[0].kernel, "hadamard f16->f32 cpu");
  for (int i = 0; i < T * N; i++)
    cr_assert(y[0][i] == y[1][i], "[%d] got %a, want %a", i, y[0][i], y[1][i]);
}

Test(hadamard, int8_output_is_rounded_half_to_even) {
  /* n = 4: y = (a ± b ± c ± d) / 2; with a alone every element is a / 2, exactly. */
  static const float first[] = {1, 3, 5, -1, -3, -5, 253, 255, -255, -257, 1000, -1000, 0};
  static const int want[] = {0, 2, 2, 0, -2, -2, 126, 127, -128, -128, 127, -128, 0};
  float x[13 * 4] = {0};
  int8_t y[13 * 4];
  memset(y, 0x5a, sizeof y);
  for (int t = 0; t < 13; t++) x[t * 4] = first[t];
  Tensor X = tensor_of(x, FORMAT_F32, 13, 4, 0), Y = tensor_of(y, FORMAT_I8, 13, 4, 1);
  hadamard(&X, &Y);
  cr_assert_str_eq(Y.kernel, "hadamard f32->i8 half-even cpu");
  cr_assert(Y.nans == 0);
  for (int i = 0; i < 13 * 4; i++)
    cr_assert(y[i] == want[i / 4], "%g / 2: got %d, want %d", first[i / 4], y[i], want[i / 4]);
}

Test(hadamard, nans_become_zero_in_int8_and_are_counted) {
  uint16_t x[3 * 12] = {0};
  int8_t y[3 * 12];
  memset(y, 0x5a, sizeof y);
  x[12 + 7] = half_of(NAN); /* reaches its whole row */
  Tensor X = tensor_of(x, FORMAT_F16, 3, 12, 0), Y = tensor_of(y, FORMAT_I8, 3, 12, 0.5f);
  hadamard(&X, &Y);
  cr_assert_str_eq(Y.kernel, "hadamard f16->i8 half-even cpu");
  cr_assert(Y.nans == 12, "got %lld NaNs, want 12", (long long)Y.nans);
  for (int i = 0; i < 3 * 12; i++) cr_assert(y[i] == 0, "[%d] got %d, want 0", i, y[i]);
}
