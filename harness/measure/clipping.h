/* clipping: what of a tensor's error is made by the ends of its grid, and what is not.
 *
 * An int8 grid of scale s holds -128 s … 127 s. Where the reference lies beyond an end, no rounding
 * helps: such elements are clipped, and a larger scale is what mends them. In all others the error
 * is that of rounding, and of whatever came in with the tensor: bits mend that. Squared errors add,
 * so that
 *
 *   rel_l2^2 = rel_l2_clipped^2 + rel_l2_rounded^2
 *
 * Sums are in double, in one order whatever the machine and the number of threads. */
#ifndef DS_MEASURE_CLIPPING_H
#define DS_MEASURE_CLIPPING_H
#include "base/arena.h"
#include "family/trace.h"
#include "measure/tables.h"

/* Fills all but prompt, mode, tensor and layer. `got` stands on the grid of `scale` > 0,
 * `reference` is what it would be; of one shape. `rows_are_tokens`: channels are columns, else
 * rows. */
void clipping_of(const Tensor *reference, const Tensor *got, float scale, bool rows_are_tokens,
                 Clipping *row, Arena scratch);
/* Bytes of scratch that it needs for so many channels. */
size_t clipping_scratch_bytes(size_t channels);
#endif
