/* pattern: a regular expression by PCRE2, and its matches in a text one after another. A match
 * takes at most PATTERN_STEPS steps and PATTERN_MEMORY bytes, and all matches of a text together
 * the processor time of an Effort: a hostile pattern ends with an error. */
#ifndef DS_MODEL_TOKENIZER_PATTERN_H
#define DS_MODEL_TOKENIZER_PATTERN_H
#include <stdint.h>

#include "base/arena.h"
#include "model/tokenizer/fields.h"

enum { PATTERN_STEPS = 20000000, PATTERN_DEPTH = 1000000, PATTERN_MEMORY = 64 << 20 };

typedef struct Pattern Pattern;

/* How the text is to be read: as Oniguruma's, letter by letter, or as PCRE2's. */
typedef enum { PATTERN_ONIGURUMA, PATTERN_LITERAL, PATTERN_OWN } PatternKind;

/* `at` says where the text stands. Holds memory beside the arena until pattern_free. */
bool pattern_compile(Arena *arena, const Field *at, const char *text, PatternKind kind,
                     Pattern **pattern, Status *st);
void pattern_free(Pattern *pattern); /* NULL is none */

/* Seconds of processor time that the matches in one text may take. */
typedef struct Effort {
  double end_s;
  unsigned looks;
} Effort;
Effort effort_for(size_t bytes);

/* One after another, without overlap. Of an empty match that begins where the last one ended
 * nothing is said, as in Oniguruma's Rust bindings. */
typedef struct Search {
  const Pattern *pattern;
  const char *text;
  size_t count, next, last; /* last: where the last match ended; SIZE_MAX: there was none */
  Effort *effort;
} Search;
Search search_in(const Pattern *pattern, const char *text, size_t count, Effort *effort);
/* *found false: there is no other. */
bool search_next(Search *search, bool *found, size_t *start, size_t *end, Status *st);
/* Whether it matches at the very start. */
bool pattern_begins(const Pattern *pattern, const char *text, size_t count);
#endif
