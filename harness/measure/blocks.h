/* blocks: the results of a tensor's blocks, and of a pair's, on the processor: loops over the
 * arithmetic of measure/block.h, about 0.5 ns an element of a tensor and 2 of a pair, of which half
 * are the quantiles. */
#ifndef DS_MEASURE_BLOCKS_H
#define DS_MEASURE_BLOCKS_H
#include "base/arena.h"
#include "measure/row_error.h"
#include "measure/values.h"

/* At most so many blocks have n elements in so many rows. */
size_t blocks_most(size_t n, size_t rows);

/* `block` [blocks_of(…).count]. scale: of the grid; 0: none. */
void tensor_blocks(const Tensor *t, float scale, TensorBlock *block, Arena scratch);

/* What a pair leaves beside its blocks. */
typedef struct PairParts {
  PartSquares rows, columns; /* [rows], [cols]: zeros before */
  uint32_t *counts;          /* [QUANTILE_COUNTS]: of |d| of the valid elements; zeros before */
} PairParts;

/* `own_base`, `own_other`: the results of either tensor alone, or NULL: where all elements of a
 * block are valid, its moments are those. */
void pair_blocks(const Tensor *base, const Tensor *other, const TensorBlock *own_base,
                 const TensorBlock *own_other, PairBlock *block, PairParts *parts, Arena scratch);

/* The same where both tensors are alike (tensors_alike), `own` are the results of either, and all
 * elements are finite: what a pair of any others would leave, all differences being 0; no errors
 * are left, for every quantile of them is 0. */
bool blocks_finite(const TensorBlock *block, size_t count);
void pair_blocks_same(const Tensor *base, const TensorBlock *own, PairBlock *block,
                      const PairParts *parts, Arena scratch);

/* Bytes of scratch of each of these. */
size_t blocks_scratch_bytes(void);

/* Quantiles of |d| of the valid elements [PAIR_QUANTILES], from the results and counts of
 * pair_blocks; and the bytes of scratch for n elements. */
void pair_error_quantiles(const Tensor *base, const Tensor *other, const PairBlock *block,
                          uint32_t *counts, double *quantile, Arena scratch);
size_t pair_error_quantiles_bytes(size_t n);
#endif
