/* residual: the two ends of a residual stream: embedding look-up, and y = x + (float)branch.
 * Source: the published Mamba model, whose residual stream is float32.
 * Error:  the look-up has none; the sum is rounded once, at most half an ULP: every half as a
 * branch, 65536 sums in each type (tests/test_residual.c). */
#ifndef DS_KERNELS_RESIDUAL_H
#define DS_KERNELS_RESIDUAL_H
#include "kernels/room.h"
#include "kernels/tensor.h"
#include "kernels/witness.h"

/* y [T, D] f32 = rows token[t] of table [vocab, D]. */
void embedding(const float *table, const int32_t *token, Tensor *y);
/* x [T, D] f32, branch [T, D] f32 or f16 -> y [T, D] f32. */
void residual_add(const Tensor *x, const Tensor *branch, Tensor *y);

const char *embedding_witness(Backend backend);
const char *residual_witness(Format branch, Backend backend);
#endif
