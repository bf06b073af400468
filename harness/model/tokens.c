/* tokens: every kind of prompt becomes a list of ids, of which `offset` and `length` choose a
 * part. */
#include "model/tokens.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/draw.h"
#include "base/file.h"
#include "model/container.h"
#include "model/npy.h"

typedef struct Ids {
  int32_t *id;
  int64_t count;
} Ids;

static bool fail_id(const char *path, int64_t position, uint64_t id, bool is_signed, int vocab,
                    Status *st) {
  char number[32];
  snprintf(number, sizeof number, is_signed ? "%" PRId64 : "%" PRIu64, id);
  return FAIL(st, "%s: the token at index %" PRId64 " is %s, outside the vocabulary 0 … %d", path,
              position, number, vocab - 1);
}

static void widen(Arena *arena, Bytes text, Ids *ids) {
  *ids = (Ids){ARENA_NEW(arena, int32_t, text.count), (int64_t)text.count};
  for (size_t i = 0; i < text.count; i++) ids->id[i] = (unsigned char)text.data[i];
}

/* One walk over a text of decimal integers. White space separates, and at most one comma between
 * two of them; no sign, no leading zero, nothing else. With `id` NULL it only counts. */
static bool walk_ids(const char *path, Bytes text, int vocab, int32_t *id, int64_t *count,
                     Status *st) {
  int64_t line = 1, n = 0;
  bool comma = true; /* one here would have no integer before it */
  for (size_t i = 0; i < text.count;) {
    unsigned char c = (unsigned char)text.data[i];
    if (c == '\n') line++;
    if (c == ',' && comma)
      return FAIL(st,
                  "%s: line %" PRId64 ": a comma without an integer before it (after %" PRId64
                  " integers)",
                  path, line, n);
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
      while (end < text.count && end - begin < 20 && text.data[end] != ',' &&
             !isspace((unsigned char)text.data[end]))
        end++;
      return FAIL(
          st,
          "%s: line %" PRId64 ", integer %" PRId64
          " of the file: '%.*s' is not a decimal integer without sign "
          "and leading zeros (token ids are expected: to read text the model needs a "
          "tokenizer.json beside its checkpoint or named by `tokenizer:` or --tokenizer, or "
          "a vocab_size of 256)",
          path, line, n + 1, (int)(end - begin < 20 ? end - begin : 20), text.data + begin);
    }
    if (value >= vocab)
      return FAIL(st,
                  "%s: line %" PRId64 ", integer %" PRId64
                  " of the file: %.*s is outside the vocabulary 0 … %d",
                  path, line, n + 1, (int)(i - begin < 20 ? i - begin : 20), text.data + begin,
                  vocab - 1);
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

/* What a file of ids holds. */
static bool ids_of_bytes(Arena *arena, const char *path, Bytes file, int vocab, Ids *ids,
                         Status *st) {
  size_t n = strlen(path);
  if (npy_is(file)) return npy_ids(arena, path, file, vocab, ids, st);
  if (n >= 4 && strcmp(path + n - 4, ".npy") == 0)
    return FAIL(st, "%s: does not begin as a .npy file", path);
  TRY(container_refuse(path, file, st));
  TRY(container_refuse_raw(path, file, st));
  file = file_unmarked(file);
  TRY(walk_ids(path, file, vocab, NULL, &ids->count, st));
  ids->id = ARENA_NEW(arena, int32_t, ids->count);
  return walk_ids(path, file, vocab, ids->id, &ids->count, st);
}

/* Text, unless it can be none: a .npy file, and where the model reads no text, is of ids. */
static bool text_of_bytes(Arena *arena, TextReader *reader, const char *path, Bytes file, Ids *ids,
                          Status *st) {
  const Encoded *encoded;
  size_t n = strlen(path);
  const bool array = npy_is(file) || (n >= 4 && strcmp(path + n - 4, ".npy") == 0);
  if (array || !text_reader_can(arena, reader))
    return ids_of_bytes(arena, path, file, reader->vocab, ids, st);
  TRY(text_reader_need(arena, reader, st));
  if (!reader->tokenizer)
    return container_refuse(path, file, st) && (widen(arena, file, ids), true);
  TRY(text_reader_part(arena, reader, path, file, 0, &encoded, st));
  return *ids = (Ids){encoded->id, encoded->count}, true;
}

bool tokens_of_bytes(Arena *arena, TextReader *reader, const char *path, Bytes file, bool ids_only,
                     int32_t **token, int64_t *count, Status *st) {
  Ids ids = {0};
  TRY(ids_only ? ids_of_bytes(arena, path, file, reader->vocab, &ids, st)
               : text_of_bytes(arena, reader, path, file, &ids, st));
  if (ids.count == 0) return FAIL(st, "%s: holds no tokens", path);
  *token = ids.id;
  *count = ids.count;
  return true;
}

bool tokens_of_source(Arena *arena, TextReader *reader, const char *text, const char *tokens,
                      const char *folder, const char **path, int32_t **token, int64_t *count,
                      Status *st) {
  Bytes file;
  *path = file_resolve(arena, folder, tokens ? tokens : text);
  TRY(file_map(*path, &file, st));
  const bool ok = tokens_of_bytes(arena, reader, *path, file, tokens != NULL, token, count, st);
  file_unmap(&file);
  return ok;
}

int32_t *tokens_made(Arena *arena, int64_t seed, int vocab, int64_t count) {
  int32_t *token = ARENA_NEW(arena, int32_t, count);
  Arena scratch = *arena;
  gsl_rng rng = draw_by(&scratch, arena_printf(&scratch, "%lld tokens", (long long)seed));
  for (int64_t i = 0; i < count; i++)
    token[i] = (int32_t)gsl_rng_uniform_int(&rng, (unsigned long)vocab);
  return token;
}
