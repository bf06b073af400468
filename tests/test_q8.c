/* q8 and f16: against the compiler's binary16 and libm's rounding in double, ties made by hand, the
 * loops over tensors. */
#include "kernels/f16.h"
#include "kernels/q8.h"
#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "tests/half.h"

/* --- f16 -------------------------------------------------------------------------------------- */

static uint16_t compiler_f16(float x) { return isnan(x) ? 0x7e00 : half_of(x); }

static void same_half(float x) {
  uint16_t got = f16_of(x), want = compiler_f16(x);
  cr_assert(got == want, "f16_of(%a): got %04x, want %04x", x, got, want);
}

Test(f16, every_half_widens_as_the_compiler_does_and_comes_back) {
  for (uint32_t h = 0; h < 0x10000; h++) {
    float got = f32_of_f16((uint16_t)h), want = half_value((uint16_t)h);
    bool nan = (h & 0x7fff) > 0x7c00;
    cr_assert(bits_of_f32(got) == (nan ? 0x7fc00000u : bits_of_f32(want)),
              "f32_of_f16(%04x): got %a, want %a", h, got, want);
    cr_assert(f16_of(got) == (nan ? 0x7e00 : h), "f16_of(f32_of_f16(%04x)): got %04x", h,
              f16_of(got));
  }
}

Test(f16, every_tie_and_its_neighbours_round_as_the_compiler_does) {
  for (uint32_t h = 0; h < 0x7c00; h++) {
    double low = half_value((uint16_t)h),
           high = h == 0x7bff ? 65536 : half_value((uint16_t)(h + 1));
    uint32_t tie = bits_of_f32((float)((low + high) / 2));
    for (uint32_t bits = tie - 2; bits <= tie + 2; bits++) {
      same_half(f32_of_bits(bits));
      same_half(-f32_of_bits(bits));
    }
  }
}

Test(f16, a_sample_of_all_floats_rounds_as_the_compiler_does) {
  uint32_t step = getenv("DRIFTSCOPE_EXHAUSTIVE") ? 1 : 1021;
  for (uint64_t bits = 0; bits < 0x100000000u; bits += step) same_half(f32_of_bits((uint32_t)bits));
}

/* --- q8 --------------------------------------------------------------------------------------- */

/* libm rounds the float32 quotient in double, where it is exact. */
static int want_q8(float x, float scale, Rounding rounding) {
  volatile float quotient = x / scale;
  double r = quotient;
  if (isnan(r)) return 0;
  double q = rounding == ROUND_AWAY ? round(r) : rint(r);
  return q > 127 ? 127 : q < -128 ? -128 : (int)q;
}

static void same_q8(float x, float scale) {
  int away = q8_away(x, scale), even = q8_even(x, scale);
  int want_away = want_q8(x, scale, ROUND_AWAY), want_even = want_q8(x, scale, ROUND_EVEN);
  cr_assert(away == want_away, "q8_away(%a, %a): got %d, want %d", x, scale, away, want_away);
  cr_assert(even == want_even, "q8_even(%a, %a): got %d, want %d", x, scale, even, want_even);
}

Test(q8, ties_go_away_from_zero_or_to_even) {
  static const struct {
    float r;
    int away, even;
  } tie[] = {
      {0.5f, 1, 0},          {-0.5f, -1, 0},         {1.5f, 2, 2},
      {-1.5f, -2, -2},       {2.5f, 3, 2},           {-2.5f, -3, -2},
      {125.5f, 126, 126},    {126.5f, 127, 126},     {127.5f, 127, 127},
      {-126.5f, -127, -126}, {-127.5f, -128, -128},  {-128.5f, -128, -128},
      {0.49999997f, 0, 0},   {-0.49999997f, 0, 0},   {0.50000006f, 1, 1},
      {1.4999999f, 1, 1},    {126.49999f, 126, 126}, {0.0f, 0, 0},
      {-0.0f, 0, 0},         {INFINITY, 127, 127},   {-INFINITY, -128, -128},
      {NAN, 0, 0},           {-NAN, 0, 0},           {3e38f, 127, 127},
      {-3e38f, -128, -128},
  };
  static const float scale[] = {1.0f, 0.25f, 0x1p-20f};
  for (size_t i = 0; i < sizeof tie / sizeof *tie; i++)
    for (int s = 0; s < 3; s++) {
      int away = q8_away(tie[i].r * scale[s], scale[s]),
          even = q8_even(tie[i].r * scale[s], scale[s]);
      cr_expect(away == tie[i].away, "q8_away(%a * %a): got %d, want %d", tie[i].r, scale[s], away,
                tie[i].away);
      cr_expect(even == tie[i].even, "q8_even(%a * %a): got %d, want %d", tie[i].r, scale[s], even,
                tie[i].even);
    }
}

Test(q8, any_float_rounds_as_libm_rounds_the_quotient) {
  static const float scale[] = {1.0f, 0.1f, 0.0051234567f, 3.0f, 0x1.234568p-100f, 0x1.fffffep100f};
  for (int s = 0; s < 6; s++)
    for (uint64_t bits = 0; bits < 0x100000000u; bits += 20011)
      same_q8(f32_of_bits((uint32_t)bits), scale[s]);
  for (int i = -40000; i <= 40000; i++)
    same_q8((float)i * 0.0041f, 0.0051234567f * 200); /* where q varies */
}

Test(q8, a_dequantised_value_comes_back_at_every_step) {
  for (uint32_t bits = 0x30000000u; bits < 0x48000000u; bits += 65537)
    for (int q = -128; q < 128; q++) {
      float scale = f32_of_bits(bits), x = dq((int8_t)q, scale);
      cr_assert(q8_away(x, scale) == q && q8_even(x, scale) == q, "q8(%d * %a) does not come back",
                q, scale);
    }
}

/* --- tensors ---------------------------------------------------------------------------------- */

enum { ROWS = 5, COLS = 5003, STRIDE = 5100 };

static void *junk(size_t bytes) {
  void *p = malloc(bytes);
  cr_assert_not_null(p);
  return memset(p, 0xa5, bytes);
}

static float value(int row, int col) { return sinf((float)(row * 131 + col)) * 3; }

/* x [ROWS, COLS] in rows STRIDE apart, NaN between them and at three places inside. */
static Tensor input(Format format) {
  Tensor x = tensor_of(junk((size_t)ROWS * STRIDE * format_size(format)), format, ROWS, COLS, 0);
  x.stride = STRIDE;
  for (int i = 0; i < ROWS * STRIDE; i++) {
    int row = i / STRIDE, col = i % STRIDE;
    bool nan =
        col >= COLS || (row == 1 && (col == 0 || col == 4097)) || (row == 4 && col == COLS - 1);
    float v = nan ? NAN : value(row, col);
    if (format == FORMAT_F32)
      ((float *)x.data)[i] = v;
    else
      ((uint16_t *)x.data)[i] = f16_of(v);
  }
  return x;
}

static void check_quantise(Format format, Rounding rounding, const char *witness) {
  Tensor x = input(format), y = tensor_of(junk(ROWS * STRIDE), FORMAT_I8, ROWS, COLS, 0.02f);
  y.stride = STRIDE;
  for (int threads = 1; threads <= 3; threads++) {
    omp_set_num_threads(threads);
    memset(y.data, 0xa5, ROWS * STRIDE);
    y.nans = 99;
    quantise(&x, rounding, &y);
    cr_expect(y.nans == 3, "got %lld NaNs, want 3", (long long)y.nans);
    cr_expect_str_eq(y.kernel, witness);
    for (int i = 0; i < ROWS * STRIDE; i++) {
      float v = format == FORMAT_F32 ? ((float *)x.data)[i] : half_value(((uint16_t *)x.data)[i]);
      int got = ((int8_t *)y.data)[i];
      int want = i % STRIDE >= COLS ? (int8_t)0xa5 : want_q8(v, 0.02f, rounding);
      cr_assert(got == want, "%s, %d threads: y[%d][%d]: got %d, want %d", witness, threads,
                i / STRIDE, i % STRIDE, got, want);
    }
  }
  free(x.data);
  free(y.data);
}

Test(quantise, equals_q8_in_every_element_counts_nans_and_says_what_it_did) {
  check_quantise(FORMAT_F32, ROUND_AWAY, "quantise f32->i8 half-away cpu");
  check_quantise(FORMAT_F32, ROUND_EVEN, "quantise f32->i8 half-even cpu");
  check_quantise(FORMAT_F16, ROUND_AWAY, "quantise f16->i8 half-away cpu");
  check_quantise(FORMAT_F16, ROUND_EVEN, "quantise f16->i8 half-even cpu");
}

static void check_dequantise(const Tensor *x, const char *witness,
                             float (*want_at)(const Tensor *, int)) {
  Tensor y = tensor_of(junk(sizeof(float) * ROWS * STRIDE), FORMAT_F32, ROWS, COLS, 0);
  y.stride = STRIDE;
  dequantise(x, &y);
  cr_expect_str_eq(y.kernel, witness);
  cr_expect(y.nans == 0);
  for (int i = 0; i < ROWS * STRIDE; i++) {
    float got = ((float *)y.data)[i],
          want = i % STRIDE >= COLS ? f32_of_bits(0xa5a5a5a5u) : want_at(x, i);
    bool same = isnan(want) ? isnan(got) : bits_of_f32(got) == bits_of_f32(want);
    cr_assert(same, "%s: y[%d][%d]: got %a, want %a", witness, i / STRIDE, i % STRIDE, got, want);
  }
  free(y.data);
}

static float i8_at(const Tensor *x, int i) {
  return (float)((int8_t *)x->data)[i] * x->scale.value;
}
static float f16_at(const Tensor *x, int i) { return half_value(((uint16_t *)x->data)[i]); }
static float f32_at(const Tensor *x, int i) { return ((float *)x->data)[i]; }

Test(dequantise, gives_the_value_of_every_type_and_writes_nothing_between_rows) {
  Tensor i8 = tensor_of(junk(ROWS * STRIDE), FORMAT_I8, ROWS, COLS, 0.0123f),
         f16 = input(FORMAT_F16), f32 = input(FORMAT_F32);
  i8.stride = STRIDE;
  for (int i = 0; i < ROWS * STRIDE; i++) ((int8_t *)i8.data)[i] = (int8_t)(i * 37);
  check_dequantise(&i8, "dequantise i8->f32 cpu", i8_at);
  check_dequantise(&f16, "dequantise f16->f32 cpu", f16_at);
  check_dequantise(&f32, "dequantise f32->f32 cpu", f32_at);
  free(i8.data);
  free(f16.data);
  free(f32.data);
}

Test(absmax, leaves_nan_out_and_stays_inside_the_view) {
  Tensor x = input(FORMAT_F32);
  float *data = x.data;
  data[2 * STRIDE + 77] = -3.5f;
  data[2 * STRIDE + COLS] = 1e9f; /* between the rows */
  for (int threads = 1; threads <= 3; threads++) {
    omp_set_num_threads(threads);
    cr_expect(absmax(&x) == 3.5f, "got %a, want 3.5", absmax(&x));
  }
  data[3 * STRIDE + COLS - 1] = -INFINITY;
  cr_expect(absmax(&x) == INFINITY);
  Tensor one = tensor_columns(&x, COLS - 1, 1);
  one.data = data + 4 * STRIDE + COLS - 1;
  one.rows = 1;
  cr_expect(absmax(&one) == 0, "a lone NaN: got %a, want 0", absmax(&one));
  one.rows = 0;
  cr_expect(absmax(&one) == 0, "an empty tensor: got %a, want 0", absmax(&one));
  free(x.data);
}
