/* moments: of the values of a block, on the processor. */
#ifndef DS_MEASURE_MOMENTS_H
#define DS_MEASURE_MOMENTS_H
#include "measure/values.h"

/* Four values from element i on, and fewer at the end of a row, zeros behind them. */
ROOM_FN Real reals_at(Values v, bool wide, size_t i) {
  return wide ? real_load(v.d + i) : real_widen(v.f + i);
}
ROOM_FN Real reals_some(Values v, bool wide, size_t i, size_t count) {
  Real x = real_all(0);
  for (size_t k = 0; k < count; k++) x[k] = wide ? v.d[i + k] : (double)v.f[i + k];
  return x;
}
ROOM_FN Mask mask_some(const int64_t *valid, size_t i, size_t count) {
  Mask mask = mask_all(false);
  for (size_t k = 0; k < count; k++) mask[k] = valid ? valid[i + k] : -1;
  return mask;
}
ROOM_FN Mask mask_at(const int64_t *valid, size_t i) {
  return valid ? mask_load(valid + i) : mask_all(true);
}

/* Of values that are all finite it is the whole; `valid` [count] of others: -1, or 0 where one is
 * left out; `kept`: how many are not. */
void moments_find(Values values, const BlockPlace *at, const int64_t *valid, size_t kept,
                  MomentBlock *m);
/* False where a value is not finite; then `m` says nothing. */
bool moments_all(Values values, const BlockPlace *at, MomentBlock *m);
/* Marks what is finite on both sides (`b` may be {0}: one side); how many are. */
size_t moments_valid(Values a, Values b, size_t n, int64_t *valid);
/* Moves what is marked of x [n] to the front. */
void moments_keep(double *x, size_t n, const int64_t *valid);
#endif
