/* rmsnorm: y = (x / sqrtf(ss / D + eps)) * g, row by row; x [T, D] f32 -> y [T, D], f32, or i8 by q8_away at y->scale. */
#ifndef DS_KERNELS_RMSNORM_H
#define DS_KERNELS_RMSNORM_H
#include "kernels/room.h"
#include "kernels/tensor.h"

/* gain [D], or NULL where it was folded into the next linear. */
void rmsnorm(const Tensor *x, const float *gain, float eps, Tensor *y);
#endif
