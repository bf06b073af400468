/* Source: Oniguruma's doc/RE and doc/SYNTAX.md, and what `tokenizers` 0.23.3 was seen to do. */
#include "model/tokenizer/translate.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "model/tokenizer/classes.h"

/* A pattern of a published file has at most 1,200 bytes; translated, a class takes up to 1,300. */
enum { PATTERN_MOST = 8192, ROOM = 1 << 17, NESTED_MOST = 20, REPEAT_MOST = 1000 };

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

static bool put(Translation *t, Text *to, const char *text) {
  const size_t n = strlen(text);
  if (to->used + n >= ROOM) REFUSE(t, t->i, "it becomes too large");
  memcpy(to->text + to->used, text, n + 1);
  to->used += n;
  return true;
}

static bool put_code(Translation *t, Text *to, uint32_t code) {
  char text[16];
  const bool plain = code < 0x80 && isalnum((int)code);
  snprintf(text, sizeof text, plain ? "%c" : "\\x{%x}", code);
  return put(t, to, text);
}

static char peek(const Translation *t) { return t->i < t->count ? t->text[t->i] : 0; }

static bool follows(const Translation *t, const char *text) {
  const size_t n = strlen(text);
  return t->count - t->i >= n && memcmp(t->text + t->i, text, n) == 0;
}

static bool take(Translation *t, const char *text) {
  if (!follows(t, text)) return false;
  t->i += strlen(text);
  return true;
}

static bool take_code(Translation *t, uint32_t *code) {
  utf8proc_int32_t found;
  const utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)t->text + t->i,
                                              (utf8proc_ssize_t)(t->count - t->i), &found);
  if (n <= 0) REFUSE(t, t->i, "no UTF-8");
  t->i += (size_t)n;
  return *code = (uint32_t)found, true;
}

/* --- characters ------------------------------------------------------------------------------- */

/* Where case is ignored: Oniguruma also knows foldings to and from two characters, of which ASCII
 * letters give those of ß and the ligatures. */
static bool check_case(Translation *t, size_t place, uint32_t code, bool alone) {
  if (!t->caseless) return true;
  const utf8proc_int32_t c = (utf8proc_int32_t)code;
  const char kind = utf8proc_category_string(c)[0];
  if (code >= 0x80 && (strchr("LMN", kind) || utf8proc_tolower(c) != c || utf8proc_toupper(c) != c))
    REFUSE(t, place, "U+%04X under (?i:…), which is read with ASCII letters alone", code);
  static const char folding[][3] = {"ss", "ff", "fi", "fl", "st"};
  for (size_t i = 0; !alone && code < 0x80 && i < sizeof folding / sizeof *folding; i++)
    if (folding[i][0] == (char)t->before && folding[i][1] == (char)tolower((int)code))
      REFUSE(t, place, "'%s' under (?i:…), which Unicode folds into one letter", folding[i]);
  t->before = alone || code >= 0x80 ? 0 : (uint32_t)tolower((int)code);
  return true;
}

static bool hexadecimal(Translation *t, size_t least, size_t most, uint32_t *code) {
  const size_t begin = t->i;
  *code = 0;
  while (t->i - begin < most && isxdigit((unsigned char)peek(t))) {
    const char digit = (char)tolower((unsigned char)t->text[t->i++]);
    *code = *code * 16 + (uint32_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  }
  return t->i - begin >= least;
}

/* \x41, \x{4e2d}, \u4e2d: behind the letter. */
static bool numbered(Translation *t, char letter, size_t place, uint32_t *code) {
  const bool braced = letter == 'x' && take(t, "{");
  const bool digits = letter == 'u' ? hexadecimal(t, 4, 4, code)
                      : braced      ? hexadecimal(t, 1, 6, code) && take(t, "}")
                                    : hexadecimal(t, 2, 2, code) && *code < 0x80;
  if (!digits || !utf8proc_codepoint_valid((utf8proc_int32_t)*code))
    REFUSE(t, place, "'\\%c' is no character", letter);
  return true;
}

/* The class of \p{NAME}; `negated` is turned by P and by ^. */
static bool property(Translation *t, size_t place, const char **class, bool *negated) {
  if (!take(t, "{")) REFUSE(t, place, "\\p without a name in braces");
  if (take(t, "^")) *negated = !*negated;
  const char *name = t->text + t->i, *end = memchr(name, '}', t->count - t->i);
  if (!end) REFUSE(t, place, "\\p{ is not closed");
  *class = class_property(name, (size_t)(end - name));
  if (!*class)
    REFUSE(t, place, "\\p{%.*s} is not read; those that are: %s",
           (int)(end - name > 40 ? 40 : end - name), name, class_names);
  t->i += (size_t)(end - name) + 1;
  return true;
}

/* What stands behind a backslash: a class, or one character (*class NULL). */
static bool escape(Translation *t, const char **class, bool *negated, uint32_t *code) {
  static const char names[] = "nrtfvae", codes[] = "\n\r\t\f\v\a\x1b";
  const size_t place = t->i++;
  if (t->i == t->count) REFUSE(t, place, "ends with a backslash");
  const char c = peek(t);
  *class = NULL;
  *negated = isupper((unsigned char)c);
  if ((unsigned char)c >= 0x80 || !isalnum((unsigned char)c)) return take_code(t, code);
  t->i++;
  const char *name = strchr(names, c);
  if (name) return *code = (uint32_t)(unsigned char)codes[name - names], true;
  switch (c) {
    case 'x':
    case 'u': return numbered(t, c, place, code);
    case 's':
    case 'S': return *class = class_space, true;
    case 'd':
    case 'D': *class = class_digit; break;
    case 'w':
    case 'W': *class = class_word; break;
    case 'p':
    case 'P': TRY(property(t, place, class, negated)); break;
    default: REFUSE(t, place, "'\\%c' is not read", c);
  }
  if (t->caseless) REFUSE(t, place, "'\\%c' under (?i:…)", c);
  return true;
}

/* --- classes ---------------------------------------------------------------------------------- */

static bool add_class(Translation *t, const char *class, bool negated) {
  if (!negated) return put(t, &t->inside, class);
  return put(t, &t->outside, t->outside.used ? "|[^" : "[^") && put(t, &t->outside, class) &&
         put(t, &t->outside, "]");
}

/* The upper end of a range, or the same character. */
static bool add_range(Translation *t, size_t place, uint32_t low) {
  uint32_t high = low;
  TRY(check_case(t, place, low, true));
  if (follows(t, "-") && !follows(t, "-]")) {
    const char *class = NULL;
    bool negated;
    t->i++;
    const size_t end = t->i;
    if (follows(t, "\\"))
      TRY(escape(t, &class, &negated, &high));
    else
      TRY(take_code(t, &high));
    if (class || t->text[end] == '[') REFUSE(t, end, "a range that ends with a class");
    if (high < low) REFUSE(t, place, "a range that ends before it begins");
    if (t->caseless && high >= 0x80) REFUSE(t, end, "a range beyond ASCII under (?i:…)");
  }
  TRY(put_code(t, &t->inside, low));
  return high == low || (put(t, &t->inside, "-") && put_code(t, &t->inside, high));
}

/* What stands in brackets, the first being taken already. A class inside adds what it holds. */
static bool items(Translation *t, size_t begin) {
  if (++t->depth > NESTED_MOST) REFUSE(t, t->i, "nested deeper than %d", NESTED_MOST);
  for (bool first = true; first || !follows(t, "]"); first = false) {
    const size_t place = t->i;
    const char *class = NULL;
    bool negated = false;
    uint32_t code = 0;
    if (t->i == t->count) REFUSE(t, begin, "the class is not closed");
    if (follows(t, "&&")) REFUSE(t, place, "'&&' in a class is not read");
    if (follows(t, "[:")) REFUSE(t, place, "'[:' in a class is not read");
    if (follows(t, "[^")) REFUSE(t, place, "'[^' in a class is not read");
    if (take(t, "[")) {
      TRY(items(t, place));
      continue;
    }
    if (follows(t, "\\"))
      TRY(escape(t, &class, &negated, &code));
    else
      TRY(take_code(t, &code));
    if (!class) {
      TRY(add_range(t, place, code));
      continue;
    }
    if (follows(t, "-") && !follows(t, "-]")) REFUSE(t, t->i, "a range that begins with a class");
    TRY(add_class(t, class, negated));
  }
  t->i++;
  t->depth--;
  return true;
}

static bool bracket(Translation *t) {
  const size_t begin = t->i++;
  const bool negated = take(t, "^");
  t->inside.used = t->outside.used = 0;
  t->inside.text[0] = t->outside.text[0] = 0;
  TRY(items(t, begin));
  t->before = 0;
  const bool both = t->inside.used && t->outside.used;
  if (!t->outside.used)
    return put(t, &t->out, negated ? "[^" : "[") && put(t, &t->out, t->inside.text) &&
           put(t, &t->out, "]");
  TRY(put(t, &t->out, negated ? "(?:(?!" : "(?:"));
  if (t->inside.used)
    TRY(put(t, &t->out, "[") && put(t, &t->out, t->inside.text) && put(t, &t->out, "]"));
  return put(t, &t->out, both ? "|" : "") && put(t, &t->out, t->outside.text) &&
         put(t, &t->out, negated ? ")(?s:.))" : ")");
}

/* --- groups, repeats -------------------------------------------------------------------------- */

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
  if (!braced && (!peek(t) || !strchr("*+?", peek(t)))) return true;
  if (t->empty) REFUSE(t, place, "a repeat of what may match no character");
  t->before = 0;
  if (braced) {
    const size_t end = t->i + length;
    TRY(interval(t, from, length, low, high));
    t->empty = low == 0 || (low == high && t->text[end] == '?');
  } else {
    t->empty = peek(t) != '+';
    TRY(put(t, &t->out, (char[]){t->text[t->i++], 0}));
    if (peek(t) && strchr("?+", peek(t))) TRY(put(t, &t->out, (char[]){t->text[t->i++], 0}));
  }
  if ((peek(t) && strchr("*+?", peek(t))) || is_interval(t, &length, &low, &high))
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

static bool one_escaped(Translation *t) {
  const size_t place = t->i;
  const char *class = NULL;
  bool negated = false;
  uint32_t code = 0;
  TRY(escape(t, &class, &negated, &code));
  if (!class) return check_case(t, place, code, false) && put_code(t, &t->out, code);
  if (class == class_word) class = class_word_alone;
  return put(t, &t->out, negated ? "[^" : "[") && put(t, &t->out, class) && put(t, &t->out, "]");
}

static bool term(Translation *t) {
  const size_t from = t->out.used, place = t->i;
  const char c = peek(t);
  uint32_t code = 0;
  size_t length;
  int low, high;
  t->empty = strchr("^$", c) != NULL;
  if (strchr("*+?", c) || is_interval(t, &length, &low, &high))
    REFUSE(t, place, "nothing to repeat");
  if (c == '(') {
    TRY(group(t));
  } else if (c == '[') {
    TRY(bracket(t));
  } else if (c == '\\') {
    TRY(one_escaped(t));
  } else if (strchr(".^$", c)) {
    t->i++;
    TRY(put(t, &t->out, (char[]){c, 0}));
  } else {
    TRY(take_code(t, &code));
    TRY(check_case(t, place, code, false));
    TRY(put_code(t, &t->out, code));
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
