/* clipping: what of a tensor's error is made by the ends of its grid, and what is not.
 *
 * An int8 grid of scale s holds -128 s … 127 s. Where the reference lies beyond an end, no rounding
 * helps: such elements are clipped, and a larger scale is what mends them. In all others the error
 * is that of rounding, and of whatever came in with the tensor: bits mend that. Squared errors add,
 * so that
 *
 *   rel_l2^2 = rel_l2_clipped^2 + rel_l2_rounded^2
 *
 * Sums are those of measure/block.h: a channel's too, in the lanes of its row where it is a row,
 * else row by row. */
#ifndef DS_MEASURE_CLIPPING_H
#define DS_MEASURE_CLIPPING_H
#include "base/arena.h"
#include "family/trace.h"
#include "measure/block.h"
#include "measure/tables/scales.h"

/* Fills all but prompt, mode, tensor and layer. `got` stands on the grid of `scale` > 0,
 * `reference` is what it would be; of one shape. `rows_are_tokens`: channels are columns, else
 * rows. */
void clipping_of(const Tensor *reference, const Tensor *got, float scale, bool rows_are_tokens,
                 Clipping *row, Arena scratch);
/* Bytes of scratch that it needs for n elements in so many rows, and so many channels. */
size_t clipping_scratch_bytes(size_t n, size_t rows, size_t channels);

/* The second half alone, from blocks that were computed anywhere. */
typedef struct ClipChannels {
  bool are_rows;
  size_t count;
  double *error2; /* [count]: squared error of what is beyond */
  bool *met;      /* [count]: something is */
} ClipChannels;
typedef struct ClipFinish {
  float scale;
  ClipChannels channels;
} ClipFinish;
void clipping_finish(const Blocks *blocks, const ClipBlock *block, const ClipFinish *of,
                     Clipping *row);
#endif
