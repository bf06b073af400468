/* stats: rows from the blocks of one thread (measure/blocks.h), finished at once. */
#include "measure/stats.h"

#include <math.h>

#include "base/quantiles.h"
#include "measure/blocks.h"
#include "measure/finish.h"

static size_t blocks_in(const Tensor *t) {
  return blocks_of((size_t)t->rows, (size_t)t->cols).count;
}

/* --- one tensor ------------------------------------------------------------------------------- */

static void first_values(const Tensor *t, double *first) {
  const size_t n = tensor_elements(t);
  for (size_t i = 0; i < FIRST_VALUES; i++) first[i] = i < n ? tensor_value(t, i) : NAN;
}

TensorBlock *stats_blocks(const Tensor *t, Arena *arena) {
  return arena_room(arena, blocks_in(t), sizeof(TensorBlock));
}

void stats_tensor_blocks(const Tensor *t, float scale, TensorBlock *block, TensorStats *row,
                         Arena scratch) {
  double first[FIRST_VALUES];
  first_values(t, first);
  tensor_blocks(t, scale, block, scratch);
  finish_tensor(t, scale, block, first, row);
}

void stats_tensor(const Tensor *t, float scale, TensorStats *row, Arena scratch) {
  TensorBlock *block = stats_blocks(t, &scratch);
  stats_tensor_blocks(t, scale, block, row, scratch);
}

/* --- a pair ----------------------------------------------------------------------------------- */

void stats_no_tokens(PairStats *row) {
  row->channel = row->token;
  row->token = no_part_errors;
}

void stats_no_top1(PairStats *row) {
  row->top1_agreement = NAN;
  row->top1_rows = row->top1_left_out = 0;
}

/* Of tensors alike, all of whose elements are finite. */
static bool is_same(const Tensor *base, PairKnown known) {
  return known.base && known.base == known.other && blocks_finite(known.base, blocks_in(base));
}

void stats_pair_known(const Tensor *base, const Tensor *other, PairKnown known, PairStats *row,
                      Arena scratch) {
  const size_t rows = (size_t)base->rows, cols = (size_t)base->cols;
  const bool same = is_same(base, known);
  double quantile[PAIR_QUANTILES] = {0};
  PairBlock *block = arena_room(&scratch, blocks_in(base), sizeof *block);
  PairParts parts = {.rows = known.rows.error2 ? known.rows : part_squares(&scratch, rows),
                     .columns = part_squares(&scratch, cols)};
  PairRest rest = {.rows = parts.rows,
                   .columns = parts.columns,
                   .quantile = quantile,
                   .room = arena_room(&scratch, rows > cols ? rows : cols, sizeof(double))};
  if (same) {
    pair_blocks_same(base, known.base, block, &parts, scratch);
  } else {
    parts.counts = ARENA_NEW(&scratch, uint32_t, QUANTILE_COUNTS);
    pair_blocks(base, other, known.base, known.other, block, &parts, scratch);
    pair_error_quantiles(base, other, block, parts.counts, quantile, scratch);
  }
  finish_pair(base, other, block, &rest, row);
}

void stats_pair(const Tensor *base, const Tensor *other, PairStats *row, Arena scratch) {
  stats_pair_known(base, other, (PairKnown){0}, row, scratch);
}

size_t stats_scratch_bytes(size_t n, size_t parts) {
  const size_t blocks = blocks_most(n, parts);
  return 3 * parts * sizeof(double) + blocks * sizeof(PairBlock) + blocks_scratch_bytes() +
         pair_error_quantiles_bytes(n) + quantiles_scratch_bytes() + 10 * 64;
}

/* --- without sums ----------------------------------------------------------------------------- */

ROOM_CLONES static bool all_same(const float *a, const float *b, size_t n) {
  int32_t differing = 0;
  for (size_t i = 0; i < n; i++) differing += !same_f32(a[i], b[i]);
  return differing == 0;
}

bool tensor_identical(const Tensor *a, const Tensor *b) {
  const Blocks blocks = blocks_of((size_t)a->rows, (size_t)a->cols);
  ValuesRoom room_a, room_b;
  for (size_t i = 0; i < blocks.count; i++) {
    const BlockPlace at = block_place(&blocks, i);
    const float *x = values_f32(values_of(a, &at, &room_a), at.count, &room_a),
                *y = values_f32(values_of(b, &at, &room_b), at.count, &room_b);
    if (!all_same(x, y, at.count)) return false;
  }
  return true;
}

ROOM_CLONES static int64_t largest_order(const double *x, size_t n, bool *finite) {
  int64_t most = INT64_MIN, least = INT64_MAX;
  for (size_t i = 0; i < n; i++) {
    const int64_t order = order_f64(x[i] + 0.0); /* -0 is 0 */
    most = order > most ? order : most;
    least = order < least ? order : least;
  }
  *finite = most < ORDER_INF_F64 && least > -1 - ORDER_INF_F64;
  return most;
}

/* Where the largest element of a row stands, the first of equal ones; -1 where one is not
 * finite. */
static int64_t row_argmax(const Tensor *t, size_t row) {
  const Blocks blocks = blocks_of((size_t)t->rows, (size_t)t->cols);
  ValuesRoom room;
  double most = -INFINITY;
  int64_t best = -1;
  for (size_t col = 0; col < blocks.cols; col += BLOCK_ELEMENTS) {
    const size_t n = blocks.cols - col < BLOCK_ELEMENTS ? blocks.cols - col : BLOCK_ELEMENTS;
    const BlockPlace at = {row, col, 1, n, 0, n};
    const double *x = values_f64(values_of(t, &at, &room), n, &room);
    bool finite;
    const double largest = f64_of_order(largest_order(x, n, &finite));
    if (!finite) return -1;
    if (!(largest > most)) continue;
    most = largest;
    best = (int64_t)col;
    while (x[best - (int64_t)col] != most) best++;
  }
  return best;
}

typedef struct Agreement {
  int64_t rows, left_out, agree;
} Agreement;

static void add_row(Agreement *of, int64_t top_a, int64_t top_b) {
  const bool both = top_a >= 0 && top_b >= 0;
  of->rows += both;
  of->left_out += !both;
  of->agree += both && top_a == top_b;
}

static void write_agreement(const Agreement *of, PairStats *row) {
  row->top1_rows = of->rows;
  row->top1_left_out = of->left_out;
  row->top1_agreement = of->rows ? (double)of->agree / (double)of->rows : NAN;
}

void stats_top1(const Tensor *a, const Tensor *b, PairStats *row) {
  Agreement of = {0};
  for (size_t i = 0; i < (size_t)a->rows; i++) add_row(&of, row_argmax(a, i), row_argmax(b, i));
  write_agreement(&of, row);
}

void stats_top1_of(const int32_t *top_a, const int32_t *top_b, size_t rows, PairStats *row) {
  Agreement of = {0};
  for (size_t i = 0; i < rows; i++) add_row(&of, top_a[i], top_b[i]);
  write_agreement(&of, row);
}
