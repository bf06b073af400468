/* tiles: the choices. */
#include "kernels/tiles.h"

#include <stdbool.h>

/* --- linear ----------------------------------------------------------------------------------- */

static int tiles(int T, int out, int rows, int cols) {
  return (T + rows - 1) / rows * ((out + cols - 1) / cols);
}

/* Large tiles read less, but the last round of blocks over the processors must not be the only one.
 * Measured, at 132 processors (build/check-gpu times linear). */
static int enough(const Card *card) { return card->processors * 2; }

int linear_f32_choice(int T, int out, const Card *card) {
  const bool narrow = out < LINEAR_NARROW;
  const int least = narrow ? LINEAR_F32_TILES - 1 : LINEAR_F32_WIDE - 1;
  for (int i = narrow ? LINEAR_F32_WIDE : 0; i < least; i++) {
    const LinearTile *t = &linear_f32_tile[i];
    if (linear_f32_shared(*t) <= card->shared && tiles(T, out, t->rows, t->cols) >= enough(card))
      return i;
  }
  return least;
}

int linear_i8_choice(int T, int out, const Card *card) {
  for (int i = 0; i < LINEAR_I8_TILES - 1; i++) {
    const LinearTile8 *t = &linear_i8_tile[i];
    if (linear_i8_shared(*t) <= card->shared && tiles(T, out, t->rows, t->cols) >= enough(card))
      return i;
  }
  return LINEAR_I8_TILES - 1;
}

/* --- scan ------------------------------------------------------------------------------------- */

/* delta and u; A; each warp's running prefixes; the totals of the warps, twice. */
static size_t blocked_shared(int T, int N, int channels) {
  const ScanChunk chunk = scan_chunk(T);
  const int warps = chunk.lanes / SCAN_WARP;
  const size_t floats = 2 * (size_t)scan_channel_pitch(chunk.lanes, chunk.items) + (size_t)N +
                        2 * (size_t)warps * (size_t)N +
                        4 * (size_t)warps * (size_t)scan_states_at_once(chunk.items);
  return (size_t)channels * floats * sizeof(float);
}

ScanTile scan_blocked_choice(int T, int N, const Card *card) {
  const ScanChunk chunk = scan_chunk(T);
  const size_t slots = sizeof(float) * 2 * SCAN_SLOTS * (size_t)chunk.lanes * (size_t)chunk.items,
               all = blocked_shared(T, N, SCAN_CHANNELS);
  if (chunk.lanes > SCAN_WARP && all + slots <= card->shared)
    return (ScanTile){.channels = SCAN_CHANNELS, .slots = SCAN_SLOTS, .shared = all + slots};
  int channels = SCAN_CHANNELS;
  while (channels > 1 && blocked_shared(T, N, channels) > card->shared) channels /= 2;
  return (ScanTile){.channels = channels, .shared = blocked_shared(T, N, channels)};
}

static size_t up(int n, int multiple) {
  return (size_t)(n + multiple - 1) / (size_t)multiple * (size_t)multiple;
}

size_t scan_laid_out(int T, int N, ScanOrder order) {
  return order == SCAN_BLOCKED ? (size_t)scan_padded_tokens(T) * (size_t)N
                               : up(T, SCAN_RUN * SCAN_RUNS) * up(N, SCAN_STATES);
}

/* --- hadamard --------------------------------------------------------------------------------- */

HadamardTile hadamard_choice(int n, const Card *card) {
  static const int gap[] = {3, 31};
  for (int i = 0; i < 2; i++) {
    const size_t floats = (size_t)n, bytes = (floats + (floats >> gap[i])) * sizeof(float);
    if (bytes <= card->shared) return (HadamardTile){.gap = gap[i], .shared = bytes};
  }
  return (HadamardTile){0};
}
