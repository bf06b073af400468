/* classes: the sets of characters that patterns of tokenizer files name, as PCRE2 writes the inside
 * of a bracket.
 *
 * `tokenizers` has them from four places, of different versions of Unicode: patterns from
 * Oniguruma 6.9.10 (Unicode 16), Digits and single_word from Rust (17, 16), Punctuation from
 * unicode_categories (8). PCRE2 has them from its own tables (10.42: Unicode 14), to which what
 * those know beyond is added here by hand; a character of PCRE2's that is no member there is none
 * here. tests/check_tokenizers.py looks at every code point. */
#ifndef DS_MODEL_TOKENIZER_CLASSES_H
#define DS_MODEL_TOKENIZER_CLASSES_H
#include <stdbool.h>
#include <stddef.h>

/* \p{NAME}, whatever its case; NULL: not known here. */
const char *class_property(const char *name, size_t count);

extern const char class_space[];      /* \s, of Oniguruma and of Rust: White_Space */
extern const char class_digit[];      /* \d */
extern const char class_word[];       /* \w of Oniguruma in brackets, */
extern const char class_word_alone[]; /* and by itself */
/* Whole patterns, of one character: */
extern const char class_rust_word[];   /* \w of Rust's regex */
extern const char class_rust_digit[];  /* char::is_numeric */
extern const char class_punctuation[]; /* of the pre-tokenizer Punctuation */
extern const char class_words[];       /* of the pre-tokenizer Whitespace: what it keeps */
/* The names that class_property knows, for messages. */
extern const char class_names[];
#endif
