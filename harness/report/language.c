#include "report/language.h"

#include <string.h>

const char *const language_names[LANGUAGE_COUNT] = {"en", "zh"};

const char *say(Language l, const char *english) {
  if (l == LANGUAGE_ENGLISH) return english;
  for (size_t i = 0; i < chinese_count; i++)
    if (!strcmp(chinese[i].english, english)) return chinese[i].chinese;
  return english;
}

bool language_find(const char *name, Language *language) {
  for (int i = 0; i < LANGUAGE_COUNT; i++) {
    if (strcmp(name, language_names[i])) continue;
    *language = (Language)i;
    return true;
  }
  return false;
}
