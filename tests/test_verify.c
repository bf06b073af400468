/* The comparison that `verify` rests on: it must see a single bit, and nothing but NaNs' bits may
 * differ. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "command/verify.h"
#include "kernels/math32.h"
#include "model_files.h"

static Tensor row_of(float *x, int n, const char *kernel) {
  Tensor t = tensor_of(x, FORMAT_F32, 1, n, 0);
  t.kernel = kernel;
  return t;
}

static const char *difference(float a, float b) {
  float x[3] = {1, 2, a}, y[3] = {1, 2, b};
  Tensor s = row_of(x, 3, "scan f32 cpu"), t = row_of(y, 3, "scan f32 cuda");
  return verify_difference(&test_arena, "scan", &s, &t);
}

Test(verify, sees_one_bit_and_names_tensor_place_and_both_values, .init = test_files_begin,
     .fini = test_files_end) {
  const char *said = difference(0x1p-3f, 0x1.000002p-3f);
  cr_assert_not_null(said);
  cr_expect(strstr(said, "scan [0, 2]") && strstr(said, "0x1p-3") && strstr(said, "0x1.000002p-3"),
            "%s", said);
  cr_expect_not_null(difference(0.0f, -0.0f));
  cr_expect_not_null(difference(NAN, INFINITY));
  cr_expect_null(difference(NAN, f32_of_bits(0xffc12345u)));
  cr_expect_null(difference(INFINITY, INFINITY));
}

Test(verify, sees_another_kernel_another_scale_and_another_count, .init = test_files_begin,
     .fini = test_files_end) {
  int8_t q[2] = {1, -2};
  Tensor a = tensor_of(q, FORMAT_I8, 1, 2, 0.5f), b = a;
  a.kernel = "quantise f32->i8 half-even cpu";
  b.kernel = "quantise f32->i8 half-even cuda";
  cr_expect_null(verify_difference(&test_arena, "q", &a, &b));
  b.kernel = "quantise f32->i8 half-away cuda";
  cr_expect_not_null(verify_difference(&test_arena, "q", &a, &b));
  b.kernel = a.kernel;
  b.scale.value = 0x1.000002p-1f;
  cr_expect_not_null(verify_difference(&test_arena, "q", &a, &b));
  b.scale.value = a.scale.value;
  b.nans = 1;
  cr_expect_not_null(verify_difference(&test_arena, "q", &a, &b));
}
