/* digest_parts: a digest that is made of the sums of its blocks is the library's, of every length
 * around the ends of stripes and blocks, and NaNs of every kind count as one. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "measure/digest_parts.h"

enum { BYTES = 5000 };

static const uint64_t secret[DIGEST_SECRET] = {DIGEST_SECRET_WORDS};
static const uint64_t start[DIGEST_LANES] = {DIGEST_STARTS};

static uint64_t word_at(const Tensor *t, size_t byte) {
  uint64_t word;
  memcpy(&word, (const char *)t->data + byte, sizeof word);
  return digest_canonical(t->format, word);
}

static void add_stripe(const Tensor *t, size_t byte, int of_secret, uint64_t *lane) {
  for (int l = 0; l < DIGEST_LANES; l++) {
    const uint64_t word = word_at(t, byte + (size_t)l * DIGEST_WORD);
    lane[l] += digest_product(word, digest_secret(secret, of_secret + l * DIGEST_WORD));
    lane[l ^ 1] += word;
  }
}

/* As a device does: the sums of a block first, from its last stripe to its first. */
static void digest_in_parts(const Tensor *t, size_t bytes, char text[DIGEST_TEXT]) {
  uint64_t lane[DIGEST_LANES];
  memcpy(lane, start, sizeof lane);
  for (size_t b = 0; b < digest_blocks(bytes); b++) {
    uint64_t sum[DIGEST_LANES] = {0};
    for (int s = digest_stripes(bytes, b) - 1; s >= 0; s--)
      add_stripe(t, b * DIGEST_BLOCK + (size_t)s * DIGEST_STRIPE,
                 DIGEST_AT_STRIPES + s * DIGEST_WORD, sum);
    for (int l = 0; l < DIGEST_LANES; l++) {
      lane[l] += sum[l];
      if (b + 1 < digest_blocks(bytes))
        lane[l] =
            digest_scramble(lane[l], digest_secret(secret, DIGEST_AT_SCRAMBLE + l * DIGEST_WORD));
    }
  }
  add_stripe(t, bytes - DIGEST_STRIPE, DIGEST_AT_LAST, lane);
  digest_of_lanes(lane, bytes, text);
}

static void fill(void *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) ((unsigned char *)bytes)[i] = (unsigned char)(rand() >> 7);
}

Test(digest_parts, every_length_around_the_ends_of_stripes_and_blocks) {
  _Alignas(64) static char bytes[BYTES];
  char text[DIGEST_TEXT];
  int tried = 0;
  fill(bytes, sizeof bytes);
  for (int count = 1; count <= BYTES; count += count < 2200 || count > 4000 ? 1 : 97) {
    const Tensor t = tensor_of(bytes, FORMAT_I8, 1, count, 0.5f);
    cr_assert_eq(digest_has_parts(&t), count > 240, "%d bytes", count);
    if (count <= 240) continue;
    digest_in_parts(&t, (size_t)count, text);
    cr_assert_str_eq(text, digest_of(bytes, (size_t)count).hex, "%d bytes", count);
    tried++;
  }
  cr_assert_gt(tried, 2900);
}

Test(digest_parts, rows_that_stand_apart_have_none) {
  Tensor t = tensor_of(NULL, FORMAT_F32, 20, 20, 0);
  cr_expect(digest_has_parts(&t));
  t.stride++;
  cr_expect(!digest_has_parts(&t));
}

#define NANS_ARE_ONE(type, bits_type, format, nan_bits, other_nan, infinity)                       \
  do {                                                                                             \
    enum { N = 301 };                                                                              \
    _Alignas(64) bits_type value[N], canonical[N];                                                 \
    char text[DIGEST_TEXT];                                                                        \
    fill(value, sizeof value);                                                                     \
    for (int i = 0; i < N; i++) {                                                                  \
      value[i] &= (bits_type) ~((infinity) & ((infinity) >> 1)); /* no NaN but those below */      \
      canonical[i] = value[i];                                                                     \
      if (i % 7 == 3) value[i] = (other_nan), canonical[i] = (nan_bits);                           \
      if (i % 11 == 5) value[i] = canonical[i] = (infinity);                                       \
    }                                                                                              \
    const Tensor t = tensor_of(value, format, 7, N / 7, 0);                                        \
    const size_t bytes = sizeof *value * 7 * (N / 7);                                              \
    digest_in_parts(&t, bytes, text);                                                              \
    cr_expect_str_eq(text, digest_of(canonical, bytes).hex, #type);                                \
    cr_expect_str_neq(text, digest_of(value, bytes).hex, #type);                                   \
  } while (0)

Test(digest_parts, a_nan_is_a_nan) {
  NANS_ARE_ONE(double, uint64_t, FORMAT_F64, 0x7ff8000000000000u, 0xfff0000000000001u,
               0x7ff0000000000000u);
  NANS_ARE_ONE(float, uint32_t, FORMAT_F32, 0x7fc00000u, 0xff800100u, 0x7f800000u);
  NANS_ARE_ONE(half, uint16_t, FORMAT_F16, 0x7e00u, 0xfc01u, 0x7c00u);
}
