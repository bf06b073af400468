/* text: how a model reads text: by a tokenizer.json, that which stands beside its checkpoint or
 * another that was named; without one as bytes, where its vocabulary is 256. */
#ifndef DS_MODEL_TEXT_H
#define DS_MODEL_TEXT_H
#include "model/tokenizer/tokenizer.h"

enum { BYTE_VOCAB = 256 };

/* Whether the tokens that a tokenizer puts in front of every text are put there. */
typedef enum { BOS_NOT_SAID, BOS_LEFT_OUT, BOS_ADDED } Bos;

/* A text that was read from a byte on. */
typedef struct TextRead {
  const char *name; /* for messages: its path, and the byte */
  const char *path;
  int64_t offset;
  Encoded ids;
  struct TextRead *next;
} TextRead;

typedef struct TextReader {
  const char *folder; /* of the checkpoint; NULL: there is none */
  const char *path;   /* of a tokenizer.json; NULL: that of the folder, where it has one */
  int vocab;          /* of the model; 0: not known, and every id is right */
  Bos bos;
  Tokenizer *tokenizer; /* set by text_reader_need; NULL: bytes */
  bool used;            /* some text has gone through it */
  TextRead *read;       /* by text_reader_part, the last first */
} TextReader;

/* Whether it can read text, as far as can be told without reading a tokenizer. */
bool text_reader_can(Arena *arena, const TextReader *reader);

/* Opens the tokenizer, where there is one; once. Refused: a model that can read no text, with both
 * ways out. */
bool text_reader_need(Arena *arena, TextReader *reader, Status *st);
/* The same for those who only want to show pieces: what is wrong with a tokenizer that no text went
 * through is nobody's concern. */
void text_reader_want(Arena *arena, TextReader *reader);
/* The ids of a text, of which `name` stands in messages, and those in front where they are wanted.
 * Refused: a text that is no UTF-8, an id outside the model's vocabulary (with its piece), tokens
 * in front of which nobody has said whether they are wanted. */
bool text_reader_encode(Arena *arena, TextReader *reader, const char *name, Bytes text,
                        Encoded *encoded, Status *st);
/* The same of a file, whose content is `text`, from byte `offset` on; once for each, since many
 * windows are taken from one text. Refused: an offset amid a character or past the end, a file of
 * another kind. */
bool text_reader_part(Arena *arena, TextReader *reader, const char *path, Bytes text,
                      int64_t offset, const Encoded **encoded, Status *st);
/* No text is read from here on; pieces can still be shown. */
void text_reader_close(TextReader *reader);
#endif
