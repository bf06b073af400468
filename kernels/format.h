/* format: what a number format and a scale are, as data: a row of a table says how an element is
 * stored and rounded, and one pair of functions encodes and decodes by any row. Operators and
 * statistics have fast paths for float32, float16 and int8 with one scale; every other format, and
 * every other scale, goes decode, float32, encode.
 *
 *   float:   sign, exponent, fraction, from the top bit down; code 0 is 0, codes of one sign rise
 *            with their values, and what stands behind the largest number is infinity (where the
 *            format has it), then NaNs
 *   integer: two's complement
 *   scaled:  value = (float)element * scale; element = x / scale, rounded: a float32 product and a
 *            float32 quotient
 *
 * Source: IEEE 754-2008, of which float32, float16, bfloat16 and float64 are rows; q8.h of the
 * integers.
 * Error:  none beyond the rounding: f16.h, bf16.h and q8.h, whose formulas are others, give the
 *         same (every half, every bfloat16, ties and their neighbours: tests/test_format.c). */
#ifndef DS_KERNELS_FORMAT_H
#define DS_KERNELS_FORMAT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The rows. */
typedef enum Format { FORMAT_F32, FORMAT_F16, FORMAT_I8, FORMAT_F64, FORMAT_COUNT } Format;

typedef enum FormatKind { FORMAT_FLOAT, FORMAT_INTEGER } FormatKind;
typedef enum Rounding {
  ROUND_AWAY,
  ROUND_EVEN
} Rounding; /* of what lies halfway between two elements */

typedef struct FormatInfo {
  const char *name; /* "f16": in witnesses, tables and files */
  int bytes;        /* that an element takes: 1, 2, 4 or 8 */
  int bits;         /* of those, from the lowest; the top one is the sign */
  FormatKind kind;
  Rounding rounding;
  bool saturates; /* beyond its ends an element is the end; else infinity, or NaN where there is
                     none */
  /* Of a float. */
  int digits;      /* bits of the significand, the leading 1 among them */
  int e_min;       /* the least normal number is 2^e_min */
  double largest;  /* finite number */
  bool subnormals; /* kept; else 0 */
  bool infinity;   /* has one */
} FormatInfo;

extern const FormatInfo format_info[FORMAT_COUNT];

static inline size_t format_size(Format format) { return (size_t)format_info[format].bytes; }
static inline const char *format_name(Format format) { return format_info[format].name; }

/* The code of element `at` of an array, and a code into it: the element's `bytes`, in the machine's
 * order. */
uint64_t format_load(const FormatInfo *format, const void *elements, size_t at);
void format_store(const FormatInfo *format, void *elements, size_t at, uint64_t code);

/* What a code stands for, exact in double, all but the product with a scale. scale: above 0 and
 * finite; or 0: none, the element is the value. A NaN comes back as one NaN. */
double format_decode(const FormatInfo *format, uint64_t code, float scale);
/* The code of x, rounded once; where there is a scale, x is a float32. A NaN becomes the format's
 * first quiet one; 0 where it has none. */
uint64_t format_encode(const FormatInfo *format, double x, float scale);

/* Which elements of a tensor share a scale: all, those of a row (a token), of a column (a channel),
 * or `group` neighbours of a row, counted from the row's start; the last of a row may be fewer. */
typedef enum ScaleAxis { SCALE_NONE, SCALE_ROW, SCALE_COLUMN, SCALE_GROUP, SCALE_AXES } ScaleAxis;

typedef struct Scale {
  ScaleAxis axis;
  float value;         /* none: the one there is; 0: the format needs none */
  const float *values; /* any other: [rows], [cols] or, by row, [rows][stride]; the tensor's
                        * owner's */
  int group;           /* group: elements that share one */
  int stride;  /* group: scales from one row to the next; rows of group_scales(cols, group) where it
                  is whole */
  int skipped; /* group: elements of the first group of each row left of the tensor, a view */
} Scale;

/* Scales that the groups of so many columns have. */
static inline int group_scales(int cols, int group) { return cols / group + (cols % group != 0); }
/* That of element (row, col). */
float scale_value(const Scale *scale, int row, int col);
/* That of the rows from `row`, the columns from `col` on. */
Scale scale_from(Scale scale, int row, int col);
/* How many scales a tensor of this size has; 1 where the axis is none. */
size_t scale_count(const Scale *scale, int rows, int cols);

extern const char *const scale_axis_name[SCALE_AXES]; /* "none", "row", "column", "group" */
#endif
