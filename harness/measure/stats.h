/* stats: what arithmetic.md's tables say of one tensor, and of a tensor in two modes: rows from
 * blocks (measure/block.h), whose bits depend on no number of threads, no processor and no device.
 * About 0.5 ns an element for a tensor and 2 for a pair. GSL's own functions are the judge
 * (measure/judge.h): min, max, quantiles and counts are exactly GSL's; of a run of the shipped
 * model std lies within 1 ULP of it, and mean within 4, or where values cancel within 3e-17 of the
 * std (tests/test_judge.c). The grid is asked about with the kernels' own q8: the question is what
 * they would do to a value. */
#ifndef DS_MEASURE_STATS_H
#define DS_MEASURE_STATS_H
#include "base/arena.h"
#include "family/trace.h"
#include "measure/row_error.h"
#include "measure/tables/stats.h"

typedef struct TensorBlock TensorBlock; /* measure/block.h */

/* Fills all but prompt, mode, tensor, layer and digest. `scale` is the tensor's static scale, 0
 * where it has none. Shares are of all elements: a NaN is off the grid, an infinity also
 * saturated. */
void stats_tensor(const Tensor *t, float scale, TensorStats *row, Arena scratch);
/* Room for the results of its blocks, and the same row with these left in it. */
TensorBlock *stats_blocks(const Tensor *t, Arena *arena);
void stats_tensor_blocks(const Tensor *t, float scale, TensorBlock *block, TensorStats *row,
                         Arena scratch);
/* Fills all but prompt, base, other, tensor, layer and what top1_ begins. Both tensors have the
 * same shape. Rows are taken for tokens and columns for channels (measure/row_error.h). Two absent
 * witnesses count as the same. */
void stats_pair(const Tensor *base, const Tensor *other, PairStats *row, Arena scratch);
/* What is known of a pair before, or is wanted of it: results of the blocks of either tensor, as
 * stats_tensor_blocks left them (the same ones of both: the tensors are alike, tensors_alike), and
 * where the squares of its rows go [base->rows], zeros before; NULL where not. */
typedef struct PairKnown {
  const TensorBlock *base, *other;
  PartSquares rows;
} PairKnown;
void stats_pair_known(const Tensor *base, const Tensor *other, PairKnown known, PairStats *row,
                      Arena scratch);
/* Fills what top1_ begins, of two tensors of logits: the largest element of a row is the first of
 * equal ones. */
void stats_top1(const Tensor *a, const Tensor *b, PairStats *row);
/* The same from where these elements stand [rows]; -1 of a row with one that is not finite. */
void stats_top1_of(const int32_t *top_a, const int32_t *top_b, size_t rows, PairStats *row);
/* Of a tensor whose rows are channels, and no tokens. */
void stats_no_tokens(PairStats *row);
/* Of a pair that is none of logits. */
void stats_no_top1(PairStats *row);
/* Bytes of scratch that any of these needs for n elements in so many rows and columns together. */
size_t stats_scratch_bytes(size_t n, size_t parts);
/* Equal float32 bits after dequantisation (rounded to float32 from float64), everywhere. NaNs are
 * equal to each other. */
bool tensor_identical(const Tensor *a, const Tensor *b);
#endif
