/* block: one layer of the model under one mode, and the model's two ends, by the model's family: the one place where a
 * mode's settings choose kernels. */
#ifndef DS_FAMILY_BLOCK_H
#define DS_FAMILY_BLOCK_H
#include "family/family.h"

/* x [T, D] float32 -> every tensor of the layer, in the arena (block_in is x itself). */
void block_run(const Model *model, int layer, const Mode *mode, const Tensor *x, Arena *arena, Trace *trace);
/* The embedding of T tokens. The ends of `trace` are set, and nothing else of it. */
void block_embed(const Model *model, const int32_t *token, int T, Arena *arena, Trace *trace);
/* The last norm and the logits of the last block's output. Never quantised. */
void block_head(const Model *model, const Tensor *x, Arena *arena, Trace *trace);
/* Upper bound of the bytes that block_run takes from the arena for T tokens. */
size_t block_bytes(const Config *config, int T);

#endif
