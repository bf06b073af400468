#include "walk/prompt.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "model/container.h"
#include "model/npy.h"
#include "model/tokens.h"

typedef struct Ids {
  int32_t *id;
  int64_t count;
} Ids;

int64_t prompt_start(const Prompt *prompt, int64_t total) {
  int steps = prompt->windows > 1 ? prompt->windows - 1 : 1;
  return prompt->offset + prompt->window * (total - prompt->offset - prompt->length) / steps;
}

/* The part of `total` units that a prompt asks for; length 0 is all that follow offset. */
static bool choose(const Prompt *prompt, const char *source, int64_t total, const char *unit,
                   int *length, Status *st) {
  int64_t rest = prompt->offset < 0 ? -1 : total - prompt->offset,
          wanted = prompt->length ? prompt->length : rest;
  if (rest < 0 || wanted < 0 || wanted > rest)
    return FAIL(st,
                "prompt '%s': %s: offset %" PRId64
                " and length %d reach past the end, it has %" PRId64 " %s",
                prompt->name, source, prompt->offset, prompt->length, total, unit);
  if (wanted == 0)
    return FAIL(st, "prompt '%s': %s: is empty from offset %" PRId64, prompt->name, source,
                prompt->offset);
  if (wanted > INT_MAX)
    return FAIL(st, "prompt '%s': %s: %" PRId64 " %s are more than a prompt can hold", prompt->name,
                source, wanted, unit);
  *length = (int)wanted;
  return true;
}

/* Only the chosen part is widened: a text may be much larger than a prompt. */
static bool prompt_of_bytes(Arena *arena, const Prompt *prompt, const char *source, Bytes text,
                            Ids *ids, Status *st) {
  int length;
  TRY(choose(prompt, source, (int64_t)text.count, "bytes", &length, st));
  const unsigned char *from =
      (const unsigned char *)text.data + prompt_start(prompt, (int64_t)text.count);
  *ids = (Ids){ARENA_NEW(arena, int32_t, length), length};
  for (int i = 0; i < length; i++) ids->id[i] = from[i];
  return true;
}

/* Tokens behind the offset, which is a byte, are those of a text that begins there. */
static bool prompt_of_encoded(const Prompt *prompt, const char *path, const Encoded *encoded,
                              Ids *ids, Status *st) {
  Prompt behind = *prompt;
  int length;
  behind.offset = 0;
  if (prompt->length > encoded->count)
    return FAIL(st,
                "prompt '%s': %s: has %" PRId64 " token%s from byte %" PRId64 " on, fewer than "
                "the length %d",
                prompt->name, path, encoded->count, plural(encoded->count), prompt->offset,
                prompt->length);
  TRY(choose(&behind, path, encoded->count, "tokens", &length, st));
  return *ids = (Ids){encoded->id + prompt_start(&behind, encoded->count), length}, true;
}

static bool prompt_of_text(Arena *arena, const Prompt *prompt, const char *path, TextReader *reader,
                           Ids *ids, Status *st) {
  Bytes text;
  const Encoded *encoded;
  TRY(file_map(path, &text, st));
  bool ok =
      npy_is(text)
          ? FAIL(st, "prompt '%s': %s: is a .npy file; give it as `tokens`", prompt->name, path)
      : reader->tokenizer
          ? text_reader_part(arena, reader, path, text, prompt->offset, &encoded, st) &&
                prompt_of_encoded(prompt, path, encoded, ids, st)
          : container_refuse(path, text, st) && prompt_of_bytes(arena, prompt, path, text, ids, st);
  file_unmap(&text);
  return ok;
}

static bool prompt_of_string(Arena *arena, const Prompt *prompt, TextReader *reader, Ids *ids,
                             Status *st) {
  const Bytes text = {prompt->string, strlen(prompt->string)};
  const Encoded *encoded;
  if (!reader->tokenizer) return prompt_of_bytes(arena, prompt, "its string", text, ids, st);
  const char *name = arena_printf(arena, "prompt '%s': its string", prompt->name);
  return text_reader_part(arena, reader, name, text, 0, &encoded, st) &&
         prompt_of_encoded(prompt, "its string", encoded, ids, st);
}

static bool prompt_of_ids(Arena *arena, const Prompt *prompt, const char *path, TextReader *reader,
                          Ids *ids, Status *st) {
  int length;
  TokenSource source;
  TRY(tokens_open(arena, reader, NULL, path, ".", &source, st));
  const bool ok =
      choose(prompt, path, source.count, "tokens", &length, st) &&
      tokens_take_from(arena, &source, prompt_start(prompt, source.count), length, &ids->id, st);
  tokens_close(&source);
  if (ok) ids->count = length;
  return ok;
}

bool prompt_tokens(Arena *arena, const Prompt *prompt, const char *folder, TextReader *reader,
                   int32_t **token, int *T, Status *st) {
  Ids ids;
  const char *file = prompt->tokens ? prompt->tokens : prompt->text,
             *path = file ? file_resolve(arena, folder, file) : NULL;
  if (!prompt->tokens && !text_reader_need(arena, reader, st)) {
    status_lead(st, "prompt '%s': ", prompt->name);
    return false;
  }
  TRY(prompt->tokens   ? prompt_of_ids(arena, prompt, path, reader, &ids, st)
      : prompt->string ? prompt_of_string(arena, prompt, reader, &ids, st)
                       : prompt_of_text(arena, prompt, path, reader, &ids, st));
  *token = ids.id;
  *T = (int)ids.count;
  return true;
}

void prompt_tell_texts(const TextReader *reader, const Progress *progress) {
  for (const TextRead *read = reader->read; read; read = read->next)
    if (read->ids.differs >= 0)
      progress_say(progress,
                   "%s: from its byte %lld on the text is not what its tokens decode to: %s "
                   "changes it",
                   read->name, (long long)read->ids.differs, tokenizer_name(reader->tokenizer));
}
