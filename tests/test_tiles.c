/* The shapes that the device's kernels take on cards that are not here: for the shared memory of
 * each architecture, over every size that the operators allow. */
#include <criterion/criterion.h>

#include "kernels/hadamard.h"
#include "kernels/tiles.h"

enum { KIB = 1024, MOST_STATES = 1024 /* that a model may have */ };

/* Shared memory that a block may ask for. Source: NVIDIA's programming guide, technical
 * specifications per compute capability. */
static const struct {
  const char *capability;
  Card card;
} known[] = {{"7.5", {40, 64 * KIB}},  {"8.0", {108, 163 * KIB}}, {"8.6", {84, 99 * KIB}},
             {"8.9", {128, 99 * KIB}}, {"9.0", {132, 227 * KIB}}, {"10.0", {148, 227 * KIB}},
             {"12.0", {170, 99 * KIB}}};
enum { CARDS = sizeof known / sizeof *known };

Test(tiles, a_blocked_scan_of_any_length_and_states_fits_every_card) {
  for (int i = 0; i < CARDS; i++)
    for (int T = 1; T <= 4100; T += T < 1100 ? 1 : 100)
      for (int N = 1; N <= MOST_STATES; N += N < 130 ? 1 : 149) {
        const ScanTile tile = scan_blocked_choice(T, N, &known[i].card);
        cr_assert(tile.channels >= 1 && tile.channels <= SCAN_CHANNELS &&
                      tile.shared <= known[i].card.shared,
                  "%s: T %d N %d: %d channels, %zu bytes", known[i].capability, T, N, tile.channels,
                  tile.shared);
      }
}

/* Four channels and the states' slots, four channels alone, or two. */
Test(tiles, a_blocked_scan_above_1024_tokens_takes_two_channels_with_64_kib_and_slots_with_163) {
  static const struct {
    size_t have, shared;
    int channels, slots;
  } want[] = {{64 * KIB, 42368, 2, 0}, {99 * KIB, 84736, 4, 0}, {163 * KIB, 133888, 4, SCAN_SLOTS}};
  for (int i = 0; i < 3; i++) {
    const Card card = {100, want[i].have};
    const ScanTile tile = scan_blocked_choice(1025, 16, &card);
    cr_assert(tile.channels == want[i].channels && tile.slots == want[i].slots &&
                  tile.shared == want[i].shared,
              "%zu: %d channels, %d slots, %zu bytes", want[i].have, tile.channels, tile.slots,
              tile.shared);
    cr_assert(scan_blocked_choice(1024, 16, &card).channels == 4);
    cr_assert(scan_blocked_choice(512, 16, &card).slots == 0);
  }
}

Test(tiles, a_sequential_scan_of_any_states_fits_every_card) {
  cr_assert(scan_sequential_shared(16) == 19712);
  cr_assert(scan_sequential_shared(1) == scan_sequential_shared(16));
  for (int i = 0; i < CARDS; i++)
    cr_assert(scan_sequential_shared(MOST_STATES) <= known[i].card.shared);
}

/* In either order, since a room for one serves both. */
Test(tiles, room_for_the_laid_out_states_holds_every_token_of_every_state) {
  for (int T = 1; T < 5000; T += 7)
    for (int N = 1; N < 70; N += 3)
      for (int order = 0; order < 2; order++) {
        const size_t floats = scan_laid_out(T, N, (ScanOrder)order);
        cr_assert(floats >= (size_t)T * (size_t)N && floats % 4 == 0);
        cr_assert(scan_scratch_bytes(T, 64, N, SCAN_BLOCKED) >= 2 * floats * sizeof(float) + 15 &&
                  scan_scratch_bytes(T, 64, N, SCAN_SEQUENTIAL) >= 2 * floats * sizeof(float) + 15);
      }
}

Test(tiles, a_product_of_any_size_fits_every_card) {
  for (int i = 0; i < CARDS; i++)
    for (int T = 1; T <= 9000; T += T < 700 ? 1 : 113)
      for (int out = 1; out <= 60000; out += out < 130 ? 1 : out / 3) {
        const int f32 = linear_f32_choice(T, out, &known[i].card),
                  i8 = linear_i8_choice(T, out, &known[i].card);
        cr_assert(f32 >= 0 && f32 < LINEAR_F32_TILES && i8 >= 0 && i8 < LINEAR_I8_TILES);
        cr_assert(linear_f32_shared(linear_f32_tile[f32]) <= known[i].card.shared &&
                      linear_i8_shared(linear_i8_tile[i8]) <= known[i].card.shared,
                  "%s: T %d out %d: tiles %d and %d", known[i].capability, T, out, f32, i8);
      }
}

Test(tiles, with_64_kib_the_64_x_64_tile_is_three_stages_deep) {
  const Card small = {132, 64 * KIB}, large = {132, 227 * KIB};
  const int a = linear_f32_choice(512, 3072, &large), b = linear_f32_choice(512, 3072, &small);
  cr_assert(linear_f32_tile[a].rows == 64 && linear_f32_tile[a].stages == 4);
  cr_assert(linear_f32_shared(linear_f32_tile[a]) == 69632);
  cr_assert(linear_f32_tile[b].rows == 64 && linear_f32_tile[b].cols == 64 &&
            linear_f32_tile[b].stages == 3);
}

/* 80 outputs: 132 processors have the more tiles the fewer rows there are. */
Test(tiles, few_outputs_are_dealt_in_tiles_that_they_fill) {
  const Card card = {132, 227 * KIB};
  static const int T[] = {8192, 2048, 512, 171, 1}, rows[] = {64, 16, 8, 4, 4};
  for (int i = 0; i < 5; i++) {
    const LinearTile t = linear_f32_tile[linear_f32_choice(T[i], 80, &card)];
    cr_expect(t.rows == rows[i] && t.cols <= 32, "T %d: %d x %d", T[i], t.rows, t.cols);
    cr_expect(linear_f32_choice(T[i], LINEAR_NARROW, &card) < LINEAR_F32_WIDE);
  }
}

/* A thread's share of a tile is whole, and lanes are 4 x 8 of them. */
Test(tiles, every_tile_of_the_table_is_whole_warps) {
  for (int i = 0; i < LINEAR_F32_TILES; i++) {
    const LinearTile *t = &linear_f32_tile[i];
    cr_assert(t->rows % t->each_rows == 0 && t->cols % t->each_cols == 0);
    cr_assert(t->each_cols == 1 || t->each_cols == 2 || t->each_cols % 4 == 0);
    cr_assert(t->rows / t->each_rows % 4 == 0 && t->cols / t->each_cols % 8 == 0);
    cr_assert(linear_f32_threads(*t) % 32 == 0 && t->depth % 4 == 0 && t->stages >= 3);
  }
}

/* The one thing that some cards cannot. */
Test(tiles, a_hadamard_row_fits_up_to_16384_with_64_kib_and_24576_with_99) {
  for (int i = 0; i < CARDS; i++) {
    const size_t have = known[i].card.shared;
    const int most = have == 64 * KIB ? 16384 : have == 99 * KIB ? 24576 : HADAMARD_MAX_N;
    for (int n = 1; n <= HADAMARD_MAX_N; n++) {
      if (!hadamard_factor(n)) continue;
      const HadamardTile tile = hadamard_choice(n, &known[i].card);
      cr_assert((tile.shared > 0) == (n <= most), "%s: n %d", known[i].capability, n);
      cr_assert(tile.shared <= have);
      cr_assert(!tile.shared || tile.shared >= (size_t)n * sizeof(float));
    }
  }
}
