/* vocabulary: the tokens of a byte-level BPE. They are written with a letter for each byte, those
 * that print as themselves and 68 from U+0100 on (GPT-2's bytes_to_unicode). */
#ifndef DS_MODEL_TOKENIZER_VOCABULARY_H
#define DS_MODEL_TOKENIZER_VOCABULARY_H
#include <stdint.h>

#include "base/arena.h"
#include "base/file.h"
#include "model/tokenizer/fields.h"

/* Published vocabularies have up to 262,000 entries, and of a few tokens one that is far longer. */
enum { ID_MOST = (1 << 20) - 1, TOKEN_MOST = 1 << 16, LETTERS = 0x100 + 68 };

typedef struct Vocabulary {
  int ids, room;              /* one more than the largest id; so many fit */
  int entries;                /* of the model */
  Bytes *text;                /* [ids] as written; data NULL: no token has that id */
  Bytes *piece;               /* [ids] the bytes that it stands for */
  bool *added;                /* [ids] the model does not have it */
  int32_t *slot;              /* ids by the hash of their text; -1: free */
  uint32_t slots;             /* a power of two */
  int32_t of_letter[LETTERS]; /* the token of one letter alone; -1: there is none */
} Vocabulary;

/* The value of "vocab"; `more` tokens may be added. */
bool vocabulary_read(Arena *arena, const Field *vocab, size_t more, Vocabulary *v, Status *st);
/* -1: no token is written like that; or none of the model's. */
int32_t vocabulary_find(const Vocabulary *v, Bytes text);
int32_t vocabulary_find_own(const Vocabulary *v, Bytes text);
/* A token beside those of the model, whose id is free and below `room`. */
void vocabulary_add(Arena *arena, Vocabulary *v, int32_t id, const char *text);

/* The letter of a byte, in UTF-8: one byte or two; returns the end. */
char *letter_put(unsigned char byte, char *out);
/* The code point of the letter at *text, which moves behind it; it is one. */
static inline int letter_next(const char **text) {
  const unsigned char lead = (unsigned char)*(*text)++;
  return lead < 0x80 ? lead : (lead & 0x1f) << 6 | ((unsigned char)*(*text)++ & 0x3f);
}
/* The byte of a letter; -1: it is none. */
int letter_byte(uint32_t code);
#endif
