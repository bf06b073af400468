/* language: the report's words in its reader's language. The English text stands where it is used
 * and is what it is looked up by; one table (chinese.c) holds every other wording. Names of
 * tensors, stages, modes, kernels and CSV columns are not words: they are the same in every
 * language. */
#ifndef DS_REPORT_LANGUAGE_H
#define DS_REPORT_LANGUAGE_H
#include <stdbool.h>
#include <stddef.h>

typedef enum Language { LANGUAGE_ENGLISH, LANGUAGE_CHINESE, LANGUAGE_COUNT } Language;

/* This text in a language; a printf template may take its arguments in another order (%2$s). What
 * the table does not hold is returned as it is. */
const char *say(Language l, const char *english) __attribute__((format_arg(2)));
/* Marks a text that is said later, and a list of them. */
#define WORD(english) english
#define WORDS(...)                                                                                 \
  { __VA_ARGS__ }

/* What figures put into a template bring along: of Chinese the space behind a full-width bracket
 * that a character follows goes, in place; the length that is left. */
size_t language_tidy(Language l, char *text, size_t count);

/* "en" and "zh", the value of HTML's lang. */
extern const char *const language_names[LANGUAGE_COUNT];
bool language_find(const char *name, Language *language);

typedef struct Phrase {
  const char *english, *chinese;
} Phrase;
extern const Phrase chinese[]; /* chinese.c, by the file that uses them first */
extern const size_t chinese_count;
#endif
