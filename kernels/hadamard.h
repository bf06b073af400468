/* hadamard: y = H x / sqrtf(n) row by row, H = P (x) H_2^k of size n = 2^k, 12 2^k, 20 2^k or 28
 * 2^k. x [T, n] f32 or f16 -> y [T, n] f32, or i8 by q8_even at y->scale.
 * P of order q + 1 (12: q = 11; 20: q = 19) is Paley's first construction: with chi the quadratic
 * character mod q and Q[i][j] = chi(i - j), P = I + [[0, 1^T], [-1, Q]]. P of order 2 (q + 1) (28:
 * q = 13) is his second: with C = [[0, 1^T], [1, Q]], P = C (x) [[1, 1], [1, -1]] + I (x) [[1, -1],
 * [-1, -1]].
 *
 * Order, float32: butterflies (a, b) -> (a + b, a - b) of stride 1, 2, 4, … 2^(k-1) inside each
 * block of 2^k elements; then element j of block p becomes the sum over blocks q of P[p][q] times
 * element j of block q, added left to right from the first term; then one product with 1.0f /
 * sqrtf(n).
 * Source: the transform in front of out_proj of Quamba's W8A8 Mamba; P: Paley, J. Math. Phys. 12
 * (1933).
 * Error:  relative L2 against float64 at n 1536, standard normal inputs, 1.1e-7
 * (tests/test_error.c); within its provable bound on every input tried (tests/test_bounds.c). */
#ifndef DS_KERNELS_HADAMARD_H
#define DS_KERNELS_HADAMARD_H
#include <stdbool.h>

#include "kernels/room.h"
#include "kernels/tensor.h"
#include "kernels/witness.h"

/* A row in the making is on its thread's stack: 128 KiB. */
enum { HADAMARD_MAX_N = 32768 };

ROOM_FN void hadamard_butterfly(float *a, float *b) {
  float x = *a, y = *b;
  *a = x + y;
  *b = x - y;
}

/* The order of P for this size: 1, 12, 20 or 28; 0 where there is no such H, or n >
 * HADAMARD_MAX_N. */
int hadamard_factor(int n);
/* Sign (+1 or -1) of entry (row, col) of P, order 12, 20 or 28. */
int hadamard_sign(int order, int row, int col);
void hadamard(const Tensor *x, Tensor *y);
const char *hadamard_witness(Format x, Format y, Backend backend);
#endif
