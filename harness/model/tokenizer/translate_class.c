/* translate_class: one character of a pattern, or a set of them: what stands for itself, behind a
 * backslash, and in brackets. */
#include <ctype.h>
#include <utf8proc.h>

#include "model/tokenizer/classes.h"
#include "model/tokenizer/translate_parts.h"

/* --- characters ------------------------------------------------------------------------------- */

static bool put_code(Translation *t, Text *to, uint32_t code) {
  char text[16];
  const bool plain = code < 0x80 && isalnum((int)code);
  snprintf(text, sizeof text, plain ? "%c" : "\\x{%x}", code);
  return put(t, to, text);
}

static bool take_code(Translation *t, uint32_t *code) {
  utf8proc_int32_t found;
  const utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)t->text + t->i,
                                              (utf8proc_ssize_t)(t->count - t->i), &found);
  if (n <= 0) REFUSE(t, t->i, "no UTF-8");
  t->i += (size_t)n;
  return *code = (uint32_t)found, true;
}

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

/* A character as it stands, or what a backslash says. */
static bool item(Translation *t, const char **class, bool *negated, uint32_t *code) {
  *class = NULL;
  return follows(t, "\\") ? escape(t, class, negated, code) : take_code(t, code);
}

/* [inside] or [^inside] */
static bool put_class(Translation *t, Text *to, const char *inside, bool negated) {
  return put(t, to, negated ? "[^" : "[") && put(t, to, inside) && put(t, to, "]");
}

bool translate_character(Translation *t) {
  const size_t place = t->i;
  const char *class;
  bool negated = false;
  uint32_t code = 0;
  TRY(item(t, &class, &negated, &code));
  if (!class) return check_case(t, place, code, false) && put_code(t, &t->out, code);
  return put_class(t, &t->out, class == class_word ? class_word_alone : class, negated);
}

/* --- classes ---------------------------------------------------------------------------------- */

static bool add_class(Translation *t, const char *class, bool negated) {
  if (!negated) return put(t, &t->inside, class);
  return put(t, &t->outside, t->outside.used ? "|" : "") && put_class(t, &t->outside, class, true);
}

/* The upper end of a range, or the same character. */
static bool add_range(Translation *t, size_t place, uint32_t low) {
  uint32_t high = low;
  TRY(check_case(t, place, low, true));
  if (follows(t, "-") && !follows(t, "-]")) {
    const char *class;
    bool negated;
    t->i++;
    const size_t end = t->i;
    TRY(item(t, &class, &negated, &high));
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
    const char *class;
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
    TRY(item(t, &class, &negated, &code));
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

bool translate_bracket(Translation *t) {
  const size_t begin = t->i++;
  const bool negated = take(t, "^");
  t->inside.used = t->outside.used = 0;
  t->inside.text[0] = t->outside.text[0] = 0;
  TRY(items(t, begin));
  t->before = 0;
  const bool both = t->inside.used && t->outside.used;
  if (!t->outside.used) return put_class(t, &t->out, t->inside.text, negated);
  TRY(put(t, &t->out, negated ? "(?:(?!" : "(?:"));
  if (t->inside.used) TRY(put_class(t, &t->out, t->inside.text, false));
  return put(t, &t->out, both ? "|" : "") && put(t, &t->out, t->outside.text) &&
         put(t, &t->out, negated ? ")(?s:.))" : ")");
}
