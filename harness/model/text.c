#include "model/text.h"

#include <string.h>

#include "base/number.h"
#include "model/container.h"
#include "model/piece.h"

/* NULL: there is none. */
static const char *tokenizer_path(Arena *arena, const TextReader *reader) {
  if (reader->path) return reader->path;
  const char *beside =
      reader->folder ? arena_printf(arena, "%s/tokenizer.json", reader->folder) : NULL;
  return beside && file_exists(beside) ? beside : NULL;
}

bool text_reader_can(Arena *arena, const TextReader *reader) {
  return reader->vocab == BYTE_VOCAB || tokenizer_path(arena, reader);
}

bool text_reader_need(Arena *arena, TextReader *reader, Status *st) {
  if (reader->tokenizer) return true;
  const char *path = tokenizer_path(arena, reader);
  if (path) return tokenizer_open(arena, path, &reader->tokenizer, st);
  return reader->vocab == BYTE_VOCAB ||
         FAIL(st,
              "%s: no tokenizer.json stands beside the checkpoint, and its vocabulary is %d, not "
              "256, so that it reads no text: put one there or name it (`tokenizer:`, "
              "--tokenizer), or give token ids (`tokens:`, --tokens)",
              reader->folder, reader->vocab);
}

void text_reader_want(Arena *arena, TextReader *reader) {
  Status unread = {0};
  text_reader_need(arena, reader, &unread);
}

static bool check_ids(const TextReader *reader, const char *name, const Encoded *encoded,
                      Status *st) {
  for (int64_t i = 0; reader->vocab && i < encoded->count; i++) {
    char shown[64];
    if (encoded->id[i] < reader->vocab) continue;
    piece_show(tokenizer_piece(reader->tokenizer, encoded->id[i]), shown, sizeof shown);
    return FAIL(st, "%s: token %lld, '%s', has id %d in %s, outside the model's vocabulary 0 … %d",
                name, (long long)i, shown, encoded->id[i], tokenizer_name(reader->tokenizer),
                reader->vocab - 1);
  }
  return true;
}

/* The ids, and `fronts` of them before. */
static void put_front(Arena *arena, Encoded *encoded, const int32_t *front, int fronts) {
  int32_t *id = ARENA_NEW(arena, int32_t, encoded->count + fronts);
  memcpy(id, front, (size_t)fronts * sizeof *id);
  memcpy(id + fronts, encoded->id, (size_t)encoded->count * sizeof *id);
  encoded->id = id;
  encoded->count += fronts;
}

static void widen(Arena *arena, Bytes text, Encoded *encoded) {
  *encoded = (Encoded){ARENA_NEW(arena, int32_t, text.count), (int64_t)text.count, -1};
  for (size_t i = 0; i < text.count; i++) encoded->id[i] = (unsigned char)text.data[i];
}

/* A text is read whole: an id a byte, or by a tokenizer its normal form, pieces and ids. */
static bool room_for(const Arena *arena, const TextReader *reader, const char *name, Bytes text,
                     Status *st) {
  enum { ID = sizeof(int32_t), MOST = 4 * ID };
  const size_t left = (size_t)(arena->end - arena->next), each = reader->tokenizer ? MOST : ID;
  return text.count <= left / each ||
         FAIL(st,
              "%s: is read whole, with room for its ids: of its %zu bytes %zu MB of memory take at "
              "most %zu (give a part of it, or its ids as .npy)",
              name, text.count, left >> 20, left / each);
}

bool text_reader_encode(Arena *arena, TextReader *reader, const char *name, Bytes text,
                        Encoded *encoded, Status *st) {
  TRY(text_reader_need(arena, reader, st));
  TRY(room_for(arena, reader, name, text, st));
  if (!reader->tokenizer) return widen(arena, text, encoded), true;
  const int32_t *front;
  const int fronts = tokenizer_front(reader->tokenizer, &front);
  if (fronts && reader->bos == BOS_NOT_SAID) {
    char shown[64];
    piece_show(tokenizer_piece(reader->tokenizer, front[0]), shown, sizeof shown);
    return FAIL(st,
                "%s: puts '%s' in front of every text: say whether it is wanted, `add_bos: true` "
                "or false, --add-bos or --no-bos",
                tokenizer_name(reader->tokenizer), shown);
  }
  TRY(tokenizer_encode(arena, reader->tokenizer, name, text, encoded, st));
  if (reader->bos == BOS_ADDED) put_front(arena, encoded, front, fronts);
  reader->used = true;
  return check_ids(reader, name, encoded, st);
}

static bool check_offset(const char *path, Bytes text, int64_t offset, Status *st) {
  if (offset < 0 || (uint64_t)offset > text.count)
    return FAIL(st, "%s: offset %lld reaches past the end, it has %zu byte%s", path,
                (long long)offset, text.count, plural((int64_t)text.count));
  int64_t start = offset;
  while (start > 0 && (uint64_t)start < text.count &&
         ((unsigned char)text.data[start] & 0xc0) == 0x80)
    start--;
  return start == offset || FAIL(st, "%s: offset %lld is amid a character, which begins at %lld",
                                 path, (long long)offset, (long long)start);
}

bool text_reader_part(Arena *arena, TextReader *reader, const char *path, Bytes text,
                      int64_t offset, const Encoded **encoded, Status *st) {
  Encoded ids;
  for (const TextRead *read = reader->read; read; read = read->next)
    if (read->offset == offset && !strcmp(read->path, path)) return *encoded = &read->ids, true;
  const char *name =
      offset ? arena_printf(arena, "%s from byte %lld on", path, (long long)offset) : path;
  TRY(container_refuse(path, text, st));
  TRY(check_offset(path, text, offset, st));
  const Bytes part = {text.data + offset, text.count - (size_t)offset};
  TRY(text_reader_encode(arena, reader, name, part, &ids, st));
  TextRead *read = ARENA_NEW(arena, TextRead, 1);
  *read = (TextRead){name, path, offset, ids, reader->read};
  reader->read = read;
  return *encoded = &read->ids, true;
}

void text_reader_close(TextReader *reader) { tokenizer_close(reader->tokenizer); }
