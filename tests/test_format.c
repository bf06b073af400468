/* format: the way through any row of the table, against the fast ones, the compiler, the table of
 * an 8-bit format's standard and the nearest of all codes; scales of every axis; values of
 * tensors. */
#include "kernels/format.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "family/trace.h"
#include "kernels/bf16.h"
#include "kernels/f16.h"
#include "kernels/q8.h"
#include "tests/draws.h"
#include "tests/half.h"

static const FormatInfo bf16 = {.name = "bf16",
                                .bytes = 2,
                                .bits = 16,
                                .kind = FORMAT_FLOAT,
                                .rounding = ROUND_EVEN,
                                .digits = 8,
                                .e_min = -126,
                                .largest = 0x1.fep127,
                                .subnormals = true,
                                .infinity = true};
/* The three of the OCP's 8-bit and microscaling formats that differ in what stands behind the
 * largest number. */
static const FormatInfo e4m3 = {.name = "e4m3",
                                .bytes = 1,
                                .bits = 8,
                                .kind = FORMAT_FLOAT,
                                .rounding = ROUND_EVEN,
                                .saturates = true,
                                .digits = 4,
                                .e_min = -6,
                                .largest = 448,
                                .subnormals = true};
static const FormatInfo e5m2 = {.name = "e5m2",
                                .bytes = 1,
                                .bits = 8,
                                .kind = FORMAT_FLOAT,
                                .rounding = ROUND_EVEN,
                                .digits = 3,
                                .e_min = -14,
                                .largest = 57344,
                                .subnormals = true,
                                .infinity = true};
static const FormatInfo e2m1 = {.name = "e2m1",
                                .bytes = 1,
                                .bits = 4,
                                .kind = FORMAT_FLOAT,
                                .rounding = ROUND_EVEN,
                                .saturates = true,
                                .digits = 2,
                                .e_min = 0,
                                .largest = 6,
                                .subnormals = true};
static const FormatInfo i4 = {.name = "i4",
                              .bytes = 1,
                              .bits = 4,
                              .kind = FORMAT_INTEGER,
                              .rounding = ROUND_EVEN,
                              .saturates = true};

static void same_code(const FormatInfo *format, double x, float scale, uint64_t want) {
  uint64_t got = format_encode(format, x, scale);
  cr_assert(got == want, "%s of %a at scale %a: got %llx, want %llx", format->name, x,
            (double)scale, (unsigned long long)got, (unsigned long long)want);
}

static void same_value(const FormatInfo *format, uint64_t code, double want) {
  double got = format_decode(format, code, 0);
  cr_assert((isnan(got) && isnan(want)) || (got == want && !signbit(got) == !signbit(want)),
            "%s %llx: got %a, want %a", format->name, (unsigned long long)code, got, want);
}

/* --- today's rows and bfloat16, against what else computes them ------------------------------- */

Test(format, the_rows_are_the_types_of_files_and_witnesses) {
  static const struct {
    const char *name;
    size_t size;
  } want[FORMAT_COUNT] = {{"f32", 4}, {"f16", 2}, {"i8", 1}, {"f64", 8}};
  for (Format f = 0; f < FORMAT_COUNT; f++) {
    cr_expect_str_eq(format_name(f), want[f].name);
    cr_expect_eq(format_size(f), want[f].size, "%s", want[f].name);
  }
}

static uint64_t half_code(float x) { return isnan(x) ? 0x7e00 : half_of(x); }
static uint64_t bf16_code(float x) { return bf16_of(x); }

Test(format, every_half_is_what_the_compiler_says_and_comes_back) {
  for (uint32_t h = 0; h < 0x10000; h++) {
    float want = half_value((uint16_t)h);
    same_value(&format_info[FORMAT_F16], h, (double)want);
    same_code(&format_info[FORMAT_F16], (double)want, 0, half_code(want));
    cr_assert_eq(bits_of_f32(f32_of_f16((uint16_t)h)),
                 bits_of_f32((float)format_decode(&format_info[FORMAT_F16], h, 0)), "%04x", h);
  }
}

Test(format, every_bfloat16_is_the_upper_half_of_a_float_and_comes_back) {
  for (uint32_t h = 0; h < 0x10000; h++) {
    float want = f32_of_bits(h << 16);
    same_value(&bf16, h, (double)want);
    same_code(&bf16, (double)want, 0, isnan(want) ? 0x7fc0 : h);
  }
}

Test(format, ties_and_their_neighbours_round_as_the_fast_ways_do) {
  for (uint32_t h = 0; h < 0x10000; h++)
    for (uint32_t tie = 0x7ffe; tie <= 0x8002; tie++) {
      float x = f32_of_bits(h << 16 | tie);
      same_code(&bf16, (double)x, 0, bf16_code(x));
    }
  for (uint32_t h = 0; h < 0x7c00; h++) {
    double low = half_value((uint16_t)h),
           high = h == 0x7bff ? 65536 : half_value((uint16_t)(h + 1));
    uint32_t tie = bits_of_f32((float)((low + high) / 2));
    for (uint32_t bits = tie - 2; bits <= tie + 2; bits++) {
      float x = f32_of_bits(bits);
      same_code(&format_info[FORMAT_F16], (double)x, 0, f16_of(x));
      same_code(&format_info[FORMAT_F16], (double)-x, 0, f16_of(-x));
    }
  }
}

Test(format, floats_of_every_size_round_as_the_fast_ways_do) {
  for (uint64_t u = 0; u < 1ull << 32; u += 4093) {
    float x = f32_of_bits((uint32_t)u);
    same_code(&format_info[FORMAT_F16], (double)x, 0, half_code(x));
    same_code(&bf16, (double)x, 0, bf16_code(x));
  }
}

Test(format, float32_and_float64_are_memory_and_a_nan_is_one_nan) {
  const FormatInfo *f32 = &format_info[FORMAT_F32], *f64 = &format_info[FORMAT_F64];
  for (uint64_t u = 0; u < 1ull << 32; u += 4093) {
    float x = f32_of_bits((uint32_t)u);
    same_value(f32, u, (double)x);
    same_code(f32, (double)x, 0, isnan(x) ? 0x7fc00000u : u);
  }
  static const uint64_t edge[] = {0,
                                  1,
                                  0xfffffffffffff,
                                  0x10000000000000,
                                  0x7fefffffffffffff,
                                  0x7ff0000000000000,
                                  0x7ff0000000000001,
                                  0x8000000000000000,
                                  0xffffffffffffffff};
  for (size_t i = 0; i < 1000000; i++) {
    uint64_t u =
        i < sizeof edge / sizeof *edge ? edge[i] : (uint64_t)random_bits() << 32 | random_bits();
    double x;
    memcpy(&x, &u, sizeof x);
    same_value(f64, u, x);
    same_code(f64, x, 0, isnan(x) ? 0x7ff8000000000000u : u);
  }
}

Test(format, a_double_is_rounded_once_to_float32) {
  const FormatInfo *f32 = &format_info[FORMAT_F32];
  for (int i = 0; i < 1000000; i++) {
    double x = ldexp((double)random_bits() + (double)random_bits() * 0x1p-32,
                     (int)(random_bits() % 320) - 200);
    same_code(f32, x, 0, bits_of_f32((float)x));
  }
  same_code(f32, 0x1.ffffffp127, 0, 0x7f800000u); /* a tie with 2^128, which is even */
  same_code(f32, 0x1.fffffefffffffp127, 0, 0x7f7fffffu);
}

Test(format, integers_at_a_scale_are_those_of_q8_in_either_rounding) {
  FormatInfo even = format_info[FORMAT_I8], away = even;
  away.rounding = ROUND_AWAY;
  static const float scale[] = {1, 0.25f, 0.0173f, 1e-38f, 3e38f, 0x1p-140f};
  static const float odd[] = {0,      -0.0f,   0.5f,       -0.5f,    1.5f,      2.5f,        126.5f,
                              127.5f, -127.5f, -128.5f,    INFINITY, -INFINITY, 0.49999997f, 3e38f,
                              -3e38f, NAN,     -0x1p-149f, 1e-45f,   128,       -129};
  for (size_t s = 0; s < sizeof scale / sizeof *scale; s++)
    for (size_t i = 0; i < 200000; i++) {
      float x = i < sizeof odd / sizeof *odd ? odd[i] * scale[s]
                : i % 2                      ? f32_of_bits(random_bits())
                        : (float)((int)(random_bits() % 1200) - 600) / 4 * scale[s];
      same_code(&even, (double)x, scale[s], (uint8_t)q8_even(x, scale[s]));
      same_code(&away, (double)x, scale[s], (uint8_t)q8_away(x, scale[s]));
    }
  for (int q = -128; q < 128; q++) {
    double got = format_decode(&even, (uint8_t)q, 0.0173f);
    cr_assert_eq(got, (double)dq((int8_t)q, 0.0173f), "%d", q);
    same_value(&even, (uint8_t)q, q);
  }
}

/* --- rows that nothing else computes ---------------------------------------------------------- */

Test(format, eight_and_four_bit_floats_have_the_values_of_their_standard) {
  static const struct {
    const FormatInfo *format;
    uint64_t code;
    double value;
  } want[] = {{&e4m3, 0x00, 0},
              {&e4m3, 0x01, 0x1p-9},
              {&e4m3, 0x07, 0x1.cp-7},
              {&e4m3, 0x08, 0x1p-6},
              {&e4m3, 0x38, 1},
              {&e4m3, 0x7e, 448},
              {&e4m3, 0x7f, NAN},
              {&e4m3, 0xfe, -448},
              {&e4m3, 0x80, -0.0},
              {&e5m2, 0x01, 0x1p-16},
              {&e5m2, 0x04, 0x1p-14},
              {&e5m2, 0x7b, 57344},
              {&e5m2, 0x7c, INFINITY},
              {&e5m2, 0xfc, -INFINITY},
              {&e5m2, 0x7d, NAN},
              {&e5m2, 0x7f, NAN},
              {&e2m1, 0, 0},
              {&e2m1, 1, 0.5},
              {&e2m1, 2, 1},
              {&e2m1, 3, 1.5},
              {&e2m1, 4, 2},
              {&e2m1, 5, 3},
              {&e2m1, 6, 4},
              {&e2m1, 7, 6},
              {&e2m1, 15, -6},
              {&i4, 7, 7},
              {&i4, 8, -8},
              {&i4, 15, -1}};
  for (size_t i = 0; i < sizeof want / sizeof *want; i++)
    same_value(want[i].format, want[i].code, want[i].value);
}

Test(format, beyond_the_largest_number_a_format_saturates_or_overflows_as_its_row_says) {
  same_code(&e4m3, 464, 0, 0x7e); /* a tie with 480, which is odd */
  same_code(&e4m3, 465, 0, 0x7e);
  same_code(&e4m3, -INFINITY, 0, 0xfe);
  FormatInfo strict = e4m3;
  strict.saturates = false;
  same_code(&strict, 464, 0, 0x7e);
  same_code(&strict, 465, 0, 0x7f);
  same_code(&e5m2, 61439, 0, 0x7b);
  same_code(&e5m2, 61440, 0, 0x7c);
  same_code(&e5m2, -INFINITY, 0, 0xfc);
  same_code(&e2m1, -1e9, 0, 0xf);
  same_code(&i4, 1e9, 0, 7);
  same_code(&i4, -1e9, 0, 8);
}

Test(format, a_nan_is_the_first_quiet_one_or_zero_where_there_is_none) {
  same_code(&e4m3, NAN, 0, 0x7f);
  same_code(&e5m2, -NAN, 0, 0x7e);
  same_code(&e2m1, NAN, 0, 0);
  same_code(&i4, NAN, 0, 0);
  same_code(&format_info[FORMAT_I8], NAN, 0.5f, 0);
}

/* The code of the nearest number, the even code at a tie: codes of one sign rise with their
 * values. */
static uint64_t nearest_code(const FormatInfo *format, double x) {
  const uint64_t sign = (uint64_t)1 << (format->bits - 1);
  uint64_t best = 0;
  double least = INFINITY;
  for (uint64_t code = 0; code < sign; code++) {
    double value = format_decode(format, code, 0), away = fabs(fabs(x) - value);
    if (!isfinite(value)) break;
    if (away < least || (away == least && code % 2 == 0)) best = code, least = away;
  }
  return best | (signbit(x) ? sign : 0);
}

Test(format, what_is_encoded_is_the_nearest_of_all_codes) {
  const FormatInfo *const format[] = {&e4m3, &e5m2, &e2m1};
  for (size_t f = 0; f < 3; f++)
    for (int i = 0; i < 200000; i++) {
      double size = ldexp(1 + (double)(random_bits() % 64) / 64, (int)(random_bits() % 36) - 20);
      double x = random_bits() % 2 ? size : -size;
      if (fabs(x) <= format[f]->largest) same_code(format[f], x, 0, nearest_code(format[f], x));
    }
}

Test(format, a_row_without_subnormals_has_none_and_nothing_else_changes) {
  FormatInfo flushed = e5m2;
  flushed.subnormals = false;
  for (uint64_t code = 0; code < 256; code++) {
    double value = format_decode(&e5m2, code, 0);
    bool subnormal = (code & 0x7f) < 4;
    same_value(&flushed, code, subnormal ? copysign(0, value) : value);
    if (!isnan(value)) same_code(&flushed, value, 0, subnormal ? code & 0x80 : code);
  }
  same_code(&flushed, 0x1.fp-15, 0,
            0x04); /* rounds up to the least normal number: not below it any more */
}

Test(format, a_scaled_float_is_a_float32_quotient_rounded_and_a_float32_product) {
  for (int i = 0; i < 100000; i++) {
    float scale = (float)(1 + random_bits() % 1000) / 7, x = (float)(int32_t)random_bits() / 1e7f;
    uint64_t code = format_encode(&e4m3, (double)x, scale);
    same_code(&e4m3, (double)(x / scale), 0, code);
    float want = (float)format_decode(&e4m3, code, 0) * scale;
    cr_assert_eq(format_decode(&e4m3, code, scale), (double)want, "%a at %a", (double)x,
                 (double)scale);
  }
}

Test(format, elements_are_loaded_and_stored_where_they_stand) {
  for (Format f = 0; f < FORMAT_COUNT; f++) {
    unsigned char memory[5 * 8], want[5 * 8];
    memset(memory, 0xa5, sizeof memory);
    memset(want, 0xa5, sizeof want);
    const uint64_t code = 0x8877665544332211u, kept = code >> (64 - 8 * format_size(f));
    memcpy(want + 3 * format_size(f), &kept, format_size(f));
    format_store(&format_info[f], memory, 3, kept);
    cr_expect_arr_eq(memory, want, sizeof want, "%s", format_name(f));
    cr_expect_eq(format_load(&format_info[f], memory, 3), kept, "%s", format_name(f));
  }
}

/* --- scales, and the values of tensors -------------------------------------------------------- */

enum { ROWS = 5, COLS = 11, STRIDE = 13, GROUP = 4, GROUPS = 3 };

static float scales[ROWS * GROUPS]; /* enough for each axis: 15, of which 5, 11 or all */
static int8_t q[ROWS * STRIDE];

static Tensor scaled_tensor(ScaleAxis axis) {
  for (int i = 0; i < ROWS * GROUPS; i++) scales[i] = 0.01f + 0.0013f * (float)(i * i);
  for (int i = 0; i < ROWS * STRIDE; i++) q[i] = (int8_t)(i * 37 % 255 - 127);
  Tensor t = tensor_of(q, FORMAT_I8, ROWS, COLS, 0.07f);
  t.stride = STRIDE;
  if (axis != SCALE_NONE) t.scale = (Scale){.axis = axis, .values = scales};
  if (axis == SCALE_GROUP) t.scale.group = GROUP, t.scale.stride = GROUPS;
  return t;
}

static double want_value(ScaleAxis axis, int row, int col) {
  float scale = axis == SCALE_NONE     ? 0.07f
                : axis == SCALE_ROW    ? scales[row]
                : axis == SCALE_COLUMN ? scales[col]
                                       : scales[row * GROUPS + col / GROUP];
  return (double)((float)q[row * STRIDE + col] * scale);
}

static void same_values(const Tensor *t, ScaleAxis axis, int row, int col) {
  double got[ROWS * COLS];
  memset(got, 0xff, sizeof got);
  tensor_values(t, got);
  for (int r = 0; r < t->rows; r++)
    for (int c = 0; c < t->cols; c++) {
      double want = want_value(axis, row + r, col + c);
      cr_assert(got[r * t->cols + c] == want, "%s, element (%d, %d): got %a, want %a",
                scale_axis_name[axis], row + r, col + c, got[r * t->cols + c], want);
      cr_assert_eq(tensor_value(t, (size_t)(r * t->cols + c)), want);
    }
}

Test(format, values_take_the_scale_of_their_own_row_column_or_group_in_views_too) {
  for (ScaleAxis axis = 0; axis < SCALE_AXES; axis++) {
    Tensor t = scaled_tensor(axis);
    same_values(&t, axis, 0, 0);
    for (int row = 0; row < ROWS; row++)
      for (int col = 0; col < COLS; col++)
        for (int rows = 1; row + rows <= ROWS; rows++) {
          Tensor below = tensor_rows(&t, row, rows), view = tensor_columns(&below, col, COLS - col);
          same_values(&view, axis, row, col);
          Tensor part = tensor_columns(&t, col / 2, COLS - col / 2),
                 rest = tensor_columns(&part, col - col / 2, COLS - col);
          Tensor same = tensor_rows(&rest, row, rows);
          same_values(&same, axis, row, col);
        }
  }
}

Test(format, blocks_of_a_tensor_take_their_scales_along) {
  for (ScaleAxis axis = 0; axis < SCALE_AXES; axis++)
    for (int most = 1; most <= ROWS * COLS; most++) {
      Tensor t = scaled_tensor(axis);
      size_t count;
      for (size_t first = 0; first < ROWS * COLS; first += count) {
        Tensor block = tensor_block(&t, first, most, &count);
        cr_assert(count > 0 && count <= (size_t)most);
        same_values(&block, axis, (int)first / COLS, (int)first % COLS);
      }
    }
}

Test(format, a_tensor_has_as_many_scales_as_its_axis_says) {
  static const size_t want[SCALE_AXES] = {1, ROWS, COLS, ROWS * GROUPS};
  for (ScaleAxis axis = 0; axis < SCALE_AXES; axis++) {
    Tensor t = scaled_tensor(axis);
    cr_expect_eq(scale_count(&t.scale, ROWS, COLS), want[axis], "%s", scale_axis_name[axis]);
  }
  cr_expect_eq(group_scales(12, 4), 3);
  cr_expect_eq(group_scales(13, 4), 4);
  cr_expect_eq(group_scales(1, INT32_MAX), 1);
}

Test(format, the_fast_ways_through_a_tensor_are_the_way_through_its_row) {
  enum { N = 4096 };
  static unsigned char data[8 * N];
  static double got[N];
  for (Format f = 0; f < FORMAT_COUNT; f++) {
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(random_bits() >> 8);
    Tensor t = tensor_of(data, f, 64, N / 64, f == FORMAT_I8 ? 0.0371f : 0);
    tensor_values(&t, got);
    for (size_t i = 0; i < N; i++) {
      double want =
          format_decode(&format_info[f], format_load(&format_info[f], data, i), t.scale.value);
      cr_assert((isnan(want) && isnan(got[i])) || want == got[i], "%s %zu: got %a, want %a",
                format_name(f), i, got[i], want);
      cr_assert((isnan(want) && isnan(tensor_value(&t, i))) || want == tensor_value(&t, i));
    }
  }
}
