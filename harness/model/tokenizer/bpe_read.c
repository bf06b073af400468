/* bpe_read: the model of a tokenizer.json. */
#include <string.h>

#include "base/number.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/bpe_parts.h"

enum { MERGES_MOST = 1 << 20 };

/* A key that must be absent, null or empty: what it asks for is not done here. */
static bool lacks(const Field *model, const char *key, Status *st) {
  const Field at = field_at(model, key);
  const char *text = json_string_value(at.value);
  if (!at.value || (text && !*text) || (json_is_number(at.value) && !json_number_value(at.value)))
    return true;
  return field_fail(&at, st, "is not read; it must be null");
}

static bool check_keys(const Field *model, bool *ignore_merges, Status *st) {
  const char *type;
  bool fallback, fuse;
  TRY(field_type(model, &type, st));
  if (strcmp(type, "BPE") != 0) return field_unknown(model, "model", type, "BPE", st);
  TRY(field_only(model,
                 FIELD_KEYS("type", "dropout", "unk_token", "continuing_subword_prefix",
                            "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges",
                            "vocab", "merges"),
                 st));
  TRY(field_bool(model, "byte_fallback", false, &fallback, st));
  if (fallback) {
    const Field at = field_at(model, "byte_fallback");
    return field_fail(&at, st, "is true, which is not read: the tokens are to be of bytes");
  }
  TRY(lacks(model, "dropout", st));
  TRY(lacks(model, "continuing_subword_prefix", st));
  TRY(lacks(model, "end_of_word_suffix", st));
  /* Every byte has a token, or the text is refused: nothing is unknown. */
  TRY(field_bool(model, "fuse_unk", false, &fuse, st));
  const Field unknown = field_at(model, "unk_token");
  const char *text;
  return (!unknown.value || field_text(&unknown, &text, st)) &&
         field_bool(model, "ignore_merges", false, ignore_merges, st);
}

/* The two halves of "a b" or ["a", "b"]. */
static bool halves(const Field *at, Bytes half[2], Status *st) {
  if (json_is_array(at->value)) {
    size_t count;
    TRY(field_list(at, 2, &count, st));
    if (count != 2)
      return field_fail(at, st, "holds %zu token%s, expected two", count, plural((int64_t)count));
    for (size_t i = 0; i < 2; i++) {
      const Field item = field_item(at, i);
      const char *text;
      TRY(field_text(&item, &text, st));
      half[i] = (Bytes){text, strlen(text)};
    }
    return true;
  }
  const char *text;
  TRY(field_text(at, &text, st));
  const char *space = strchr(text, ' ');
  if (!space || strchr(space + 1, ' '))
    return field_fail(at, st, "'%.60s' is not two tokens with a space between", text);
  half[0] = (Bytes){text, (size_t)(space - text)};
  half[1] = (Bytes){space + 1, strlen(space + 1)};
  return true;
}

static bool read_merge(const Field *at, const Vocabulary *v, uint32_t rank, Merge *merge,
                       Status *st) {
  Bytes half[2] = {{"", 0}, {"", 0}};
  int32_t id[2];
  char both[2 * TOKEN_MOST];
  TRY(halves(at, half, st));
  for (int i = 0; i < 2; i++) {
    id[i] = vocabulary_find(v, half[i]);
    if (id[i] < 0)
      return field_fail(at, st, "joins '%.*s', which is not in the vocabulary",
                        half[i].count < 60 ? (int)half[i].count : 60, half[i].data);
  }
  memcpy(both, half[0].data, half[0].count);
  memcpy(both + half[0].count, half[1].data, half[1].count);
  const Bytes joined = {both, half[0].count + half[1].count};
  const int32_t result = vocabulary_find(v, joined);
  if (result < 0)
    return field_fail(at, st, "makes '%.*s', which is not in the vocabulary",
                      joined.count < 60 ? (int)joined.count : 60, both);
  return *merge = (Merge){bpe_pair(id[0], id[1]), rank, result}, true;
}

static bool read_merges(Arena *arena, const Field *list, Bpe *bpe, Status *st) {
  size_t count;
  uint32_t slots = 16;
  TRY(field_list(list, MERGES_MOST, &count, st));
  while (slots < 2 * count) slots *= 2;
  bpe->merge = arena_room(arena, slots, sizeof *bpe->merge);
  memset(bpe->merge, -1, slots * sizeof *bpe->merge);
  bpe->merges_mask = slots - 1;
  for (size_t i = 0; i < count; i++) {
    const Field at = field_item(list, i);
    Merge merge = {0};
    TRY(read_merge(&at, &bpe->vocabulary, (uint32_t)i, &merge, st));
    *bpe_merge(bpe, merge.pair) = merge; /* of two of one pair the later one counts */
  }
  return true;
}

bool bpe_read(Arena *arena, const Field *model, size_t more, Bpe *bpe, Status *st) {
  TRY(check_keys(model, &bpe->ignore_merges, st));
  const Field vocab = field_at(model, "vocab"), merges = field_at(model, "merges");
  TRY(vocabulary_read(arena, &vocab, more, &bpe->vocabulary, st));
  TRY(read_merges(arena, &merges, bpe, st));
  bpe->cache = bpe_cache_new(arena, bpe->vocabulary.entries);
  return true;
}
