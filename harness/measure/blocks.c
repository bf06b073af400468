#include "measure/blocks.h"

#include "base/quantiles.h"
#include "measure/moments.h"

size_t blocks_most(size_t n, size_t rows) { return n / (BLOCK_ELEMENTS / 2) + rows + 1; }

/* --- one tensor ------------------------------------------------------------------------------- */

ROOM_CLONES static int32_t count_zeros(const float *x, size_t n) {
  int32_t zeros = 0;
  for (size_t i = 0; i < n; i++) zeros += x[i] == 0;
  return zeros;
}

/* A double may be 0 as a float32 alone. */
ROOM_CLONES static int32_t count_zeros_f64(const double *x, size_t n) {
  int32_t zeros = 0;
  for (size_t i = 0; i < n; i++) zeros += x[i] == 0;
  return zeros;
}

ROOM_CLONES static void count_grid(const float *x, size_t n, float scale, TensorBlock *block) {
  int32_t on_grid = 0, saturated = 0;
  for (size_t i = 0; i < n; i++) {
    on_grid += is_on_grid(x[i], scale);
    saturated += is_saturated(x[i], scale);
  }
  block->on_grid = on_grid;
  block->saturated = saturated;
}

/* What is to be said of int8 codes with one scale. */
typedef struct Codes {
  bool all_on_grid;
  int saturated; /* from this magnitude on; above 128: none is */
} Codes;

/* False where codes do not say it. */
static Codes codes_of(const Tensor *t, float scale) {
  Codes c = {t->format == FORMAT_I8 && t->scale.axis == SCALE_NONE && scale > 0, 129};
  for (int q = INT8_MIN; c.all_on_grid && q <= INT8_MAX; q++)
    c.all_on_grid = is_on_grid(dq((int8_t)q, t->scale.value), scale);
  while (c.saturated > 1 && is_saturated(dq((int8_t)(1 - c.saturated), t->scale.value), scale))
    c.saturated--;
  return c;
}

ROOM_CLONES static int32_t count_codes(const int8_t *q, size_t n, int from) {
  int32_t count = 0;
  for (size_t i = 0; i < n; i++) count += (q[i] < 0 ? -q[i] : q[i]) >= from;
  return count;
}

static void count_grid_codes(const Tensor *t, const BlockPlace *at, int saturated,
                             TensorBlock *block) {
  block->on_grid = (int32_t)at->count;
  block->saturated = 0;
  for (size_t r = 0; r < at->rows; r++)
    block->saturated += count_codes(
        (const int8_t *)t->data + (at->row + r) * (size_t)t->stride + at->col, at->cols, saturated);
}

static int32_t first_left_out(const int64_t *valid) {
  int32_t i = 0;
  while (valid[i]) i++;
  return i;
}

typedef struct TensorRoom {
  ValuesRoom values;
  int64_t valid[BLOCK_ELEMENTS];
} TensorRoom;

static void tensor_block_of(const Tensor *t, const BlockPlace *at, float scale, Codes codes,
                            TensorBlock *block, TensorRoom *room) {
  const Values v = values_of(t, at, &room->values);
  *block = (TensorBlock){.first_nonfinite = -1};
  if (!moments_all(v, at, &block->moments)) {
    const size_t kept = moments_valid(v, (Values){0}, at->count, room->valid);
    moments_find(v, at, room->valid, kept, &block->moments);
    block->first_nonfinite = first_left_out(room->valid);
  }
  block->zeros = v.d ? count_zeros_f64(v.d, at->count) : count_zeros(v.f, at->count);
  if (codes.all_on_grid)
    count_grid_codes(t, at, codes.saturated, block);
  else if (scale > 0)
    count_grid(values_f32(v, at->count, &room->values), at->count, scale, block);
}

void tensor_blocks(const Tensor *t, float scale, TensorBlock *block, Arena scratch) {
  const Blocks blocks = blocks_of((size_t)t->rows, (size_t)t->cols);
  const Codes codes = codes_of(t, scale);
  TensorRoom *room = arena_room(&scratch, 1, sizeof *room);
  for (size_t i = 0; i < blocks.count; i++) {
    const BlockPlace at = block_place(&blocks, i);
    tensor_block_of(t, &at, scale, codes, &block[i], room);
  }
}

/* --- a pair: in lanes ------------------------------------------------------------------------- */

typedef struct PairInput {
  Values a, b;
  const int64_t *valid; /* NULL: all */
  double centre_a, centre_b;
  const BlockPlace *at;
} PairInput;

/* Where a block's sums go. */
typedef struct PairOutput {
  PairLane lane[REALS];
  double error2, base2; /* of the valid elements */
  double *error;        /* [count]: |d| */
  PartSquares rows, columns;
} PairOutput;

/* Lanes of a row, or of a piece of one; of all its elements, and of the valid ones. */
typedef struct RowLanes {
  Real error2[REALS], base2[REALS], valid_error2[REALS], valid_base2[REALS];
} RowLanes;

/* An element, or four: error2 and base2 are its squares. */
ROOM_FN void take_in(PairLane *lane, RowLane *row, RowLane *valid_row, Real a, Real b,
                     Real centre_a, Real centre_b, Mask valid, bool all, Real *error, Real *error2,
                     Real *base2) {
  const Real d = b - a;
  *error = pair_lane(lane, a, b, centre_a, centre_b, valid);
  *error2 = d * d;
  *base2 = a * a;
  row_lane(row, *error2, *base2);
  if (!all) row_lane(valid_row, real_where(valid, *error2), real_where(valid, *base2));
}

/* The elements of a row whose lanes are 4 j … 4 j + 3. */
ROOM_FN void row_in_lanes(const PairInput *in, PairOutput *out, bool wide_a, bool wide_b,
                          const int64_t *valid, size_t start, size_t j, RowLanes *row) {
  const size_t cols = in->at->cols;
  const Values a = in->a, b = in->b; /* of their own, so that no store may change them */
  double *errors = out->error + start, *column_error2 = out->columns.error2 + in->at->col,
         *column_base2 = out->columns.base2 + in->at->col;
  const Real centre_a = real_all(in->centre_a), centre_b = real_all(in->centre_b);
  PairLane lane = out->lane[j];
  RowLane own = {{0}, {0}}, of_valid = {{0}, {0}};
  Real error, error2, base2;
  size_t c = REAL_LANES * j;
  for (; c + REAL_LANES <= cols; c += SUM_LANES) {
    const size_t i = start + c;
    take_in(&lane, &own, &of_valid, reals_at(a, wide_a, i), reals_at(b, wide_b, i), centre_a,
            centre_b, mask_at(valid, i), !valid, &error, &error2, &base2);
    real_store(errors + c, error);
    real_store(column_error2 + c, real_load(column_error2 + c) + error2);
    real_store(column_base2 + c, real_load(column_base2 + c) + base2);
  }
  if (c < cols) {
    const size_t i = start + c, left = cols - c;
    take_in(&lane, &own, &of_valid, reals_some(a, wide_a, i, left), reals_some(b, wide_b, i, left),
            centre_a, centre_b, mask_some(valid, i, left), !valid, &error, &error2, &base2);
    for (size_t k = 0; k < left; k++) {
      errors[c + k] = error[k];
      column_error2[c + k] += error2[k];
      column_base2[c + k] += base2[k];
    }
  }
  out->lane[j] = lane;
  row->error2[j] = own.error2;
  row->base2[j] = own.base2;
  row->valid_error2[j] = valid ? of_valid.error2 : own.error2;
  row->valid_base2[j] = valid ? of_valid.base2 : own.base2;
}

ROOM_FN void pair_in_lanes(const PairInput *in, PairOutput *out, bool wide_a, bool wide_b,
                           const int64_t *valid) {
  for (size_t r = 0; r < in->at->rows; r++) {
    RowLanes row = {{{0}}, {{0}}, {{0}}, {{0}}};
    for (size_t j = 0; j < REALS && REAL_LANES * j < in->at->cols; j++)
      row_in_lanes(in, out, wide_a, wide_b, valid, r * in->at->cols, j, &row);
    out->rows.error2[in->at->row + r] += lanes_sum(row.error2);
    out->rows.base2[in->at->row + r] += lanes_sum(row.base2);
    out->error2 += lanes_sum(row.valid_error2);
    out->base2 += lanes_sum(row.valid_base2);
  }
}

/* A loop for each type that the values of the two sides lie in. */
ROOM_CLONES static void pair_f32_f32(const PairInput *in, PairOutput *out) {
  if (in->valid)
    pair_in_lanes(in, out, false, false, in->valid);
  else
    pair_in_lanes(in, out, false, false, NULL);
}
ROOM_CLONES static void pair_f64_f32(const PairInput *in, PairOutput *out) {
  if (in->valid)
    pair_in_lanes(in, out, true, false, in->valid);
  else
    pair_in_lanes(in, out, true, false, NULL);
}
ROOM_CLONES static void pair_f64_f64(const PairInput *in, PairOutput *out) {
  if (in->valid)
    pair_in_lanes(in, out, true, true, in->valid);
  else
    pair_in_lanes(in, out, true, true, NULL);
}

/* --- a pair: steps and bits ------------------------------------------------------------------- */

typedef struct Steps {
  uint64_t sum;
  uint32_t most;
  int32_t differing;
} Steps;

/* Halves of the steps are summed by themselves: no sum of a block's leaves 32 bits. */
ROOM_FN Steps steps_of(const float *a, const float *b, size_t n, const int64_t *valid) {
  uint32_t low = 0, high = 0, most = 0;
  int32_t differing = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t steps = steps_between(place_f32(a[i]), place_f32(b[i]));
    differing += !same_f32(a[i], b[i]);
    if (valid) steps &= (uint32_t)valid[i];
    low += steps & 0xffffu;
    high += steps >> 16;
    most = steps > most ? steps : most;
  }
  return (Steps){((uint64_t)high << 16) + low, most, differing};
}

ROOM_CLONES static Steps steps_f32(const float *a, const float *b, size_t n) {
  return steps_of(a, b, n, NULL);
}
ROOM_CLONES static Steps steps_valid_f32(const float *a, const float *b, size_t n,
                                         const int64_t *valid) {
  return steps_of(a, b, n, valid);
}

/* Of a row of a block, all of whose elements count. */
ROOM_CLONES static Steps steps_row_f16(const uint16_t *x, const uint16_t *y, size_t n) {
  uint32_t sum = 0, most = 0;
  for (size_t i = 0; i < n; i++) {
    const uint32_t steps = steps_between(place_f16(x[i]), place_f16(y[i]));
    sum += steps; /* of at most BLOCK_ELEMENTS, each less than 2^17 */
    most = steps > most ? steps : most;
  }
  return (Steps){sum, most, 0};
}

static Steps steps_some_f16(const uint16_t *x, const uint16_t *y, size_t n, const int64_t *valid) {
  Steps s = {0, 0, 0};
  for (size_t i = 0; i < n; i++) {
    const uint32_t steps = steps_between(place_f16(x[i]), place_f16(y[i]));
    if (!valid[i]) continue;
    s.sum += steps;
    s.most = steps > s.most ? steps : s.most;
  }
  return s;
}

/* Of halves as they lie. */
static void steps_f16(const Tensor *a, const Tensor *b, const BlockPlace *at, const int64_t *valid,
                      PairBlock *block) {
  block->steps = block->max_steps = 0;
  for (size_t r = 0; r < at->rows; r++) {
    const uint16_t *x = (const uint16_t *)a->data + (at->row + r) * (size_t)a->stride + at->col,
                   *y = (const uint16_t *)b->data + (at->row + r) * (size_t)b->stride + at->col;
    const Steps s = valid ? steps_some_f16(x, y, at->cols, valid + r * at->cols)
                          : steps_row_f16(x, y, at->cols);
    block->steps += s.sum;
    block->max_steps = s.most > block->max_steps ? s.most : block->max_steps;
  }
}

static int32_t first_differing(const float *a, const float *b) {
  int32_t i = 0;
  while (same_f32(a[i], b[i])) i++;
  return i;
}

/* --- a pair: its blocks ----------------------------------------------------------------------- */

typedef struct PairRoom {
  ValuesRoom a, b;
  int64_t valid[BLOCK_ELEMENTS];
  double error[BLOCK_ELEMENTS];
} PairRoom;

typedef struct PairOf {
  const Tensor *base, *other;
  const TensorBlock *own_base, *own_other; /* of this block, or NULL */
  double most_so_far;
  PairParts *parts;
  PairRoom *room;
} PairOf;

/* Whether all elements of a side are finite; then these are its moments. */
static bool whole_moments(const TensorBlock *own, Values v, const BlockPlace *at, MomentBlock *m) {
  if (!own) return moments_all(v, at, m);
  *m = own->moments;
  return own->first_nonfinite < 0;
}

/* NULL where all elements are valid. */
static const int64_t *find_moments(const PairOf *p, Values a, Values b, const BlockPlace *at,
                                   PairBlock *block) {
  block->kept = (int32_t)at->count;
  const bool all_a = whole_moments(p->own_base, a, at, &block->a),
             all_b = whole_moments(p->own_other, b, at, &block->b);
  if (all_a && all_b) return NULL;
  int64_t *valid = p->room->valid;
  const size_t kept = moments_valid(a, b, at->count, valid);
  block->kept = (int32_t)kept;
  moments_find(a, at, valid, kept, &block->a);
  moments_find(b, at, valid, kept, &block->b);
  return valid;
}

static void run_lanes(const PairInput *in, PairOutput *out, PairRoom *room) {
  if (in->a.f && in->b.f) {
    pair_f32_f32(in, out);
  } else if (in->a.d && in->b.f) {
    pair_f64_f32(in, out);
  } else {
    PairInput wide = *in;
    wide.a = (Values){.d = values_f64(in->a, in->at->count, &room->a)};
    pair_f64_f64(&wide, out);
  }
}

static void write_lanes(const PairLane *lane, PairBlock *block) {
  Real co[REALS], error[REALS], relative[REALS], max_error[REALS], max_relative[REALS];
  Count zero_base[REALS];
  for (int j = 0; j < REALS; j++) {
    co[j] = lane[j].co;
    error[j] = lane[j].error;
    relative[j] = lane[j].relative;
    max_error[j] = lane[j].max_error;
    max_relative[j] = lane[j].max_relative;
    zero_base[j] = lane[j].zero_base;
  }
  block->co = lanes_sum(co);
  block->error = lanes_sum(error);
  block->relative = lanes_sum(relative);
  block->max_error = lanes_max(max_error);
  block->max_relative = lanes_max(max_relative);
  block->zero_base = (int32_t)lanes_count(zero_base);
}

static int32_t first_of(const double *x, double value) {
  int32_t i = 0;
  while (x[i] != value) i++;
  return i;
}

static void pair_block_of(const PairOf *p, const BlockPlace *at, PairBlock *block) {
  PairRoom *room = p->room;
  PairParts *parts = p->parts;
  const Values a = values_of(p->base, at, &room->a), b = values_of(p->other, at, &room->b);
  *block = (PairBlock){.first_differing = -1, .worst = -1};
  const int64_t *valid = find_moments(p, a, b, at, block);
  PairInput in = {a, b, valid, block->a.centre, block->b.centre, at};
  PairOutput out = {.error = room->error, .rows = parts->rows, .columns = parts->columns};
  run_lanes(&in, &out, room);
  write_lanes(out.lane, block);
  block->error2 = out.error2;
  block->base2 = out.base2;
  if (block->max_error > p->most_so_far) block->worst = first_of(out.error, block->max_error);
  if (valid) moments_keep(out.error, at->count, valid);
  quantiles_count(parts->counts, out.error, (size_t)block->kept);

  const float *x = values_f32(a, at->count, &room->a), *y = values_f32(b, at->count, &room->b);
  const Steps steps = valid ? steps_valid_f32(x, y, at->count, valid) : steps_f32(x, y, at->count);
  block->steps = steps.sum;
  block->max_steps = steps.most;
  block->differing = steps.differing;
  if (block->differing) block->first_differing = first_differing(x, y);
  if (p->base->format == FORMAT_F16 && p->other->format == FORMAT_F16)
    steps_f16(p->base, p->other, at, valid, block);
}

void pair_blocks(const Tensor *base, const Tensor *other, const TensorBlock *own_base,
                 const TensorBlock *own_other, PairBlock *block, PairParts *parts, Arena scratch) {
  const Blocks blocks = blocks_of((size_t)base->rows, (size_t)base->cols);
  PairOf p = {.base = base, .other = other, .parts = parts};
  p.room = arena_room(&scratch, 1, sizeof *p.room);
  for (size_t i = 0; i < blocks.count; i++) {
    const BlockPlace at = block_place(&blocks, i);
    p.own_base = own_base ? &own_base[i] : NULL;
    p.own_other = own_other ? &own_other[i] : NULL;
    pair_block_of(&p, &at, &block[i]);
    if (block[i].max_error > p.most_so_far) p.most_so_far = block[i].max_error;
  }
}

size_t blocks_scratch_bytes(void) { return sizeof(PairRoom) + 64; }
