#include "report/language.h"

#include <string.h>

const char *const language_names[LANGUAGE_COUNT] = {"en", "zh"};

const char *say(Language l, const char *english) {
  if (l == LANGUAGE_ENGLISH) return english;
  for (size_t i = 0; i < chinese_count; i++)
    if (!strcmp(chinese[i].english, english)) return chinese[i].chinese;
  return english;
}

/* Those of three bytes and more begin with 0xe3 or above: no letters, arrows or dashes. */
static bool is_character(char c) { return (unsigned char)c >= 0xe3; }

size_t language_tidy(Language l, char *text, size_t count) {
  static const char bracket[] = "）";
  const size_t length = sizeof bracket - 1;
  size_t kept = 0;
  if (l != LANGUAGE_CHINESE) return count;
  for (size_t i = 0; i < count; i++)
    if (text[i] != ' ' || kept < length || memcmp(text + kept - length, bracket, length) != 0 ||
        i + 1 == count || !is_character(text[i + 1]))
      text[kept++] = text[i];
  text[kept] = 0;
  return kept;
}

bool language_find(const char *name, Language *language) {
  for (int i = 0; i < LANGUAGE_COUNT; i++) {
    if (strcmp(name, language_names[i])) continue;
    *language = (Language)i;
    return true;
  }
  return false;
}
