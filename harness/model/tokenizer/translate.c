/* translate: groups, repeats and what they are of.
 * Source: Oniguruma's doc/RE and doc/SYNTAX.md, and what `tokenizers` 0.23.3 was seen to do. */
#include "model/tokenizer/translate.h"

#include <ctype.h>

#include "model/tokenizer/translate_parts.h"

/* A pattern of a published file has at most 1,200 bytes. */
enum { PATTERN_MOST = 8192, REPEAT_MOST = 1000 };

/* {n}, {n,}, {,m}, {n,m}; otherwise a brace is a character. */
static bool is_interval(const Translation *t, size_t *length, int *low, int *high) {
  int used = 0;
  char rest[32];
  snprintf(rest, sizeof rest, "%.31s", t->text + t->i);
  *low = 0, *high = -1;
  if (sscanf(rest, "{%9d%n", low, &used) != 1 || !used) {
    *low = 0;
    used = 1;
    if (rest[0] != '{' || rest[1] != ',' || !isdigit((unsigned char)rest[2])) return false;
  }
  if (!isdigit((unsigned char)rest[1]) && rest[1] != ',') return false;
  if (rest[used] == ',') {
    int more = 0;
    used++;
    if (isdigit((unsigned char)rest[used]) && sscanf(rest + used, "%9d%n", high, &more) == 1)
      used += more;
  } else {
    *high = *low;
  }
  *length = (size_t)used + 1;
  return rest[used] == '}';
}

/* Around what was written from `from` on. */
static bool wrap(Translation *t, size_t from, const char *end) {
  static const char group[] = "(?:";
  const size_t n = sizeof group - 1;
  TRY(put(t, &t->out, group));
  memmove(t->out.text + from + n, t->out.text + from, t->out.used - from - n);
  memcpy(t->out.text + from, group, n);
  return put(t, &t->out, end);
}

static bool interval(Translation *t, size_t from, size_t length, int low, int high) {
  char text[32];
  if (low > REPEAT_MOST || high > REPEAT_MOST) REFUSE(t, t->i, "more than %d repeats", REPEAT_MOST);
  if (high >= 0 && high < low) REFUSE(t, t->i, "a repeat that ends before it begins");
  t->i += length;
  snprintf(text, sizeof text, high < 0 ? "{%d,}" : "{%d,%d}", low, high);
  TRY(put(t, &t->out, text));
  if (take(t, "+")) return wrap(t, from, ")+");
  if (take(t, "?")) return low == high ? wrap(t, from, ")?") : put(t, &t->out, "?");
  return true;
}

/* Oniguruma ends or refuses a loop that goes round without a character by rules of its own. */
static bool repeat(Translation *t, size_t from) {
  const size_t place = t->i;
  size_t length;
  int low, high;
  const bool braced = is_interval(t, &length, &low, &high);
  if (!braced && !follows_one_of(t, "*+?")) return true;
  if (t->empty) REFUSE(t, place, "a repeat of what may match no character");
  t->before = 0;
  if (braced) {
    const size_t end = t->i + length;
    TRY(interval(t, from, length, low, high));
    t->empty = low == 0 || (low == high && t->text[end] == '?');
  } else {
    t->empty = peek(t) != '+';
    TRY(put_next(t));
    if (follows_one_of(t, "?+")) TRY(put_next(t));
  }
  if (follows_one_of(t, "*+?") || is_interval(t, &length, &low, &high))
    REFUSE(t, t->i, "a repeat of a repeat");
  return true;
}

static bool alternatives(Translation *t);

static bool group(Translation *t) {
  static const struct Opening {
    const char *text;
    bool around, caseless;
  } opening[] = {{"(?:", false, false}, {"(?=", true, false},  {"(?!", true, false},
                 {"(?>", false, false}, {"(?<=", true, false}, {"(?<!", true, false},
                 {"(?i:", false, true}, {"(", false, false}};
  const size_t begin = t->i, most = sizeof opening / sizeof *opening;
  const bool before = t->caseless;
  size_t k = 0;
  while (!take(t, opening[k].text)) k++;
  if (k == most - 1 && follows(t, "?")) REFUSE(t, begin, "'%.4s' is not read", t->text + begin);
  TRY(put(t, &t->out, k == most - 1 ? "(?:" : opening[k].text));
  t->caseless |= opening[k].caseless;
  t->before = 0;
  TRY(alternatives(t));
  t->empty |= opening[k].around;
  t->before = 0;
  t->caseless = before;
  if (!take(t, ")")) REFUSE(t, begin, "the group is not closed");
  return put(t, &t->out, ")");
}

static bool term(Translation *t) {
  const size_t from = t->out.used, place = t->i;
  const char c = peek(t);
  size_t length;
  int low, high;
  t->empty = strchr("^$", c) != NULL;
  if (strchr("*+?", c) || is_interval(t, &length, &low, &high))
    REFUSE(t, place, "nothing to repeat");
  if (c == '(') {
    TRY(group(t));
  } else if (c == '[') {
    TRY(translate_bracket(t));
  } else if (strchr(".^$", c)) {
    TRY(put_next(t));
  } else {
    TRY(translate_character(t));
  }
  return repeat(t, from);
}

static bool alternatives(Translation *t) {
  bool empty = false, all = true; /* one of those before; all of this one so far */
  if (++t->depth > NESTED_MOST) REFUSE(t, t->i, "nested deeper than %d", NESTED_MOST);
  while (t->i < t->count && !follows(t, ")")) {
    if (take(t, "|")) {
      t->before = 0;
      TRY(put(t, &t->out, "|"));
      empty |= all;
      all = true;
    } else {
      TRY(term(t));
      all &= t->empty;
    }
  }
  t->depth--;
  return t->empty = empty || all, true;
}

bool pattern_translate(Arena *arena, const Field *at, const char *text, const char **translated,
                       Status *st) {
  Translation t = {.at = at, .text = text, .count = strlen(text), .st = st};
  if (t.count > PATTERN_MOST)
    return field_fail(at, st, "the pattern has %zu bytes, at most %d are read", t.count,
                      PATTERN_MOST);
  t.out.text = arena_room(arena, ROOM, 1);
  Arena scratch = *arena;
  t.inside.text = arena_room(&scratch, ROOM, 1);
  t.outside.text = arena_room(&scratch, ROOM, 1);
  t.out.text[0] = 0;
  TRY(alternatives(&t));
  if (t.i < t.count) REFUSE(&t, t.i, "a bracket is closed that was not opened");
  return *translated = t.out.text, true;
}
