/* predicted: the tokens that carry what two modes' predictions differ in. */
#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/sections.h"

static bool is_of(const EvaluationToken *t, const char *by, const char *base, const char *other) {
  return !strcmp(t->by, by) && !strcmp(t->base, base) && !strcmp(t->other, other);
}

static void add_place(Grid *grid, Language l, const EvaluationToken *t, Arena *arena) {
  grid_add(grid, md_text(arena, t->context));
  grid_add(grid, arena_printf(arena, "%d", t->window));
  grid_add(grid, arena_printf(arena, "%d", t->position));
  grid_add(grid, t->in_reach ? say(l, "yes") : "");
}

/* --- two modes -------------------------------------------------------------------------------- */

static const EvaluationPair *pair_of(const ReportData *d, const ReportPair *asked) {
  const EvaluationPair *p = data_evaluation(d, asked->base, asked->other, "bits");
  return p && p->tokens > 0 && p->top_share > 0 ? p : NULL;
}

static void write_reach(FILE *out, const ReportData *d, const EvaluationPair *p, Arena scratch) {
  const Language l = d->language;
  if (!p->reached_tokens) {
    fputs(say(l, " None of them stands in the reach of an event.\n"), out);
    return;
  }
  fprintf(out, say(l, " %s in the reach of an event: %s of that sum."),
          md_count(l, &scratch, (long)p->reached_tokens, "token"),
          md_percent(&scratch, p->reached_share));
  const bool one = p->reached_tokens == 1;
  fprintf(out,
          say(l, one ? " Without it the difference is %s bits"
                     : " Without them the difference is %s bits"),
          md_short(&scratch, p->apart));
  if (!isnan(p->apart_low))
    fprintf(out, say(l, " (95 %% from %s to %s)"), md_short(&scratch, p->apart_low),
            md_short(&scratch, p->apart_high));
  fprintf(out, say(l, one ? ", with it %s.\n" : ", with them %s.\n"), md_short(&scratch, p->diff));
}

static void write_pair(FILE *out, const ReportData *d, const EvaluationPair *p, Arena scratch) {
  const Language l = d->language;
  const char *base = md_text(&scratch, p->base), *other = md_text(&scratch, p->other);
  fprintf(out,
          say(l, "**Which tokens make the difference between %s and %s?** Of %s the 1 %% that "
                 "differ most make %s of the sum of |difference|."),
          base, other, md_count(l, &scratch, (long)p->tokens, "token"),
          md_percent(&scratch, p->top_share));
  write_reach(out, d, p, scratch);
  fprintf(out, say(l, "\nThe largest, amid their text (first: %s, second: %s):\n\n"), base, other);
  Grid grid = grid_new(&scratch, "lrrlrrr");
  static const char *const heading[] =
      WORDS("token", "window", "position", "event", "bits, first", "bits, second", "share");
  grid_head(l, &grid, heading);
  for (size_t i = 0; i < d->evaluation_tokens; i++) {
    const EvaluationToken *t = &d->evaluation_token[i];
    if (!is_of(t, "bits", p->base, p->other)) continue;
    add_place(&grid, l, t, &scratch);
    grid_add(&grid, md_fixed(&scratch, t->bits_base, 3));
    grid_add(&grid, md_fixed(&scratch, t->bits_other, 3));
    grid_add(&grid, md_percent(&scratch, t->share));
  }
  grid_write(&grid, out);
}

/* --- each mode against the reference ---------------------------------------------------------- */

static const EvaluationToken *furthest(const ReportData *d, const char *mode) {
  for (size_t i = 0; i < d->evaluation_tokens; i++)
    if (is_of(&d->evaluation_token[i], "kl", MODE_REFERENCE, mode) &&
        d->evaluation_token[i].rank == 1)
      return &d->evaluation_token[i];
  return NULL;
}

static void write_furthest(FILE *out, const ReportData *d, Arena scratch) {
  const Language l = d->language;
  Grid grid = grid_new(&scratch, "llrrlrrr");
  static const char *const heading[] =
      WORDS("mode", "token", "window", "position", "event", "KL there, bits", "share of all KL",
            "KL, median token");
  int rows = 0;
  grid_head(l, &grid, heading);
  for (size_t i = 0; i < d->evaluations; i++) {
    const Evaluation *e = &d->evaluation[i];
    const EvaluationToken *t = furthest(d, e->mode);
    if (!t) continue;
    grid_add(&grid, md_text(&scratch, e->mode));
    add_place(&grid, l, t, &scratch);
    grid_add(&grid, md_short(&scratch, t->kl_other));
    grid_add(&grid, md_percent(&scratch, t->share));
    grid_add(&grid, md_short(&scratch, e->kl_token_median));
    rows++;
  }
  if (!rows) return;
  fputs(say(l, "The token whose prediction is furthest from fp64's, of each mode:\n\n"), out);
  grid_write(&grid, out);
}

void write_predicted(FILE *out, const ReportData *d, Arena scratch) {
  if (!d->evaluation_tokens) return;
  fputs(say(d->language,
            "Few tokens can make most of such a difference. A token stands *in the reach of an "
            "event* where the one that it is predicted from is one: it carries much of a layer's "
            "squared error against fp64, under either mode.\n\n"),
        out);
  write_furthest(out, d, scratch);
  for (int i = 0; i < d->pairs; i++) {
    const EvaluationPair *p = pair_of(d, &d->pair[i]);
    if (p) write_pair(out, d, p, scratch);
  }
}
