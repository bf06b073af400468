/* bpe: the tokens of a word: its letters, of which again and again the two neighbours are joined
 * whose pair comes first in the list of merges, the leftmost of equals.
 * Source: Sennrich et al. 2016, as `tokenizers` has it (models/bpe/word.rs, merge_all). */
#ifndef DS_MODEL_TOKENIZER_BPE_H
#define DS_MODEL_TOKENIZER_BPE_H
#include "model/tokenizer/vocabulary.h"

typedef struct Merge {
  uint64_t pair; /* the two ids; UINT64_MAX: free */
  uint32_t rank;
  int32_t id;
} Merge;

typedef struct BpeCache BpeCache;

typedef struct Bpe {
  Vocabulary vocabulary;
  Merge *merge; /* by a hash of the pair */
  uint32_t merges_mask;
  bool ignore_merges; /* a word that is a token is that token */
  BpeCache *cache;
} Bpe;

/* The value of "model"; `more` tokens may be added to its vocabulary. */
bool bpe_read(Arena *arena, const Field *model, size_t more, Bpe *bpe, Status *st);
/* The ids of a word of letters, one at most for each: written to `id`, their number returned, or -1
 * - i where letter i (of the word's bytes) has no token. */
int64_t bpe_word(const Bpe *bpe, const char *word, size_t bytes, int32_t *id, Arena scratch);
#endif
