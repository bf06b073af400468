/* linear: against a plain triple loop over double and int64, bit for bit, on every shape, stride,
 * type and thread count. */
#include "kernels/linear.h"
#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "tests/draws.h"
#include "tests/half.h"

/* Signs and six binades mixed, so that another order of a sum shows in its bits. */
static float binade_float(void) {
  return ldexpf((float)(int32_t)random_bits(), -31 - random_below(6));
}

/* One product: every buffer holds `gap` more elements a row than its matrix, filled with junk. */
typedef struct Case {
  int T, in, out, x_gap, y_gap;
  Format format, y_format;
  float scale_x, scale_w, scale_y;
  void *x, *w, *panels, *y;
  Tensor X, Y;
  Linear linear;
} Case;

static void *junk(size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 64) / 64 * 64);
  return memset(p, 0x5a, bytes);
}

static Case case_of(int T, int in, int out, Format format, Format y_format, int gap) {
  Case c = {.T = T,
            .in = in,
            .out = out,
            .x_gap = gap,
            .y_gap = gap,
            .format = format,
            .y_format = y_format};
  c.scale_x = 0.0123f, c.scale_w = 0.00771f, c.scale_y = format == FORMAT_F32 ? 0.07f : 0.3f;
  size_t x_count = (size_t)T * (size_t)(in + gap), w_count = (size_t)out * (size_t)in;
  c.x = junk(x_count * format_size(format));
  c.w = junk(w_count * format_size(format));
  c.y = junk((size_t)T * (size_t)(out + gap) * format_size(y_format));
  c.panels = junk(linear_packed_bytes(out, in, format));
  for (size_t i = 0; i < x_count; i++)
    if (format == FORMAT_F32)
      ((float *)c.x)[i] = binade_float();
    else
      ((int8_t *)c.x)[i] = (int8_t)random_bits();
  for (size_t i = 0; i < w_count; i++)
    if (format == FORMAT_F32)
      ((float *)c.w)[i] = binade_float();
    else
      ((int8_t *)c.w)[i] = (int8_t)random_bits();
  return c;
}

static void run_case(Case *c, int threads) {
  c->X = tensor_of(c->x, c->format, c->T, c->in, c->format == FORMAT_I8 ? c->scale_x : 0);
  c->X.stride += c->x_gap;
  c->Y = tensor_of(c->y, c->y_format, c->T, c->out, c->y_format == FORMAT_I8 ? c->scale_y : 0);
  c->Y.stride += c->y_gap;
  c->Y.nans = -1;
  omp_set_num_threads(threads);
  c->linear = linear_pack(c->w, c->out, c->in, c->format, c->scale_w, c->panels);
  linear(&c->linear, &c->X, &c->Y);
}

static void free_case(Case *c) { free(c->x), free(c->w), free(c->y), free(c->panels); }

/* Products of floats are exact in double, so one rounding is the float32 product. */
static float wanted_sum(const Case *c, int t, int o) {
  if (c->format == FORMAT_F32) {
    float sum = 0;
    for (int k = 0; k < c->in; k++)
      sum = fmaf(((float *)c->x)[t * (c->in + c->x_gap) + k], ((float *)c->w)[o * c->in + k], sum);
    return sum;
  }
  int64_t sum = 0;
  for (int k = 0; k < c->in; k++)
    sum += (int64_t)((int8_t *)c->x)[t * (c->in + c->x_gap) + k] * ((int8_t *)c->w)[o * c->in + k];
  float scale = (float)((double)c->scale_x * c->scale_w);
  return (float)((double)(float)sum * scale);
}

static void expect_triple_loop(const Case *c, int threads) {
  for (int t = 0; t < c->T; t++)
    for (int o = 0; o < c->out; o++) {
      float want = wanted_sum(c, t, o);
      size_t at = (size_t)t * (size_t)(c->out + c->y_gap) + (size_t)o;
      double got, wanted;
      if (c->y_format == FORMAT_F32) {
        got = ((float *)c->y)[at];
        wanted = want;
      } else if (c->y_format == FORMAT_F16) {
        got = (double)half_value(((uint16_t *)c->y)[at]);
        wanted = (double)half_round(want);
      } else {
        got = ((int8_t *)c->y)[at];
        wanted = fmax(-128, fmin(127, nearbyint((float)((double)want / c->scale_y))));
      }
      cr_assert(got == wanted &&
                    (got != 0 || c->y_format == FORMAT_I8 || !signbit(got) == !signbit(wanted)),
                "%s, T %d, %d -> %d, %d threads: [%d, %d] got %a, want %a", c->Y.kernel, c->T,
                c->in, c->out, threads, t, o, got, wanted);
    }
  size_t size = format_size(c->y_format);
  for (int t = 0; t < c->T; t++)
    for (size_t i = 0; i < (size_t)c->y_gap * size; i++)
      cr_assert(((uint8_t *)c->y)[(size_t)t * (size_t)(c->out + c->y_gap) * size +
                                  (size_t)c->out * size + i] == 0x5a,
                "%s, T %d, %d -> %d: row %d written past its end", c->Y.kernel, c->T, c->in, c->out,
                t);
  cr_assert(c->Y.nans == 0, "%s: %lld NaNs counted, want 0", c->Y.kernel, (long long)c->Y.nans);
}

static void check_shape(int T, int in, int out, Format format, Format y_format, int gap) {
  Case c = case_of(T, in, out, format, y_format, gap);
  for (int threads = 1; threads <= 3; threads++) {
    memset(c.y, 0x5a, (size_t)T * (size_t)(out + gap) * format_size(y_format));
    run_case(&c, threads);
    expect_triple_loop(&c, threads);
  }
  free_case(&c);
}

static void check_shapes(Format format, Format y_format) {
  static const int shape[][3] = {{1, 1, 1},   {1, 4, 32},  {8, 16, 32}, {9, 17, 33},  {7, 3, 31},
                                 {65, 1, 64}, {64, 5, 65}, {2, 2, 95},  {1, 256, 40}, {130, 6, 1}};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
    check_shape(shape[i][0], shape[i][1], shape[i][2], format, y_format, (int)i % 3);
  for (int i = 0; i < 12; i++)
    check_shape(1 + random_below(80), 1 + random_below(90), 1 + random_below(100), format, y_format,
                random_below(4));
  check_shape(3, 2051, 5, format, y_format, 1); /* past any block of k */
}

Test(linear, float_sums_are_the_ordered_fmaf_loop_bit_for_bit) {
  check_shapes(FORMAT_F32, FORMAT_F32);
}
Test(linear, float_sums_round_to_f16_once) { check_shapes(FORMAT_F32, FORMAT_F16); }
Test(linear, float_sums_quantise_half_even) { check_shapes(FORMAT_F32, FORMAT_I8); }
Test(linear, int8_sums_are_exact_and_scaled_by_one_float_product) {
  check_shapes(FORMAT_I8, FORMAT_F32);
}
Test(linear, int8_sums_round_to_f16_once) { check_shapes(FORMAT_I8, FORMAT_F16); }
Test(linear, int8_sums_quantise_half_even) { check_shapes(FORMAT_I8, FORMAT_I8); }

Test(linear, the_shapes_of_the_shipped_model_are_the_triple_loop_too) {
  static const int shape[][2] = {{256, 1024}, {512, 48}, {16, 512}};
  for (int i = 0; i < 3; i++) {
    check_shape(21, shape[i][0], shape[i][1], FORMAT_F32, FORMAT_F32, 0);
    check_shape(21, shape[i][0], shape[i][1], FORMAT_I8, FORMAT_I8, 0);
  }
}

static void check_extreme(int in, int x_value, int w_value) {
  Case c = case_of(2, in, 2, FORMAT_I8, FORMAT_F32, 0);
  memset(c.x, x_value, 2 * (size_t)in);
  memset(c.w, w_value, 2 * (size_t)in);
  c.scale_x = c.scale_w = 1;
  run_case(&c, 2);
  double want = (double)x_value * w_value * in; /* at most 17 + 14 bits, rounded to 24 below */
  for (int i = 0; i < 4; i++) {
    float got = ((float *)c.y)[i];
    cr_assert(got == (float)want, "in %d, all %d * %d: got %.0f, want %.0f", in, x_value, w_value,
              got, want);
  }
  free_case(&c);
}

Test(linear, the_longest_int8_sums_do_not_overflow) {
  check_extreme(LINEAR_I8_MAX_IN, -128, -128); /* 128^2 * 131071 = 2147467264 */
  check_extreme(LINEAR_I8_MAX_IN, -128, 127);
  check_extreme(LINEAR_I8_MAX_IN, 127, -128);
  check_extreme(LINEAR_I8_MAX_IN, 127, 127);
  check_extreme(1024, -128, -128);
  check_extreme(1029, -128, -128);
}

Test(linear, a_long_int8_sum_that_cancels_keeps_its_last_bit) {
  /* Half the products take the sum to 2^30, the others bring it back to where a float shows its
   * last bit. */
  int in = LINEAR_I8_MAX_IN;
  Case c = case_of(1, in, 1, FORMAT_I8, FORMAT_F32, 0);
  int8_t *x = c.x, *w = c.w;
  for (int k = 0; k < in; k++) x[k] = -128, w[k] = k < in / 2 ? -128 : 127;
  x[in - 1] = 1, w[in - 1] = -1;
  c.scale_x = c.scale_w = 1;
  run_case(&c, 1);
  int64_t want = (int64_t)(in / 2) * 16384 - (int64_t)(in - 1 - in / 2) * 16256 - 1;
  cr_assert(want < 1 << 24, "the sum %lld fits no float", (long long)want);
  cr_assert(*(float *)c.y == (float)want, "got %.0f, want %lld", *(float *)c.y, (long long)want);
  free_case(&c);
}

Test(linear, a_nan_or_infinity_stays_in_its_row_and_column) {
  Case c = case_of(11, 37, 70, FORMAT_F32, FORMAT_F32, 0);
  ((float *)c.x)[3 * 37 + 36] = NAN;
  ((float *)c.x)[9 * 37] = INFINITY;
  ((float *)c.w)[69 * 37 + 5] = -INFINITY;
  run_case(&c, 2);
  for (int t = 0; t < 11; t++)
    for (int o = 0; o < 70; o++) {
      float got = ((float *)c.y)[t * 70 + o], want = wanted_sum(&c, t, o);
      cr_assert(isnan(want) ? isnan(got) : got == want, "[%d, %d] got %a, want %a", t, o, got,
                want);
      cr_assert(isfinite(want) == (t != 3 && t != 9 && o != 69),
                "[%d, %d]: the loop itself gives %a", t, o, want);
    }
  free_case(&c);
}

Test(linear, nans_become_zero_in_int8_and_are_counted) {
  Case c = case_of(70, 8, 45, FORMAT_F32, FORMAT_I8, 2);
  ((float *)c.x)[66 * 10 + 7] = NAN;
  ((float *)c.x)[2 * 10] = NAN;
  ((float *)c.x)[2 * 10 + 8] = NAN; /* in the gap: no element of x */
  run_case(&c, 3);
  cr_assert(c.Y.nans == 2 * 45, "got %lld NaNs, want %d", (long long)c.Y.nans, 2 * 45);
  for (int o = 0; o < 45; o++)
    cr_assert(((int8_t *)c.y)[66 * 47 + o] == 0, "[66, %d] got %d, want 0", o,
              ((int8_t *)c.y)[66 * 47 + o]);
  free_case(&c);
}

Test(linear, the_witness_names_the_types_that_ran) {
  static const struct {
    Format format, y_format;
    const char *kernel;
  } want[] = {
      {FORMAT_F32, FORMAT_F32, "linear f32*f32->f32 cpu"},
      {FORMAT_F32, FORMAT_F16, "linear f32*f32->f16 cpu"},
      {FORMAT_F32, FORMAT_I8, "linear f32*f32->i8 half-even cpu"},
      {FORMAT_I8, FORMAT_F32, "linear i8*i8->f32 cpu"},
      {FORMAT_I8, FORMAT_F16, "linear i8*i8->f16 cpu"},
      {FORMAT_I8, FORMAT_I8, "linear i8*i8->i8 half-even cpu"},
  };
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    Case c = case_of(1, 2, 3, want[i].format, want[i].y_format, 0);
    run_case(&c, 1);
    cr_assert_str_eq(c.Y.kernel, want[i].kernel);
    free_case(&c);
  }
}
