/* row_error: the relative error of each part of a tensor: of its rows, which of most tensors are
 * tokens, and of its columns, which then are channels:
 *
 *   e_r = |other_r - base_r|_2 / |base_r|_2
 *
 * and what is said of all of them. A few parts can carry nearly all of a tensor's squared error
 * (one clipped value is enough); the median part then tells what happens to a token, the part with
 * the largest squared error is named with its share, and the effective number says how many parts
 * of equal squared errors would carry as much:
 *
 *   (sum |d_r|^2)^2 / sum |d_r|^4
 *
 * between 1 and the number of parts. Where base_r is zero, e_r is 0 if other_r is zero too, else
 * +Inf. A part with a value that is not finite on either side is left out and counted: one such
 * value leaves out a row and a column. A row's squares are summed in lanes, its pieces in order
 * (measure/block.h), a column's row by row. */
#ifndef DS_MEASURE_ROW_ERROR_H
#define DS_MEASURE_ROW_ERROR_H
#include "base/arena.h"
#include "kernels/tensor.h"
#include "measure/tables/stats.h"

/* The squares of parts of a tensor, one of each a part. */
typedef struct PartSquares {
  double *error2, *base2; /* |other - base|^2, |base|^2 */
} PartSquares;
/* Zeros, in the arena. */
PartSquares part_squares(Arena *arena, size_t parts);

/* Adds the squares of `rows` rows of so many columns to those of each. */
void row_squares_add(const double *base, const double *other, size_t rows, size_t cols,
                     PartSquares squares);
/* From the squares of every part; `room` for `parts` doubles. */
PartErrors part_errors_of(PartSquares squares, size_t parts, double *room);
/* Of no parts. */
extern const PartErrors no_part_errors;
/* All rows of a tensor: squares [rows] are filled. */
void row_squares(const Tensor *base, const Tensor *other, PartSquares squares);
#endif
