/* tokens: every kind of source is a row of ids, of which parts are taken. */
#include "model/tokens.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "base/draw.h"
#include "base/file.h"
#include "base/name.h"
#include "model/container.h"
#include "model/npy.h"

static bool fail_id(const char *path, int64_t position, uint64_t id, bool is_signed, int vocab,
                    Status *st) {
  char number[32];
  snprintf(number, sizeof number, is_signed ? "%" PRId64 : "%" PRIu64, id);
  return FAIL(st, "%s: the token at index %" PRId64 " is %s, outside the vocabulary 0 … %d", path,
              position, number, vocab - 1);
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

/* --- a source --------------------------------------------------------------------------------- */

/* Some of a source's ids, as they stand. */
static void widen(const TokenSource *source, int64_t first, int64_t count, int32_t *id) {
  for (int64_t i = 0; i < count; i++)
    id[i] = source->id                     ? source->id[first + i]
            : source->kind == TOKENS_BYTES ? (unsigned char)source->file.data[first + i]
                                           : (int32_t)npy_value(&source->array, first + i);
}

/* Where ids must lie in memory all at once, whatever is wanted of them. */
static bool room_for(const Arena *arena, const TokenSource *source, int64_t count, Status *st) {
  const size_t left = (size_t)(arena->end - arena->next) / 2;
  return (uint64_t)count <= left / sizeof(int32_t) ||
         FAIL(st,
              "%s: %" PRId64 " tokens of its %zu bytes are wanted, which take %" PRId64
              " MB of memory; %zu MB can be had",
              source->path, count, source->file.count, count / (1 << 20) * 4, left >> 20);
}

/* Every value of the array is checked, and read where it lies. */
static bool open_npy(TokenSource *source, int vocab, Status *st) {
  source->kind = TOKENS_NPY;
  TRY(npy_open(source->path, source->file, &source->array, st));
  source->count = source->array.count;
  for (int64_t i = 0; i < source->count; i++) {
    const uint64_t value = npy_value(&source->array, i);
    if (value >= (uint64_t)vocab)
      return fail_id(source->path, i, value, source->array.is_signed, vocab, st);
  }
  return true;
}

static bool open_ids(Arena *arena, TokenSource *source, int vocab, Status *st) {
  const char *path = source->path;
  if (npy_is(source->file)) return open_npy(source, vocab, st);
  if (text_ends(path, ".npy")) return FAIL(st, "%s: does not begin as a .npy file", path);
  TRY(container_refuse(path, source->file, st));
  TRY(container_refuse_raw(path, source->file, st));
  const Bytes text = file_unmarked(source->file);
  TRY(walk_ids(path, text, vocab, NULL, &source->count, st));
  TRY(room_for(arena, source, source->count, st));
  source->kind = TOKENS_IDS;
  source->id = ARENA_NEW(arena, int32_t, source->count);
  return walk_ids(path, text, vocab, source->id, &source->count, st);
}

/* Text, unless it can be none: a .npy file, and where the model reads no text, is of ids. */
static bool open_text(Arena *arena, TextReader *reader, TokenSource *source, Status *st) {
  const Encoded *encoded;
  const bool array = npy_is(source->file) || text_ends(source->path, ".npy");
  if (array || !text_reader_can(arena, reader)) return open_ids(arena, source, reader->vocab, st);
  TRY(text_reader_need(arena, reader, st));
  if (!reader->tokenizer) {
    source->kind = TOKENS_BYTES;
    source->count = (int64_t)source->file.count;
    return container_refuse(source->path, source->file, st);
  }
  TRY(text_reader_part(arena, reader, source->path, source->file, 0, &encoded, st));
  source->kind = TOKENS_IDS;
  source->id = encoded->id;
  source->count = encoded->count;
  return true;
}

bool tokens_in(Arena *arena, TextReader *reader, const char *path, Bytes file, bool ids_only,
               TokenSource *source, Status *st) {
  *source = (TokenSource){.path = path, .file = file};
  TRY(ids_only ? open_ids(arena, source, reader->vocab, st) : open_text(arena, reader, source, st));
  return source->count > 0 || FAIL(st, "%s: holds no tokens", path);
}

bool tokens_open(Arena *arena, TextReader *reader, const char *text, const char *tokens,
                 const char *folder, TokenSource *source, Status *st) {
  Bytes file;
  const char *path = file_resolve(arena, folder, tokens ? tokens : text);
  TRY(file_map(path, &file, st));
  const bool ok = tokens_in(arena, reader, path, file, tokens != NULL, source, st);
  if (!ok) file_unmap(&file);
  return ok;
}

void tokens_close(TokenSource *source) { file_unmap(&source->file); }

Digest tokens_digest(const TokenSource *source) {
  enum { PIECE = 4096 };
  int32_t piece[PIECE];
  DigestState state;
  digest_begin(&state);
  for (int64_t at = 0; at < source->count; at += PIECE) {
    const int64_t n = source->count - at < PIECE ? source->count - at : PIECE;
    widen(source, at, n, piece);
    digest_add(&state, piece, (size_t)n * sizeof *piece);
  }
  return digest_end(&state);
}

int64_t tokens_window_start(int64_t count, int windows, int64_t length, int window) {
  return window * (count - length) / (windows > 1 ? windows - 1 : 1);
}

bool tokens_take(Arena *arena, const TokenSource *source, int windows, int64_t length,
                 int32_t **token, Status *st) {
  TRY(room_for(arena, source, windows * length, st));
  *token = ARENA_NEW(arena, int32_t, windows * length);
  for (int w = 0; w < windows; w++)
    widen(source, tokens_window_start(source->count, windows, length, w), length,
          *token + w * length);
  return true;
}

bool tokens_take_from(Arena *arena, const TokenSource *source, int64_t first, int64_t count,
                      int32_t **token, Status *st) {
  TRY(room_for(arena, source, count, st));
  *token = ARENA_NEW(arena, int32_t, count);
  widen(source, first, count, *token);
  return true;
}

int32_t *tokens_made(Arena *arena, int64_t seed, int vocab, int64_t count) {
  int32_t *token = ARENA_NEW(arena, int32_t, count);
  Arena scratch = *arena;
  gsl_rng rng = draw_by(&scratch, arena_printf(&scratch, "%lld tokens", (long long)seed));
  for (int64_t i = 0; i < count; i++)
    token[i] = (int32_t)gsl_rng_uniform_int(&rng, (unsigned long)vocab);
  return token;
}
