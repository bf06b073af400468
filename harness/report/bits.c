#include "report/bits.h"

#include <math.h>
#include <string.h>

#include "measure/interval.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/population.h"

const char *bits_name(const ReportData *d) {
  return d->evaluations && d->evaluation[0].byte_tokens ? say(d->language, "bits per byte")
                                                        : say(d->language, "bits a token");
}

static const char *bits_answer(Language l, Arena *arena, const EvaluationPair *p, ShowName *show) {
  bool better = !strcmp(p->answer, "better"), worse = !strcmp(p->answer, "worse");
  if (better || worse)
    return arena_printf(
        arena,
        p->holm > 1 - interval_level
            ? say(l,
                  "%s predicts better, of this pair alone (not where all pairs are asked at once)")
            : say(l, "%s predicts better"),
        show(arena, better ? p->other : p->base));
  return !strcmp(p->answer, "undecided") && p->windows_needed <= NEEDED_MOST
             ? arena_printf(arena,
                            say(l, p->windows_needed > p->windows_held
                                       ? "which predicts better cannot be told; of a difference "
                                         "of this size about %.0f windows would tell, and the "
                                         "text holds only %d"
                                       : "which predicts better cannot be told; of a difference "
                                         "of this size about %.0f windows would tell, and the "
                                         "text holds %d"),
                            p->windows_needed, p->windows_held)
             : say(l, "which predicts better cannot be told");
}

/* "0.00123 (0.0007 … 0.0018)", of the second less the first of the row. */
static const char *bits_difference(Language l, Arena *arena, const EvaluationPair *p) {
  return md_interval(l, arena, md_factor, p->diff, p->low, p->high);
}

const char *bits_words(Arena *arena, const ReportData *d, const ReportPair *pair, ShowName *show) {
  if (!d->evaluations)
    return say(d->language, "bits per byte: not evaluated: add `evaluation: {text: …}`");
  const EvaluationPair *p = data_evaluation(d, pair->base, pair->other, "bits");
  if (!p)
    return arena_printf(arena, say(d->language, "%s: these two were not both evaluated"),
                        bits_name(d));
  if (!strcmp(p->answer, "identical"))
    return arena_printf(arena, say(d->language, "%s: the same in every window"), bits_name(d));
  if (isnan(p->diff))
    return arena_printf(arena, say(d->language, "%s: %s"), bits_name(d),
                        bits_answer(d->language, arena, p, show));
  return arena_printf(
      arena, say(d->language, "%s: those of %s less those of %s are %s over %s: %s"), bits_name(d),
      show(arena, p->other), show(arena, p->base), bits_difference(d->language, arena, p),
      md_count(d->language, arena, p->windows, "window"), bits_answer(d->language, arena, p, show));
}

const char *bits_plain(Arena *arena, const ReportData *d, const ReportPair *pair) {
  return data_evaluation(d, pair->base, pair->other, "bits")
             ? bits_words(arena, d, pair, words_plain)
             : "";
}

const char *bits_cell(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const EvaluationPair *p = data_evaluation(d, pair->base, pair->other, "bits");
  if (!p) return "—";
  if (!strcmp(p->answer, "identical")) return say(d->language, "identical");
  /* The row may stand the other way round than the pair. */
  bool turned = strcmp(p->base, pair->base) != 0;
  EvaluationPair own = *p;
  if (turned) own.diff = -p->diff, own.low = -p->high, own.high = -p->low;
  return isnan(own.diff) ? "—" : bits_difference(d->language, arena, &own);
}
