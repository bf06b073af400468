/* hadamard: y = H x / sqrtf(n) row by row, H = P (x) H_2^k of size n = 2^k, 12 2^k, 20 2^k or 28 2^k.
 * x [T, n] f32 or f16 -> y [T, n] f32, or i8 by q8_even at y->scale. */
#ifndef DS_KERNELS_HADAMARD_H
#define DS_KERNELS_HADAMARD_H
#include <stdbool.h>
#include "kernels/room.h"
#include "kernels/tensor.h"

/* The order of P for this size: 1, 12, 20 or 28; 0 where there is no such H. */
int hadamard_factor(int n);
/* Sign (+1 or -1) of entry (row, col) of P, order 12, 20 or 28. */
int hadamard_sign(int order, int row, int col);
void hadamard(const Tensor *x, Tensor *y);
#endif
