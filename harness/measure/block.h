/* block: what is known of a piece of a tensor of at most BLOCK_ELEMENTS elements, and the
 * arithmetic of it. The rows of measure/tables/stats.h are made in two halves: a processor or a
 * device computes the results of blocks, each for itself; measure/finish.h makes a row from them,
 * in their order, here. So a row has the same bits whoever computed it.
 *
 * A block is as many whole rows as fit, or a piece of one row where that is longer; its elements
 * stand side by side in row-major order. A sum over a block has SUM_LANES lanes (measure/lanes.h),
 * an element's lane being its column mod SUM_LANES; each takes its elements row by row. A sum of
 * squares is made of each row, or piece of a row, in lanes of its own, and a block's is that of its
 * rows, in order.
 *
 * An element that is not finite (of a pair: on either side) adds 0 and is not counted; `valid` says
 * so. Elements count by the float32 that they are, or are rounded to, where a line says so. */
#ifndef DS_MEASURE_BLOCK_H
#define DS_MEASURE_BLOCK_H
#include "kernels/q8.h"
#include "measure/lanes.h"

enum { BLOCK_ELEMENTS = 1024 }; /* its arrays, 8 KiB each, stay in the first or second cache */

/* How a tensor is cut. */
typedef struct Blocks {
  size_t rows, cols;
  size_t a_block; /* rows; 1 where a row has pieces */
  size_t pieces;  /* of a row; 1 where rows are whole */
  size_t count;   /* of blocks */
} Blocks;

typedef struct BlockPlace {
  size_t row, col, rows, cols; /* its corner, and its size */
  size_t first, count;         /* row-major index of its first element; elements */
} BlockPlace;

ROOM_FN Blocks blocks_of(size_t rows, size_t cols) {
  Blocks b = {rows, cols, 1, 1, rows};
  b.pieces = (cols + BLOCK_ELEMENTS - 1) / BLOCK_ELEMENTS;
  if (b.pieces == 1) b.a_block = BLOCK_ELEMENTS / cols;
  b.count = b.pieces > 1 ? rows * b.pieces : (rows + b.a_block - 1) / b.a_block;
  return b;
}

ROOM_FN BlockPlace block_place(const Blocks *b, size_t block) {
  BlockPlace p = {block / b->pieces * b->a_block,
                  block % b->pieces * BLOCK_ELEMENTS,
                  b->a_block,
                  b->cols,
                  0,
                  0};
  if (p.row + p.rows > b->rows) p.rows = b->rows - p.row;
  if (b->pieces > 1) p.cols = b->cols - p.col < BLOCK_ELEMENTS ? b->cols - p.col : BLOCK_ELEMENTS;
  p.first = p.row * b->cols + p.col;
  p.count = p.rows * p.cols;
  return p;
}

/* --- moments ---------------------------------------------------------------------------------- */

/* Of the valid elements. Deviations are taken from `centre`, the mean as it was rounded: so no
 * large mean hides a small deviation. */
typedef struct MomentBlock {
  double n, sum, centre; /* centre: sum / n; 0 of none */
  double rest, squares;  /* sums of x - centre and of its square */
  double min, max;       /* +Inf and -Inf of none */
} MomentBlock;

ROOM_FN double moment_centre(double sum, double n) { return n > 0 ? sum / n : 0; }

ROOM_FN void sum_lane(Real *sum, Real x, Mask valid) { *sum += real_where(valid, x); }

ROOM_FN void moment_lane(Real *rest, Real *squares, Real x, Real centre, Mask valid) {
  const Real d = real_where(valid, x - centre);
  *rest += d;
  *squares += d * d;
}

/* A number's place in the order of all numbers of its type: -0 stands before +0, NaNs at the ends.
 * So the least and the largest are found whatever the order, and what is not finite shows. */
ROOM_FN int32_t order_f32(float x) {
  const int32_t bits = (int32_t)bits_of_f32(x);
  return bits ^ (bits < 0 ? INT32_MAX : 0);
}
ROOM_FN float f32_of_order(int32_t order) {
  return f32_of_bits((uint32_t)(order ^ (order < 0 ? INT32_MAX : 0)));
}
ROOM_FN int64_t double_bits(double x) {
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
ROOM_FN double double_of_bits(int64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
ROOM_FN int64_t order_f64(double x) {
  const int64_t bits = double_bits(x);
  return bits ^ (bits < 0 ? INT64_MAX : 0);
}
ROOM_FN double f64_of_order(int64_t order) {
  return double_of_bits(order ^ (order < 0 ? INT64_MAX : 0));
}
/* Of +Inf; -Inf stands at -1 - this. A finite number lies between. */
#define ORDER_INF_F32 INT32_C(0x7f800000)
#define ORDER_INF_F64 INT64_C(0x7ff0000000000000)

/* --- of one tensor ---------------------------------------------------------------------------- */

typedef struct TensorBlock {
  MomentBlock moments;
  int32_t zeros;           /* of either sign */
  int32_t on_grid;         /* x == dq(q8(x, scale)) */
  int32_t saturated;       /* |x| >= 127 scale */
  int32_t first_nonfinite; /* within the block; -1: none */
} TensorBlock;

/* In float32, with the very quantisation of the kernels: the question is what they would do to the
 * value. */
ROOM_FN bool is_on_grid(float x, float scale) { return x == dq(q8_away(x, scale), scale); }
ROOM_FN bool is_saturated(float x, float scale) { return fabsf(x) >= 127.0f * scale; }

/* --- of what a grid clips --------------------------------------------------------------------- */

/* Squared errors in elements whose reference lies beyond an end of the grid and in all others, and
 * the reference's squares (measure/clipping.h). */
typedef struct ClipBlock {
  double beyond2, rest2, base2;
  int32_t beyond, nonfinite; /* elements */
  int32_t furthest_at;       /* within the block: the first of the furthest; -1: none is beyond */
  double furthest;           /* reference over the end that it lies beyond; 0: none does */
  double furthest_value;     /* the reference there */
} ClipBlock;

typedef struct ClipEnds {
  double low, high;
} ClipEnds;

ROOM_FN ClipEnds clip_ends(float scale) {
  const ClipEnds ends = {-128.0 * (double)scale, 127.0 * (double)scale};
  return ends;
}

typedef struct ClipLane {
  Real beyond2, rest2, base2;
} ClipLane;

/* Takes in an element of those that `some` marks; returns whether it is beyond or not finite. */
ROOM_FN Mask clip_lane(ClipLane *s, Real a, Real b, Real low, Real high, Mask some) {
  const Real d = b - a;
  const Mask valid = real_finite(a) & real_finite(b) & some,
             beyond = ((a > high) | (a < low)) & valid;
  s->beyond2 += real_where(beyond, d * d);
  s->rest2 += real_where(mask_less(valid, beyond), d * d);
  s->base2 += real_where(valid, a * a);
  return beyond | mask_less(some, valid);
}

ROOM_FN double clip_over(double reference, ClipEnds ends) {
  return reference > 0 ? reference / ends.high : reference / ends.low;
}

/* --- of a pair -------------------------------------------------------------------------------- */

typedef struct PairBlock {
  MomentBlock a, b;            /* base and other */
  double co;                   /* sum of products of the deviations of both */
  double error, error2, base2; /* sums of |d|, d^2 and a^2, d = b - a */
  double relative;             /* sum of |d| / |a| where a is not 0 */
  double max_error, max_relative;
  uint64_t steps; /* sum of the steps between both */
  uint32_t max_steps;
  int32_t kept, zero_base; /* elements that are valid; of these with a = 0 */
  int32_t differing;       /* of all elements */
  int32_t first_differing; /* within the block; -1: none */
  int32_t worst;           /* the first of the largest |d|: in the first block that has it */
} PairBlock;

/* The sums of a lane over a block, and over a row of it. */
typedef struct PairLane {
  Real co, error, relative, max_error, max_relative;
  Count zero_base;
} PairLane;
typedef struct RowLane {
  Real error2, base2;
} RowLane;

/* Takes in an element; returns |d|. */
ROOM_FN Real pair_lane(PairLane *s, Real a, Real b, Real centre_a, Real centre_b, Mask valid) {
  const Real size = real_abs(a), error = real_where(valid, real_abs(b - a));
  const Real relative = real_where(size > real_all(0), error / size);
  s->co += real_where(valid, (a - centre_a) * (b - centre_b));
  s->error += error;
  s->relative += relative;
  s->max_error = real_max(s->max_error, error);
  s->max_relative = real_max(s->max_relative, relative);
  count_where(&s->zero_base, (a == real_all(0)) & valid);
  return error;
}

ROOM_FN void row_lane(RowLane *s, Real error2, Real base2) {
  s->error2 += error2;
  s->base2 += base2;
}

/* A value's place in the order of all values of its type, so that neighbours are 1 apart; both
 * zeros are at 0. */
ROOM_FN int32_t place_of(int32_t magnitude, int32_t sign) { return (magnitude ^ -sign) + sign; }
ROOM_FN int32_t place_f32(float x) {
  const uint32_t bits = bits_of_f32(x);
  return place_of((int32_t)(bits & 0x7fffffffu), (int32_t)(bits >> 31));
}
ROOM_FN int32_t place_f16(uint16_t h) { return place_of(h & 0x7fff, h >> 15); }
ROOM_FN uint32_t steps_between(int32_t a, int32_t b) {
  return a > b ? (uint32_t)a - (uint32_t)b : (uint32_t)b - (uint32_t)a;
}

/* Equal float32 bits, or two NaNs. */
ROOM_FN bool same_f32(float x, float y) {
  return (bits_of_f32(x) == bits_of_f32(y)) | ((x != x) & (y != y));
}
#endif
