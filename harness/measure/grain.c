#include "measure/grain.h"

#include <math.h>
#include <string.h>

#include "kernels/math32.h"
#include "measure/values.h"

enum { LEVELS_MOST = 128 };

/* The magnitudes that were met, in order, and whether they are too many for a grid. */
typedef struct Levels {
  float level[LEVELS_MOST];
  int count;
  bool none;
} Levels;

static void meet(Levels *levels, double value) {
  const float x = fabsf((float)value);
  int low = 0, high = levels->count;
  if (value == 0) return;
  levels->none = !isfinite(x) || (double)x != fabs(value);
  if (levels->none) return;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (levels->level[middle] < x)
      low = middle + 1;
    else
      high = middle;
  }
  if (low < levels->count && levels->level[low] == x) return;
  levels->none = levels->count == LEVELS_MOST;
  if (levels->none) return;
  memmove(&levels->level[low + 1], &levels->level[low],
          (size_t)(levels->count - low) * sizeof *levels->level);
  levels->level[low] = x;
  levels->count++;
}

static bool all_on(const Levels *levels, float scale) {
  for (int i = 0; i < levels->count; i++) {
    const float q = roundf(levels->level[i] / scale);
    if (!(q <= LEVELS_MOST) || q * scale != levels->level[i]) return false;
  }
  return true;
}

/* Two levels that are neighbours on the grid are its step apart; where none are, as many steps as
 * so few levels can be. The largest level tells the step best, to the last bits of a float32, which
 * are tried. */
static double grid_of(const Levels *levels) {
  enum { APART_MOST = LEVELS_MOST / GRAIN_LEVELS, LAST_BITS = 4 };
  if (levels->none || levels->count < GRAIN_LEVELS) return NAN;
  const float most = levels->level[levels->count - 1];
  float gap = levels->level[0];
  for (int i = 1; i < levels->count; i++) gap = fminf(gap, levels->level[i] - levels->level[i - 1]);
  for (int apart = 1; apart <= APART_MOST; apart++) {
    const float steps = roundf(most / gap * (float)apart);
    if (steps > LEVELS_MOST) return NAN;
    float scale = most / steps;
    for (int i = 0; i < LAST_BITS; i++) scale = nextafterf(scale, 0);
    for (int i = 0; i <= 2 * LAST_BITS; i++, scale = nextafterf(scale, INFINITY))
      if (all_on(levels, scale)) return (double)scale;
  }
  return NAN;
}

/* --- shares ----------------------------------------------------------------------------------- */

typedef struct Shares {
  size_t finite, f16, bf16;
} Shares;

/* A float16 has 10 bits of fraction from 2^-14 on and is below 65536, or it is a whole number of
 * 2^-24. 1 or 0 without a branch, so that the loop vectorises. */
ROOM_FN int32_t is_f16(uint32_t bits) {
  const uint32_t size = bits & 0x7fffffffu;
  const int32_t low = size < 0x38800000u, high = size >= 0x47800000u;
  const float units = f32_of_bits(size & (uint32_t)-low) * 0x1p24f;
  const int32_t whole = (float)(int32_t)units == units, ten_bits = (bits & 0x1fffu) == 0;
  return (low & whole) | ((low | high | !ten_bits) ^ 1);
}

ROOM_CLONES static void count_shares(const float *x, size_t n, Shares *shares) {
  int32_t finite = 0, f16 = 0, bf16 = 0;
  for (size_t i = 0; i < n; i++) {
    const uint32_t bits = bits_of_f32(x[i]);
    const int32_t counts = (bits & 0x7f800000u) != 0x7f800000u, half = (bits & 0xffffu) == 0;
    finite += counts;
    f16 += is_f16(bits);
    bf16 += counts & half;
  }
  shares->finite += (size_t)finite;
  shares->f16 += (size_t)f16;
  shares->bf16 += (size_t)bf16;
}

/* What float32 does not hold, no narrower one does: a number of 24 bits stands for it. */
static void narrow(const double *d, size_t n, float *x) {
  for (size_t i = 0; i < n; i++) {
    x[i] = (float)d[i];
    if (isfinite(d[i]) && (double)x[i] != d[i]) x[i] = 0x1.000002p0f;
  }
}

/* --- both ------------------------------------------------------------------------------------- */

Grain grain_of(const Tensor *t) {
  const Blocks blocks = blocks_of((size_t)t->rows, (size_t)t->cols);
  ValuesRoom room;
  float narrowed[BLOCK_ELEMENTS];
  Levels levels = {.count = 0};
  Shares shares = {0, 0, 0};
  for (size_t b = 0; b < blocks.count; b++) {
    const BlockPlace at = block_place(&blocks, b);
    const Values v = values_of(t, &at, &room);
    if (v.d) narrow(v.d, at.count, narrowed);
    count_shares(v.d ? narrowed : v.f, at.count, &shares);
    for (size_t i = 0; i < at.count && !levels.none; i++)
      meet(&levels, v.d ? v.d[i] : (double)v.f[i]);
  }
  const double finite = (double)shares.finite;
  Grain g = {.as_f16 = NAN, .as_bf16 = NAN, .grid = grid_of(&levels)};
  if (shares.finite)
    g.as_f16 = (double)shares.f16 / finite, g.as_bf16 = (double)shares.bf16 / finite;
  if (!isnan(g.grid)) g.levels = levels.count;
  return g;
}
