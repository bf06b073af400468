/* tokens: the token ids of a prompt or of calibration text. Text is bytes and needs a vocabulary
 * of 256; other models give ids: a text file of integers separated by white space or commas, or a
 * .npy file of integers in one row. Files of other kinds are told by their content and refused by
 * name. */
#ifndef DS_MODEL_TOKENS_H
#define DS_MODEL_TOKENS_H
#include <stdint.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/status.h"

/* All ids of a file: of `text`, bytes where vocab is 256 and the file is no .npy, else ids; of
 * `tokens`, ids. One of the two names a file, resolved against `folder`; `path` is where it was
 * found. */
bool tokens_of_source(Arena *arena, const char *text, const char *tokens, const char *folder,
                      int vocab, const char **path, int32_t **token, int64_t *count, Status *st);
/* `count` ids drawn evenly from the vocabulary: the same for the same seed. */
int32_t *tokens_made(Arena *arena, int64_t seed, int vocab, int64_t count);
/* Those of a file's content: of `text`, or with `ids_only` of `tokens`; `path` is for messages. */
bool tokens_of_bytes(Arena *arena, const char *path, Bytes file, int vocab, bool ids_only,
                     int32_t **token, int64_t *count, Status *st);
/* The ids of `text`, a path. */
bool tokens_of_file(Arena *arena, const char *path, int vocab, int32_t **token, int64_t *count,
                    Status *st);
#endif
