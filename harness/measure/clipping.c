#include "measure/clipping.h"

#include <float.h>
#include <math.h>

#include "measure/lanes.h"

enum { BLOCK = 1024 }; /* elements: two arrays of 8 KiB stay in the first cache */

typedef struct Ends {
  double low, high;
} Ends;

/* Over all elements that are finite on both sides. */
typedef struct Sums {
  double beyond2, rest2, base2; /* squared error in elements beyond an end, and in all others; |reference|^2 */
  double beyond, nonfinite;     /* counts */
} Sums;

static Ends ends_of(float scale) { return (Ends){-128.0 * (double)scale, 127.0 * (double)scale}; }

static inline bool both_finite(double a, double b) { return (fabs(a) <= DBL_MAX) & (fabs(b) <= DBL_MAX); }
static inline bool is_beyond(double a, Ends ends) { return (a > ends.high) | (a < ends.low); }

/* The sums of so many lanes. What is not finite counts as an element of no size and no error. */
typedef struct Lanes {
  double beyond2[LANES], rest2[LANES], base2[LANES], beyond[LANES], nonfinite[LANES];
} Lanes;

ROOM_FN void add_element(Lanes *lanes, size_t l, double reference, double got, Ends ends) {
  const bool finite = both_finite(reference, got);
  const double a = finite ? reference : 0, d = finite ? got - reference : 0;
  const bool beyond = is_beyond(a, ends);
  lanes->base2[l] += a * a;
  lanes->beyond2[l] += beyond ? d * d : 0;
  lanes->rest2[l] += beyond ? 0 : d * d;
  lanes->beyond[l] += beyond ? 1 : 0;
  lanes->nonfinite[l] += finite ? 0 : 1;
}

ROOM_CLONES static Sums sums_of(const double *reference, const double *got, size_t n, Ends ends) {
  Lanes lanes = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t l = 0; l < LANES; l++) add_element(&lanes, l, reference[i + l], got[i + l], ends);
  for (size_t l = 0; i < n; i++, l++) add_element(&lanes, l, reference[i], got[i], ends);
  return (Sums){lanes_sum(lanes.beyond2), lanes_sum(lanes.rest2), lanes_sum(lanes.base2), lanes_sum(lanes.beyond),
                lanes_sum(lanes.nonfinite)};
}

static void sums_add(Sums *all, const Sums *block) {
  all->beyond2 += block->beyond2;
  all->rest2 += block->rest2;
  all->base2 += block->base2;
  all->beyond += block->beyond;
  all->nonfinite += block->nonfinite;
}

/* What is kept of the elements beyond. */
typedef struct Beyond {
  bool rows_are_tokens;
  size_t cols, channels;
  double *error2; /* [channels] */
  bool *met;      /* [channels] */
  double furthest, value;
  int64_t at; /* row-major index of the furthest; -1: none */
} Beyond;

static size_t channel_of(const Beyond *b, size_t at) { return b->rows_are_tokens ? at % b->cols : at / b->cols; }

/* A block that has some: there are few of them. */
static void beyond_add(Beyond *b, const double *reference, const double *got, size_t first, size_t n, Ends ends) {
  for (size_t i = 0; i < n; i++) {
    const double a = reference[i];
    if (!both_finite(a, got[i]) || !is_beyond(a, ends)) continue;
    const size_t channel = channel_of(b, first + i);
    const double over = a > 0 ? a / ends.high : a / ends.low, d = got[i] - a;
    b->error2[channel] += d * d;
    b->met[channel] = true;
    if (!(over > b->furthest)) continue;
    b->furthest = over;
    b->value = a;
    b->at = (int64_t)(first + i);
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

void clipping_of(const Tensor *reference, const Tensor *got, float scale, bool rows_are_tokens, Clipping *row,
                 Arena scratch) {
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
    const Tensor of_a = tensor_block(reference, first, BLOCK, &count), of_b = tensor_block(got, first, BLOCK, &count);
    tensor_values(&of_a, a);
    tensor_values(&of_b, b);
    const Sums block = sums_of(a, b, count, ends);
    if (block.beyond > 0) beyond_add(&beyond, a, b, first, count, ends);
    sums_add(&all, &block);
  }
  row->scale = (double)scale;
  row->grid_end = ends.high;
  row->n = (int64_t)n;
  row->beyond = (int64_t)all.beyond;
  row->nonfinite = (int64_t)all.nonfinite;
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
