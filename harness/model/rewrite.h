/* rewrite: a checkpoint's weights in float64, as they are or rewritten without changing the function:
 * 1. the norm gains are folded into in_proj and into the head (which is thereby untied);
 * 2. the residual stream is rotated by H / sqrt(D): embedding, head, in_proj's input side, out_proj's output side;
 * 3. out_proj's input side is rotated by H / sqrt(E); whoever runs the model applies the same transform to `gated`.
 * Source: the fusing of norms and Hadamard matrices in Quamba's quantiser. */
#ifndef DS_MODEL_REWRITE_H
#define DS_MODEL_REWRITE_H
#include "base/arena.h"
#include "family/family.h"
#include "model/checkpoint.h"

/* What is folded and rotated, the family's table says. Refuses REWRITE_QUAMBA where a rotated width has no Hadamard
 * matrix. */
bool rewrite_weights(Arena *arena, const Checkpoint *checkpoint, Rewrite rewrite, Weights64 *weights, Status *st);
/* Bytes that rewrite_weights takes. */
size_t rewrite_bytes(const Config *config);

#endif
