/* finish: rows from the results of blocks, in their order, whoever computed those.
 *
 * Sums over blocks keep what they round away (Wide); the deviations of a block are moved from its
 * own centre c to the mean m of all: sum (x - m)^2 = sum (x - c)^2 + (c - m) (2 sum (x - c) + n (c
 * - m)). */
#ifndef DS_MEASURE_FINISH_H
#define DS_MEASURE_FINISH_H
#include "kernels/tensor.h"
#include "measure/block.h"
#include "measure/row_error.h"
#include "measure/tables/stats.h"

/* first: the first ten values. */
void finish_tensor(const Tensor *t, float scale, const TensorBlock *block, const double *first,
                   TensorStats *row);

/* Of this what does not follow from its values: the witness, and what its quantisation met. */
void finish_witness(const Tensor *t, TensorStats *row);
bool tensors_of_one_kernel(const Tensor *a, const Tensor *b);

/* What is said of a pair beside its blocks. */
typedef struct PairRest {
  PartSquares rows, columns;
  const double *quantile; /* [PAIR_QUANTILES] of |d| */
  double *room;           /* [the larger of rows and columns] */
} PairRest;
enum { PAIR_QUANTILES = 5 };
extern const double pair_quantiles[PAIR_QUANTILES]; /* 0.5 … 0.999 */

/* Fills all but keys and what top1_ begins. */
void finish_pair(const Tensor *base, const Tensor *other, const PairBlock *block,
                 const PairRest *rest, PairStats *row);
#endif
