#include "measure/row_error.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/quantiles.h"
#include "family/trace.h"
#include "measure/lanes.h"

/* Where no value of a part's is NaN or infinite, nor the sum of its squares. */
static bool is_left(PartSquares squares, size_t part) {
  return squares.error2[part] <= DBL_MAX && squares.base2[part] <= DBL_MAX;
}

PartSquares part_squares(Arena *arena, size_t parts) {
  return (PartSquares){ARENA_NEW(arena, double, parts), ARENA_NEW(arena, double, parts)};
}

/* n elements that stand side by side in one row. `error2` and `base2` are the sums of their
 * columns, or NULL. */
ROOM_FN void add_elements(const double *base, const double *other, size_t n, double *row_error2,
                          double *row_base2, double *restrict error2, double *restrict base2) {
  double error[LANES] = {0}, size[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t l = 0; l < LANES; l++) {
      double a = base[i + l], d = other[i + l] - a;
      error[l] += d * d;
      size[l] += a * a;
      if (error2) error2[i + l] += d * d, base2[i + l] += a * a;
    }
  for (size_t l = 0; i < n; i++, l++) {
    double a = base[i], d = other[i] - a;
    error[l] += d * d;
    size[l] += a * a;
    if (error2) error2[i] += d * d, base2[i] += a * a;
  }
  *row_error2 += lanes_sum(error);
  *row_base2 += lanes_sum(size);
}

ROOM_CLONES static void add_piece(const double *base, const double *other, size_t n, double *error2,
                                  double *base2) {
  add_elements(base, other, n, error2, base2, NULL, NULL);
}

ROOM_CLONES static void add_piece_columns(const double *base, const double *other, size_t n,
                                          double *row_error2, double *row_base2, double *error2,
                                          double *base2) {
  add_elements(base, other, n, row_error2, row_base2, error2, base2);
}

void row_squares_add(const double *base, const double *other, size_t first, size_t cols,
                     size_t count, PartSquares rows) {
  size_t row = first / cols;
  for (size_t i = 0, piece; i < count; i += piece, row++) {
    piece = count - i < cols ? count - i : cols;
    add_piece(base + i, other + i, piece, &rows.error2[row], &rows.base2[row]);
  }
}

void part_squares_add(const double *base, const double *other, size_t first, size_t cols,
                      size_t count, PartSquares rows, PartSquares columns) {
  size_t row = first / cols, col = first % cols;
  for (size_t i = 0, piece; i < count; i += piece, row++, col = 0) {
    piece = count - i < cols ? count - i : cols;
    add_piece_columns(base + i, other + i, piece, &rows.error2[row], &rows.base2[row],
                      columns.error2 + col, columns.base2 + col);
  }
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
  PartErrors e = {NAN, NAN, NAN, -1, NAN, 0, NAN};
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
  e.median = quantile_of(room, kept, 0.5);
  e.p90 = quantile_of(room, kept, 0.9);
  e.p99 = quantile_of(room, kept, 0.99);
  return e;
}

void row_squares(const Tensor *base, const Tensor *other, PartSquares squares, Arena scratch) {
  const size_t rows = (size_t)base->rows, cols = (size_t)base->cols;
  double *a = ARENA_NEW(&scratch, double, cols), *b = ARENA_NEW(&scratch, double, cols);
  for (size_t r = 0; r < rows; r++) {
    const Tensor x = tensor_rows(base, (int)r, 1), y = tensor_rows(other, (int)r, 1);
    tensor_values(&x, a);
    tensor_values(&y, b);
    squares.error2[r] = squares.base2[r] = 0;
    row_squares_add(a, b, r * cols, cols, cols, squares);
  }
}
