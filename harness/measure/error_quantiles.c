/* error_quantiles: of a pair's |d|, of which nobody keeps all: each block's are made again. */
#include "base/quantiles.h"
#include "measure/blocks.h"
#include "measure/finish.h"
#include "measure/moments.h"

_Static_assert((int)BLOCK_ELEMENTS <= (int)QUANTILES_BLOCK, "errors are made a block at a time");

ROOM_CLONES static void errors_f32_f32(const float *a, const float *b, size_t n, double *error) {
  for (size_t i = 0; i < n; i++) error[i] = fabs((double)b[i] - (double)a[i]);
}
ROOM_CLONES static void errors_f64_f32(const double *a, const float *b, size_t n, double *error) {
  for (size_t i = 0; i < n; i++) error[i] = fabs((double)b[i] - a[i]);
}
ROOM_CLONES static void errors_f64_f64(const double *a, const double *b, size_t n, double *error) {
  for (size_t i = 0; i < n; i++) error[i] = fabs(b[i] - a[i]);
}

/* What stands of a block while its errors are made. */
typedef struct ErrorRoom {
  ValuesRoom a, b;
  int64_t valid[BLOCK_ELEMENTS];
} ErrorRoom;

typedef struct ErrorsOf {
  const Tensor *base, *other;
  const PairBlock *block;
  Blocks blocks;
  ErrorRoom *room;
} ErrorsOf;

/* As pair_block_of has them: the difference of two doubles. */
static size_t errors_again(const void *of, size_t i, double *error) {
  const ErrorsOf *e = of;
  ErrorRoom *room = e->room;
  const BlockPlace at = block_place(&e->blocks, i);
  const size_t n = at.count, kept = (size_t)e->block[i].kept;
  const Values a = values_of(e->base, &at, &room->a), b = values_of(e->other, &at, &room->b);
  if (a.f && b.f)
    errors_f32_f32(a.f, b.f, n, error);
  else if (b.f)
    errors_f64_f32(a.d, b.f, n, error);
  else
    errors_f64_f64(values_f64(a, n, &room->a), b.d, n, error);
  if (kept == n) return n;
  moments_valid(a, b, n, room->valid);
  moments_keep(error, n, room->valid);
  return kept;
}

void pair_error_quantiles(const Tensor *base, const Tensor *other, const PairBlock *block,
                          uint32_t *counts, double *quantile, Arena scratch) {
  const Blocks blocks = blocks_of((size_t)base->rows, (size_t)base->cols);
  const ErrorsOf of = {base, other, block, blocks, arena_room(&scratch, 1, sizeof *of.room)};
  const size_t most = quantiles_room(blocks.rows * blocks.cols);
  Remade errors = {errors_again, &of, blocks.count, 0};
  for (size_t i = 0; i < blocks.count; i++) errors.n += (size_t)block[i].kept;
  quantiles_again(counts, errors, pair_quantiles, PAIR_QUANTILES, quantile,
                  arena_room(&scratch, most, sizeof(double)), most);
}

size_t pair_error_quantiles_bytes(size_t n) {
  return sizeof(ErrorRoom) + quantiles_room(n) * sizeof(double) + 2 * 64;
}
