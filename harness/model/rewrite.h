/* rewrite: a checkpoint's weights in float64, a layer or some rows of an end at a time, as they are
 * or rewritten without changing the function:
 * 1. the norm gains are folded into in_proj and into the head (which is thereby untied);
 * 2. the residual stream is rotated by H / sqrt(D): embedding, head, in_proj's input side,
 * out_proj's output side;
 * 3. out_proj's input side is rotated by H / sqrt(E); whoever runs the model applies the same
 * transform to `gated`.
 * Source: the fusing of norms and Hadamard matrices in Quamba's quantiser. */
#ifndef DS_MODEL_REWRITE_H
#define DS_MODEL_REWRITE_H
#include "base/arena.h"
#include "family/family.h"
#include "model/checkpoint.h"

/* What is folded and rotated, the family's table says. Refuses REWRITE_QUAMBA where a rotated width
 * has no Hadamard matrix, and ends that float32, in which the modes hold them, could not hold
 * behind it. */
bool rewrite_check(const Checkpoint *checkpoint, Rewrite rewrite, Arena scratch, Status *st);
/* A layer's weights, each into its room [family->weights]. value [family->weights]: where they
 * stand; NULL where one is folded or not in the checkpoint. Refuses a value that float32 cannot
 * hold behind the rewrite. */
bool rewrite_layer(const Checkpoint *checkpoint, Rewrite rewrite, int layer, double *const *room,
                   const double **value, Status *st);
/* Rows first … first + rows - 1 of END_EMBEDDING or END_HEAD into out [rows, D]. gain [D]: the last
 * norm's, which is folded into the head; NULL where nothing is rewritten. */
void rewrite_rows(const Checkpoint *checkpoint, Rewrite rewrite, const double *gain, int end,
                  int first, int rows, double *out);

#endif
