/* lanes: the seam between a vector of the processor and a thread of a device, for sums. A sum of
 * this room has SUM_LANES lanes: lane l adds, in their order, the elements whose column leaves l.
 * In C a Real is four neighbouring lanes, in a type of the compiler (left to itself it keeps no sum
 * in a register); in CUDA it is a thread's one. So the arithmetic of an element stands once, in
 * measure/block.h, and the bits are the same: what is added to what does not depend on which.
 *
 * The lanes are then added as a tree: lane l to lane l + 16, to l + 8, 4, 2, 1. On a device that is
 * a warp's five exchanges. */
#ifndef DS_MEASURE_LANES_H
#define DS_MEASURE_LANES_H
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/room.h"

enum { SUM_LANES = 32 };

#ifdef __CUDACC__

typedef double Real;
typedef bool Mask;
typedef int64_t Count; /* of the elements for which a mask holds */

ROOM_FN Real real_all(double x) { return x; }
ROOM_FN Real real_abs(Real x) { return fabs(x); }
ROOM_FN Real real_where(Mask mask, Real x) { return mask ? x : 0; }
ROOM_FN Real real_max(Real a, Real b) { return b > a ? b : a; }
ROOM_FN Mask real_finite(Real x) { return fabs(x) <= DBL_MAX; }
ROOM_FN Mask mask_less(Mask mask, Mask without) { return mask && !without; }
ROOM_FN void count_where(Count *count, Mask mask) { *count += mask; }

#else

enum { REAL_LANES = 4, REALS = SUM_LANES / REAL_LANES };
typedef double Real __attribute__((vector_size(32)));
typedef int64_t Mask __attribute__((vector_size(32)));
typedef Mask Count;
typedef double RealAt __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t MaskAt __attribute__((vector_size(32), aligned(8), may_alias));

ROOM_FN Real real_load(const double *x) { return *(const RealAt *)x; }
/* As a list of four, which gcc 12 makes one instruction of; of a conversion of vectors, five. */
ROOM_FN Real real_widen(const float *x) { return (Real){x[0], x[1], x[2], x[3]}; }
ROOM_FN void real_store(double *x, Real value) { *(RealAt *)x = value; }
ROOM_FN Real real_all(double x) { return (Real){x, x, x, x}; }
ROOM_FN Mask mask_all(bool x) { return (Mask){-x, -x, -x, -x}; }
ROOM_FN Mask mask_load(const int64_t *mask) { return *(const MaskAt *)mask; }
ROOM_FN Real real_where(Mask mask, Real x) { return (Real)((Mask)x & mask); }
ROOM_FN Real real_abs(Real x) { return (Real)((Mask)x & INT64_MAX); }
ROOM_FN Real real_max(Real a, Real b) {
  const Mask larger = b > a;
  return (Real)(((Mask)b & larger) | ((Mask)a & ~larger));
}
ROOM_FN Mask real_finite(Real x) { return real_abs(x) <= real_all(DBL_MAX); }
ROOM_FN Mask mask_less(Mask mask, Mask without) { return mask & ~without; }
ROOM_FN bool mask_any(Mask mask) { return (mask[0] | mask[1] | mask[2] | mask[3]) != 0; }
ROOM_FN void count_where(Count *count, Mask mask) { *count -= mask; }

/* The tree; lane 4 j + k stands in lane[j][k]. */
ROOM_FN double lanes_sum(const Real lane[REALS]) {
  const Real sum =
      ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}
ROOM_FN double lanes_max(const Real lane[REALS]) {
  Real most = lane[0];
  for (int j = 1; j < REALS; j++) most = real_max(most, lane[j]);
  double largest = most[0];
  for (int k = 1; k < REAL_LANES; k++) largest = most[k] > largest ? most[k] : largest;
  return largest;
}
ROOM_FN int64_t lanes_count(const Count lane[REALS]) {
  Count sum = lane[0];
  for (int j = 1; j < REALS; j++) sum += lane[j];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}
#endif

/* A sum of many numbers as a double and what it rounded away (Knuth's two-sum): blocks are merged
 * so, and however many they are, nothing of it is lost. */
typedef struct Wide {
  double sum, rest;
} Wide;

ROOM_FN void wide_add(Wide *w, double x) {
  const double sum = w->sum + x, of_x = sum - w->sum;
  w->rest += (w->sum - (sum - of_x)) + (x - of_x);
  w->sum = sum;
}
/* A sum that left the range has no rest. */
ROOM_FN double wide_value(Wide w) { return fabs(w.sum) <= DBL_MAX ? w.sum + w.rest : w.sum; }
#endif
