#include "measure/clipping.h"

#include <float.h>
#include <math.h>

#include "measure/lanes.h"

enum { BLOCK = 1024 }; /* elements: two arrays of 8 KiB stay in the first cache */

typedef struct Ends {
  double low, high;
} Ends;

static Ends ends_of(float scale) { return (Ends){-128.0 * (double)scale, 127.0 * (double)scale}; }

static inline bool both_finite(double a, double b) {
  return fabs(a) <= DBL_MAX && fabs(b) <= DBL_MAX;
}
static inline bool is_beyond(double a, Ends ends) { return a > ends.high || a < ends.low; }

/* Of elements that are finite on both sides: squared error in those beyond an end, and in all
 * others; |reference|^2. */
typedef struct Sums {
  double beyond2, rest2, base2;
  int64_t beyond, nonfinite; /* counts */
} Sums;

/* What is kept of the elements beyond. */
typedef struct Beyond {
  bool rows_are_tokens;
  size_t cols, channels;
  double *error2; /* [channels] */
  bool *met;      /* [channels] */
  double furthest, value;
  int64_t at; /* row-major index of the furthest; -1: none */
} Beyond;

/* Adds a block where every element is finite and none lies beyond; false, and nothing is added,
 * where one does not. */
ROOM_CLONES static bool plain_add(Sums *s, const double *reference, const double *got, size_t n,
                                  Ends ends) {
  double rest2[LANES] = {0}, base2[LANES] = {0}, most[LANES] = {0}, least[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t l = 0; l < LANES; l++) {
      double a = reference[i + l], d = got[i + l] - a;
      rest2[l] += d * d;
      base2[l] += a * a;
      most[l] = a > most[l] ? a : most[l];
      least[l] = a < least[l] ? a : least[l];
    }
  for (size_t l = 0; i < n; i++, l++) {
    double a = reference[i], d = got[i] - a;
    rest2[l] += d * d;
    base2[l] += a * a;
    most[l] = a > most[l] ? a : most[l];
    least[l] = a < least[l] ? a : least[l];
  }
  const double error = lanes_sum(rest2), size = lanes_sum(base2);
  if (!both_finite(error, size)) return false;
  for (size_t l = 0; l < LANES; l++)
    if (is_beyond(most[l], ends) || is_beyond(least[l], ends)) return false;
  s->rest2 += error;
  s->base2 += size;
  return true;
}

static size_t channel_of(const Beyond *b, size_t at) {
  return b->rows_are_tokens ? at % b->cols : at / b->cols;
}

static void beyond_add(Beyond *b, double reference, double error2, size_t at, Ends ends) {
  const size_t channel = channel_of(b, at);
  const double over = reference > 0 ? reference / ends.high : reference / ends.low;
  b->error2[channel] += error2;
  b->met[channel] = true;
  if (!(over > b->furthest)) return;
  b->furthest = over;
  b->value = reference;
  b->at = (int64_t)at;
}

/* Any block, element by element. */
static void block_add(Sums *s, Beyond *b, const double *reference, const double *got, size_t first,
                      size_t n, Ends ends) {
  for (size_t i = 0; i < n; i++) {
    const double a = reference[i], d = got[i] - a;
    if (!both_finite(a, got[i])) {
      s->nonfinite++;
      continue;
    }
    s->base2 += a * a;
    if (!is_beyond(a, ends)) {
      s->rest2 += d * d;
      continue;
    }
    s->beyond++;
    s->beyond2 += d * d;
    beyond_add(b, a, d * d, first + i, ends);
  }
}

static void write_beyond(const Beyond *b, Clipping *row) {
  const bool any = b->at >= 0;
  double most = 0;
  row->channels = 0;
  row->worst_channel = -1;
  for (size_t c = 0; c < b->channels; c++) {
    row->channels += b->met[c];
    if (b->error2[c] > most) most = b->error2[c], row->worst_channel = (int32_t)c;
  }
  row->furthest = any ? b->furthest : NAN;
  row->furthest_value = any ? b->value : NAN;
  row->furthest_token = any && b->rows_are_tokens ? (int32_t)(b->at / (int64_t)b->cols) : -1;
  row->furthest_channel = any ? (int32_t)channel_of(b, (size_t)b->at) : -1;
}

static double ratio_of(double error2, double base2) {
  return error2 == 0 ? 0 : base2 == 0 ? NAN : sqrt(error2) / sqrt(base2);
}

void clipping_of(const Tensor *reference, const Tensor *got, float scale, bool rows_are_tokens,
                 Clipping *row, Arena scratch) {
  const Ends ends = ends_of(scale);
  const size_t rows = (size_t)reference->rows, cols = (size_t)reference->cols, n = rows * cols;
  const size_t channels = rows_are_tokens ? cols : rows;
  double *a = ARENA_NEW(&scratch, double, BLOCK), *b = ARENA_NEW(&scratch, double, BLOCK);
  Beyond beyond = {.rows_are_tokens = rows_are_tokens,
                   .cols = cols,
                   .channels = channels,
                   .error2 = ARENA_NEW(&scratch, double, channels),
                   .met = ARENA_NEW(&scratch, bool, channels),
                   .at = -1};
  Sums all = {0};
  for (size_t first = 0, count; first < n; first += count) {
    const Tensor of_a = tensor_block(reference, first, BLOCK, &count),
                 of_b = tensor_block(got, first, BLOCK, &count);
    tensor_values(&of_a, a);
    tensor_values(&of_b, b);
    if (!plain_add(&all, a, b, count, ends)) block_add(&all, &beyond, a, b, first, count, ends);
  }
  row->scale = (double)scale;
  row->grid_end = ends.high;
  row->n = (int64_t)n;
  row->beyond = all.beyond;
  row->nonfinite = all.nonfinite;
  write_beyond(&beyond, row);
  const double error2 = all.beyond2 + all.rest2;
  row->error_share = error2 > 0 ? all.beyond2 / error2 : NAN;
  row->rel_l2 = ratio_of(error2, all.base2);
  row->rel_l2_clipped = ratio_of(all.beyond2, all.base2);
  row->rel_l2_rounded = ratio_of(all.rest2, all.base2);
}

size_t clipping_scratch_bytes(size_t channels) {
  return 2 * BLOCK * sizeof(double) + channels * (sizeof(double) + sizeof(bool)) + 4 * 64;
}
