/* translate: a pattern as Oniguruma reads it, with which `tokenizers` splits, in the words of
 * PCRE2. Only what has been looked at is read: characters, classes (nested ones too), . ^ $ \s \d
 * \w \p{…}, \n and its kind, \x and \u, groups, (?i:…) of ASCII letters, lookaround, atomic groups,
 * and every repeat of what has a character. Where the two differ, the result says what Oniguruma
 * means: ^ and $ are at every line, \s and \p{…} are of classes.h, {,n} begins at 0, {n,m}+ repeats
 * the repeat and {n}? may leave it out. All else is refused by name: back references, named groups,
 * \b, \h, \R, POSIX brackets, &&, other options, repeats of repeats and of what may match no
 * character, and letters that together fold into one under (?i:…). */
#ifndef DS_MODEL_TOKENIZER_TRANSLATE_H
#define DS_MODEL_TOKENIZER_TRANSLATE_H
#include "base/arena.h"
#include "model/tokenizer/fields.h"

/* `text` is UTF-8. The result stays in the arena. */
bool pattern_translate(Arena *arena, const Field *at, const char *text, const char **translated,
                       Status *st);
#endif
