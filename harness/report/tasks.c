/* tasks: how many samples of each task a mode answers right, and whether two modes differ in that
 * by more than chance. */
#include <math.h>
#include <string.h>

#include "measure/interval.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/population.h"
#include "report/sections.h"

bool asked_tasks(const ReportData *d) { return d->task_scores > 0; }

/* "56.3 % (51.2 … 61.3)"; a share alone where a file has no interval of it. */
static const char *share_cell(Arena *arena, double share, double low, double high) {
  if (isnan(share)) return md_fixed(arena, share, 1);
  if (isnan(low) || isnan(high)) return arena_printf(arena, "%.1f %%", 100 * share);
  return arena_printf(arena, "%.1f %% (%.1f … %.1f)", 100 * share, 100 * low, 100 * high);
}

static void write_scores(FILE *out, const ReportData *d, const char *task, Arena scratch) {
  static const char *const heading[] =
      WORDS("mode", "right (acc)", "right by code point (acc_norm)", "perplexity of the target",
            "left out", "cut");
  Grid grid = grid_new(&scratch, "llrrrr");
  grid_head(d->language, &grid, heading);
  for (size_t i = 0; i < d->task_scores; i++) {
    const TaskScore *s = &d->task_score[i];
    if (strcmp(s->task, task)) continue;
    grid_add(&grid, md_text(&scratch, s->mode));
    grid_add(&grid, share_cell(&scratch, s->acc, s->acc_low, s->acc_high));
    grid_add(&grid, share_cell(&scratch, s->acc_norm, s->acc_norm_low, s->acc_norm_high));
    grid_add(&grid, md_fixed(&scratch, s->perplexity, 3));
    grid_add(&grid, arena_printf(&scratch, "%d", s->left_out));
    grid_add(&grid, arena_printf(&scratch, "%d", s->truncated));
  }
  grid_write(&grid, out);
}

static bool is(const TaskPair *p, const char *answer) { return !strcmp(p->answer, answer); }

static const char *answer_of(Language l, Arena *arena, const TaskPair *p) {
  if (is(p, "identical")) return say(l, "the same samples");
  if (is(p, "undecided"))
    return p->samples_needed <= NEEDED_MOST
               ? arena_printf(arena, say(l, "cannot tell: about %.0f samples would"),
                              p->samples_needed)
               : say(l, "cannot tell");
  if (!is(p, "better") && !is(p, "worse")) return "—";
  const char *word = is(p, "better") ? say(l, "yes, more") : say(l, "no, fewer");
  return p->holm > 1 - interval_level ? arena_printf(arena, "%s †", word) : word;
}

static void write_pairs(FILE *out, const ReportData *d, const char *task, const char *metric,
                        Arena scratch) {
  const Language l = d->language;
  static const char *const heading[] =
      WORDS("first", "second", "metric", "second right more often?", "only the first right",
            "only the second right", "difference", "p (McNemar)");
  Grid grid = grid_new(&scratch, "lllrrrrr");
  grid_head(l, &grid, heading);
  for (size_t i = 0; i < d->task_pairs; i++) {
    const TaskPair *p = &d->task_pair[i];
    if (strcmp(p->task, task) || strcmp(p->metric, metric)) continue;
    grid_add(&grid, md_text(&scratch, p->base));
    grid_add(&grid, md_text(&scratch, p->other));
    grid_add(&grid, md_text(&scratch, p->metric));
    grid_add(&grid, answer_of(l, &scratch, p));
    grid_add(&grid, arena_printf(&scratch, "%d", p->base_only));
    grid_add(&grid, arena_printf(&scratch, "%d", p->other_only));
    grid_add(&grid, isnan(p->diff) ? "—" : arena_printf(&scratch, "%+.1f %%", 100 * p->diff));
    grid_add(&grid, md_short(&scratch, p->p));
  }
  grid_write(&grid, out);
}

void section_tasks(FILE *out, const ReportData *d, Arena scratch) {
  const Language l = d->language;
  fputs(say(l, "Right answers as lm-evaluation-harness counts them: by summed log-probability "
               "(acc), or by log-probability a code point of the choice (acc_norm); a target is "
               "right where each of its tokens is the likeliest. In brackets Wilson's 95 % "
               "interval over samples. Two modes are compared sample by sample: only samples that "
               "one of them alone answers right tell them apart (McNemar, exact); † marks an "
               "answer that does not hold where all pairs are asked at once (Holm).\n\n"),
        out);
  const char *task = "";
  for (size_t i = 0; i < d->task_scores; i++) {
    const TaskScore *s = &d->task_score[i];
    if (!strcmp(s->task, task)) continue;
    task = s->task;
    fprintf(out, say(l, "**%s** (%s; papers give %s):\n\n"), md_text(&scratch, task),
            md_count(l, &scratch, s->samples, "sample"), md_text(&scratch, s->headline));
    write_scores(out, d, task, scratch);
    write_pairs(out, d, task, s->headline, scratch);
  }
}
