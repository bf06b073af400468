/* observe: magnitudes by their bits: counted, and for each rank the counter found that it lies in.
 * A rank's two searches are a block of threads each; counting is spread over all elements. */
#include "kernels/device.cuh"

extern "C" {
#include "measure/observe.h"
}

enum { THREADS = 256, EACH = 16, BLOCKS_MOST = 1024, SEARCH_THREADS = 1024 };

__device__ static uint32_t magnitude_bits(float x) { return bits_of_f32(x) & 0x7fffffffu; }

/* Neighbours are often alike: a thread adds up what it meets in one counter before it says so. */
struct Counter {
  uint32_t *last = nullptr, met = 0;
  __device__ void meet(uint32_t *counter) {
    if (counter != last) tell(), last = counter, met = 0;
    met++;
  }
  __device__ void tell() const {
    if (met) atomicAdd(last, met);
  }
};

/* --- counting --------------------------------------------------------------------------------- */

/* Blocks (some, tensor). */
__global__ static void upper_kernel(ObserveParts parts) {
  const ObservePart *part = &parts.part[blockIdx.y];
  uint32_t largest = 0;
  Counter counter;
  for (uint32_t i = blockIdx.x * THREADS + threadIdx.x; i < part->n; i += gridDim.x * THREADS) {
    const uint32_t bits = magnitude_bits(part->x[i]);
    largest = max(largest, bits);
    if (part->count) counter.meet(&part->count[bits / OBSERVE_LOWER]);
    if (part->channel)
      atomicMax(&part->channel[part->by_row ? i / part->cols : i % part->cols], bits);
  }
  counter.tell();
  for (int step = 16; step; step /= 2)
    largest = max(largest, __shfl_xor_sync(0xffffffffu, largest, step));
  if (threadIdx.x % 32 == 0) atomicMax(part->largest, largest);
}

/* The first rank that lies among the same upper bits as this one counts for both. */
__device__ static int leader_of(const ObservePart *part, int rank) {
  int first = 0;
  while (part->place[2 * first] != part->place[2 * rank]) first++;
  return first;
}

/* Blocks (some, tensor). */
__global__ static void lower_kernel(ObserveParts parts) {
  const ObservePart *part = &parts.part[blockIdx.y];
  __shared__ uint32_t upper[2 * OBSERVE_QUANTILES];
  if (!part->ordered) return;
  if ((int)threadIdx.x < parts.ranks)
    upper[threadIdx.x] = leader_of(part, (int)threadIdx.x) == (int)threadIdx.x
                             ? part->place[2 * threadIdx.x]
                             : UINT32_MAX;
  __syncthreads();
  Counter counter;
  for (uint32_t i = blockIdx.x * THREADS + threadIdx.x; i < part->n; i += gridDim.x * THREADS) {
    const uint32_t bits = magnitude_bits(part->x[i]);
    for (int r = 0; r < parts.ranks; r++)
      if (upper[r] == bits / OBSERVE_LOWER)
        counter.meet(&part->lower[(size_t)r * OBSERVE_LOWER + bits % OBSERVE_LOWER]);
  }
  counter.tell();
}

/* --- finding ---------------------------------------------------------------------------------- */

/* By a block of SEARCH_THREADS: the counter that `rank` lies in, and how many lie in those before
 * it. Each thread adds up its own counters; where the sums up to it first go beyond the rank, it
 * looks closer. */
__device__ static void search(const uint32_t *count, int counters, uint32_t rank, uint32_t *found,
                              uint32_t *below) {
  __shared__ uint32_t sum[SEARCH_THREADS];
  const int own = counters / SEARCH_THREADS, first = (int)threadIdx.x * own;
  uint32_t mine = 0;
  for (int i = 0; i < own; i++) mine += count[first + i];
  sum[threadIdx.x] = mine;
  __syncthreads();
  for (int step = 1; step < SEARCH_THREADS; step *= 2) {
    const uint32_t before = (int)threadIdx.x >= step ? sum[threadIdx.x - step] : 0;
    __syncthreads();
    sum[threadIdx.x] += before;
    __syncthreads();
  }
  uint32_t so_far = sum[threadIdx.x] - mine;
  if (rank < so_far || rank >= sum[threadIdx.x]) return;
  int at = first;
  while (rank >= so_far + count[at]) so_far += count[at++];
  *found = (uint32_t)at;
  *below = so_far;
}

/* Blocks (rank, tensor). */
__global__ static void place_kernel(ObserveParts parts) {
  const ObservePart *part = &parts.part[blockIdx.y];
  uint32_t *place = part->place + 2 * blockIdx.x;
  if (part->ordered) search(part->count, OBSERVE_UPPER, part->rank[blockIdx.x], place, place + 1);
}

/* Blocks (rank, tensor). */
__global__ static void ordered_kernel(ObserveParts parts) {
  const ObservePart *part = &parts.part[blockIdx.y];
  __shared__ uint32_t lower, below;
  if (!part->ordered) return;
  const int rank = (int)blockIdx.x, leader = leader_of(part, rank);
  if (threadIdx.x == 0) lower = 0;
  __syncthreads();
  search(part->lower + (size_t)leader * OBSERVE_LOWER, OBSERVE_LOWER,
         part->rank[rank] - part->place[2 * rank + 1], &lower, &below);
  __syncthreads();
  if (threadIdx.x == 0) part->ordered[rank] = part->place[2 * rank] * OBSERVE_LOWER + lower;
}

void observe_parts(Cuda *cuda, const ObserveParts *parts) {
  uint32_t n = 0;
  for (int i = 0; i < parts->count; i++) n = parts->part[i].n > n ? parts->part[i].n : n;
  const unsigned blocks = (n + THREADS * EACH - 1) / (THREADS * EACH), tensors = parts->count;
  const dim3 all(blocks < BLOCKS_MOST ? blocks : BLOCKS_MOST, tensors),
      ranks(parts->ranks, tensors);
  cudaStream_t stream = device_stream(cuda);
  upper_kernel<<<all, THREADS, 0, stream>>>(*parts);
  device_launched(cuda, "magnitudes of tensors", parts->count, (int)n);
  if (!parts->ranks) return;
  place_kernel<<<ranks, SEARCH_THREADS, 0, stream>>>(*parts);
  device_launched(cuda, "ranks of magnitudes", parts->count, parts->ranks);
  lower_kernel<<<all, THREADS, 0, stream>>>(*parts);
  device_launched(cuda, "magnitudes at ranks", parts->count, (int)n);
  ordered_kernel<<<ranks, SEARCH_THREADS, 0, stream>>>(*parts);
  device_launched(cuda, "quantiles of magnitudes", parts->count, parts->ranks);
}
