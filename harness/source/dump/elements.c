/* elements: how each type's bits are read. Formats narrower than float16 go through kernels/format,
 * whose rows they have here: no operator computes with them. */
#include <math.h>
#include <string.h>

#include "kernels/bf16.h"
#include "kernels/f16.h"
#include "source/dump/parts.h"

const char *const dump_type_name[DUMP_TYPES] = {[DUMP_F64] = "float64",
                                                [DUMP_F32] = "float32",
                                                [DUMP_F16] = "float16",
                                                [DUMP_F16_AS_F32] = "float16",
                                                [DUMP_BF16] = "bfloat16",
                                                [DUMP_F8_E4M3] = "float8_e4m3",
                                                [DUMP_F8_E5M2] = "float8_e5m2",
                                                [DUMP_I8] = "int8",
                                                [DUMP_U8] = "uint8",
                                                [DUMP_I16] = "int16",
                                                [DUMP_U16] = "uint16",
                                                [DUMP_I32] = "int32",
                                                [DUMP_U32] = "uint32",
                                                [DUMP_I64] = "int64",
                                                [DUMP_U64] = "uint64",
                                                [DUMP_BOOL] = "bool"};

static const FormatInfo narrow[DUMP_TYPES] = {[DUMP_BF16] = {.name = "bf16",
                                                             .bytes = 2,
                                                             .bits = 16,
                                                             .kind = FORMAT_FLOAT,
                                                             .rounding = ROUND_EVEN,
                                                             .digits = 8,
                                                             .e_min = -126,
                                                             .largest = 0x1.fep127,
                                                             .subnormals = true,
                                                             .infinity = true},
                                              [DUMP_F8_E4M3] = {.name = "f8_e4m3",
                                                                .bytes = 1,
                                                                .bits = 8,
                                                                .kind = FORMAT_FLOAT,
                                                                .rounding = ROUND_EVEN,
                                                                .digits = 4,
                                                                .e_min = -6,
                                                                .largest = 448,
                                                                .subnormals = true},
                                              [DUMP_F8_E5M2] = {.name = "f8_e5m2",
                                                                .bytes = 1,
                                                                .bits = 8,
                                                                .kind = FORMAT_FLOAT,
                                                                .rounding = ROUND_EVEN,
                                                                .digits = 3,
                                                                .e_min = -14,
                                                                .largest = 57344,
                                                                .subnormals = true,
                                                                .infinity = true}};

const FormatInfo *dump_float(DumpType type) {
  if (type == DUMP_F64) return &format_info[FORMAT_F64];
  if (type == DUMP_F32) return &format_info[FORMAT_F32];
  if (type == DUMP_F16) return &format_info[FORMAT_F16];
  return type <= DUMP_F8_E5M2 ? &narrow[type] : NULL;
}

size_t dump_type_bytes(DumpType type) {
  switch (type) {
    case DUMP_F64:
    case DUMP_I64:
    case DUMP_U64: return 8;
    case DUMP_F32:
    case DUMP_F16_AS_F32:
    case DUMP_I32:
    case DUMP_U32: return 4;
    case DUMP_F16:
    case DUMP_BF16:
    case DUMP_I16:
    case DUMP_U16: return 2;
    default: return 1;
  }
}

Format dump_format(const DumpArray *array) {
  switch (array->type) {
    case DUMP_F64:
    case DUMP_I32:
    case DUMP_U32:
    case DUMP_I64:
    case DUMP_U64: return FORMAT_F64;
    case DUMP_F16:
    case DUMP_F16_AS_F32: return FORMAT_F16;
    case DUMP_I8: return FORMAT_I8;
    default: return FORMAT_F32;
  }
}

static void float8_of(DumpType type, const unsigned char *from, size_t count, float *to) {
  enum { CODES = 256 };
  float value[CODES];
  if (count < CODES) {
    for (size_t i = 0; i < count; i++) to[i] = (float)format_decode(&narrow[type], from[i], 0);
    return;
  }
  for (unsigned code = 0; code < CODES; code++)
    value[code] = (float)format_decode(&narrow[type], code, 0);
  for (size_t i = 0; i < count; i++) to[i] = value[from[i]];
}

#define EACH(type, value)                                                                          \
  for (size_t i = 0; i < count; i++) {                                                             \
    type x;                                                                                        \
    memcpy(&x, (const char *)from + i * sizeof x, sizeof x);                                       \
    value;                                                                                         \
  }                                                                                                \
  return true

static bool to_f32(DumpType type, const void *from, size_t count, float *to) {
  switch (type) {
    case DUMP_BF16: EACH(uint16_t, to[i] = f32_of_bf16(x));
    case DUMP_U8: EACH(uint8_t, to[i] = (float)x);
    case DUMP_BOOL: EACH(uint8_t, to[i] = x != 0);
    case DUMP_I16: EACH(int16_t, to[i] = (float)x);
    case DUMP_U16: EACH(uint16_t, to[i] = (float)x);
    default: return float8_of(type, from, count, to), true;
  }
}

/* 2^53 and what is smaller is a float64; beyond it so is what ends in as many zeros as are needed.
 */
static bool is_f64_i(int64_t x) { return (double)x < 0x1p63 && (int64_t)(double)x == x; }
static bool is_f64_u(uint64_t x) { return (double)x < 0x1p64 && (uint64_t)(double)x == x; }

static bool to_f64(const DumpArray *array, const void *from, size_t count, double *to, Status *st) {
#define WHOLE(good, format, shown)                                                                 \
  if (!(good))                                                                                     \
  return FAIL(st, ARRAY_AT "holds %" format ", which no float64 is", ARRAY_IN(array), shown)
  switch (array->type) {
    case DUMP_I32: EACH(int32_t, to[i] = x);
    case DUMP_U32: EACH(uint32_t, to[i] = x);
    case DUMP_I64: EACH(int64_t, WHOLE(is_f64_i(x), "lld", (long long)x); to[i] = (double)x);
    default: EACH(uint64_t, WHOLE(is_f64_u(x), "llu", (unsigned long long)x); to[i] = (double)x);
  }
}

static bool to_f16(const DumpArray *array, const void *from, size_t count, uint16_t *to,
                   Status *st) {
  for (size_t i = 0; i < count; i++) {
    float x;
    memcpy(&x, (const char *)from + i * sizeof x, sizeof x);
    to[i] = f16_of(x);
    if (f32_of_f16(to[i]) != x && !isnan(x))
      return FAIL(st, ARRAY_AT "holds %.9g, which is no float16, as its format says",
                  ARRAY_IN(array), (double)x);
  }
  return true;
}

bool elements_are_kept(const DumpArray *array) {
  return array->type == DUMP_F64 || array->type == DUMP_F32 || array->type == DUMP_F16 ||
         array->type == DUMP_I8;
}

bool elements_of(const DumpArray *array, const void *from, size_t count, void *to, Status *st) {
  if (elements_are_kept(array))
    memcpy(to, from, count * dump_type_bytes(array->type));
  else if (array->type == DUMP_F16_AS_F32)
    return to_f16(array, from, count, to, st);
  else if (dump_format(array) == FORMAT_F64)
    return to_f64(array, from, count, to, st);
  else
    to_f32(array->type, from, count, to);
  return true;
}
