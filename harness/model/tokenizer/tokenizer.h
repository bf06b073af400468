/* tokenizer: a text as the token ids of a model whose tokenizer is a byte-level BPE, from its
 * tokenizer.json; the same ids as the Python package `tokenizers` gives.
 *
 * Read are: the model BPE with merges as strings or as pairs, with and without ignore_merges; the
 * normalizers NFC, NFD, NFKC, NFKD and Sequence; the pre-tokenizers ByteLevel (with and without its
 * regex, add_prefix_space), Split (Regex or String, every behavior, invert), Digits, Punctuation,
 * Whitespace and Sequence; added tokens with every flag; the post-processors ByteLevel, a
 * TemplateProcessing that adds nothing but tokens in front, and a Sequence of them; the decoder
 * ByteLevel. All else is refused by its name and place. The file is not trusted: sizes, counts and
 * nesting have limits, and a pattern has as many steps and as much memory as pattern.h says. The
 * ids were compared on 10 MB of random Unicode in 84 variants of a file
 * (tests/check_tokenizers.py): none differs.
 *
 * Speed: 1 MB of English in 0.03 s on one core of an AMD EPYC, behind 0.08 s in which a file of
 * 50,277 tokens is read; 256 KiB of one letter in less than 2 s (tests/test_tokenizer.c).
 * What `tokenizers` gives was looked at in its version 0.23.3 (Oniguruma with Unicode 16, normal
 * forms of Unicode 9, digits of Unicode 17, punctuation of Unicode 8: see classes.h). */
#ifndef DS_MODEL_TOKENIZER_TOKENIZER_H
#define DS_MODEL_TOKENIZER_TOKENIZER_H
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/status.h"

typedef struct Tokenizer Tokenizer;

/* From the bytes of a tokenizer.json; `name` stands in messages. Stays in the arena, and holds
 * compiled patterns beside it until tokenizer_close. Used by one thread at a time. */
bool tokenizer_read(Arena *arena, const char *name, Bytes file, Tokenizer **tokenizer, Status *st);
bool tokenizer_open(Arena *arena, const char *path, Tokenizer **tokenizer, Status *st);
/* Nothing is encoded from here on; all else can still be asked. NULL is none. */
void tokenizer_close(Tokenizer *tokenizer);

const char *tokenizer_name(const Tokenizer *tokenizer);
Digest tokenizer_digest(const Tokenizer *tokenizer); /* of the file's bytes */
int tokenizer_ids(const Tokenizer *tokenizer);       /* one more than the largest id */
/* The bytes that an id stands for, of which a character may be a part; none where it has no token.
 */
Bytes tokenizer_piece(const Tokenizer *tokenizer, int32_t id);
/* The tokens that its post-processor puts in front of every text, such as <s>; how many. */
int tokenizer_front(const Tokenizer *tokenizer, const int32_t **id);

typedef struct Encoded {
  int32_t *id;
  int64_t count;
  int64_t differs; /* byte of the text from which on its pieces are no longer the text; -1: it
                      decodes to itself */
} Encoded;

/* The ids of a text, without tokens in front. Refused: a text that is no UTF-8 (with the byte), a
 * byte for which there is no token, more than a GiB. `name` of the text stands in messages. */
bool tokenizer_encode(Arena *arena, const Tokenizer *tokenizer, const char *name, Bytes text,
                      Encoded *encoded, Status *st);
#endif
