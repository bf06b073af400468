/* trace64: the float64 reference's blocks as traces, so that the reference is one more side of every comparison. */
#ifndef DS_SOURCE_REF64_H
#define DS_SOURCE_REF64_H
#include "base/arena.h"
#include "family/family.h"

/* x [T, D] float64 -> every tensor of the layer but ssm_state_q8, in the arena. block_in is x itself; x_proj_in and
 * scan_in are conv1d_silu itself: the reference requantises nothing. */
void trace64_block(const Weights64 *weights, int layer, const Tensor *x, Arena *arena, Trace *trace);
void trace64_embed(const Weights64 *weights, const int32_t *token, int T, Arena *arena, Trace *trace);
void trace64_head(const Weights64 *weights, const Tensor *x, Arena *arena, Trace *trace);

#endif
