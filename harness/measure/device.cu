/* device: a warp takes a block, a thread a lane of it; which elements a lane takes, in which order,
 * and what it does with them is measure/block.h's. Lanes are put together by five exchanges, which
 * are its tree. Columns are a thread's each. */
#include "measure/parts.cuh"

static_assert(SUM_LANES == 32, "a lane is a thread of a warp");

enum { WARPS = 8, ALL = 0xffffffff };

/* --- a warp ----------------------------------------------------------------------------------- */

__device__ static double warp_sum(double x) {
  for (int step = SUM_LANES / 2; step; step /= 2) x += __shfl_xor_sync(ALL, x, step);
  return x;
}
__device__ static int64_t warp_count(int64_t x) {
  for (int step = SUM_LANES / 2; step; step /= 2) x += __shfl_xor_sync(ALL, (long long)x, step);
  return x;
}
__device__ static double warp_max(double x) {
  for (int step = SUM_LANES / 2; step; step /= 2) x = real_max(x, __shfl_xor_sync(ALL, x, step));
  return x;
}
__device__ static int64_t warp_least(int64_t x) {
  for (int step = SUM_LANES / 2; step; step /= 2) {
    const int64_t other = __shfl_xor_sync(ALL, (long long)x, step);
    x = other < x ? other : x;
  }
  return x;
}
__device__ static int64_t warp_most(int64_t x) { return -1 - warp_least(-1 - x); }

__device__ static int lane_id() { return threadIdx.x % SUM_LANES; }

/* --- parts ------------------------------------------------------------------------------------ */

__device__ static float device_scale(const Tensor *t) {
  return t->scale_at ? *t->scale_at : t->scale.value;
}

__device__ static double device_value(const Tensor *t, float scale, size_t row, size_t col) {
  const size_t at = row * (size_t)t->stride + col;
  switch (t->format) {
    case FORMAT_F64: return ((const double *)t->data)[at];
    case FORMAT_F16: return f32_of_f16(((const uint16_t *)t->data)[at]);
    case FORMAT_I8: return dq(((const int8_t *)t->data)[at], scale);
    default: return ((const float *)t->data)[at];
  }
}

/* A side of a block, as its warp sees it. */
struct Side {
  const Tensor *t;
  float scale;
  BlockPlace at;
  __device__ Side(const Tensor *tensor, BlockPlace place)
      : t(tensor), scale(device_scale(tensor)), at(place) {}
  __device__ double operator()(size_t row, size_t col) const {
    return device_value(t, scale, at.row + row, at.col + col);
  }
};

/* --- moments ---------------------------------------------------------------------------------- */

struct LaneMoments {
  double sum = 0, rest = 0, squares = 0;
  int64_t least = INT64_MAX, most = INT64_MIN;
  __device__ void take(double x, bool valid) {
    sum_lane(&sum, x, valid);
    if (!valid) return;
    const int64_t order = order_f64(x);
    least = order < least ? order : least;
    most = order > most ? order : most;
  }
  __device__ void centre(MomentBlock *m, int64_t kept) {
    m->n = (double)kept;
    m->sum = warp_sum(sum);
    m->centre = moment_centre(m->sum, m->n);
    least = warp_least(least);
    most = warp_most(most);
    m->min = kept ? f64_of_order(least) : INFINITY;
    m->max = kept ? f64_of_order(most) : -INFINITY;
  }
  __device__ void end(MomentBlock *m) {
    m->rest = warp_sum(rest);
    m->squares = warp_sum(squares);
  }
};

/* --- tensors ---------------------------------------------------------------------------------- */

__device__ static void put_first(const DevicePart *part, int lane) {
  const size_t cols = part->blocks.cols;
  if (lane >= DEVICE_FIRST || (size_t)lane >= part->blocks.rows * cols) return;
  part->first[lane] = device_value(&part->a, device_scale(&part->a), lane / cols, lane % cols);
}

__global__ static void tensor_kernel(DeviceParts parts) {
  const size_t index = (size_t)blockIdx.x * WARPS + threadIdx.x / SUM_LANES;
  if (index >= parts.blocks) return;
  const int lane = lane_id();
  const DevicePart *part = part_of(parts, &DevicePart::first_block, index);
  const BlockPlace at = block_place(&part->blocks, index - part->first_block);
  const Side x(&part->a, at);
  LaneMoments lanes;
  TensorBlock block = {};
  int64_t kept = 0, zeros = 0, on_grid = 0, saturated = 0, nonfinite = INT64_MAX;
  for (size_t r = 0; r < at.rows; r++)
    for (size_t c = lane; c < at.cols; c += SUM_LANES) {
      const double value = x(r, c);
      const bool valid = real_finite(value);
      lanes.take(value, valid);
      kept += valid;
      zeros += value == 0;
      if (!valid && nonfinite == INT64_MAX) nonfinite = (int64_t)(r * at.cols + c);
      if (!(part->scale > 0)) continue;
      on_grid += is_on_grid((float)value, part->scale);
      saturated += is_saturated((float)value, part->scale);
    }
  kept = warp_count(kept);
  lanes.centre(&block.moments, kept);
  for (size_t r = 0; r < at.rows; r++)
    for (size_t c = lane; c < at.cols; c += SUM_LANES) {
      const double value = x(r, c);
      moment_lane(&lanes.rest, &lanes.squares, value, block.moments.centre, real_finite(value));
    }
  lanes.end(&block.moments);
  block.zeros = (int32_t)warp_count(zeros);
  block.on_grid = (int32_t)warp_count(on_grid);
  block.saturated = (int32_t)warp_count(saturated);
  nonfinite = warp_least(nonfinite);
  block.first_nonfinite = nonfinite == INT64_MAX ? -1 : (int32_t)nonfinite;
  if (lane == 0) part->tensor[index - part->first_block] = block;
  if (index == part->first_block) put_first(part, lane);
}

void device_tensors(Cuda *cuda, DeviceParts parts) {
  if (!parts.count) return;
  tensor_kernel<<<(unsigned)((parts.blocks + WARPS - 1) / WARPS), WARPS * SUM_LANES, 0,
                  device_stream(cuda)>>>(parts);
  device_check(cuda, cudaGetLastError(), "statistics of tensors", parts.count, 0);
}

/* --- pairs: blocks ---------------------------------------------------------------------------- */

__device__ static int32_t place_on_device(const Tensor *t, bool f16, double value, size_t row,
                                          size_t col) {
  if (!f16) return place_f32((float)value);
  return place_f16(((const uint16_t *)t->data)[row * (size_t)t->stride + col]);
}

/* What a lane counts beside its sums. */
struct LaneSteps {
  uint64_t sum = 0;
  int64_t most = 0, differing = 0, first = INT64_MAX;
  double worst = 0;
  int64_t worst_at = INT64_MAX;
};

__device__ static void end_pair(PairBlock *block, const PairLane &lane, LaneSteps steps) {
  block->co = warp_sum(lane.co);
  block->error = warp_sum(lane.error);
  block->relative = warp_sum(lane.relative);
  block->max_error = warp_max(lane.max_error);
  block->max_relative = warp_max(lane.max_relative);
  block->zero_base = (int32_t)warp_count(lane.zero_base);
  block->steps = (uint64_t)warp_count((int64_t)steps.sum);
  block->max_steps = (uint32_t)warp_most(steps.most);
  block->differing = (int32_t)warp_count(steps.differing);
  const int64_t first = warp_least(steps.first);
  block->first_differing = first == INT64_MAX ? -1 : (int32_t)first;
  const int64_t worst = warp_least(steps.worst == block->max_error ? steps.worst_at : INT64_MAX);
  block->worst = worst == INT64_MAX ? -1 : (int32_t)worst;
}

/* Means of both sides first; then all that is measured from them. */
__global__ static void pair_kernel(DeviceParts parts) {
  const size_t index = (size_t)blockIdx.x * WARPS + threadIdx.x / SUM_LANES;
  if (index >= parts.blocks) return;
  const int lane = lane_id();
  const DevicePart *part = part_of(parts, &DevicePart::first_block, index);
  const BlockPlace at = block_place(&part->blocks, index - part->first_block);
  const bool f16 = part->a.format == FORMAT_F16 && part->b.format == FORMAT_F16;
  const Side a(&part->a, at), b(&part->b, at);
  LaneMoments of_a, of_b;
  PairBlock block = {};
  int64_t kept = 0;
  for (size_t r = 0; r < at.rows; r++)
    for (size_t c = lane; c < at.cols; c += SUM_LANES) {
      const double x = a(r, c), y = b(r, c);
      const bool valid = real_finite(x) & real_finite(y);
      of_a.take(x, valid);
      of_b.take(y, valid);
      kept += valid;
    }
  kept = warp_count(kept);
  of_a.centre(&block.a, kept);
  of_b.centre(&block.b, kept);
  block.kept = (int32_t)kept;

  PairLane sums = {};
  LaneSteps steps;
  for (size_t r = 0; r < at.rows; r++) {
    RowLane row = {}, valid_row = {};
    for (size_t c = lane; c < at.cols; c += SUM_LANES) {
      const double x = a(r, c), y = b(r, c), d = y - x;
      const bool valid = real_finite(x) & real_finite(y);
      const int64_t i = (int64_t)(r * at.cols + c);
      moment_lane(&of_a.rest, &of_a.squares, x, block.a.centre, valid);
      moment_lane(&of_b.rest, &of_b.squares, y, block.b.centre, valid);
      const double error = pair_lane(&sums, x, y, block.a.centre, block.b.centre, valid);
      row_lane(&row, d * d, x * x);
      row_lane(&valid_row, real_where(valid, d * d), real_where(valid, x * x));
      part->key[at.first + i] = valid ? double_bits(error) : -1;
      if (error > steps.worst) steps.worst = error, steps.worst_at = i;
      if (!same_f32((float)x, (float)y)) {
        steps.differing++;
        if (steps.first == INT64_MAX) steps.first = i;
      }
      if (!valid) continue;
      const uint32_t between =
          steps_between(place_on_device(&part->a, f16, x, at.row + r, at.col + c),
                        place_on_device(&part->b, f16, y, at.row + r, at.col + c));
      steps.sum += between;
      steps.most = between > steps.most ? between : steps.most;
    }
    const double error2 = warp_sum(row.error2), base2 = warp_sum(row.base2);
    block.error2 += warp_sum(valid_row.error2);
    block.base2 += warp_sum(valid_row.base2);
    if (lane == 0) {
      const size_t piece = (at.row + r) * part->blocks.pieces + at.col / BLOCK_ELEMENTS;
      part->row_error2[piece] = error2;
      part->row_base2[piece] = base2;
    }
  }
  of_a.end(&block.a);
  of_b.end(&block.b);
  end_pair(&block, sums, steps);
  if (lane == 0) part->pair[index - part->first_block] = block;
}

/* --- pairs: columns --------------------------------------------------------------------------- */

/* Row by row; several rows are on their way at a time. */
__global__ static void column_kernel(DeviceParts parts) {
  const DevicePart *part = part_of(parts, &DevicePart::first_panel, blockIdx.x);
  const size_t col = (blockIdx.x - part->first_panel) * DEVICE_PANEL + threadIdx.x;
  if (col >= part->blocks.cols) return;
  const float scale_a = device_scale(&part->a), scale_b = device_scale(&part->b);
  double error2 = 0, base2 = 0;
#pragma unroll 8
  for (size_t r = 0; r < part->blocks.rows; r++) {
    const double a = device_value(&part->a, scale_a, r, col),
                 d = device_value(&part->b, scale_b, r, col) - a;
    error2 += d * d;
    base2 += a * a;
  }
  part->column_error2[col] = error2;
  part->column_base2[col] = base2;
}

void device_pairs(Cuda *cuda, DeviceParts parts) {
  if (!parts.count) return;
  pair_kernel<<<(unsigned)((parts.blocks + WARPS - 1) / WARPS), WARPS * SUM_LANES, 0,
                device_stream(cuda)>>>(parts);
  device_check(cuda, cudaGetLastError(), "statistics of pairs", parts.count, 0);
  column_kernel<<<(unsigned)parts.panels, DEVICE_PANEL, 0, device_stream(cuda)>>>(parts);
  device_check(cuda, cudaGetLastError(), "columns of pairs", parts.count, 0);
  device_orders(cuda, parts);
}

/* --- clipping --------------------------------------------------------------------------------- */

__device__ static bool is_beyond(double a, double b, ClipEnds ends) {
  return real_finite(a) & real_finite(b) & ((a > ends.high) | (a < ends.low));
}

__global__ static void clip_kernel(DeviceParts parts) {
  const size_t index = (size_t)blockIdx.x * WARPS + threadIdx.x / SUM_LANES;
  if (index >= parts.blocks) return;
  const int lane = lane_id();
  const DevicePart *part = part_of(parts, &DevicePart::first_block, index);
  const BlockPlace at = block_place(&part->blocks, index - part->first_block);
  const ClipEnds ends = clip_ends(part->scale);
  const Side a(&part->a, at), b(&part->b, at);
  ClipBlock block = {};
  int64_t beyond = 0, nonfinite = 0, furthest_at = INT64_MAX;
  double furthest = 0;
  for (size_t r = 0; r < at.rows; r++) {
    ClipLane sums = {};
    bool met = false;
    for (size_t c = lane; c < at.cols; c += SUM_LANES) {
      const double x = a(r, c), y = b(r, c);
      clip_lane(&sums, x, y, ends.low, ends.high, true);
      nonfinite += !(real_finite(x) & real_finite(y));
      if (!is_beyond(x, y, ends)) continue;
      beyond++;
      met = true;
      if (clip_over(x, ends) > furthest) {
        furthest = clip_over(x, ends);
        furthest_at = (int64_t)(r * at.cols + c);
      }
    }
    const double beyond2 = warp_sum(sums.beyond2);
    block.beyond2 += beyond2;
    block.rest2 += warp_sum(sums.rest2);
    block.base2 += warp_sum(sums.base2);
    met = __any_sync(ALL, met);
    if (lane == 0 && part->channels_are_rows) {
      part->row_error2[(at.row + r) * part->blocks.pieces + at.col / BLOCK_ELEMENTS] = beyond2;
      if (met) part->met[at.row + r] = 1;
    }
  }
  block.beyond = (int32_t)warp_count(beyond);
  block.nonfinite = (int32_t)warp_count(nonfinite);
  block.furthest = warp_max(furthest);
  const int64_t where = warp_least(furthest == block.furthest ? furthest_at : INT64_MAX);
  block.furthest_at = where == INT64_MAX ? -1 : (int32_t)where;
  if (block.furthest_at >= 0)
    block.furthest_value =
        a((size_t)block.furthest_at / at.cols, (size_t)block.furthest_at % at.cols);
  if (lane == 0) part->clip[index - part->first_block] = block;
}

/* Where columns are channels. */
__global__ static void clip_column_kernel(DeviceParts parts) {
  const DevicePart *part = part_of(parts, &DevicePart::first_panel, blockIdx.x);
  const size_t col = (blockIdx.x - part->first_panel) * DEVICE_PANEL + threadIdx.x;
  if (col >= part->blocks.cols || part->channels_are_rows) return;
  const float scale_a = device_scale(&part->a), scale_b = device_scale(&part->b);
  const ClipEnds ends = clip_ends(part->scale);
  double error2 = 0;
  bool met = false;
#pragma unroll 8
  for (size_t r = 0; r < part->blocks.rows; r++) {
    const double a = device_value(&part->a, scale_a, r, col),
                 b = device_value(&part->b, scale_b, r, col), d = b - a;
    const bool beyond = is_beyond(a, b, ends);
    error2 += real_where(beyond, d * d);
    met |= beyond;
  }
  part->column_error2[col] = error2;
  part->met[col] = met;
}

void device_clips(Cuda *cuda, DeviceParts parts) {
  if (!parts.count) return;
  clip_kernel<<<(unsigned)((parts.blocks + WARPS - 1) / WARPS), WARPS * SUM_LANES, 0,
                device_stream(cuda)>>>(parts);
  device_check(cuda, cudaGetLastError(), "what grids clip", parts.count, 0);
  clip_column_kernel<<<(unsigned)parts.panels, DEVICE_PANEL, 0, device_stream(cuda)>>>(parts);
  device_check(cuda, cudaGetLastError(), "channels that grids clip", parts.count, 0);
}

/* --- the largest element of a row ------------------------------------------------------------- */

/* By a warp: the largest, and of equal ones the first; -1 where one is not finite. */
__device__ static int32_t argmax_of(const Tensor *t, size_t row, int lane) {
  const float scale = device_scale(t);
  double most = -INFINITY;
  int64_t at = INT64_MAX;
  bool finite = true;
  for (size_t c = lane; c < (size_t)t->cols; c += SUM_LANES) {
    const double x = device_value(t, scale, row, c);
    finite &= real_finite(x);
    if (x > most) most = x, at = (int64_t)c;
  }
  if (!__all_sync(ALL, finite)) return -1;
  const double largest = warp_max(most);
  return (int32_t)warp_least(most == largest ? at : INT64_MAX);
}

__global__ static void top_kernel(DeviceParts parts) {
  const size_t index = (size_t)blockIdx.x * WARPS + threadIdx.x / SUM_LANES;
  if (index >= parts.rows) return;
  const DevicePart *part = part_of(parts, &DevicePart::first_row, index);
  const size_t row = index - part->first_row;
  const int32_t a = argmax_of(&part->a, row, lane_id()), b = argmax_of(&part->b, row, lane_id());
  if (lane_id() == 0) part->top_a[row] = a, part->top_b[row] = b;
}

void device_tops(Cuda *cuda, DeviceParts parts) {
  if (!parts.count) return;
  top_kernel<<<(unsigned)((parts.rows + WARPS - 1) / WARPS), WARPS * SUM_LANES, 0,
               device_stream(cuda)>>>(parts);
  device_check(cuda, cudaGetLastError(), "largest logits", parts.count, 0);
}
