/* order: the order statistics of |d|: a block of threads a pair. Keys are counted by a digit, from
 * the exponent down, in the ranges that wanted ranks lie in, until a range has one value or so few
 * keys that they can be listed; then each of a list is told its rank. */
#include "measure/parts.cuh"

extern "C" {
#include "base/quantiles.h"
}

enum {
  THREADS = 1024,
  WARP = 32,
  DIGITS = 2048, /* of a range: 11 bits, an exponent's or a part of a mantissa */
  MANTISSA = 52, /* bits */
  LISTED = 1024, /* keys at most */
  AT_A_TIME = 4, /* loads of a thread on their way */
  ALL = 0xffffffff
};

__constant__ static double fraction[DEVICE_QUANTILES] = {0.5, 0.9, 0.95, 0.99, 0.999};

/* The keys that a wanted rank lies among, from `low` to `high`: so many stand below, and so many
 * are these. Ranks that lie among the same keys have one leader. */
struct Range {
  int64_t low, high;
  size_t rank, below, count;
  unsigned long long least, most; /* of its keys, as they were met while they were counted */
  unsigned long long next;        /* the least key above */
  int shift, leader;
  unsigned listed;
};

struct Select {
  union {
    uint32_t count[DEVICE_QUANTILES][DIGITS];
    int64_t list[DEVICE_QUANTILES][LISTED];
  };
  Range range[DEVICE_QUANTILES];
  size_t kept;
  bool done;
};

__device__ static bool is_settled(const Range &r) { return r.low == r.high || r.count <= LISTED; }

/* All finite |d|, by their exponents. */
__device__ static void begin_ranges(Select *s) {
  for (int q = 0; q < DEVICE_QUANTILES; q++) {
    Range *r = &s->range[q];
    *r = {};
    r->high = 0x7ff0000000000000; /* of two that are finite it may be infinite */
    r->count = SIZE_MAX;
  }
}

/* A digit that tells the range's keys apart as far as there is room to count. */
__device__ static void choose_digits(Select *s) {
  s->done = true;
  for (int q = 0; q < DEVICE_QUANTILES; q++) {
    Range *r = &s->range[q];
    r->shift = 0;
    while (((uint64_t)(r->high - r->low) >> r->shift) >= DIGITS) r->shift++;
    r->least = r->next = INT64_MAX;
    r->most = 0;
    r->listed = 0;
    for (r->leader = 0; r->leader < q; r->leader++)
      if (s->range[r->leader].low == r->low && s->range[r->leader].high == r->high) break;
    s->done &= is_settled(*r);
  }
}

__device__ static unsigned long long warp_least(unsigned long long x) {
  for (int step = WARP / 2; step; step /= 2) {
    const unsigned long long other = __shfl_xor_sync(ALL, x, step);
    x = other < x ? other : x;
  }
  return x;
}

/* For each key of a pair, in any order; -1 of those that are left out. */
template <typename Take> __device__ static void each_key(const int64_t *key, size_t n, Take take) {
  for (size_t first = threadIdx.x; first < n; first += THREADS * AT_A_TIME) {
    int64_t some[AT_A_TIME];
#pragma unroll
    for (int i = 0; i < AT_A_TIME; i++)
      some[i] = first + i * THREADS < n ? key[first + i * THREADS] : -1;
#pragma unroll
    for (int i = 0; i < AT_A_TIME; i++)
      if (some[i] >= 0) take(some[i]);
  }
}

/* Neighbours are often equal: a thread adds up what it meets of one digit before it says so. */
struct Counts {
  uint32_t *last = nullptr, met = 0;
  __device__ void end() {
    if (last) atomicAdd(last, met);
  }
  __device__ void meet(uint32_t *count) {
    if (count != last) {
      end();
      last = count;
      met = 0;
    }
    met++;
  }
};

/* What the threads of a warp met of a range. */
__device__ static void put_ends(Range *r, unsigned long long least, unsigned long long most) {
  least = warp_least(least);
  most = INT64_MAX - warp_least(INT64_MAX - most);
  if (threadIdx.x % WARP) return;
  atomicMin(&r->least, least);
  atomicMax(&r->most, most);
}

/* The ranges that are looked at in a pass over the keys, which none of them shares with another;
 * those that are not are of a value that no key has. */
struct Looked {
  int64_t low[DEVICE_QUANTILES];
  uint64_t span[DEVICE_QUANTILES];
  __device__ Looked(const Select *s, bool unsettled) {
#pragma unroll
    for (int q = 0; q < DEVICE_QUANTILES; q++) {
      const Range &r = s->range[q];
      const bool looked = r.leader == q && !(unsettled && is_settled(r));
      low[q] = looked ? r.low : INT64_MAX;
      span[q] = looked ? (uint64_t)(r.high - r.low) : 0;
    }
  }
  __device__ bool has(int q, int64_t k) const { return (uint64_t)(k - low[q]) <= span[q]; }
};

__device__ static void count_keys(Select *s, const int64_t *key, size_t n) {
  const Looked at(s, true);
  unsigned long long least[DEVICE_QUANTILES], most[DEVICE_QUANTILES];
  Counts counts;
  for (int q = 0; q < DEVICE_QUANTILES; q++) least[q] = INT64_MAX, most[q] = 0;
  each_key(key, n, [&](int64_t k) {
    uint32_t *count = nullptr;
#pragma unroll
    for (int q = 0; q < DEVICE_QUANTILES; q++) {
      if (!at.has(q, k)) continue;
      count = &s->count[q][(k - at.low[q]) >> s->range[q].shift];
      least[q] = (unsigned long long)k < least[q] ? (unsigned long long)k : least[q];
      most[q] = (unsigned long long)k > most[q] ? (unsigned long long)k : most[q];
    }
    counts.meet(count);
  });
  counts.end();
#pragma unroll
  for (int q = 0; q < DEVICE_QUANTILES; q++) put_ends(&s->range[q], least[q], most[q]);
}

/* By a warp: how many of these stand before the lane's share, which is `own`. */
__device__ static size_t before(size_t own) {
  const int lane = threadIdx.x % WARP;
  size_t sum = own;
  for (int step = 1; step < WARP; step *= 2) {
    const size_t other = __shfl_up_sync(ALL, (unsigned long long)sum, step);
    if (lane >= step) sum += other;
  }
  return sum - own;
}

enum { SHARE = DIGITS / WARP }; /* digits of a lane */

__device__ static size_t share_of(const uint32_t *count) {
  size_t own = 0;
  for (int i = 0; i < SHARE; i++) own += count[threadIdx.x % WARP * SHARE + i];
  return own;
}

/* By a warp: the digit of the wanted rank is the next range, between the keys that were met. */
__device__ static void narrow(Select *s, Range *r) {
  const Range *leader = &s->range[r->leader];
  const uint32_t *count = s->count[r->leader];
  const int lane = threadIdx.x % WARP;
  const size_t own = share_of(count);
  size_t below = r->below + before(own);
  const bool mine = r->rank >= below && r->rank < below + own;
  const int64_t low = r->low, least = (int64_t)leader->least, most = (int64_t)leader->most;
  const int shift = r->shift;
  __syncwarp();
  if (!mine) return;
  int64_t digit = lane * SHARE;
  while (r->rank >= below + count[digit]) below += count[digit++];
  const int64_t first = low + (digit << shift), last = first + (((int64_t)1 << shift) - 1);
  r->below = below;
  r->count = count[digit];
  r->low = first > least ? first : least;
  r->high = last < most ? last : most;
}

/* The first pass: by their exponents all keys, in the rows of all ranges, so that fewer threads of
 * a warp meet in one count: the first range's then. So many keys there are, and so the ranks are
 * known. */
__device__ static void count_exponents(Select *s, const int64_t *key, size_t n) {
  const int row = threadIdx.x % DEVICE_QUANTILES;
  unsigned long long least = INT64_MAX, most = 0;
  Counts counts;
  each_key(key, n, [&](int64_t k) {
    uint32_t *count = &s->count[row][k >> MANTISSA];
    least = (unsigned long long)k < least ? (unsigned long long)k : least;
    most = (unsigned long long)k > most ? (unsigned long long)k : most;
    counts.meet(count);
  });
  counts.end();
  put_ends(&s->range[0], least, most);
  __syncthreads();
  for (int i = threadIdx.x; i < DIGITS; i += THREADS)
    for (int q = 1; q < DEVICE_QUANTILES; q++) s->count[0][i] += s->count[q][i];
}

__device__ static void find_ranks(Select *s) {
  const size_t own = share_of(s->count[0]), kept = before(own) + own;
  if (threadIdx.x != WARP - 1) return;
  s->kept = kept;
  for (int q = 0; q < DEVICE_QUANTILES && kept; q++)
    s->range[q].rank = quantile_rank(kept, fraction[q]);
}

__device__ static void clear(Select *s) {
  for (int i = threadIdx.x; i < DEVICE_QUANTILES * DIGITS; i += THREADS)
    s->count[i / DIGITS][i % DIGITS] = 0;
  __syncthreads();
}

/* The keys of each range that has several, and the least one above. */
__device__ static void list_keys(Select *s, const int64_t *key, size_t n) {
  const Looked at(s, false);
  unsigned long long next[DEVICE_QUANTILES];
  for (int q = 0; q < DEVICE_QUANTILES; q++) next[q] = INT64_MAX;
  each_key(key, n, [&](int64_t k) {
#pragma unroll
    for (int q = 0; q < DEVICE_QUANTILES; q++) {
      if (at.has(q, k) && at.span[q]) s->list[q][atomicAdd(&s->range[q].listed, 1u)] = k;
      if (k > at.low[q] && !at.has(q, k))
        next[q] = (unsigned long long)k < next[q] ? (unsigned long long)k : next[q];
    }
  });
#pragma unroll
  for (int q = 0; q < DEVICE_QUANTILES; q++) {
    const unsigned long long least = warp_least(next[q]);
    if (threadIdx.x % WARP == 0) atomicMin(&s->range[q].next, least);
  }
}

/* The values of a rank and of the one behind it; of equal keys the one that is listed first comes
 * first. */
__device__ static void tell(const Select *s, const Range *r, double *order) {
  const Range *leader = &s->range[r->leader];
  const int64_t *list = s->list[r->leader];
  const size_t rank = r->rank - r->below;
  const bool is_last = r->rank + 1 >= s->kept, is_end = rank + 1 >= r->count;
  if (r->low == r->high) {
    if (threadIdx.x) return;
    order[0] = double_of_bits(r->low);
    order[1] = double_of_bits(is_end && !is_last ? (int64_t)leader->next : r->low);
    return;
  }
  for (unsigned mine = threadIdx.x; mine < leader->listed; mine += THREADS) {
    const int64_t own = list[mine];
    size_t at = 0;
    for (unsigned i = 0; i < leader->listed; i++)
      at += list[i] < own || (list[i] == own && i < mine);
    if (at == rank) order[0] = double_of_bits(own);
    if (at == rank + 1) order[1] = double_of_bits(own);
    if (at == rank && is_end) order[1] = double_of_bits(is_last ? own : (int64_t)leader->next);
  }
}

__global__ static void __launch_bounds__(THREADS) order_kernel(DeviceParts parts) {
  extern __shared__ __align__(16) unsigned char shared[];
  Select *s = (Select *)shared;
  const DevicePart *part = &parts.part[blockIdx.x];
  const size_t n = part->blocks.rows * part->blocks.cols;
  const int warp = threadIdx.x / WARP;
  if (threadIdx.x == 0) begin_ranges(s), choose_digits(s);
  __syncthreads();
  clear(s);
  count_exponents(s, part->key, n);
  __syncthreads();
  if (warp == 0) find_ranks(s);
  __syncthreads();
  if (!s->kept) return;
  for (;;) {
    if (warp < DEVICE_QUANTILES && !is_settled(s->range[warp])) narrow(s, &s->range[warp]);
    __syncthreads();
    if (threadIdx.x == 0) choose_digits(s);
    __syncthreads();
    if (s->done) break;
    clear(s);
    count_keys(s, part->key, n);
    __syncthreads();
  }
  list_keys(s, part->key, n);
  __syncthreads();
  for (int q = 0; q < DEVICE_QUANTILES; q++) tell(s, &s->range[q], part->order + 2 * q);
}

void device_orders(Cuda *cuda, DeviceParts parts) {
  device_shared(cuda, order_kernel, sizeof(Select), "quantiles of pairs");
  order_kernel<<<(unsigned)parts.count, THREADS, sizeof(Select), device_stream(cuda)>>>(parts);
  device_check(cuda, cudaGetLastError(), "quantiles of pairs", parts.count, 0);
}
