/* narrow: bfloat16 against the nearer of two neighbours in double, and the loop over tensors. */
#include "tests/held.h"

#include <criterion/criterion.h>

#include "tests/golden.h"

static void same_bf16(float x) {
  float got = f32_of_bf16(bf16_of(x)), want = held_bf16(x);
  cr_assert(bits_of_f32(got) == (isnan(x) ? 0x7fc00000u : bits_of_f32(want)),
            "bf16 of %a: got %a, want %a", (double)x, (double)got, (double)want);
}

Test(narrow, every_bfloat16_is_the_upper_half_of_a_float_and_comes_back) {
  for (uint32_t h = 0; h < 0x10000; h++) {
    bool nan = (h & 0x7fff) > 0x7f80;
    float wide = f32_of_bf16((uint16_t)h);
    cr_assert_eq(bits_of_f32(wide), nan ? 0x7fc00000u : h << 16, "%04x", h);
    cr_assert_eq(bf16_of(wide), nan ? 0x7fc0 : h, "%04x", h);
  }
}

Test(narrow, every_bfloat16_tie_and_its_neighbours_round_to_the_nearer_and_to_even) {
  for (uint32_t h = 0; h < 0x10000; h++)
    for (uint32_t tie = 0x7ffe; tie <= 0x8002; tie++) same_bf16(f32_of_bits(h << 16 | tie));
}

Test(narrow, bfloat16_of_floats_of_every_size_is_the_nearer_neighbour) {
  for (uint64_t u = 0; u < 1ull << 32; u += 7919) same_bf16(f32_of_bits((uint32_t)u));
}

Test(narrow, a_tensor_is_narrowed_value_by_value_in_place_too_and_says_so) {
  static const char *const kernel[] = {
      [PRECISION_F16] = "narrow f32->f16 cpu", [PRECISION_BF16] = "narrow f32->bf16 cpu"};
  for (Precision to = PRECISION_F16; to <= PRECISION_BF16; to++)
    for (int in_place = 0; in_place < 2; in_place++) {
      Tensor x = golden_junk_tensor(FORMAT_F32, 7, 23, 0),
             other = golden_junk_tensor(FORMAT_F32, 7, 23, 0);
      x.cols = other.cols = 19;
      float *from = x.data, before[7 * 23];
      for (int i = 0; i < 7 * 23; i++)
        from[i] = before[i] = (float)(i - 80) * 0x1.234568p0f * (i % 5 ? 1e-3f : 1e5f);
      Tensor *y = in_place ? &x : &other;
      narrow(&x, to, y);
      cr_expect_str_eq(y->kernel, kernel[to]);
      for (int i = 0; i < 7 * 23; i++) {
        uint32_t got = bits_of_f32(((float *)y->data)[i]);
        float untouched = in_place ? before[i] : f32_of_bits(0xa5a5a5a5u);
        cr_assert_eq(got, bits_of_f32(i % 23 < 19 ? held(before[i], to, 0) : untouched),
                     "element %d: got %a", i, (double)f32_of_bits(got));
      }
      free(x.data);
      free(other.data);
    }
}
