/* piece: the text of a token, for people. */
#ifndef DS_MODEL_PIECE_H
#define DS_MODEL_PIECE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "model/tokenizer/tokenizer.h"

/* How ids are shown: a tokenizer's as its pieces, bytes as characters, all others as numbers. */
typedef struct Pieces {
  const Tokenizer *tokenizer; /* NULL: there is none */
  bool bytes;
} Pieces;

/* The characters that token `at` of token [T] is, or is a part of; a byte that is part of none as
 * \xE2, white space and control characters as \n, \t, \x07. Cut between characters to `size` bytes,
 * with "…" at the end. */
void piece_of(Pieces pieces, const int32_t *token, int T, int at, char *text, size_t size);
/* These bytes, in the same way. */
void piece_show(Bytes piece, char *text, size_t size);
/* The same in brackets, amid what stands around it: "to the [A]dmiral". */
void piece_around(Pieces pieces, const int32_t *token, int T, int at, char *text, size_t size);
#endif
