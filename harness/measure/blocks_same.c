/* blocks_same: of a pair of tensors that are alike. No element differs, so of all that a pair adds
 * up only the base's squares are left to be made, in the lanes of any pair. */
#include "measure/blocks.h"
#include "measure/moments.h"

/* The base's squares of a row, in the lanes of any pair. */
ROOM_FN double row_squares_of(Values v, bool wide, size_t start, size_t cols, double *column2) {
  Real base2[REALS] = {{0}};
  for (size_t j = 0; j < REALS && REAL_LANES * j < cols; j++) {
    size_t c = REAL_LANES * j;
    for (; c + REAL_LANES <= cols; c += SUM_LANES) {
      const Real a = reals_at(v, wide, start + c), square = a * a;
      base2[j] += square;
      real_store(column2 + c, real_load(column2 + c) + square);
    }
    if (c < cols) {
      const size_t left = cols - c;
      const Real a = reals_some(v, wide, start + c, left), square = a * a;
      base2[j] += square;
      for (size_t k = 0; k < left; k++) column2[c + k] += square[k];
    }
  }
  return lanes_sum(base2);
}

ROOM_FN double squares_of_block(Values v, bool wide, const BlockPlace *at, double *row2,
                                double *column2) {
  double sum = 0;
  for (size_t r = 0; r < at->rows; r++) {
    const double square = row_squares_of(v, wide, r * at->cols, at->cols, column2);
    row2[r] += square;
    sum += square;
  }
  return sum;
}
ROOM_CLONES static double squares_f32(Values v, const BlockPlace *at, double *row2,
                                      double *column2) {
  return squares_of_block(v, false, at, row2, column2);
}
ROOM_CLONES static double squares_f64(Values v, const BlockPlace *at, double *row2,
                                      double *column2) {
  return squares_of_block(v, true, at, row2, column2);
}

bool blocks_finite(const TensorBlock *block, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (block[i].first_nonfinite >= 0) return false;
  return true;
}

void pair_blocks_same(const Tensor *base, const TensorBlock *own, PairBlock *block,
                      const PairParts *parts, Arena scratch) {
  const Blocks blocks = blocks_of((size_t)base->rows, (size_t)base->cols);
  ValuesRoom *room = arena_room(&scratch, 1, sizeof *room);
  for (size_t i = 0; i < blocks.count; i++) {
    const BlockPlace at = block_place(&blocks, i);
    const Values v = values_of(base, &at, room);
    double *row2 = parts->rows.base2 + at.row, *column2 = parts->columns.base2 + at.col;
    block[i] = (PairBlock){.a = own[i].moments,
                           .b = own[i].moments,
                           .co = own[i].moments.squares,
                           .kept = (int32_t)at.count,
                           .zero_base = own[i].zeros,
                           .first_differing = -1,
                           .worst = -1};
    block[i].base2 = v.d ? squares_f64(v, &at, row2, column2) : squares_f32(v, &at, row2, column2);
  }
}
