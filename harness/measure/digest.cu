/* digest: the digests of tensors where they stand. A warp sums a block of 1 KiB, four stripes at a
 * time, a thread a lane of one of them; then eight threads a tensor take the sums of its blocks in
 * their order. */
#include "measure/parts.cuh"

enum { WARP = 32, WARPS = 8, AT_A_TIME = WARP / DIGEST_LANES, ALL = 0xffffffff, AHEAD = 8 };

__constant__ static uint64_t secret[DIGEST_SECRET] = {DIGEST_SECRET_WORDS};
__constant__ static uint64_t starts[DIGEST_LANES] = {DIGEST_STARTS};

/* In pieces as large as they may be: the last stripe begins at any element. */
__device__ static uint64_t word_of(const Tensor *t, size_t byte) {
  const char *at = (const char *)t->data + byte;
  if ((uintptr_t)at % DIGEST_WORD == 0)
    return digest_canonical(t->format, *(const uint64_t *)(const void *)at);
  uint64_t word = 0;
  for (int i = 0; i < DIGEST_WORD; i++) word |= (uint64_t)(unsigned char)at[i] << 8 * i;
  return digest_canonical(t->format, word);
}

__global__ static void sum_kernel(DeviceParts parts, uint64_t *sums) {
  const size_t index = (size_t)blockIdx.x * WARPS + threadIdx.x / WARP;
  if (index >= parts.digests) return;
  const DevicePart *part = part_of(parts, &DevicePart::first_digest, index);
  const size_t block = index - part->first_digest;
  const int stripes = digest_stripes(part->digested, block), lane = threadIdx.x % DIGEST_LANES;
  uint64_t sum = 0;
  for (int first = 0; first < stripes; first += AT_A_TIME) {
    const int stripe = first + threadIdx.x % WARP / DIGEST_LANES;
    uint64_t word = 0;
    if (stripe < stripes) {
      word = word_of(&part->a, block * DIGEST_BLOCK + stripe * DIGEST_STRIPE + lane * DIGEST_WORD);
      sum += digest_product(word, secret[stripe + lane]);
    }
    sum += __shfl_xor_sync(ALL, (unsigned long long)word, 1);
  }
  for (int step = WARP / 2; step >= DIGEST_LANES; step /= 2)
    sum += __shfl_xor_sync(ALL, (unsigned long long)sum, step);
  if (threadIdx.x % WARP < DIGEST_LANES) sums[index * DIGEST_LANES + lane] = sum;
}

/* Some blocks' sums are on their way while those before them are taken. */
__device__ static void look_ahead(const uint64_t *own, size_t first, size_t blocks,
                                  uint64_t next[AHEAD]) {
#pragma unroll
  for (int i = 0; i < AHEAD; i++)
    next[i] = first + i < blocks ? own[(first + i) * DIGEST_LANES] : 0;
}

__global__ static void chain_kernel(DeviceParts parts, const uint64_t *sums) {
  const int index = (int)(blockIdx.x * (blockDim.x / DIGEST_LANES) + threadIdx.x / DIGEST_LANES),
            lane = threadIdx.x % DIGEST_LANES;
  const DevicePart *part = index < parts.count ? &parts.part[index] : NULL;
  const bool has = part && part->lanes;
  const size_t bytes = has ? part->digested : 0, blocks = has ? digest_blocks(bytes) : 0;
  const uint64_t *own = has ? sums + part->first_digest * DIGEST_LANES + lane : NULL;
  const uint64_t after = secret[DIGEST_AT_SCRAMBLE / DIGEST_WORD + lane];
  uint64_t now = starts[lane], some[AHEAD], next[AHEAD];
  look_ahead(own, 0, blocks, next);
  for (size_t first = 0; first < blocks; first += AHEAD) {
    memcpy(some, next, sizeof some);
    look_ahead(own, first + AHEAD, blocks, next);
#pragma unroll
    for (int i = 0; i < AHEAD; i++) {
      if (first + i >= blocks) continue;
      now += some[i];
      if (first + i + 1 < blocks) now = digest_scramble(now, after);
    }
  }
  const uint64_t word = has ? word_of(&part->a, bytes - DIGEST_STRIPE + lane * DIGEST_WORD) : 0;
  now += digest_product(word, digest_secret(secret, DIGEST_AT_LAST + lane * DIGEST_WORD));
  now += __shfl_xor_sync(ALL, (unsigned long long)word, 1);
  if (has) part->lanes[lane] = now;
}

void device_digests(Cuda *cuda, DeviceParts parts, uint64_t *sums) {
  const int a_block = WARP / DIGEST_LANES;
  if (!parts.digests) return;
  sum_kernel<<<(unsigned)((parts.digests + WARPS - 1) / WARPS), WARPS * WARP, 0,
               device_stream(cuda)>>>(parts, sums);
  device_check(cuda, cudaGetLastError(), "digests of blocks", parts.count, 0);
  chain_kernel<<<(unsigned)((parts.count + a_block - 1) / a_block), WARP, 0, device_stream(cuda)>>>(
      parts, sums);
  device_check(cuda, cudaGetLastError(), "digests of tensors", parts.count, 0);
}
