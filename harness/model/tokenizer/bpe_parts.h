/* bpe_parts: what bpe.c and bpe_read.c share. */
#ifndef DS_MODEL_TOKENIZER_BPE_PARTS_H
#define DS_MODEL_TOKENIZER_BPE_PARTS_H
#include "model/tokenizer/bpe.h"

static inline uint64_t bpe_pair(int32_t a, int32_t b) {
  return (uint64_t)(uint32_t)a << 32 | (uint32_t)b;
}

/* Where the pair stands, or where it would. */
static inline Merge *bpe_merge(const Bpe *bpe, uint64_t pair) {
  uint32_t i = (uint32_t)((pair * 0x9e3779b97f4a7c15u) >> 32) & bpe->merges_mask;
  while (bpe->merge[i].pair != pair && bpe->merge[i].pair != UINT64_MAX)
    i = (i + 1) & bpe->merges_mask;
  return &bpe->merge[i];
}

/* Of words that were taken apart already; larger for more tokens. */
BpeCache *bpe_cache_new(Arena *arena, int entries);
#endif
