/* Input: a config.json. Dimensions of an accepted one are such that products of any two of them fit
 * an int where they are taken. */
#include "model/config.h"

#include "family/family.h"
#include "fuzz.h"
#include "model/model.h"

bool fuzz_config(const uint8_t *data, size_t count) {
  Arena arena = fuzz_arena(count, 1 << 16);
  Config c;
  bool conv_bias;
  Status st = {0};
  char *text = fuzz_ended((Bytes){(const char *)data, count});
  const bool ok = config_of(&arena, "config.json", (Bytes){text, count}, &c, &conv_bias, &st);
  if (ok) {
    int sum, product;
    FUZZ_CHECK(c.D > 0 && c.E > 0 && c.N > 0 && c.R > 0 && c.K > 0 && c.layers > 0 && c.vocab > 0,
               "a dimension below 1");
    FUZZ_CHECK(c.layers <= LAYERS_MOST && c.family && c.eps > 0, "layers, family or epsilon");
    FUZZ_CHECK(!__builtin_mul_overflow(2, c.E, &sum) && !__builtin_mul_overflow(2, c.N, &product) &&
                   !__builtin_add_overflow(c.R, product, &sum) &&
                   !__builtin_mul_overflow(c.E, c.N, &product),
               "D %d E %d N %d R %d: too large for an int", c.D, c.E, c.N, c.R);
    Status too_wide = {0};
    if (!model_check(&c, &too_wide)) fuzz_refused(&too_wide, NULL);
  } else {
    fuzz_refused(&st, "config.json: ");
  }
  free(text);
  return ok;
}
