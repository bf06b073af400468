#include "measure/row_error.h"

#include <float.h>
#include <math.h>

#include "base/quantiles.h"
#include "family/trace.h"
#include "measure/block.h"

/* Where no value of a part's is NaN or infinite, nor the sum of its squares. */
static bool is_left(PartSquares squares, size_t part) {
  return squares.error2[part] <= DBL_MAX && squares.base2[part] <= DBL_MAX;
}

const PartErrors no_part_errors = {
    .median = NAN, .p90 = NAN, .p99 = NAN, .worst = -1, .worst_share = NAN, .effective = NAN};

PartSquares part_squares(Arena *arena, size_t parts) {
  return (PartSquares){ARENA_NEW(arena, double, parts), ARENA_NEW(arena, double, parts)};
}

/* A piece of a row, of at most BLOCK_ELEMENTS elements. */
ROOM_CLONES static void add_piece(const double *base, const double *other, size_t n,
                                  double *row_error2, double *row_base2) {
  Real error2[REALS] = {{0}}, base2[REALS] = {{0}};
  size_t i = 0;
  for (; i + SUM_LANES <= n; i += SUM_LANES)
    for (size_t j = 0; j < REALS; j++) {
      const Real a = real_load(base + i + REAL_LANES * j),
                 d = real_load(other + i + REAL_LANES * j) - a;
      error2[j] += d * d;
      base2[j] += a * a;
    }
  for (size_t l = 0; i < n; i++, l++) {
    const double a = base[i], d = other[i] - a;
    error2[l / REAL_LANES][l % REAL_LANES] += d * d;
    base2[l / REAL_LANES][l % REAL_LANES] += a * a;
  }
  *row_error2 += lanes_sum(error2);
  *row_base2 += lanes_sum(base2);
}

void row_squares_add(const double *base, const double *other, size_t rows, size_t cols,
                     PartSquares squares) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c += BLOCK_ELEMENTS)
      add_piece(base + r * cols + c, other + r * cols + c,
                cols - c < BLOCK_ELEMENTS ? cols - c : BLOCK_ELEMENTS, &squares.error2[r],
                &squares.base2[r]);
}

/* Relative to the largest, so that no square leaves the range. */
static double effective_parts(PartSquares squares, size_t parts, double most) {
  double sum = 0, sum2 = 0;
  for (size_t r = 0; r < parts; r++) {
    if (!is_left(squares, r)) continue;
    double share = squares.error2[r] / most;
    sum += share;
    sum2 += share * share;
  }
  return sum * sum / sum2;
}

PartErrors part_errors_of(PartSquares squares, size_t parts, double *room) {
  PartErrors e = no_part_errors;
  size_t kept = 0;
  double sum = 0, most = 0;
  for (size_t r = 0; r < parts; r++) {
    if (!is_left(squares, r)) {
      e.left_out++;
      continue;
    }
    const double error2 = squares.error2[r];
    sum += error2;
    if (error2 > most) most = error2, e.worst = (int64_t)r;
    room[kept++] = error2 == 0 ? 0 : sqrt(error2 / squares.base2[r]); /* x / 0 is +Inf */
  }
  if (e.worst >= 0) {
    e.worst_share = most / sum;
    e.effective = effective_parts(squares, parts, most);
  }
  double quantile[3];
  quantiles_of(room, kept, (const double[]){0.5, 0.9, 0.99}, 3, quantile);
  e.median = quantile[0], e.p90 = quantile[1], e.p99 = quantile[2];
  return e;
}

void row_squares(const Tensor *base, const Tensor *other, PartSquares squares) {
  const int cols = base->cols;
#pragma omp parallel for
  for (int r = 0; r < base->rows; r++) {
    double a[BLOCK_ELEMENTS], b[BLOCK_ELEMENTS];
    PartSquares row = {&squares.error2[r], &squares.base2[r]};
    *row.error2 = *row.base2 = 0;
    for (int c = 0, piece; c < cols; c += piece) {
      piece = cols - c < BLOCK_ELEMENTS ? cols - c : BLOCK_ELEMENTS;
      const Tensor x = tensor_rows(base, r, 1), y = tensor_rows(other, r, 1);
      const Tensor x_piece = tensor_columns(&x, c, piece), y_piece = tensor_columns(&y, c, piece);
      tensor_values(&x_piece, a);
      tensor_values(&y_piece, b);
      row_squares_add(a, b, 1, (size_t)piece, row);
    }
  }
}
