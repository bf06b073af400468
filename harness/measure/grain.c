#include "measure/grain.h"

#include <math.h>
#include <string.h>

#include "family/trace.h"
#include "kernels/f16.h"

enum { LEVELS_MOST = 128, PIECE = 4096 };

/* The magnitudes that were met, in order, and whether they are too many for a grid. */
typedef struct Levels {
  float level[LEVELS_MOST];
  int count;
  bool none;
} Levels;

static void meet(Levels *levels, double value) {
  const float x = fabsf((float)value);
  int low = 0, high = levels->count;
  if (levels->none || x == 0) return;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (levels->level[middle] < x)
      low = middle + 1;
    else
      high = middle;
  }
  if (low < levels->count && levels->level[low] == x) return;
  levels->none = levels->count == LEVELS_MOST || (double)x != fabs(value);
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

static bool is_bf16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (bits & 0xffff) == 0;
}

Grain grain_of(const Tensor *t) {
  const size_t n = (size_t)t->rows * (size_t)t->cols;
  double value[PIECE];
  Levels levels = {.count = 0};
  size_t finite = 0, f16 = 0, bf16 = 0, count;
  for (size_t first = 0; first < n; first += count) {
    const Tensor piece = tensor_block(t, first, PIECE, &count);
    tensor_values(&piece, value);
    for (size_t i = 0; i < count; i++) {
      const float x = (float)value[i];
      if (!isfinite(value[i])) {
        levels.none = true;
        continue;
      }
      const bool single = (double)x == value[i];
      finite++;
      f16 += single && f32_of_f16(f16_of(x)) == x;
      bf16 += single && is_bf16(x);
      meet(&levels, value[i]);
    }
  }
  Grain g = {.as_f16 = NAN, .as_bf16 = NAN, .grid = grid_of(&levels)};
  if (finite) g.as_f16 = (double)f16 / (double)finite, g.as_bf16 = (double)bf16 / (double)finite;
  if (!isnan(g.grid)) g.levels = levels.count;
  return g;
}
