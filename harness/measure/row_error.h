/* row_error: the relative error of each row of a tensor, which of most tensors is a token:
 *
 *   e_r = |other_r - base_r|_2 / |base_r|_2
 *
 * and what is said of all of them. A few rows can carry nearly all of a tensor's squared error (one clipped value is
 * enough); the median row then tells what happens to a token, and the row with the largest squared error is named with
 * its share. Where base_r is zero, e_r is 0 if other_r is zero too, else +Inf. A row with a value that is not finite on
 * either side is left out and counted. Each row's squares are summed in eight lanes, in one order whatever the machine;
 * 0.7 to 1 ns an element. */
#ifndef DS_MEASURE_ROW_ERROR_H
#define DS_MEASURE_ROW_ERROR_H
#include "base/arena.h"
#include "kernels/tensor.h"

typedef struct RowErrors {
  double median, p90, p99; /* quantiles of e_r over rows (GSL's definition); NaN where no row is left */
  int64_t worst;           /* the first row with the largest |d_r|_2; -1 where every d is zero, or no row is left */
  double worst_share;      /* |d_worst|^2 / sum of |d_r|^2; NaN where worst is -1 */
  int64_t left_out;
} RowErrors;

/* The squares of parts of a tensor, one of each a part. */
typedef struct PartSquares {
  double *error2, *base2; /* |other - base|^2, |base|^2 */
} PartSquares;

/* Adds the squares of `count` elements from index `first` on, row-major in `cols` columns, to those of their rows:
 * whole rows, or a piece of one. */
void row_squares_add(const double *base, const double *other, size_t first, size_t cols, size_t count,
                     PartSquares rows);
/* From the squares of every row; `room` for `rows` doubles. */
RowErrors row_errors_of(PartSquares squares, size_t rows, double *room);
/* All of a tensor: squares [rows] are filled. */
void row_squares(const Tensor *base, const Tensor *other, PartSquares squares, Arena scratch);
#endif
