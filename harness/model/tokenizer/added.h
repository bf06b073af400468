/* added: tokens that are looked for in the text before anything else: at each place the longest,
 * from left to right. Those that are not `normalized` are looked for in the text as it is, the
 * others in its normal form, by theirs.
 * Source: `tokenizers`, tokenizer/added_vocabulary.rs. */
#ifndef DS_MODEL_TOKENIZER_ADDED_H
#define DS_MODEL_TOKENIZER_ADDED_H
#include "model/tokenizer/normal.h"
#include "model/tokenizer/pattern.h"
#include "model/tokenizer/vocabulary.h"

enum { ADDED_MOST = 1 << 16, ADDED_LENGTH_MOST = 512 };

typedef struct AddedToken {
  Bytes text; /* as it is looked for */
  int32_t id;
  bool single_word;    /* not where a word goes on before or behind it */
  bool lstrip, rstrip; /* takes the white space before, behind it */
} AddedToken;

/* A tree of bytes. */
typedef struct AddedNode {
  int32_t child, sibling; /* 0: none */
  int32_t token;          /* index; -1: no token ends here */
  unsigned char byte;
} AddedNode;

typedef struct AddedSet {
  AddedToken *token;
  int count;
  AddedNode *node; /* the first is the root */
  int nodes;
  int32_t first[256]; /* the root's child of a byte; 0: none */
} AddedSet;

typedef struct Added {
  AddedSet raw, normalized;
  Pattern *word; /* one character of a word */
} Added;

/* The value of "added_tokens", a list of at most ADDED_MOST or absent: each is in the vocabulary,
 * with the same id, or is added to it. */
bool added_read(Arena *arena, const Field *list, const NormalForms *forms, Vocabulary *v,
                Added *added, Status *st);

/* What a text is cut into: a token, or (id -1) text in which there is none. */
typedef struct AddedPart {
  int32_t id;
  Bytes text;
} AddedPart;

typedef struct AddedWalk {
  const AddedSet *set;
  const Pattern *word;
  Bytes text;
  size_t next, behind;       /* where to look on; where what was given ends */
  size_t spaces, spaces_end; /* white space that was walked through already */
  bool waits;                /* a token that stands behind the text that was given */
  AddedPart waiting;
} AddedWalk;
AddedWalk added_walk(const Added *added, const AddedSet *set, Bytes text);
/* False: the text is at its end. */
bool added_next(AddedWalk *walk, AddedPart *part);
#endif
