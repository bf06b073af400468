#include "measure/clipping.h"

#include "measure/blocks.h"
#include "measure/moments.h"

/* --- the blocks of a processor ---------------------------------------------------------------- */

typedef struct ClipInput {
  Values reference, got;
  ClipEnds ends;
  BlockPlace at;
} ClipInput;

/* Of a row, or a piece of one; true where an element is beyond or not finite. */
ROOM_FN bool clip_row(const ClipInput *in, bool wide_a, bool wide_b, size_t start,
                      Real beyond2[REALS], Real rest2[REALS], Real base2[REALS]) {
  const Real low = real_all(in->ends.low), high = real_all(in->ends.high);
  Mask met = mask_all(false);
  for (size_t j = 0; j < REALS; j++) {
    ClipLane lane = {{0}, {0}, {0}};
    size_t c = REAL_LANES * j;
    for (; c + REAL_LANES <= in->at.cols; c += SUM_LANES)
      met |= clip_lane(&lane, reals_at(in->reference, wide_a, start + c),
                       reals_at(in->got, wide_b, start + c), low, high, mask_all(true));
    if (c < in->at.cols) {
      const size_t left = in->at.cols - c;
      met |= clip_lane(&lane, reals_some(in->reference, wide_a, start + c, left),
                       reals_some(in->got, wide_b, start + c, left), low, high,
                       mask_some(NULL, 0, left));
    }
    beyond2[j] = lane.beyond2;
    rest2[j] = lane.rest2;
    base2[j] = lane.base2;
  }
  return mask_any(met);
}

/* `channel2`: where rows are channels, those of the block. */
ROOM_FN bool clip_rows(const ClipInput *in, bool wide_a, bool wide_b, ClipBlock *block,
                       double *channel2) {
  bool met = false;
  for (size_t r = 0; r < in->at.rows; r++) {
    Real beyond2[REALS], rest2[REALS], base2[REALS];
    met |= clip_row(in, wide_a, wide_b, r * in->at.cols, beyond2, rest2, base2);
    const double beyond = lanes_sum(beyond2);
    block->beyond2 += beyond;
    block->rest2 += lanes_sum(rest2);
    block->base2 += lanes_sum(base2);
    if (channel2) channel2[r] += beyond;
  }
  return met;
}

ROOM_CLONES static bool clip_f64_f32(const ClipInput *in, ClipBlock *block, double *channel2) {
  return clip_rows(in, true, false, block, channel2);
}
ROOM_CLONES static bool clip_f64_f64(const ClipInput *in, ClipBlock *block, double *channel2) {
  return clip_rows(in, true, true, block, channel2);
}

/* The first four elements from `i` on among which one is beyond or not finite; the last few
 * elements are looked at anyway. */
ROOM_CLONES static size_t next_met(const ClipInput *in, const double *a, const double *b,
                                   size_t i) {
  const Real low = real_all(in->ends.low), high = real_all(in->ends.high);
  for (; i + REAL_LANES <= in->at.count; i += REAL_LANES) {
    const Real of_a = real_load(a + i), of_b = real_load(b + i);
    if (mask_any(~((of_a >= low) & (of_a <= high) & real_finite(of_b)))) break;
  }
  return i;
}

static void count_element(const ClipInput *in, size_t i, double a, double b, ClipBlock *block,
                          const ClipChannels *channels) {
  if (!(fabs(a) <= DBL_MAX && fabs(b) <= DBL_MAX)) {
    block->nonfinite++;
    return;
  }
  if (!(a > in->ends.high || a < in->ends.low)) return;
  const double over = clip_over(a, in->ends), d = b - a;
  const size_t row = in->at.row + i / in->at.cols, col = in->at.col + i % in->at.cols;
  const size_t channel = channels->are_rows ? row : col;
  block->beyond++;
  channels->met[channel] = true;
  if (!channels->are_rows) channels->error2[channel] += d * d;
  if (!(over > block->furthest)) return;
  block->furthest = over;
  block->furthest_at = (int32_t)i;
  block->furthest_value = a;
}

/* Counts what is beyond: few elements are. */
static void count_beyond(const ClipInput *in, const double *a, const double *b, ClipBlock *block,
                         const ClipChannels *channels) {
  for (size_t i = next_met(in, a, b, 0); i < in->at.count; i = next_met(in, a, b, i)) {
    const size_t end = i + REAL_LANES < in->at.count ? i + REAL_LANES : in->at.count;
    for (; i < end; i++) count_element(in, i, a[i], b[i], block, channels);
  }
}

typedef struct ClipRoom {
  ValuesRoom reference, got;
} ClipRoom;

static void clip_block_of(const ClipInput *in, ClipBlock *block, const ClipChannels *channels,
                          ClipRoom *room) {
  double *channel2 = channels->are_rows ? channels->error2 + in->at.row : NULL;
  ClipInput wide = *in;
  *block = (ClipBlock){.furthest_at = -1};
  wide.reference = (Values){.d = values_f64(in->reference, in->at.count, &room->reference)};
  const bool met =
      in->got.f ? clip_f64_f32(&wide, block, channel2) : clip_f64_f64(&wide, block, channel2);
  if (met)
    count_beyond(&wide, wide.reference.d, values_f64(in->got, in->at.count, &room->got), block,
                 channels);
}

/* --- a row ------------------------------------------------------------------------------------ */

/* The furthest is the first of equal ones. */
static void write_furthest(const ClipBlock *block, const Blocks *blocks, const ClipFinish *of,
                           Clipping *row) {
  size_t at = 0;
  double furthest = 0, value = NAN;
  for (size_t i = 0; i < blocks->count; i++) {
    if (!(block[i].furthest > furthest)) continue;
    furthest = block[i].furthest;
    value = block[i].furthest_value;
    const BlockPlace place = block_place(blocks, i);
    at = place.first + (size_t)block[i].furthest_at;
  }
  const bool any = furthest > 0;
  const int32_t of_row = (int32_t)(at / blocks->cols), of_col = (int32_t)(at % blocks->cols);
  row->furthest = any ? furthest : NAN;
  row->furthest_value = any ? value : NAN;
  row->furthest_token = any && !of->channels.are_rows ? of_row : -1;
  row->furthest_channel = !any ? -1 : of->channels.are_rows ? of_row : of_col;
}

static void write_channels(const ClipChannels *channels, Clipping *row) {
  double most = 0;
  row->channels = 0;
  row->worst_channel = -1;
  for (size_t c = 0; c < channels->count; c++) {
    row->channels += channels->met[c];
    if (channels->error2[c] > most) most = channels->error2[c], row->worst_channel = (int32_t)c;
  }
}

static double ratio_of(double error2, double base2) {
  return error2 == 0 ? 0 : base2 == 0 ? NAN : sqrt(error2) / sqrt(base2);
}

void clipping_finish(const Blocks *blocks, const ClipBlock *block, const ClipFinish *of,
                     Clipping *row) {
  Wide beyond2 = {0, 0}, rest2 = {0, 0}, base2 = {0, 0};
  row->n = (int64_t)(blocks->rows * blocks->cols);
  row->beyond = row->nonfinite = 0;
  for (size_t i = 0; i < blocks->count; i++) {
    wide_add(&beyond2, block[i].beyond2);
    wide_add(&rest2, block[i].rest2);
    wide_add(&base2, block[i].base2);
    row->beyond += block[i].beyond;
    row->nonfinite += block[i].nonfinite;
  }
  const double beyond = wide_value(beyond2), rest = wide_value(rest2), base = wide_value(base2);
  row->scale = (double)of->scale;
  row->grid_end = clip_ends(of->scale).high;
  write_furthest(block, blocks, of, row);
  write_channels(&of->channels, row);
  row->error_share = beyond + rest > 0 ? beyond / (beyond + rest) : NAN;
  row->rel_l2 = ratio_of(beyond + rest, base);
  row->rel_l2_clipped = ratio_of(beyond, base);
  row->rel_l2_rounded = ratio_of(rest, base);
}

void clipping_of(const Tensor *reference, const Tensor *got, float scale, bool rows_are_tokens,
                 Clipping *row, Arena scratch) {
  const Blocks blocks = blocks_of((size_t)reference->rows, (size_t)reference->cols);
  const size_t count = rows_are_tokens ? blocks.cols : blocks.rows;
  ClipFinish of = {.scale = scale,
                   .channels = {.are_rows = !rows_are_tokens,
                                .count = count,
                                .error2 = ARENA_NEW(&scratch, double, count),
                                .met = ARENA_NEW(&scratch, bool, count)}};
  ClipBlock *block = arena_room(&scratch, blocks.count, sizeof *block);
  ClipRoom *room = arena_room(&scratch, 1, sizeof *room);
  for (size_t i = 0; i < blocks.count; i++) {
    const BlockPlace at = block_place(&blocks, i);
    const ClipInput in = {values_of(reference, &at, &room->reference),
                          values_of(got, &at, &room->got), clip_ends(scale), at};
    clip_block_of(&in, &block[i], &of.channels, room);
  }
  clipping_finish(&blocks, block, &of, row);
}

size_t clipping_scratch_bytes(size_t n, size_t rows, size_t channels) {
  return sizeof(ClipRoom) + channels * (sizeof(double) + sizeof(bool)) +
         blocks_most(n, rows) * sizeof(ClipBlock) + 4 * 64;
}
