/* tokens: the token ids of a prompt or of calibration text: of text as text.h reads it, or given as
 * ids: a text file of integers separated by white space or commas, or a .npy file of integers in
 * one row. Files of other kinds are told by their content and refused by name. */
#ifndef DS_MODEL_TOKENS_H
#define DS_MODEL_TOKENS_H
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/status.h"
#include "model/npy.h"
#include "model/text.h"

typedef enum { TOKENS_BYTES, TOKENS_NPY, TOKENS_IDS } TokenKind;

/* An open source. Of bytes and of a .npy file only what is taken comes into memory: either may be
 * much larger than it. */
typedef struct TokenSource {
  const char *path; /* where it was found */
  Bytes file;       /* its content */
  int64_t count;    /* of all its ids, each of which is one of the vocabulary */
  TokenKind kind;
  Npy array;   /* of a .npy file */
  int32_t *id; /* of others: all, in the arena */
} TokenSource;

/* Opens `text` or `tokens`, resolved against `folder`. A .npy file holds ids also where it stands
 * as text, and so does a file of integers where the model can read no text. */
bool tokens_open(Arena *arena, TextReader *reader, const char *text, const char *tokens,
                 const char *folder, TokenSource *source, Status *st);
void tokens_close(TokenSource *source);
/* The same of a file's content, which stays the caller's: of `text`, or with `ids_only` of
 * `tokens`; `path` is for messages. */
bool tokens_in(Arena *arena, TextReader *reader, const char *path, Bytes file, bool ids_only,
               TokenSource *source, Status *st);
/* Of all ids, as int32. */
Digest tokens_digest(const TokenSource *source);
/* Windows of `length` ids each, evenly spread over the source from its first id to its last, back
 * to back in the arena. Refused, with file and sizes, where memory does not hold them. */
bool tokens_take(Arena *arena, const TokenSource *source, int windows, int64_t length,
                 int32_t **token, Status *st);
bool tokens_take_from(Arena *arena, const TokenSource *source, int64_t first, int64_t count,
                      int32_t **token, Status *st);
/* Where such a window begins in its source of `count` ids. */
int64_t tokens_window_start(int64_t count, int windows, int64_t length, int window);
/* `count` ids drawn evenly from the vocabulary: the same for the same seed. */
int32_t *tokens_made(Arena *arena, int64_t seed, int vocab, int64_t count);
#endif
