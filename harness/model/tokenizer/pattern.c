#include "model/tokenizer/pattern.h"

#include <string.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "model/tokenizer/translate.h"

/* Once written in C, a match backtracks on a stack of its own, which grows up to the last. */
enum { JIT_STACK_FIRST = 32 << 10, NESTED_MOST = 64, KIB = 1 << 10 };

struct Pattern {
  pcre2_code *code;
  pcre2_match_data *data;
  pcre2_match_context *limits;
  pcre2_jit_stack *stack; /* NULL: interpreted */
  const char *where;
};

Effort effort_for(size_t bytes) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  /* English takes 0.1 s a megabyte. */
  const double allowed_s = 2 + 4e-6 * (double)bytes;
  return (Effort){(double)now.tv_sec + 1e-9 * (double)now.tv_nsec + allowed_s, 0};
}

static bool effort_left(Effort *effort) {
  enum { LOOKS = 64 }; /* a look at the clock takes as long as a match or two */
  if (++effort->looks % LOOKS) return true;
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec < effort->end_s;
}

static bool message(const Field *at, int error, size_t place, Status *st) {
  PCRE2_UCHAR text[128] = "";
  pcre2_get_error_message(error, text, sizeof text);
  return field_fail(at, st, "the pattern cannot be compiled: %s (byte %zu of its translation)",
                    (const char *)text, place);
}

static pcre2_code *compile(const Field *at, const char *text, PatternKind kind, Status *st) {
  const uint32_t options = kind == PATTERN_LITERAL
                               ? PCRE2_UTF | PCRE2_LITERAL
                               : PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  int error = 0;
  PCRE2_SIZE place = 0;
  pcre2_compile_context *how = pcre2_compile_context_create(NULL);
  if (!how) return field_fail(at, st, "no memory for a pattern"), NULL;
  pcre2_set_newline(how, PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(how, NESTED_MOST);
  pcre2_code *code =
      pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &error, &place, how);
  pcre2_compile_context_free(how);
  if (!code) message(at, error, place, st);
  return code;
}

/* Where a processor has no compiler, or memory may not be run, the interpreter matches. So it does
 * where there are atomic groups, of which PCRE2 10.42's compiler takes more ways than the first:
 * (?>.++|[^b]{2,}(?<=^))(?=^) finds the "y\n" of "xy\n\n". */
static bool prepare(const Field *at, const char *text, Pattern *p, Status *st) {
  p->data = pcre2_match_data_create(1, NULL);
  p->limits = pcre2_match_context_create(NULL);
  if (!p->data || !p->limits) return field_fail(at, st, "no memory for a pattern");
  pcre2_set_match_limit(p->limits, PATTERN_STEPS);
  pcre2_set_depth_limit(p->limits, PATTERN_DEPTH);
  pcre2_set_heap_limit(p->limits, PATTERN_MEMORY / KIB);
  if (strstr(text, "(?>") || pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) != 0) return true;
  p->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, PATTERN_MEMORY, NULL);
  if (p->stack) pcre2_jit_stack_assign(p->limits, NULL, p->stack);
  return true;
}

bool pattern_compile(Arena *arena, const Field *at, const char *text, PatternKind kind,
                     Pattern **pattern, Status *st) {
  Pattern *p = *pattern = ARENA_NEW(arena, Pattern, 1);
  p->where = field_where(arena, at);
  if (kind == PATTERN_ONIGURUMA) TRY(pattern_translate(arena, at, text, &text, st));
  p->code = compile(at, text, kind, st);
  return p->code && prepare(at, text, p, st);
}

void pattern_free(Pattern *p) {
  if (!p) return;
  pcre2_jit_stack_free(p->stack);
  pcre2_match_context_free(p->limits);
  pcre2_match_data_free(p->data);
  pcre2_code_free(p->code);
}

Search search_in(const Pattern *pattern, const char *text, size_t count, Effort *effort) {
  return (Search){pattern, text, count, 0, SIZE_MAX, effort};
}

static int match(const Search *s, uint32_t options) {
  return pcre2_match(s->pattern->code, (PCRE2_SPTR)s->text, s->count, s->next,
                     options | PCRE2_NO_UTF_CHECK, s->pattern->data, s->pattern->limits);
}

static bool fail_match(const Search *s, int error, Status *st) {
  PCRE2_UCHAR text[128] = "";
  pcre2_get_error_message(error, text, sizeof text);
  return FAIL(st, "%s: the pattern gives up at byte %zu of a piece of %zu bytes: %s",
              s->pattern->where, s->next, s->count, (const char *)text);
}

static size_t character_length(unsigned char lead) {
  return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

bool search_next(Search *s, bool *found, size_t *start, size_t *end, Status *st) {
  for (*found = false; s->next <= s->count;) {
    int result = match(s, 0);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = match(s, PCRE2_NO_JIT);
    if (result == PCRE2_ERROR_NOMATCH) return true;
    if (result < 0) return fail_match(s, result, st);
    if (!effort_left(s->effort))
      return FAIL(st, "%s: the pattern takes too long: stopped at byte %zu of a piece of %zu bytes",
                  s->pattern->where, s->next, s->count);
    const PCRE2_SIZE *place = pcre2_get_ovector_pointer(s->pattern->data);
    *start = place[0];
    *end = place[1];
    if (*end > *start || *end != s->last) {
      s->next = s->last = *end;
      return *found = true;
    }
    s->next += s->next < s->count ? character_length((unsigned char)s->text[s->next]) : 1;
  }
  return true;
}

bool pattern_begins(const Pattern *p, const char *text, size_t count) {
  return pcre2_match(p->code, (PCRE2_SPTR)text, count, 0, PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK,
                     p->data, p->limits) > 0;
}
