/* evaluation: how well each mode predicts the text, with standard errors, and for every two modes
 * whether that can be told apart. */
#include <math.h>
#include <string.h>

#include "measure/interval.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/population.h"
#include "report/sections.h"

static const char bits[] = "bits", kl[] = "kl_factor", agreement[] = "top1_agreement";

bool asked_evaluation(const ReportData *d) { return d->evaluations > 0; }

/* Without ± where no error is told. */
static const char *plus_minus(Arena *arena, double error, const char *value,
                              const char *error_text) {
  return isnan(error) ? value : arena_printf(arena, "%s ± %s", value, error_text);
}

static const char *with_error(Arena *arena, double value, double error) {
  return plus_minus(arena, error, md_short(arena, value), md_short(arena, error));
}

static const char *bits_with_error(Arena *arena, const Evaluation *e, bool byte_tokens) {
  if (isnan(e->bits)) return "—";
  if (byte_tokens)
    return plus_minus(arena, e->bits_se, md_fixed(arena, e->bits, 6),
                      md_fixed(arena, e->bits_se, 6));
  if (isnan(e->perplexity)) return "—";
  return plus_minus(arena, e->perplexity_se, arena_printf(arena, "%.6g", e->perplexity),
                    arena_printf(arena, "%.2g", e->perplexity_se));
}

/* How well each mode predicts, and then how far its predictions are from the reference's. */
static void write_modes(FILE *out, const ReportData *d, Arena scratch) {
  const Evaluation *first = &d->evaluation[0];
  Grid grid = grid_new(&scratch, "lrrr");
  const char *const heading[] = WORDS("mode", first->byte_tokens ? "bits per byte" : "perplexity",
                                      "same top token", "top token right");
  grid_head(d->language, &grid, heading);
  for (size_t i = 0; i < d->evaluations; i++) {
    const Evaluation *e = &d->evaluation[i];
    grid_add(&grid, md_text(&scratch, e->mode));
    grid_add(&grid, bits_with_error(&scratch, e, first->byte_tokens));
    grid_add(&grid, data_is_reference(e->mode)
                        ? "—"
                        : md_interval(d->language, &scratch, md_percent, e->top1_agreement,
                                      e->top1_agreement_low, e->top1_agreement_high));
    grid_add(&grid, md_interval(d->language, &scratch, md_percent, e->top1_accuracy,
                                e->top1_accuracy_low, e->top1_accuracy_high));
  }
  grid_write(&grid, out);
}

static void write_divergences(FILE *out, const ReportData *d, Arena scratch) {
  static const char *const heading[] = WORDS("mode", "KL, bits", "KL, typical window", "KL, median",
                                             "KL, 99 %", "KL, largest in a window", "KL, largest");
  Grid grid = grid_new(&scratch, "lrrrrrr");
  grid_head(d->language, &grid, heading);
  for (size_t i = 0; i < d->evaluations; i++) {
    const Evaluation *e = &d->evaluation[i];
    if (data_is_reference(e->mode)) continue;
    grid_add(&grid, md_text(&scratch, e->mode));
    grid_add(&grid, with_error(&scratch, e->kl_mean, e->kl_mean_se));
    grid_add(&grid, md_interval(d->language, &scratch, md_short, e->kl_geometric,
                                e->kl_geometric_low, e->kl_geometric_high));
    grid_add(&grid, with_error(&scratch, e->kl_median, e->kl_median_se));
    grid_add(&grid, with_error(&scratch, e->kl_p99, e->kl_p99_se));
    grid_add(&grid, with_error(&scratch, e->kl_max, e->kl_max_se));
    grid_add(&grid, md_short(&scratch, e->kl_worst));
  }
  grid_write(&grid, out);
}

/* --- what the figures are of ------------------------------------------------------------------ */

/* "3, 7 and 9": the windows of a mode with a logit that is not finite, at most so many of them. */
static const char *windows_left_out(Arena *arena, const ReportData *d, const char *mode,
                                    int left_out) {
  enum { NAMED = 8 };
  const char *text = "";
  int named = 0;
  for (size_t i = 0; i < d->evaluation_windows && named < NAMED; i++) {
    const EvaluationWindow *w = &d->evaluation_window[i];
    if (strcmp(w->mode, mode) || !w->nonfinite) continue;
    text = arena_printf(arena, "%s%s%d", text, named ? say(d->language, ", ") : "", w->window);
    named++;
  }
  return named < left_out
             ? arena_printf(arena, say(d->language, "%s and %d more"), text, left_out - named)
             : text;
}

static void write_sample(FILE *out, const ReportData *d, Arena scratch) {
  const Evaluation *first = &d->evaluation[0];
  const char *text = md_text(&scratch, first->text);
  fprintf(out,
          say(d->language,
              "%s of %s each, of %s: every figure is one of that text. ± is the standard error "
              "over windows; of shares the 95 %% interval stands in brackets. KL is that of the "
              "reference's distribution of the next token against the mode's, in bits: mean, "
              "median and 99 %% over the positions of a window, then the mean over windows; "
              "*typical window*: the geometric mean of the windows' means, with its 95 %% "
              "interval, since a few windows make most of the mean.\n\n"),
          md_count(d->language, &scratch, first->windows, "window"),
          md_count(d->language, &scratch, first->length, "token"), text);
  if (first->windows > first->disjoint)
    fprintf(out,
            say(d->language,
                "> **Warning.** The text holds only %d such windows side by side: these overlap, "
                "and are no sample. No error is given, and no mode is called better.\n\n"),
            first->disjoint);
  else if (!isnan(first->lag1) && first->block == 1)
    fprintf(
        out,
        say(d->language,
            "Neighbouring windows are taken one by one: their bits are correlated by %.2f.\n\n"),
        first->lag1);
  else if (!isnan(first->lag1) && first->block > 1)
    fprintf(out,
            say(d->language, "Neighbouring windows are alike: their bits are correlated by %.2f, "
                             "so that means of %d neighbours are the unit of their error.\n\n"),
            first->lag1, first->block);
  for (size_t i = 0; i < d->evaluations; i++) {
    const Evaluation *e = &d->evaluation[i];
    if (e->left_out)
      fprintf(out,
              say(d->language,
                  "> **Warning.** Left out of %s, where a logit is not finite: %s (%s).\n\n"),
              md_text(&scratch, e->mode), md_count(d->language, &scratch, e->left_out, "window"),
              windows_left_out(&scratch, d, e->mode, e->left_out));
  }
}

/* --- pairs ------------------------------------------------------------------------------------ */

static bool answered(const EvaluationPair *p, const char *answer) {
  return !strcmp(p->answer, answer);
}
static bool decided(const EvaluationPair *p) {
  return answered(p, "better") || answered(p, "worse");
}
/* An answer that stands also where all pairs are asked at once. */
static bool holds(const EvaluationPair *p) { return p->holm <= 1 - interval_level; }

static const char *why_unknown(Language l, const EvaluationPair *p) {
  static const char *const why[][2] = {
      {"overlap", WORD("the windows overlap")},
      {"few", WORD("fewer than two windows are finite in both")},
  };
  for (size_t i = 0; i < sizeof why / sizeof *why; i++)
    if (!strcmp(p->reason, why[i][0])) return say(l, why[i][1]);
  return say(l, "nothing is known of it");
}

/* How many windows would tell, and whether the text has them; "" where no number is given. */
static const char *needed(Language l, Arena *arena, const EvaluationPair *p) {
  if (!answered(p, "undecided") || !(p->windows_needed <= NEEDED_MOST)) return "";
  return p->windows_needed <= p->windows_held
             ? arena_printf(arena, say(l, "%.0f windows would tell, and the text holds %d"),
                            p->windows_needed, p->windows_held)
             : arena_printf(arena, say(l, "%.0f windows would tell, and the text holds only %d"),
                            p->windows_needed, p->windows_held);
}

/* "yes", "no" or why neither, of `other` against `base` as the row has them. */
static const char *answer_of(Language l, Arena *arena, const EvaluationPair *p) {
  if (decided(p))
    return arena_printf(arena, "%s%s", answered(p, "better") ? say(l, "yes") : say(l, "no: worse"),
                        holds(p) ? "" : " †");
  if (answered(p, "identical")) return say(l, "no: the same in every window");
  if (!answered(p, "undecided"))
    return arena_printf(arena, say(l, "cannot tell: %s"), why_unknown(l, p));
  const char *number = needed(l, arena, p);
  return *number ? arena_printf(arena, say(l, "cannot tell: %s"), number) : say(l, "cannot tell");
}

static const char *difference(Language l, Arena *arena, const EvaluationPair *p) {
  bool factor = p && !strcmp(p->metric, kl);
  if (!p) return "—";
  if (answered(p, "identical")) return factor ? "1" : "0";
  return md_interval(l, arena, md_short, p->diff, p->low, p->high);
}

static void write_pairs(FILE *out, const ReportData *d, Arena scratch) {
  Grid grid = grid_new(&scratch, "lrlrlrl");
  static const char *const heading[] = WORDS("better?", "bits", "predicts better", "factor of KL",
                                             "nearer fp64", "same top token", "oftener");
  grid_head(d->language, &grid, heading);
  for (size_t i = 0; i < d->evaluation_pairs; i++) {
    const EvaluationPair *p = &d->evaluation_pair[i];
    if (strcmp(p->metric, bits)) continue;
    const EvaluationPair *near = data_evaluation(d, p->base, p->other, kl),
                         *top = data_evaluation(d, p->base, p->other, agreement);
    grid_add(&grid, arena_printf(&scratch, say(d->language, "%s than %s"),
                                 md_text(&scratch, p->other), md_text(&scratch, p->base)));
    grid_add(&grid, difference(d->language, &scratch, p));
    grid_add(&grid, answer_of(d->language, &scratch, p));
    grid_add(&grid, difference(d->language, &scratch, near));
    grid_add(&grid, near ? answer_of(d->language, &scratch, near) : "—");
    grid_add(&grid, difference(d->language, &scratch, top));
    grid_add(&grid, top ? answer_of(d->language, &scratch, top) : "—");
  }
  grid_write(&grid, out);
}

/* The difference with its interval, and what stands behind it. */
static void write_answer(Language l, FILE *out, const EvaluationPair *p, int compared,
                         Arena scratch) {
  const char *number = needed(l, &scratch, p);
  fprintf(out, say(l, "%s. Bits of %s less those of %s: %s, 95 %% from %s to %s, over %s."),
          answered(p, "better")  ? say(l, "Yes")
          : answered(p, "worse") ? say(l, "No, it predicts worse")
                                 : say(l, "It cannot be told from these windows"),
          md_text(&scratch, p->other), md_text(&scratch, p->base), md_short(&scratch, p->diff),
          md_short(&scratch, p->low), md_short(&scratch, p->high),
          md_count(l, &scratch, p->windows, "window"));
  if (p->block > 1)
    fprintf(out, say(l, " Means of %d neighbouring windows are the unit."), p->block);
  if (*number) fprintf(out, say(l, " Of a difference of this size %s."), number);
  if (decided(p) && compared > 1)
    fprintf(
        out,
        holds(p)
            ? say(l, " With all %d pairs asked at once it is told as well (Holm, p = %s).")
            : say(l, " With all %d pairs asked at once it is not told any more (Holm, p = %s)."),
        compared, md_short(&scratch, p->holm));
  fputc('\n', out);
}

/* The pairs that were asked for, in words. */
static void write_asked(FILE *out, const ReportData *d, int compared, Arena scratch) {
  int written = 0;
  for (int i = 0; i < d->pairs; i++) {
    const EvaluationPair *p = data_evaluation(d, d->pair[i].base, d->pair[i].other, bits);
    if (!p) continue;
    fprintf(out, say(d->language, "- **Does %s predict %s better than %s?** "),
            md_text(&scratch, p->other), md_text(&scratch, d->evaluation[0].text),
            md_text(&scratch, p->base));
    if (answered(p, "identical"))
      fputs(say(d->language, "No: they are the same in every window.\n"), out);
    else if (answered(p, "unknown"))
      fprintf(out, say(d->language, "It cannot be told: %s.\n"), why_unknown(d->language, p));
    else
      write_answer(d->language, out, p, compared, scratch);
    written++;
  }
  if (written) fputc('\n', out);
}

/* The pairs whose answer could go either way. */
static int comparisons(const ReportData *d, int *could) {
  int count = 0;
  *could = 0;
  for (size_t i = 0; i < d->evaluation_pairs; i++) {
    if (strcmp(d->evaluation_pair[i].metric, bits)) continue;
    count++;
    *could += decided(&d->evaluation_pair[i]) || answered(&d->evaluation_pair[i], "undecided");
  }
  return count;
}

void section_evaluation(FILE *out, const ReportData *d, Arena scratch) {
  int could, compared = comparisons(d, &could);
  write_sample(out, d, scratch);
  write_modes(out, d, scratch);
  write_divergences(out, d, scratch);
  write_asked(out, d, could, scratch);
  write_predicted(out, d, scratch);
  if (!compared) return;
  if (could)
    fprintf(
        out,
        say(d->language,
            "Every two modes, difference (of KL: the factor between them) window by window with "
            "its 95 %% interval (Student's t). Where nothing can be told, the number of windows is "
            "given that would find a difference of the observed size four times out of five; none "
            "is given above a million. Where two modes do not differ, chance still decides in 5 "
            "%%: of the %d comparisons here that could go either way, in about %.1f; † marks an "
            "answer that does not hold where all of its column are asked at once (Holm).\n\n"),
        could, 0.05 * could);
  else
    fputs(say(d->language,
              "Every two modes, the mean difference (of KL: factor) over the windows.\n\n"),
          out);
  write_pairs(out, d, scratch);
}
