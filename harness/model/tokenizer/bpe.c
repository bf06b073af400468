#include "model/tokenizer/bpe.h"

#include <string.h>
#include <xxhash.h>

#include "model/tokenizer/bpe_parts.h"

/* Up to so many letters every pair is looked at for each merge; above, a heap knows the next one.
 * Measured on words of random letters: the heap is faster from about 40 on. */
enum { SHORT_WORD = 40 };

/* --- the cache -------------------------------------------------------------------------------- */

enum { CACHED_MOST = 64, CACHE_SLOTS = 1 << 16, CACHE_PROBES = 4, POOL = 1 << 20 };

typedef struct Cached {
  const char *word; /* NULL: free */
  const int32_t *id;
  uint32_t hash;
  uint16_t bytes, ids;
} Cached;

struct BpeCache {
  Cached *slot;
  uint32_t mask;
  char *word, *word_end; /* where the next one goes */
  int32_t *id, *id_end;
};

BpeCache *bpe_cache_new(Arena *arena, int entries) {
  BpeCache *cache = ARENA_NEW(arena, BpeCache, 1);
  uint32_t slots = 64;
  while (slots < CACHE_SLOTS && slots < 2 * (uint32_t)entries) slots *= 2;
  cache->slot = ARENA_NEW(arena, Cached, slots);
  cache->mask = slots - 1;
  cache->word = arena_room(arena, POOL, 1);
  cache->word_end = cache->word + POOL;
  cache->id = arena_room(arena, POOL, sizeof *cache->id);
  cache->id_end = cache->id + POOL;
  return cache;
}

/* The word's slot, or a free one; NULL: all that it might have are taken. */
static Cached *cached(BpeCache *cache, const char *word, size_t bytes, uint32_t hash) {
  for (uint32_t k = 0; k < CACHE_PROBES; k++) {
    Cached *slot = &cache->slot[(hash + k) & cache->mask];
    if (!slot->word) return slot;
    if (slot->hash == hash && slot->bytes == bytes && memcmp(slot->word, word, bytes) == 0)
      return slot;
  }
  return NULL;
}

static void remember(BpeCache *cache, Cached *slot, const char *word, size_t bytes, uint32_t hash,
                     const int32_t *id, size_t ids) {
  if ((size_t)(cache->word_end - cache->word) < bytes || (size_t)(cache->id_end - cache->id) < ids)
    return;
  *slot = (Cached){memcpy(cache->word, word, bytes), memcpy(cache->id, id, ids * sizeof *id), hash,
                   (uint16_t)bytes, (uint16_t)ids};
  cache->word += bytes;
  cache->id += ids;
}

/* --- merging ---------------------------------------------------------------------------------- */

static const Merge *merge_of(const Bpe *bpe, int32_t a, int32_t b) {
  const Merge *merge = bpe_merge(bpe, bpe_pair(a, b));
  return merge->pair == UINT64_MAX ? NULL : merge;
}

static size_t merge_short(const Bpe *bpe, int32_t *id, size_t count) {
  const Merge *next[SHORT_WORD]; /* of id[i] and id[i + 1] */
  for (size_t i = 0; i + 1 < count; i++) next[i] = merge_of(bpe, id[i], id[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; i++)
      if (next[i] && (!next[best] || next[i]->rank < next[best]->rank)) best = i;
    if (!next[best]) break;
    id[best] = next[best]->id;
    memmove(id + best + 1, id + best + 2, (count - best - 2) * sizeof *id);
    if (best + 2 < count) memmove(next + best, next + best + 1, (count - best - 2) * sizeof *next);
    count--;
    if (best + 1 < count) next[best] = merge_of(bpe, id[best], id[best + 1]);
    if (best > 0) next[best - 1] = merge_of(bpe, id[best - 1], id[best]);
  }
  return count;
}

/* A pair that can be joined, as it was when it was seen. */
typedef struct Candidate {
  uint32_t rank, place;
} Candidate;

typedef struct Heap {
  Candidate *at;
  size_t count;
} Heap;

static bool comes_before(Candidate a, Candidate b) {
  return a.rank < b.rank || (a.rank == b.rank && a.place < b.place);
}

static void heap_push(Heap *heap, Candidate new) {
  size_t i = heap->count++;
  for (; i > 0 && comes_before(new, heap->at[(i - 1) / 2]); i = (i - 1) / 2)
    heap->at[i] = heap->at[(i - 1) / 2];
  heap->at[i] = new;
}

static Candidate heap_pop(Heap *heap) {
  const Candidate first = heap->at[0], last = heap->at[--heap->count];
  size_t i = 0;
  for (size_t child; (child = 2 * i + 1) < heap->count; i = child) {
    if (child + 1 < heap->count && comes_before(heap->at[child + 1], heap->at[child])) child++;
    if (!comes_before(heap->at[child], last)) break;
    heap->at[i] = heap->at[child];
  }
  if (heap->count) heap->at[i] = last;
  return first;
}

enum { NONE = -1 };

/* Tokens as a list: `next` is the place of the one behind, NONE at the end; a token that was joined
 * to the one before it has id NONE. */
typedef struct List {
  int32_t *id, *next, *before;
} List;

static void push_pair(const Bpe *bpe, Heap *heap, const List *list, int32_t place) {
  if (place == NONE || list->next[place] == NONE) return;
  const Merge *merge = merge_of(bpe, list->id[place], list->id[list->next[place]]);
  if (merge) heap_push(heap, (Candidate){merge->rank, (uint32_t)place});
}

/* n letters make at most n - 1 merges, each of which pushes at most two pairs. */
static size_t merge_long(const Bpe *bpe, int32_t *id, size_t count, Arena scratch) {
  const int32_t n = (int32_t)count;
  const List list = {id, arena_room(&scratch, count, sizeof(int32_t)),
                     arena_room(&scratch, count, sizeof(int32_t))};
  Heap heap = {arena_room(&scratch, 3 * count, sizeof(Candidate)), 0};
  for (int32_t i = 0; i < n; i++) {
    list.next[i] = i + 1 < n ? i + 1 : NONE;
    list.before[i] = i - 1;
  }
  for (int32_t i = 0; i + 1 < n; i++) push_pair(bpe, &heap, &list, i);
  while (heap.count) {
    const Candidate top = heap_pop(&heap);
    const int32_t place = (int32_t)top.place, right = list.next[place];
    if (id[place] == NONE || right == NONE) continue;
    const Merge *merge = merge_of(bpe, id[place], id[right]);
    if (!merge || merge->rank != top.rank) continue; /* one of the two has changed since */
    id[place] = merge->id;
    id[right] = NONE;
    list.next[place] = list.next[right];
    if (list.next[right] != NONE) list.before[list.next[right]] = place;
    push_pair(bpe, &heap, &list, list.before[place]);
    push_pair(bpe, &heap, &list, place);
  }
  size_t left = 0;
  for (size_t i = 0; i < count; i++)
    if (id[i] != NONE) id[left++] = id[i];
  return left;
}

static int64_t take_apart(const Bpe *bpe, const char *word, size_t bytes, int32_t *id,
                          Arena scratch) {
  size_t count = 0;
  for (const char *at = word; at < word + bytes; count++) {
    const int64_t place = at - word;
    id[count] = bpe->vocabulary.of_letter[letter_next(&at)];
    if (id[count] < 0) return -1 - place;
  }
  return (int64_t)(count <= SHORT_WORD ? merge_short(bpe, id, count)
                                       : merge_long(bpe, id, count, scratch));
}

int64_t bpe_word(const Bpe *bpe, const char *word, size_t bytes, int32_t *id, Arena scratch) {
  Cached *slot = NULL;
  uint32_t hash = 0;
  if (bytes <= CACHED_MOST) {
    hash = (uint32_t)XXH3_64bits(word, bytes);
    slot = cached(bpe->cache, word, bytes, hash);
    if (slot && slot->word) return memcpy(id, slot->id, slot->ids * sizeof *id), slot->ids;
  }
  int64_t count = 1;
  const int32_t whole =
      bpe->ignore_merges ? vocabulary_find_own(&bpe->vocabulary, (Bytes){word, bytes}) : -1;
  if (whole >= 0)
    id[0] = whole;
  else
    count = take_apart(bpe, word, bytes, id, scratch);
  if (slot && count > 0) remember(bpe->cache, slot, word, bytes, hash, id, (size_t)count);
  return count;
}
