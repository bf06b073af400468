/* piece: the text of a token, for people. Where tokens are no bytes, their ids. */
#ifndef DS_MODEL_PIECE_H
#define DS_MODEL_PIECE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"

/* The character that token `at` of token [T] is a part of; a byte that is part of none as \xE2,
 * white space and control characters as \n, \t, \x07. Cut between characters to `size` bytes. */
void piece_of(const int32_t *token, int T, int at, bool bytes, char *text, size_t size);
/* The whole of a tokenizer's piece in the same way, cut between characters to `size` bytes. */
void piece_show(Bytes piece, char *text, size_t size);
/* The same in brackets, amid what stands around it: "to the [A]dmiral". */
void piece_around(const int32_t *token, int T, int at, bool bytes, char *text, size_t size);
#endif
