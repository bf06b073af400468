/* format: the table of formats, and the way through any row of it. Exact steps in double: scaling
 * by powers of two, whole numbers below 2^53, one rounding. */
#include "kernels/format.h"

#include <float.h>
#include <math.h>
#include <string.h>

const FormatInfo format_info[FORMAT_COUNT] = {
    [FORMAT_F32] = {.name = "f32",
                    .bytes = 4,
                    .bits = 32,
                    .kind = FORMAT_FLOAT,
                    .rounding = ROUND_EVEN,
                    .digits = 24,
                    .e_min = -126,
                    .largest = FLT_MAX,
                    .subnormals = true,
                    .infinity = true},
    [FORMAT_F16] = {.name = "f16",
                    .bytes = 2,
                    .bits = 16,
                    .kind = FORMAT_FLOAT,
                    .rounding = ROUND_EVEN,
                    .digits = 11,
                    .e_min = -14,
                    .largest = 65504,
                    .subnormals = true,
                    .infinity = true},
    [FORMAT_I8] = {.name = "i8",
                   .bytes = 1,
                   .bits = 8,
                   .kind = FORMAT_INTEGER,
                   .rounding = ROUND_EVEN,
                   .saturates = true},
    [FORMAT_F64] = {.name = "f64",
                    .bytes = 8,
                    .bits = 64,
                    .kind = FORMAT_FLOAT,
                    .rounding = ROUND_EVEN,
                    .digits = 53,
                    .e_min = -1022,
                    .largest = DBL_MAX,
                    .subnormals = true,
                    .infinity = true},
};

const char *const scale_axis_name[SCALE_AXES] = {"none", "row", "column", "group"};

/* memcpy: the memory holds floats or whole numbers of either sign, as the format says. */
uint64_t format_load(const FormatInfo *format, const void *elements, size_t at) {
  const char *from = (const char *)elements + at * (size_t)format->bytes;
  uint8_t u8;
  uint16_t u16;
  uint32_t u32;
  uint64_t u64;
  switch (format->bytes) {
    case 1: return memcpy(&u8, from, sizeof u8), u8;
    case 2: return memcpy(&u16, from, sizeof u16), u16;
    case 4: return memcpy(&u32, from, sizeof u32), u32;
    default: return memcpy(&u64, from, sizeof u64), u64;
  }
}

void format_store(const FormatInfo *format, void *elements, size_t at, uint64_t code) {
  char *to = (char *)elements + at * (size_t)format->bytes;
  uint8_t u8 = (uint8_t)code;
  uint16_t u16 = (uint16_t)code;
  uint32_t u32 = (uint32_t)code;
  switch (format->bytes) {
    case 1: memcpy(to, &u8, sizeof u8); break;
    case 2: memcpy(to, &u16, sizeof u16); break;
    case 4: memcpy(to, &u32, sizeof u32); break;
    default: memcpy(to, &code, sizeof code); break;
  }
}

static uint64_t power2(int n) { return (uint64_t)1 << n; }

static double rounded(double x, Rounding rounding) {
  return rounding == ROUND_AWAY ? round(x) : rint(x);
}

/* --- floats: the magnitude is coded, the sign put on top of it -------------------------------- */

/* Of a float: e such that |x| = m 2^e, 1 <= m < 2, but not below the least normal's. */
static int exponent_of(const FormatInfo *format, double magnitude) {
  int e;
  frexp(magnitude, &e);
  return magnitude == 0 || e - 1 < format->e_min ? format->e_min : e - 1;
}

/* Of `steps` units in the last place of the numbers with exponent e. 2^digits steps are the next
 * exponent's first. */
static uint64_t magnitude_code(const FormatInfo *format, int e, double steps) {
  return (uint64_t)(e - format->e_min) * power2(format->digits - 1) + (uint64_t)steps;
}

static uint64_t largest_code(const FormatInfo *format) {
  int e = exponent_of(format, format->largest);
  return magnitude_code(format, e, scalbn(format->largest, format->digits - 1 - e));
}

static uint64_t nan_code(const FormatInfo *format) {
  uint64_t code = largest_code(format) + 1 + (format->infinity ? power2(format->digits - 2) : 0);
  return code < power2(format->bits - 1) ? code : 0;
}

static uint64_t overflow_code(const FormatInfo *format) {
  return format->saturates  ? largest_code(format)
         : format->infinity ? largest_code(format) + 1
                            : nan_code(format);
}

static uint64_t encode_float(const FormatInfo *format, double x) {
  if (isnan(x)) return nan_code(format);
  const uint64_t sign = signbit(x) ? power2(format->bits - 1) : 0;
  if (isinf(x)) return sign | overflow_code(format);
  const int e = exponent_of(format, fabs(x)), last_place = e - (format->digits - 1);
  const double steps = rounded(scalbn(fabs(x), -last_place), format->rounding);
  if (steps < scalbn(1, format->digits - 1) && !format->subnormals) return sign;
  if (scalbn(steps, last_place) > format->largest) return sign | overflow_code(format);
  return sign | magnitude_code(format, e, steps);
}

static double decode_float(const FormatInfo *format, uint64_t code) {
  const uint64_t sign = power2(format->bits - 1), magnitude = code & (sign - 1),
                 largest = largest_code(format);
  const uint64_t hidden = power2(format->digits - 1), fraction = magnitude % hidden;
  const int field = (int)(magnitude / hidden);
  double value;
  if (magnitude > largest)
    value = format->infinity && magnitude == largest + 1 ? INFINITY : NAN;
  else if (field == 0)
    value = format->subnormals ? scalbn((double)fraction, format->e_min - (format->digits - 1)) : 0;
  else
    value = scalbn((double)(hidden + fraction), format->e_min + field - 1 - (format->digits - 1));
  return isnan(value) || !(code & sign) ? value : -value;
}

/* --- integers: two's complement --------------------------------------------------------------- */

static uint64_t encode_integer(const FormatInfo *format, double x) {
  const double most = (double)(power2(format->bits - 1) - 1),
               q = isnan(x) ? 0 : rounded(x, format->rounding);
  const int64_t element = (int64_t)(q > most ? most : q < -most - 1 ? -most - 1 : q);
  return (uint64_t)element & (power2(format->bits) - 1);
}

static double decode_integer(const FormatInfo *format, uint64_t code) {
  const uint64_t sign = power2(format->bits - 1), magnitude = code & (sign - 1);
  return (double)magnitude - (code & sign ? (double)sign : 0);
}

/* --- both, with a scale ----------------------------------------------------------------------- */

double format_decode(const FormatInfo *format, uint64_t code, float scale) {
  double element =
      format->kind == FORMAT_INTEGER ? decode_integer(format, code) : decode_float(format, code);
  if (scale == 0) return element;
  return (float)element * scale;
}

uint64_t format_encode(const FormatInfo *format, double x, float scale) {
  double element = scale == 0 ? x : (float)x / scale;
  return format->kind == FORMAT_INTEGER ? encode_integer(format, element)
                                        : encode_float(format, element);
}

/* --- scales ----------------------------------------------------------------------------------- */

float scale_value(const Scale *scale, int row, int col) {
  switch (scale->axis) {
    case SCALE_NONE: return scale->value;
    case SCALE_ROW: return scale->values[row];
    case SCALE_COLUMN: return scale->values[col];
    default:
      return scale->values[(size_t)row * (size_t)scale->stride +
                           (size_t)((scale->skipped + col) / scale->group)];
  }
}

Scale scale_from(Scale scale, int row, int col) {
  switch (scale.axis) {
    case SCALE_NONE: break;
    case SCALE_ROW: scale.values += row; break;
    case SCALE_COLUMN: scale.values += col; break;
    default:
      scale.values +=
          (size_t)row * (size_t)scale.stride + (size_t)((scale.skipped + col) / scale.group);
      scale.skipped = (scale.skipped + col) % scale.group;
      break;
  }
  return scale;
}

size_t scale_count(const Scale *scale, int rows, int cols) {
  switch (scale->axis) {
    case SCALE_NONE: return 1;
    case SCALE_ROW: return (size_t)rows;
    case SCALE_COLUMN: return (size_t)cols;
    default: return (size_t)rows * (size_t)group_scales(cols, scale->group);
  }
}
