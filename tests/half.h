/* half: IEEE binary16 as somebody else computes it: the compiler, or the processor where clang has
 * no _Float16 yet. */
#ifndef DS_TESTS_HALF_H
#define DS_TESTS_HALF_H
#include <stdint.h>
#include <string.h>

#if defined(__clang__) && __clang_major__ < 15 && defined(__x86_64__)
#include <immintrin.h>
__attribute__((target("f16c"))) static inline uint16_t half_of(float x) {
  return (uint16_t)_cvtss_sh(x, 0);
}
__attribute__((target("f16c"))) static inline float half_value(uint16_t bits) {
  return _cvtsh_ss(bits);
}
#else
static inline uint16_t half_of(float x) {
  _Float16 h = (_Float16)x;
  uint16_t bits;
  memcpy(&bits, &h, sizeof bits);
  return bits;
}

static inline float half_value(uint16_t bits) {
  _Float16 h;
  memcpy(&h, &bits, sizeof h);
  return (float)h;
}
#endif

/* x rounded to binary16. */
static inline float half_round(float x) { return half_value(half_of(x)); }
#endif
