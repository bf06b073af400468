/* translate_parts: a pattern that is being translated: where it is read, what was written of it so
 * far, and what reads and writes. internal to translate. */
#ifndef DS_MODEL_TOKENIZER_TRANSLATE_PARTS_H
#define DS_MODEL_TOKENIZER_TRANSLATE_PARTS_H
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model/tokenizer/fields.h"

/* ROOM: bytes of a pattern that was translated, of which a class takes up to 1,300. */
enum { ROOM = 1 << 17, NESTED_MOST = 20 };

typedef struct Text {
  char *text;
  size_t used;
} Text;

typedef struct Translation {
  const Field *at;
  const char *text;
  size_t count, i;
  Text out, inside, outside; /* of a class: what it holds, and the classes whose rest it holds */
  int depth;
  bool caseless;
  bool empty;      /* what was last written may match no character */
  uint32_t before; /* the literal in front, where case is ignored */
  Status *st;
} Translation;

#define REFUSE(t, place, ...)                                                                      \
  do {                                                                                             \
    char said[256];                                                                                \
    snprintf(said, sizeof said, __VA_ARGS__);                                                      \
    return field_fail((t)->at, (t)->st, "byte %zu of the pattern: %s", (size_t)(place), said);     \
  } while (0)

static inline bool put(Translation *t, Text *to, const char *text) {
  const size_t n = strlen(text);
  if (to->used + n >= ROOM) REFUSE(t, t->i, "it becomes too large");
  memcpy(to->text + to->used, text, n + 1);
  to->used += n;
  return true;
}

/* The character that comes next, as it stands. */
static inline bool put_next(Translation *t) {
  return put(t, &t->out, (char[]){t->text[t->i++], 0});
}

static inline char peek(const Translation *t) { return t->i < t->count ? t->text[t->i] : 0; }

static inline bool follows_one_of(const Translation *t, const char *characters) {
  return peek(t) && strchr(characters, peek(t));
}

static inline bool follows(const Translation *t, const char *text) {
  const size_t n = strlen(text);
  return t->count - t->i >= n && memcmp(t->text + t->i, text, n) == 0;
}

static inline bool take(Translation *t, const char *text) {
  if (!follows(t, text)) return false;
  t->i += strlen(text);
  return true;
}

/* One character, or a class by name: as it stands, or behind a backslash. */
bool translate_character(Translation *t);
/* A class in brackets. */
bool translate_bracket(Translation *t);
#endif
