#include "command/vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "spec/defaults.h"

typedef struct Words {
  Arena scratch;
  const VectorsAsked *asked;
  FILE *lines, *shares;
  Status *st;
  bool ok;
} Words;

/* Rounded down: a share that is not 1 never reads 1. */
static double shown(double share) { return floor(share * 1e6) / 1e6; }

static const char *place(Arena *arena, const Match *m, ptrdiff_t at) {
  return arena_printf(arena, "[%td, %td]", at / m->cols, at % m->cols);
}

/* "case/scan/y", or "y" of a file that names no case. */
static const char *output_name(Arena *arena, const VectorsAsked *asked, const VectorCase *c,
                               const char *output) {
  return *c->name ? arena_printf(arena, "%s/%s/%s", c->name, micro_op_names[asked->op], output)
                  : output;
}

/* A file that names no case is one itself. */
static const char *case_name(const VectorsAsked *asked, const VectorCase *c) {
  const char *file = file_name(asked->path);
  return *c->name ? c->name : *file ? file : asked->path;
}

/* The share that must be equal; below 0: none, the bound decides. */
static double limit_of(const VectorsAsked *asked, const Match *m) {
  if (asked->least >= 0) return asked->least;
  if (!m->exact) return -1;
  return asked->op == MICRO_CONV1D ? DEFAULT_EQUAL_CONV1D : DEFAULT_EQUAL_SCAN;
}

static bool check(const Words *w, const VectorCase *c, const Match *m, const char *name) {
  const double limit = limit_of(w->asked, m), share = (double)m->equal / (double)m->n;
  Arena scratch = w->scratch;
  const char *path = w->asked->path, *output = output_name(&scratch, w->asked, c, name);
  if (!m->derived) return true;
  if (limit >= 0)
    return share >= limit || FAIL_CHECK(w->st, "%s: %s: %.6f of the values are equal, below %.6g",
                                        path, output, shown(share), limit);
  return !m->beyond ||
         FAIL_CHECK(w->st,
                    "%s: %s: %lld of %zu values are beyond what float32 can make of these "
                    "inputs; the first %s: %.9g, float64 %.9g",
                    path, output, (long long)m->beyond, m->n, place(&scratch, m, m->beyond_first),
                    m->beyond_got, m->beyond_want);
}

static void say_match(Words *w, const VectorCase *c, const Match *m, Arena scratch) {
  const Language l = w->asked->language;
  const char *of = case_name(w->asked, c),
             *output = vector_layout[w->asked->op].array[m->array].name,
             *which = m->derived ? m->order : m->setting,
             *name = arena_printf(&scratch, "%s%s%s", output, *which ? " " : "", which),
             *setting =
                 arena_printf(&scratch, "%s%s%s", m->setting, *m->modes ? ": " : "", m->modes);
  const double share = shown((double)m->equal / (double)m->n);
  const char *where = m->first < 0 ? say(l, "none")
                                   : arena_printf(&scratch, say(l, "%s: ours %.9g, stored %.9g"),
                                                  place(&scratch, m, m->first), m->got, m->want);
  const char *largest =
      m->largest == INT64_MAX ? "NaN" : arena_printf(&scratch, "%lld", (long long)m->largest);
  fprintf(w->lines, "%-24s %-24s ", of, name);
  fprintf(w->lines, say(l, "equal %.6f (%zu of %zu), largest step %s, first difference %s\n"),
          share, m->equal, m->n, largest, where);
  fprintf(w->lines, "%-24s %-24s ", "", "");
  fprintf(w->lines,
          say(l, "relative L2 %.3g; from float64 %.3g, ours %.3g; beyond the bound %lld; %s\n"),
          m->rel_l2, m->theirs_l2, m->ours_l2, (long long)m->beyond, setting);
  if (m->derived) fprintf(w->shares, "%s%s %s %.6f", ftell(w->shares) ? "; " : "", of, name, share);
  w->ok = check(w, c, m, name) && w->ok;
}

static bool say_cases(Words *w, Status *st) {
  const VectorsAsked *asked = w->asked;
  Arena scratch = w->scratch;
  Vectors v;
  Match *match = ARENA_NEW(&scratch, Match, MATCHES_MOST);
  TRY(vectors_open(&scratch, asked->path, asked->op, asked->tokens, &v, st));
  for (int i = 0; i < v.cases; i++) {
    int count;
    TRY(match_case(scratch, &v, &v.one[i], asked->mode, match, &count, st));
    for (int k = 0; k < count; k++) say_match(w, &v.one[i], &match[k], scratch);
  }
  return true;
}

bool micro_vectors(Arena *arena, const VectorsAsked *asked, const char **text, Status *st) {
  char *lines = NULL, *shares = NULL;
  size_t none;
  Words w = {*arena, asked, open_memstream(&lines, &none), open_memstream(&shares, &none),
             st,     true};
  bool ok =
      (w.lines && w.shares) || FAIL(st, "%s: no memory for what is to be said of it", asked->path);
  *text = NULL;
  ok = ok && say_cases(&w, st);
  if (w.lines) fclose(w.lines);
  if (w.shares) fclose(w.shares);
  if (ok) *text = arena_printf(arena, "%s%s: %s\n", lines, micro_op_names[asked->op], shares);
  free(lines);
  free(shares);
  return ok && w.ok;
}
