/* rmsnorm: its documented order bit for bit, and float64 within a derived bound. */
#include "kernels/rmsnorm.h"
#include "tests/draws.h"
#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { T = 5, MAX_D = 1000, GAP = 3 };
static const int widths[] = {1, 2, 15, 16, 17, 31, 33, 256, 999, 1000};
static float x[T * (MAX_D + GAP)], gain[MAX_D], y[T * (MAX_D + GAP)];
static int8_t q[T * (MAX_D + GAP)];

/* Rows of D elements with a gap, all random; outputs junk. */
static Tensor made_x(int D) {
  for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = random_float();
  for (int i = 0; i < MAX_D; i++) gain[i] = random_float();
  memset(y, 0x5a, sizeof y);
  memset(q, 0x5a, sizeof q);
  Tensor t = tensor_of(x, FORMAT_F32, T, D, 0);
  t.stride = D + GAP;
  return t;
}

static Tensor junk_y(Format format, int D, float scale) {
  Tensor t = tensor_of(format == FORMAT_F32 ? (void *)y : (void *)q, format, T, D, scale);
  t.stride = D + GAP;
  t.nans = -1;
  return t;
}

/* The documented order, a lane at a time; the fold as the tree that it is. */
static float lane_sum(const float *row, int D, int lane, int lanes) {
  if (lanes < 16)
    return lane_sum(row, D, lane, 2 * lanes) + lane_sum(row, D, lane + lanes, 2 * lanes);
  float sum = 0;
  for (int i = lane; i < D; i += 16) sum = fmaf(row[i], row[i], sum);
  return sum;
}

Test(rmsnorm, the_documented_order_holds_bit_for_bit_on_any_thread_count) {
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (int threads = 1; threads <= 3; threads++) {
      int D = widths[w];
      Tensor from = made_x(D), to = junk_y(FORMAT_F32, D, 0);
      omp_set_num_threads(threads);
      rmsnorm(&from, threads == 2 ? NULL : gain, 1e-5f, &to);
      cr_assert_str_eq(to.kernel, "rmsnorm f32->f32 cpu");
      cr_assert(to.nans == 0);
      for (int t = 0; t < T; t++) {
        const float *row = x + t * (D + GAP);
        float mean = lane_sum(row, D, 0, 1) / (float)D, root = sqrtf(mean + 1e-5f);
        for (int i = 0; i < D; i++) {
          float got = y[t * (D + GAP) + i], quotient = row[i] / root;
          float want = threads == 2 ? quotient : quotient * gain[i];
          cr_assert(got == want, "D %d, %d threads: [%d, %d] got %a, want %a", D, threads, t, i,
                    got, want);
        }
        for (int i = D; i < D + GAP; i++)
          cr_assert(!memcmp(&y[t * (D + GAP) + i], "ZZZZ", 4), "D %d: row %d written past its end",
                    D, t);
      }
    }
}

/* Relative roundings of u = 2^-24 each: a lane's ceil(D / 16) fmaf, 4 folds, the division by D and
 * the sum with eps, all of positive terms, so their relative errors add up; the root halves them
 * and adds its own; the quotient and the gain add two. 1 % for the second order. */
Test(rmsnorm, float64_agrees_within_the_roundings_counted) {
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
    int D = widths[w];
    Tensor from = made_x(D), to = junk_y(FORMAT_F32, D, 0);
    rmsnorm(&from, gain, 1e-5f, &to);
    double bound = 1.01 * 0x1p-24 * (((D + 15) / 16 + 6) / 2.0 + 3);
    for (int t = 0; t < T; t++) {
      const float *row = x + t * (D + GAP);
      double ss = 0;
      for (int i = 0; i < D; i++) ss += (double)row[i] * row[i];
      for (int i = 0; i < D; i++) {
        double want = row[i] / sqrt(ss / D + (double)1e-5f) * gain[i], got = y[t * (D + GAP) + i];
        cr_assert(fabs(got - want) <= bound * fabs(want),
                  "D %d: [%d, %d] got %a, want %a, bound %g", D, t, i, got, want, bound);
      }
    }
  }
}

Test(rmsnorm, int8_output_rounds_halves_away_from_zero_and_clamps) {
  /* Rows of ±3: the mean square is 9, the quotient ±1 exactly; gain / 2 is what is rounded. */
  static const float gains[16] = {1,    3, 5,      7,      2, 253,    255,    257,
                                  1000, 0, 0.999f, 1.001f, 4, 5.001f, 4.999f, 259};
  static const int away[16] = {1, 2, 3, 4, 1, 127, 128, 129, 500, 0, 0, 1, 2, 3, 2, 130};
  for (int i = 0; i < 16; i++) x[i] = 3, x[16 + i] = -3;
  memset(q, 0x5a, sizeof q);
  Tensor from = tensor_of(x, FORMAT_F32, 2, 16, 0), to = tensor_of(q, FORMAT_I8, 2, 16, 2);
  rmsnorm(&from, gains, 0, &to);
  cr_assert_str_eq(to.kernel, "rmsnorm f32->i8 half-away cpu");
  for (int i = 0; i < 16; i++) {
    int up = away[i] > 127 ? 127 : away[i], down = away[i] > 128 ? -128 : -away[i];
    cr_assert(q[i] == up && q[16 + i] == down, "±%g / 2: got %d and %d, want %d and %d", gains[i],
              q[i], q[16 + i], up, down);
  }
}

Test(rmsnorm, int8_output_is_the_float_output_rounded) {
  for (int with_gain = 0; with_gain < 2; with_gain++) {
    Tensor from = made_x(256), whole = junk_y(FORMAT_F32, 256, 0),
           to = junk_y(FORMAT_I8, 256, 0.031f);
    rmsnorm(&from, with_gain ? gain : NULL, 1e-5f, &whole);
    rmsnorm(&from, with_gain ? gain : NULL, 1e-5f, &to);
    for (int t = 0; t < T; t++)
      for (int i = 0; i < 256; i++) {
        int at = t * (256 + GAP) + i;
        float r = (float)((double)y[at] / 0.031f);
        double want = fmax(-128, fmin(127, round(r)));
        cr_assert(q[at] == want, "[%d, %d] of %a: got %d, want %g", t, i, y[at], q[at], want);
      }
  }
}

Test(rmsnorm, nans_become_zero_in_int8_and_are_counted) {
  Tensor from = made_x(33), to = junk_y(FORMAT_I8, 33, 1);
  x[2 * (33 + GAP) + 32] = NAN; /* the whole row: its divisor is NaN */
  x[3 * (33 + GAP) + 33] = NAN; /* in the gap */
  rmsnorm(&from, NULL, 1e-5f, &to);
  cr_assert(to.nans == 33, "got %lld NaNs, want 33", (long long)to.nans);
  for (int i = 0; i < 33; i++)
    cr_assert(q[2 * (33 + GAP) + i] == 0, "[2, %d] got %d, want 0", i, q[2 * (33 + GAP) + i]);
}

Test(rmsnorm, a_row_of_zeros_stays_zero) {
  Tensor from = made_x(40), to = junk_y(FORMAT_F32, 40, 0);
  memset(x, 0, sizeof x);
  rmsnorm(&from, gain, 1e-5f, &to);
  for (int i = 0; i < 40; i++) cr_assert(y[i] == 0, "[0, %d] got %a, want 0", i, y[i]);
}
