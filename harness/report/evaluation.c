/* evaluation: how well each mode predicts the text, with standard errors, and for every two modes whether that can be
 * told apart. */
#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/sections.h"
#include "report/words.h"

static const char bits[] = "bits", kl[] = "kl_mean", agreement[] = "top1_agreement";

bool asked_evaluation(const ReportData *d) { return d->evaluations > 0; }

static const char *plus_minus(Arena *arena, const char *value, const char *error) {
  return arena_printf(arena, "%s ± %s", value, error);
}

static const char *with_error(Arena *arena, double value, double error) {
  return plus_minus(arena, md_short(arena, value), md_short(arena, error));
}

static const char *share_with_error(Arena *arena, double value, double error) {
  return plus_minus(arena, md_percent(arena, value), md_percent(arena, error));
}

static void write_modes(FILE *out, const ReportData *d, Arena scratch) {
  const Evaluation *first = &d->evaluation[0];
  Grid grid = grid_new(&scratch, "lrrrrrrrr");
  const char *const heading[] =
      WORDS("mode", first->byte_tokens ? "bits per byte" : "perplexity", "KL, bits", "KL, median", "KL, 99 %",
            "KL, largest in a window", "KL, largest", "same top token", "top token right");
  grid_head(&grid, heading);
  for (size_t i = 0; i < d->evaluations; i++) {
    const Evaluation *e = &d->evaluation[i];
    bool reference = data_is_reference(e->mode);
    grid_add(&grid, md_text(&scratch, e->mode));
    grid_add(&grid, first->byte_tokens ? arena_printf(&scratch, "%.6f ± %.6f", e->bits, e->bits_se)
                                       : arena_printf(&scratch, "%.6g ± %.2g", e->perplexity, e->perplexity_se));
    grid_add(&grid, reference ? "—" : with_error(&scratch, e->kl_mean, e->kl_mean_se));
    grid_add(&grid, reference ? "—" : with_error(&scratch, e->kl_median, e->kl_median_se));
    grid_add(&grid, reference ? "—" : with_error(&scratch, e->kl_p99, e->kl_p99_se));
    grid_add(&grid, reference ? "—" : with_error(&scratch, e->kl_max, e->kl_max_se));
    grid_add(&grid, reference ? "—" : md_short(&scratch, e->kl_worst));
    grid_add(&grid, reference ? "—" : share_with_error(&scratch, e->top1_agreement, e->top1_agreement_se));
    grid_add(&grid, share_with_error(&scratch, e->top1_accuracy, e->top1_accuracy_se));
  }
  grid_write(&grid, out);
}

/* --- pairs ----------------------------------------------------------------------------------------------------------
 */

static const EvaluationPair *find_pair(const ReportData *d, const char *a, const char *b, const char *metric) {
  for (size_t i = 0; i < d->evaluation_pairs; i++) {
    const EvaluationPair *p = &d->evaluation_pair[i];
    if (!strcmp(p->metric, metric) &&
        ((!strcmp(p->base, a) && !strcmp(p->other, b)) || (!strcmp(p->base, b) && !strcmp(p->other, a))))
      return p;
  }
  return NULL;
}

static bool answered(const EvaluationPair *p, const char *answer) { return !strcmp(p->answer, answer); }

/* "yes", "no" or why neither, of `other` against `base` as the row has them. */
static const char *answer_of(Arena *arena, const EvaluationPair *p) {
  if (answered(p, "better")) return say("yes");
  if (answered(p, "worse")) return say("no: worse");
  if (answered(p, "identical")) return say("no: the same in every window");
  if (!answered(p, "undecided")) return say("cannot tell");
  if (!(p->windows_needed <= 1e6)) return say("not distinguishable");
  return arena_printf(arena, say("not distinguishable: %.0f windows would tell"), p->windows_needed);
}

static const char *difference(Arena *arena, const EvaluationPair *p) {
  if (!p) return "—";
  if (answered(p, "identical")) return "0";
  return arena_printf(arena, say("%s (%s … %s)"), md_short(arena, p->diff), md_short(arena, p->low),
                      md_short(arena, p->high));
}

static void write_pairs(FILE *out, const ReportData *d, Arena scratch) {
  Grid grid = grid_new(&scratch, "lrlrlrl");
  static const char *const heading[] =
      WORDS("better?", "bits", "predicts better", "KL, bits", "nearer fp64", "same top token", "oftener");
  grid_head(&grid, heading);
  for (size_t i = 0; i < d->evaluation_pairs; i++) {
    const EvaluationPair *p = &d->evaluation_pair[i];
    if (strcmp(p->metric, bits)) continue;
    const EvaluationPair *near = find_pair(d, p->base, p->other, kl), *top = find_pair(d, p->base, p->other, agreement);
    grid_add(&grid, arena_printf(&scratch, say("%s than %s"), md_text(&scratch, p->other), md_text(&scratch, p->base)));
    grid_add(&grid, difference(&scratch, p));
    grid_add(&grid, answer_of(&scratch, p));
    grid_add(&grid, difference(&scratch, near));
    grid_add(&grid, near ? answer_of(&scratch, near) : "—");
    grid_add(&grid, difference(&scratch, top));
    grid_add(&grid, top ? answer_of(&scratch, top) : "—");
  }
  grid_write(&grid, out);
}

/* The pairs that were asked for, in words. */
static void write_asked(FILE *out, const ReportData *d, Arena scratch) {
  int written = 0;
  for (int i = 0; i < d->pairs; i++) {
    const EvaluationPair *p = find_pair(d, d->pair[i].base, d->pair[i].other, bits);
    if (!p) continue;
    fprintf(out, say("- **Does %s predict better than %s?** "), md_text(&scratch, p->other),
            md_text(&scratch, p->base));
    if (answered(p, "identical"))
      fputs(say("No: they are the same in every window.\n"), out);
    else if (answered(p, "unknown"))
      fprintf(out, say("It cannot be told%s.\n"),
              p->windows < 2 ? say(" from one window") : say(": not every logit is finite"));
    else
      fprintf(out, say("%s. %s %s bits, 95 %% from %s to %s, over %d windows.%s\n"),
              answered(p, "better")  ? say("Yes")
              : answered(p, "worse") ? say("No, it predicts worse")
                                     : say("The two are not distinguishable at this number of windows"),
              p->diff < 0 ? say("It needs fewer:") : say("It needs more:"), md_short(&scratch, p->diff),
              md_short(&scratch, p->low), md_short(&scratch, p->high), p->windows,
              answered(p, "undecided") && p->windows_needed <= 1e6
                  ? arena_printf(&scratch, say(" A difference of this size would take about %.0f windows."),
                                 p->windows_needed)
                  : "");
    written++;
  }
  if (written) fputc('\n', out);
}

static int comparisons(const ReportData *d, int *identical) {
  int count = 0;
  *identical = 0;
  for (size_t i = 0; i < d->evaluation_pairs; i++) {
    if (strcmp(d->evaluation_pair[i].metric, bits)) continue;
    count++;
    *identical += answered(&d->evaluation_pair[i], "identical");
  }
  return count;
}

void section_evaluation(FILE *out, const ReportData *d, Arena scratch) {
  const Evaluation *first = &d->evaluation[0];
  int identical, compared = comparisons(d, &identical);
  fprintf(
      out,
      say("%s of %s each; ± is the standard error over windows. KL is that of the reference's distribution of the next "
          "token "
          "against the mode's, in bits: mean, median and 99 %% over the positions of a window, then the mean over "
          "windows.\n\n"),
      md_count(&scratch, first->windows, "window"), md_count(&scratch, first->length, "token"));
  if (first->windows > first->disjoint)
    fprintf(out,
            say("> **Warning.** The text holds only %d such windows side by side: they overlap, and the errors are too "
                "small.\n\n"),
            first->disjoint);
  write_modes(out, d, scratch);
  write_asked(out, d, scratch);
  if (!compared) return;
  fprintf(out,
          say("Every two modes, difference window by window with its 95 %% interval (Student's t). Where nothing can "
              "be told, "
              "the "
              "number of windows is given that would find a difference of the observed size four times out of five; "
              "the text "
              "holds %d of this length side by side, and none is given above a million. Where two modes do not differ, "
              "chance "
              "still decides in 5 %%: of the %d comparisons here that could go either way, in about %.1f.\n\n"),
          first->disjoint, compared - identical, 0.05 * (compared - identical));
  write_pairs(out, d, scratch);
}
