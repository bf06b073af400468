/* tokens: the token ids of a prompt or of calibration text: of text as text.h reads it, or given as
 * ids: a text file of integers separated by white space or commas, or a .npy file of integers in
 * one row. Files of other kinds are told by their content and refused by name. */
#ifndef DS_MODEL_TOKENS_H
#define DS_MODEL_TOKENS_H
#include <stdint.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/status.h"
#include "model/text.h"

/* All ids of a file, `text` or `tokens`, resolved against `folder`; `path` is where it was found. A
 * .npy file holds ids also where it stands as text, and so does a file of integers where the model
 * can read no text. */
bool tokens_of_source(Arena *arena, TextReader *reader, const char *text, const char *tokens,
                      const char *folder, const char **path, int32_t **token, int64_t *count,
                      Status *st);
/* `count` ids drawn evenly from the vocabulary: the same for the same seed. */
int32_t *tokens_made(Arena *arena, int64_t seed, int vocab, int64_t count);
/* Those of a file's content: of `text`, or with `ids_only` of `tokens`; `path` is for messages. */
bool tokens_of_bytes(Arena *arena, TextReader *reader, const char *path, Bytes file, bool ids_only,
                     int32_t **token, int64_t *count, Status *st);
#endif
