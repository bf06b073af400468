/* tokens: every kind of prompt becomes a list of ids, of which `offset` and `length` choose a part. */
#include "model/tokens.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "model/container.h"
#include "model/npy.h"

enum { BYTE_VOCAB = 256 };

typedef struct Ids {
  int32_t *id;
  int64_t count;
} Ids;

static bool fail_id(const char *path, int64_t position, uint64_t id, bool is_signed, int vocab, Status *st) {
  char number[32];
  snprintf(number, sizeof number, is_signed ? "%" PRId64 : "%" PRIu64, id);
  return FAIL(st, "%s: the token at index %" PRId64 " is %s, outside the vocabulary 0 … %d", path, position, number,
              vocab - 1);
}

static void widen(Arena *arena, Bytes text, Ids *ids) {
  *ids = (Ids){ARENA_NEW(arena, int32_t, text.count), (int64_t)text.count};
  for (size_t i = 0; i < text.count; i++) ids->id[i] = (unsigned char)text.data[i];
}

/* One walk over a text of decimal integers. White space separates, and at most one comma between two of them; no sign,
 * no leading zero, nothing else. With `id` NULL it only counts. */
static bool walk_ids(const char *path, Bytes text, int vocab, int32_t *id, int64_t *count, Status *st) {
  int64_t line = 1, n = 0;
  bool comma = true; /* one here would have no integer before it */
  for (size_t i = 0; i < text.count;) {
    unsigned char c = (unsigned char)text.data[i];
    if (c == '\n') line++;
    if (c == ',' && comma)
      return FAIL(st, "%s: line %" PRId64 ": a comma without an integer before it (after %" PRId64 " integers)", path,
                  line, n);
    if (c == ',') comma = true;
    if (c == ',' || isspace(c)) {
      i++;
      continue;
    }
    size_t begin = i;
    int64_t value = 0;
    while (i < text.count && isdigit((unsigned char)text.data[i])) {
      if (value <= INT32_MAX) value = 10 * value + (text.data[i] - '0');
      i++;
    }
    bool ends = i == text.count || text.data[i] == ',' || isspace((unsigned char)text.data[i]);
    if (!ends || i == begin || (text.data[begin] == '0' && i - begin > 1)) {
      size_t end = i;
      while (end < text.count && end - begin < 20 && text.data[end] != ',' && !isspace((unsigned char)text.data[end]))
        end++;
      return FAIL(st,
                  "%s: line %" PRId64 ", integer %" PRId64 " of the file: '%.*s' is not a decimal integer without sign "
                  "and leading zeros (token ids are expected: text is read as bytes by models with vocab_size 256)",
                  path, line, n + 1, (int)(end - begin < 20 ? end - begin : 20), text.data + begin);
    }
    if (value >= vocab)
      return FAIL(st, "%s: line %" PRId64 ", integer %" PRId64 " of the file: %.*s is outside the vocabulary 0 … %d",
                  path, line, n + 1, (int)(i - begin < 20 ? i - begin : 20), text.data + begin, vocab - 1);
    if (id) id[n] = (int32_t)value;
    n++;
    comma = false;
  }
  *count = n;
  return true;
}

/* Every value of the array, checked before it becomes an id. */
static bool npy_ids(Arena *arena, const char *path, Bytes file, int vocab, Ids *ids, Status *st) {
  Npy array;
  TRY(npy_open(path, file, &array, st));
  *ids = (Ids){ARENA_NEW(arena, int32_t, array.count), array.count};
  for (int64_t i = 0; i < array.count; i++) {
    uint64_t value = npy_value(&array, i);
    if (value >= (uint64_t)vocab) return fail_id(path, i, value, array.is_signed, vocab, st);
    ids->id[i] = (int32_t)value;
  }
  return true;
}

/* `as_bytes`: a file that is no .npy is text of which each byte is an id. */
static bool ids_of_bytes(Arena *arena, const char *path, Bytes file, int vocab, bool as_bytes, Ids *ids, Status *st) {
  size_t n = strlen(path);
  if (npy_is(file)) return npy_ids(arena, path, file, vocab, ids, st);
  if (n >= 4 && strcmp(path + n - 4, ".npy") == 0) return FAIL(st, "%s: does not begin as a .npy file", path);
  TRY(container_refuse(path, file, st));
  if (as_bytes) return widen(arena, file, ids), true;
  TRY(container_refuse_raw(path, file, st));
  file = file_unmarked(file);
  TRY(walk_ids(path, file, vocab, NULL, &ids->count, st));
  ids->id = ARENA_NEW(arena, int32_t, ids->count);
  return walk_ids(path, file, vocab, ids->id, &ids->count, st);
}

static bool ids_of_file(Arena *arena, const char *path, int vocab, bool as_bytes, Ids *ids, Status *st) {
  Bytes file;
  TRY(file_map(path, &file, st));
  bool ok = ids_of_bytes(arena, path, file, vocab, as_bytes, ids, st);
  file_unmap(&file);
  return ok;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t split_mix(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static bool source_ids(Arena *arena, const char *path, int vocab, bool ids_only, int32_t **token, int64_t *count,
                       Status *st) {
  Ids ids = {0};
  const bool as_bytes = !ids_only && vocab == BYTE_VOCAB;
  if (!ids_of_file(arena, path, vocab, as_bytes, &ids, st)) return false;
  if (ids.count == 0) return FAIL(st, "%s: holds no tokens", path);
  *token = ids.id;
  *count = ids.count;
  return true;
}

bool tokens_of_file(Arena *arena, const char *path, int vocab, int32_t **token, int64_t *count, Status *st) {
  return source_ids(arena, path, vocab, false, token, count, st);
}

bool tokens_of_source(Arena *arena, const char *text, const char *tokens, const char *folder, int vocab,
                      const char **path, int32_t **token, int64_t *count, Status *st) {
  *path = file_resolve(arena, folder, tokens ? tokens : text);
  return source_ids(arena, *path, vocab, tokens != NULL, token, count, st);
}

int32_t *tokens_made(Arena *arena, int64_t seed, int vocab, int64_t count) {
  int32_t *token = ARENA_NEW(arena, int32_t, count);
  uint64_t state = (uint64_t)seed;
  for (int64_t i = 0; i < count; i++) token[i] = (int32_t)(((split_mix(&state) >> 32) * (uint64_t)vocab) >> 32);
  return token;
}

int64_t tokens_start(const Prompt *prompt, int64_t total) {
  int steps = prompt->windows > 1 ? prompt->windows - 1 : 1;
  return prompt->offset + prompt->window * (total - prompt->offset - prompt->length) / steps;
}

/* The part of `total` units that a prompt asks for; length 0 is all that follow offset. */
static bool choose(const Prompt *prompt, const char *source, int64_t total, const char *unit, int *length, Status *st) {
  int64_t rest = prompt->offset < 0 ? -1 : total - prompt->offset, wanted = prompt->length ? prompt->length : rest;
  if (rest < 0 || wanted < 0 || wanted > rest)
    return FAIL(st, "prompt '%s': %s: offset %" PRId64 " and length %d reach past the end, it has %" PRId64 " %s",
                prompt->name, source, prompt->offset, prompt->length, total, unit);
  if (wanted == 0)
    return FAIL(st, "prompt '%s': %s: is empty from offset %" PRId64, prompt->name, source, prompt->offset);
  if (wanted > INT_MAX)
    return FAIL(st, "prompt '%s': %s: %" PRId64 " %s are more than a prompt can hold", prompt->name, source, wanted,
                unit);
  *length = (int)wanted;
  return true;
}

/* Only the chosen part is widened: a text may be much larger than a prompt. */
static bool prompt_of_bytes(Arena *arena, const Prompt *prompt, const char *source, Bytes text, Ids *ids, Status *st) {
  int length;
  TRY(choose(prompt, source, (int64_t)text.count, "bytes", &length, st));
  widen(arena, (Bytes){text.data + tokens_start(prompt, (int64_t)text.count), (size_t)length}, ids);
  return true;
}

static bool prompt_of_text(Arena *arena, const Prompt *prompt, const char *path, Ids *ids, Status *st) {
  Bytes text;
  TRY(file_map(path, &text, st));
  bool ok = npy_is(text) ? FAIL(st, "prompt '%s': %s: is a .npy file; give it as `tokens`", prompt->name, path)
                         : container_refuse(path, text, st) && prompt_of_bytes(arena, prompt, path, text, ids, st);
  file_unmap(&text);
  return ok;
}

static bool prompt_of_ids(Arena *arena, const Prompt *prompt, const char *path, int vocab, Ids *ids, Status *st) {
  int length;
  TRY(ids_of_file(arena, path, vocab, false, ids, st));
  TRY(choose(prompt, path, ids->count, "tokens", &length, st));
  *ids = (Ids){ids->id + tokens_start(prompt, ids->count), length};
  return true;
}

bool tokens_of_prompt(Arena *arena, const Prompt *prompt, const char *folder, int vocab, int32_t **token, int *T,
                      Status *st) {
  Ids ids;
  if (!prompt->tokens && vocab != BYTE_VOCAB)
    return FAIL(st,
                "prompt '%s': text is bytes and needs a model with vocab_size 256, this one has %d; give `tokens`, a "
                "file of token ids (text, or .npy of integers), instead of `%s`",
                prompt->name, vocab, prompt->text ? "text" : "string");
  if (prompt->tokens)
    TRY(prompt_of_ids(arena, prompt, file_resolve(arena, folder, prompt->tokens), vocab, &ids, st));
  else if (prompt->string)
    TRY(prompt_of_bytes(arena, prompt, "its string", (Bytes){prompt->string, strlen(prompt->string)}, &ids, st));
  else
    TRY(prompt_of_text(arena, prompt, file_resolve(arena, folder, prompt->text), &ids, st));
  *token = ids.id;
  *T = (int)ids.count;
  return true;
}
