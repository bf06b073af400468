#include "report/retold.h"

#include <string.h>

enum { RETOLD_PARTS = 6 };

/* The parts of a sentence that was made by a template of %s; -1: it was not. */
static int parts_of(Arena *arena, const char *sentence, const char *template,
                    const char *part[RETOLD_PARTS]) {
  int count = 0;
  for (const char *at = template;;) {
    const char *next = strstr(at, "%s");
    const size_t literal = next ? (size_t)(next - at) : strlen(at);
    if (strncmp(sentence, at, literal) != 0) return -1;
    sentence += literal;
    if (!next) return *sentence ? -1 : count;
    at = next + 2;
    const char *stop = arena_printf(arena, "%.*s", (int)strcspn(at, "%"), at),
               *end = *stop ? strstr(sentence, stop) : sentence + strlen(sentence);
    if (!end || count == RETOLD_PARTS) return -1;
    part[count++] = arena_printf(arena, "%.*s", (int)(end - sentence), sentence);
    sentence = end;
  }
}

const char *retold(Language l, Arena *arena, const char *sentence, const char *const *templates,
                   size_t count) {
  for (size_t i = 0; l != LANGUAGE_ENGLISH && i < count; i++) {
    const char *p[RETOLD_PARTS] = {"", "", "", "", "", ""};
    if (parts_of(arena, sentence, templates[i], p) < 0) continue;
    if (!strcmp(p[0], WORD("the run"))) p[0] = say(l, p[0]);
    return arena_printf(arena, say(l, templates[i]), p[0], p[1], p[2], p[3], p[4], p[5]);
  }
  return sentence;
}

static int spaces_in(const char *text) {
  int count = 0;
  for (; *text; text++) count += *text == ' ';
  return count;
}

/* Names have no spaces: a title with more than the template has is somebody's own. */
const char *retold_title(Language l, Arena *arena, const char *title) {
  static const char *const made[] = WORDS("Mode %s against mode %s", "%s against %s", "%s alone");
  for (size_t i = 0; i < sizeof made / sizeof *made; i++)
    if (spaces_in(title) == spaces_in(made[i])) {
      const char *again = retold(l, arena, title, &made[i], 1);
      if (again != title) return again;
    }
  return title;
}

const char *retold_question(Language l, const char *question) {
  static const char *const made[] =
      WORDS("Do the two differ, where first, and how far does it grow?",
            "Do the two modes differ, where first, and how far does it grow?",
            "How wrong is the operator, where, and is that allowed?");
  for (size_t i = 0; i < sizeof made / sizeof *made; i++)
    if (!strcmp(question, made[i])) return say(l, made[i]);
  return question;
}
