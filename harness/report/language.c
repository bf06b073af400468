#include "report/language.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *const language_names[LANGUAGE_COUNT] = {"en", "zh"};

enum { PHRASES_MAX = 2048 };
static Language now;
static const Phrase *sorted[PHRASES_MAX]; /* chinese, by the English; filled when it is first needed */

static int compare(const void *a, const void *b) {
  return strcmp((*(const Phrase *const *)a)->english, (*(const Phrase *const *)b)->english);
}

void say_in(Language language) {
  now = language;
  if (language == LANGUAGE_ENGLISH || sorted[0]) return;
  assert(chinese_count <= PHRASES_MAX);
  for (size_t i = 0; i < chinese_count; i++) sorted[i] = &chinese[i];
  qsort(sorted, chinese_count, sizeof *sorted, compare);
}

Language language_now(void) { return now; }

const char *say(const char *english) {
  if (now == LANGUAGE_ENGLISH) return english;
  const Phrase wanted = {english, NULL}, *key = &wanted;
  const Phrase *const *found = bsearch(&key, sorted, chinese_count, sizeof *sorted, compare);
  return found ? (*found)->chinese : english;
}

bool language_find(const char *name, Language *language) {
  for (int i = 0; i < LANGUAGE_COUNT; i++) {
    if (strcmp(name, language_names[i])) continue;
    *language = (Language)i;
    return true;
  }
  return false;
}
