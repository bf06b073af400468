/* grain: the scale that is found from values alone, against the one that they were made with; and
 * that what lies on no grid has none. */
#include "measure/grain.h"

#include "kernels/f16.h"
#include "tests/draws.h"
#include "tests/measure_rows.h"

enum { ROWS = 24, COLS = 65, VALUES = ROWS * COLS };

static Grain grain_of_floats(float *value, int rows, int cols) {
  const Tensor t = tensor_of(value, FORMAT_F32, rows, cols, 0);
  return grain_of(&t);
}

static int divisor(int a, int b) { return b ? divisor(b, a % b) : a; }

/* Every value is a whole number of steps of the scale that is found, to the bit; and the scale is
 * the one that was used, but for last bits that no value shows, times what all levels share: where
 * that is 2 or 4 always, where it is 3 unless 6 and 9 steps are rounded otherwise than 2 and 3 of
 * the threefold. */
static void expect_grid(const int8_t *q, float scale, const char *what) {
  static float value[VALUES];
  bool seen[129] = {false};
  int common = 0, levels = 0;
  for (int i = 0; i < VALUES; i++) {
    value[i] = (float)q[i] * scale;
    common = divisor(abs(q[i]), common);
    seen[abs(q[i])] = true;
  }
  for (int i = 1; i <= 128; i++) levels += seen[i];
  const Grain g = grain_of_floats(value, ROWS, COLS);
  cr_assert(!isnan(g.grid), "%s, scale %a: no grid", what, (double)scale);
  const int times = (int)fmax(1, round(g.grid / (double)scale));
  cr_expect(fabs(g.grid / ((double)scale * times) - 1) < 1e-6 && common % times == 0 &&
                (times == common || common % 2),
            "%s: scale %a, not %a times %d", what, g.grid, (double)scale, common);
  cr_expect_eq(g.levels, levels, "%s: %d levels, not %d", what, g.levels, levels);
  for (int i = 0; i < VALUES; i++)
    cr_assert(roundf(value[i] / (float)g.grid) * (float)g.grid == value[i],
              "%s, scale %a: %a is not on %a", what, (double)scale, (double)value[i], g.grid);
}

/* From the smallest normal one to the largest of which 128 steps are finite. */
static float random_scale(void) {
  return ldexpf(1 + (float)(random_bits() % 8388608) / 8388608, (int)(random_bits() % 246) - 126);
}

Test(grain, scale_of_int8_values_is_found_whatever_it_is) {
  static const struct {
    const char *what;
    int low, step, count;
  } levels[] = {
      {"all levels", -128, 1, 256},
      {"even levels", -128, 2, 128},
      {"none below 0", 0, 1, 128},
      {"a rectified tensor's few", 0, 3, 5},
      {"small ones", -4, 1, 9},
      {"four far apart", 1, 42, 4},
      {"four as far apart as can be", 31, 32, 4},
  };
  for (int n = 0; n < 200; n++) {
    const float scale = random_scale();
    for (size_t k = 0; k < sizeof levels / sizeof *levels; k++) {
      int8_t q[VALUES];
      for (int i = 0; i < VALUES; i++) {
        const int step = i < levels[k].count ? i : (int)(random_bits() % (uint32_t)levels[k].count);
        q[i] = (int8_t)(levels[k].low + step * levels[k].step);
      }
      expect_grid(q, scale, levels[k].what);
    }
  }
}

/* As tensors have them: most near 0, the largest one or a few. */
Test(grain, scale_of_normal_values_that_were_rounded_is_found) {
  for (int n = 0; n < 200; n++) {
    const float scale = random_scale();
    int8_t q[VALUES];
    for (int i = 0; i < VALUES; i++) {
      double sum = -6;
      for (int k = 0; k < 12; k++) sum += random_bits() / 4294967296.0;
      q[i] = (int8_t)lround(fmax(-128, fmin(127, sum * (8 + n % 32))));
    }
    expect_grid(q, scale, "normal values");
  }
}

Test(grain, tensor_of_int8_has_its_own_scale) {
  int8_t q[VALUES];
  for (int i = 0; i < VALUES; i++) q[i] = (int8_t)(i % 256 - 128);
  const Tensor t = tensor_of(q, FORMAT_I8, ROWS, COLS, 0x1.23456p-7f);
  const Grain g = grain_of(&t);
  cr_expect(fabs(g.grid / 0x1.23456p-7 - 1) < 1e-6, "%a", g.grid);
  cr_expect_eq(g.levels, 128);
}

/* One value beside the grid, by the last bit, or one that is not finite. */
Test(grain, one_value_that_is_off_leaves_no_grid) {
  static float value[VALUES];
  const float scale = 0x1.9ap-6f;
  for (int i = 0; i < VALUES; i++) value[i] = (float)(i % 255 - 127) * scale;
  cr_assert(!isnan(grain_of_floats(value, ROWS, COLS).grid));
  const float off[] = {nextafterf(value[700], INFINITY), value[700] + scale / 2, NAN, INFINITY,
                       129 * scale};
  for (size_t k = 0; k < sizeof off / sizeof *off; k++) {
    const float kept = value[700];
    value[700] = off[k];
    const Grain g = grain_of_floats(value, ROWS, COLS);
    cr_expect(isnan(g.grid) && g.levels == 0, "with %a: grid %a", (double)off[k], g.grid);
    value[700] = kept;
  }
}

/* As float64, by less than a float32 shows. */
Test(grain, double_beside_a_float_of_the_grid_is_off) {
  double value[16];
  for (int i = 0; i < 16; i++) value[i] = 0.25 * (i - 8);
  const Tensor t = tensor_of(value, FORMAT_F64, 4, 4, 0);
  cr_expect_eq(grain_of(&t).grid, 0.25);
  static const double off[] = {0.25 + 0x1p-50, 1e-60, 1e60};
  for (int k = 0; k < 3; k++) {
    value[9] = off[k];
    cr_expect(isnan(grain_of(&t).grid), "with %a", off[k]);
    cr_expect_eq(grain_of(&t).as_f16, 15.0 / 16);
    cr_expect_eq(grain_of(&t).as_bf16, 15.0 / 16);
  }
}

Test(grain, fewer_levels_than_say_something_are_no_grid) {
  float value[] = {0, 1, 2, 3, -1, -2, -3, 3};
  cr_expect(isnan(grain_of_floats(value, 2, 4).grid));
  value[7] = 4;
  cr_expect_eq(grain_of_floats(value, 2, 4).grid, 1);
  float zeros[8] = {0};
  cr_expect(isnan(grain_of_floats(zeros, 2, 4).grid));
}

Test(grain, million_random_values_lie_on_no_grid_in_any_precision) {
  enum { MILLION_ROWS = 1000, MILLION_COLS = 1000, MILLION = MILLION_ROWS * MILLION_COLS };
  float *value = malloc(MILLION * sizeof *value);
  cr_assert(value);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < MILLION; i++) {
      value[i] = (float)random_bits() / 4294967296.0f - 0.5f;
      uint32_t bits;
      memcpy(&bits, &value[i], sizeof bits);
      bits &= 0xffff0000; /* bfloat16, towards 0 */
      if (round == 1) value[i] = f32_of_f16(f16_of(value[i]));
      if (round == 2) memcpy(&value[i], &bits, sizeof bits);
    }
    const Grain g = grain_of_floats(value, MILLION_ROWS, MILLION_COLS);
    cr_expect(isnan(g.grid), "round %d: grid %a", round, g.grid);
    if (round == 1) cr_expect_eq(g.as_f16, 1);
    if (round == 2) cr_expect_eq(g.as_bf16, 1);
    if (round == 0) cr_expect(g.as_f16 < 0.01 && g.as_bf16 < 0.01, "%g %g", g.as_f16, g.as_bf16);
  }
  free(value);
}

/* Four random values are on no grid either, small as their number is: a false one in 20,000 tensors
 * would be one too many. */
Test(grain, few_random_values_lie_on_no_grid) {
  for (int n = 0; n < 20000; n++) {
    float value[8];
    for (int i = 0; i < 8; i++) value[i] = (float)random_bits() / 4294967296.0f;
    const Grain g = grain_of_floats(value, 1, 4 + n % 5);
    cr_expect(isnan(g.grid), "%a %a %a %a: grid %a", (double)value[0], (double)value[1],
              (double)value[2], (double)value[3], g.grid);
  }
}

/* Every half, its neighbours among the floats, and every 1021st float. */
Test(grain, halves_are_known_from_all_other_floats) {
  enum { CHUNK = 4096 };
  static float value[CHUNK];
  uint32_t at = 0;
  for (int part = 0, done = 0; !done; part++) {
    size_t finite = 0, f16 = 0;
    for (int i = 0; i < CHUNK; i++, at += 1021) {
      const float half = f32_of_f16((uint16_t)(part * (CHUNK / 4) + i / 4));
      memcpy(&value[i], &at, sizeof at);
      if (part < 64)
        value[i] = i % 4 == 0   ? half
                   : i % 4 == 1 ? nextafterf(half, INFINITY)
                   : i % 4 == 2 ? nextafterf(half, -INFINITY)
                                : value[i];
      finite += isfinite(value[i]) != 0;
      f16 += isfinite(value[i]) && f32_of_f16(f16_of(value[i])) == value[i];
    }
    const Grain g = grain_of_floats(value, 64, 64);
    cr_assert(finite ? g.as_f16 == (double)f16 / (double)finite : isnan(g.as_f16),
              "part %d: a share of %g, not %zu of %zu", part, g.as_f16, f16, finite);
    done = at >= UINT32_MAX - CHUNK * 1021u;
  }
}

Test(grain, shares_are_of_the_finite_values) {
  /* 1 is a value of both; 1 + 2^-10 of float16 alone, 2^40 of bfloat16 alone; 1 + 2^-20 of none */
  float value[] = {1, 1 + 0x1p-10f, 0x1p40f, 1 + 0x1p-20f, NAN, INFINITY, -0.0f, 0x1p-24f};
  const Grain g = grain_of_floats(value, 2, 4);
  cr_expect_eq(g.as_f16, 4.0 / 6, "%g", g.as_f16);
  cr_expect_eq(g.as_bf16, 4.0 / 6, "%g", g.as_bf16);
  double wide[] = {1, 1 + 0x1p-40};
  const Tensor t = tensor_of(wide, FORMAT_F64, 1, 2, 0);
  cr_expect_eq(grain_of(&t).as_f16, 0.5);
  float none[] = {NAN, INFINITY};
  cr_expect(isnan(grain_of_floats(none, 1, 2).as_f16));
}
