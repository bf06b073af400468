#include "walk/prompt.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/file.h"
#include "model/container.h"
#include "model/npy.h"
#include "model/tokens.h"

enum { BYTE_VOCAB = 256 };

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

static bool prompt_of_text(Arena *arena, const Prompt *prompt, const char *path, Ids *ids,
                           Status *st) {
  Bytes text;
  TRY(file_map(path, &text, st));
  bool ok =
      npy_is(text)
          ? FAIL(st, "prompt '%s': %s: is a .npy file; give it as `tokens`", prompt->name, path)
          : container_refuse(path, text, st) && prompt_of_bytes(arena, prompt, path, text, ids, st);
  file_unmap(&text);
  return ok;
}

static bool prompt_of_ids(Arena *arena, const Prompt *prompt, const char *path, int vocab, Ids *ids,
                          Status *st) {
  int length;
  const char *found;
  TRY(tokens_of_source(arena, NULL, path, "", vocab, &found, &ids->id, &ids->count, st));
  TRY(choose(prompt, path, ids->count, "tokens", &length, st));
  *ids = (Ids){ids->id + prompt_start(prompt, ids->count), length};
  return true;
}

bool prompt_tokens(Arena *arena, const Prompt *prompt, const char *folder, int vocab,
                   int32_t **token, int *T, Status *st) {
  Ids ids;
  if (!prompt->tokens && vocab != BYTE_VOCAB)
    return FAIL(st,
                "prompt '%s': text is bytes and needs a model with vocab_size 256, this one has "
                "%d; give `tokens`, a "
                "file of token ids (text, or .npy of integers), instead of `%s`",
                prompt->name, vocab, prompt->text ? "text" : "string");
  if (prompt->tokens)
    TRY(prompt_of_ids(arena, prompt, file_resolve(arena, folder, prompt->tokens), vocab, &ids, st));
  else if (prompt->string)
    TRY(prompt_of_bytes(arena, prompt, "its string",
                        (Bytes){prompt->string, strlen(prompt->string)}, &ids, st));
  else
    TRY(prompt_of_text(arena, prompt, file_resolve(arena, folder, prompt->text), &ids, st));
  *token = ids.id;
  *T = (int)ids.count;
  return true;
}
