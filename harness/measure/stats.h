/* stats: what arithmetic.md's tables say of one tensor, and of a tensor in two modes; GSL computes.
 * Every row is computed by one thread in one order: the bits do not depend on the number of
 * threads. About 2.3 ns an element for a tensor and 6.5 for a pair; min, max and quantiles are
 * exactly GSL's; mean and std lie within (1024 + n / 512) 2^-52 of the largest magnitude of
 * gsl_stats_mean and gsl_stats_sd_with_fixed_mean: the additions of a block, and one merge a block,
 * each rounded once. Random values come within 1e-14 of the root mean square
 * (tests/test_stats_random.c); of inputs made to hurt the worst is
 * 8e-13 for a mean, where the first 1,024 values lie far from all others, and 2.1e-14 for a std
 * (tests/test_stats_hard.c). The grid is asked about with the kernels' own q8: the question is what
 * they would do to a value. */
#ifndef DS_MEASURE_STATS_H
#define DS_MEASURE_STATS_H
#include "base/arena.h"
#include "family/trace.h"
#include "measure/row_error.h"
#include "measure/tables.h"

/* Fills all but prompt, mode, tensor, layer and digest. `scale` is the tensor's static scale, 0
 * where it has none. Shares are of all elements: a NaN is off the grid, an infinity also
 * saturated. */
void stats_tensor(const Tensor *t, float scale, TensorStats *row, Arena scratch);
/* Fills all but prompt, base, other, tensor, layer and what top1_ begins. Both tensors have the
 * same shape. Rows are taken for tokens and columns for channels (measure/row_error.h). Two absent
 * witnesses count as the same. */
void stats_pair(const Tensor *base, const Tensor *other, PairStats *row, Arena scratch);
/* The same, and the squares of its rows are left in `rows` [base->rows]: zeros before. */
void stats_pair_rows(const Tensor *base, const Tensor *other, PairStats *row, PartSquares rows,
                     Arena scratch);
/* Fills what top1_ begins, of two tensors of logits: the largest element of a row is the first of
 * equal ones. */
void stats_top1(const Tensor *a, const Tensor *b, PairStats *row);
/* Of a tensor whose rows are channels, and no tokens. */
void stats_no_tokens(PairStats *row);
/* Bytes of scratch that any of these needs for n elements in so many rows and columns together. */
size_t stats_scratch_bytes(size_t n, size_t parts);
/* Equal float32 bits after dequantisation (rounded to float32 from float64), everywhere. NaNs are
 * equal to each other. */
bool tensor_identical(const Tensor *a, const Tensor *b);
#endif
