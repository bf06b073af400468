/* tiles: the shapes in which a device's linear, scan and hadamard can run a call, and the choice
 * among them: pure functions of sizes and of what the card has, so that the choice for any card is
 * tested without one (tests/test_tiles.c). No choice changes a bit: tiles cut rows, columns and
 * channels, never a sum, and the scan's chunk (scan_chunk) is the operator's own.
 *
 * Every choice fits into 64 KiB of shared memory a block, what compute capability 7.5 has (8.0: 163
 * KiB, 8.6, 8.9 and 12.0: 99, 9.0: 227), but for rows of hadamard above 16,384: see
 * hadamard_tile. */
#ifndef DS_KERNELS_TILES_H
#define DS_KERNELS_TILES_H
#include <stddef.h>

#include "kernels/scan.h"

/* Known to the compiler of a kernel, which takes its sizes from here. */
#ifdef __cplusplus
#define TILES_FN static constexpr
#define TILES_TABLE static constexpr
#else
#define TILES_FN static inline
#define TILES_TABLE static const
#endif

typedef struct Card {
  int processors;
  size_t shared; /* bytes of shared memory that a block may ask for */
} Card;

/* --- linear ----------------------------------------------------------------------------------- */

/* Outputs that stand together in a panel of a weight on the device. */
enum { LINEAR_PANEL = 32 };

/* A block makes rows x cols outputs, a thread each_rows x each_cols of them; x and W come `depth` k
 * at a time, `stages` of them in shared memory. `ahead` k of W are read into registers before
 * their use. */
typedef struct LinearTile {
  int rows, cols, each_rows, each_cols, depth, stages, ahead;
} LinearTile;

/* From the largest down, and from LINEAR_F32_WIDE on once more, for fewer than LINEAR_NARROW
 * outputs, which would leave much of a wide tile empty. A thread that makes fewer outputs is
 * through all k sooner: where processors have few to make, they are dealt to more threads. */
enum { LINEAR_F32_WIDE = 5, LINEAR_F32_TILES = 9, LINEAR_NARROW = 128 };
TILES_TABLE LinearTile linear_f32_tile[LINEAR_F32_TILES] = {
    {64, 128, 8, 8, 16, 3, 1}, {64, 64, 8, 4, 32, 4, 4}, {64, 64, 8, 4, 32, 3, 4},
    {16, 64, 2, 4, 32, 4, 4},  {16, 64, 2, 4, 64, 3, 8}, {64, 16, 4, 2, 32, 4, 4},
    {16, 16, 2, 2, 64, 3, 8},  {8, 16, 1, 2, 64, 3, 8},  {4, 32, 1, 1, 128, 3, 8}};
/* Rows of x are four floats apart more than they are long: pieces of neighbours, 16 bytes each,
 * fall into different banks. */
TILES_FN int linear_f32_pitch(int depth) { return depth + 4; }
TILES_FN int linear_f32_threads(LinearTile t) {
  return t.rows / t.each_rows * (t.cols / t.each_cols);
}
TILES_FN size_t linear_f32_shared(LinearTile t) {
  return (size_t)t.stages * sizeof(float) *
         (size_t)(t.rows * linear_f32_pitch(t.depth) + t.depth * t.cols);
}

/* Tensor cores: a block of four warps makes rows x cols. */
enum { LINEAR_I8_TILES = 3, LINEAR_I8_DEPTH = 64, LINEAR_I8_STAGES = 4 };
typedef struct LinearTile8 {
  int rows, cols;
} LinearTile8;
TILES_TABLE LinearTile8 linear_i8_tile[LINEAR_I8_TILES] = {{128, 64}, {64, 64}, {32, 32}};
TILES_FN int linear_i8_pitch(void) { return LINEAR_I8_DEPTH + 16; } /* as for float */
TILES_FN size_t linear_i8_shared(LinearTile8 t) {
  return (size_t)LINEAR_I8_STAGES * (size_t)((t.rows + t.cols) * linear_i8_pitch());
}

/* Which row of the tables a product of T rows and `out` columns takes. */
int linear_f32_choice(int T, int out, const Card *card);
int linear_i8_choice(int T, int out, const Card *card);

/* --- scan ------------------------------------------------------------------------------------- */

/* A block takes SCAN_CHANNELS channels through all tokens. Sequential: SCAN_STATES states at a
 * time, SCAN_RUNS runs of SCAN_RUN tokens, and SCAN_STAGED of such pieces a tile. */
enum { SCAN_CHANNELS = 4, SCAN_STATES = 16, SCAN_RUN = 16, SCAN_RUNS = 2, SCAN_STAGED = 2 };

/* Sequential: rows of a tile for each channel, a little apart: delta, delta u and y, twice, and h
 * of every state; words of dt, u and z; A and the running h of each state. */
enum {
  SCAN_TILE = SCAN_RUN * SCAN_RUNS * SCAN_STAGED,
  SCAN_CHANNEL_PITCH = SCAN_TILE + 8,
  SCAN_STATE_PITCH = SCAN_RUN * SCAN_RUNS + 4
};
TILES_FN size_t scan_sequential_shared(int N) {
  const int states = (N + SCAN_STATES - 1) / SCAN_STATES * SCAN_STATES;
  return sizeof(float) * SCAN_CHANNELS *
         (6 * (size_t)SCAN_CHANNEL_PITCH + SCAN_STATES * (size_t)SCAN_STATE_PITCH +
          3 * (size_t)SCAN_TILE + 2 * (size_t)states);
}

/* Blocked: floats of a channel's tokens in shared memory. Lanes are padded, so that the 16-byte
 * pieces of neighbours fall into different banks; so are channels, for threads that walk across
 * them. */
TILES_FN int scan_lane_pitch(int items) { return items + (items > 4 ? 4 : 0); }
TILES_FN int scan_channel_pitch(int lanes, int items) { return lanes * scan_lane_pitch(items) + 8; }
/* States that go through the lanes together. */
TILES_FN int scan_states_at_once(int items) { return items > 8 ? 1 : 2; }

/* Of B and C, above 512 tokens and where the card has room: one that is used, one that is there,
 * one on its way. */
enum { SCAN_SLOTS = 3 };

typedef struct ScanTile {
  int channels, slots;
  size_t shared;
} ScanTile;
ScanTile scan_blocked_choice(int T, int N, const Card *card);

/* Floats of B, and of C, laid out for the device, in either order. */
size_t scan_laid_out(int T, int N, ScanOrder order);

/* --- hadamard --------------------------------------------------------------------------------- */

/* A block is a row of n floats, a gap of one after every 2^gap; without gaps (gap 31) where the
 * card has no room for them. shared: 0 where it has none for the row itself: n above 16,384 with 64
 * KiB, above 25,344 with 99. */
typedef struct HadamardTile {
  int gap;
  size_t shared;
} HadamardTile;
HadamardTile hadamard_choice(int n, const Card *card);

#endif
