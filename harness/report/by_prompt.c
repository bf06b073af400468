#include "report/by_prompt.h"

#include <math.h>
#include <string.h>

#include "measure/interval.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/population.h"

/* The number of a row's prompt. Rows come prompt after prompt, so the one before is a good guess.
 */
static int prompt_of(const ReportData *d, const PairStats *row, int guess) {
  for (int i = 0; i < d->prompts; i++) {
    const int p = (guess + i) % d->prompts;
    if (!strcmp(d->prompt[p], row->prompt)) return p;
  }
  return -1;
}

static double *nans(Arena *arena, size_t count) {
  double *value = ARENA_NEW(arena, double, count);
  for (size_t i = 0; i < count; i++) value[i] = NAN;
  return value;
}

/* The relative L2 of the logits of each prompt, in the order of d->prompt: NaN where there is no
 * row, or values are left out of it. In the arena. */
static double *logits_of(Arena *arena, const ReportData *d, const ReportPair *pair) {
  double *value = nans(arena, (size_t)d->prompts);
  const char *logits = data_role(d, ROLE_LOGITS);
  int p = 0;
  for (int64_t i = data_first_of(&d->pair_by, pair); i >= 0; i = rows_by_next(&d->pair_by, i)) {
    const PairStats *row = &d->pair_row[i];
    if (strcmp(row->tensor, logits) != 0 || row->nonfinite) continue;
    p = prompt_of(d, row, p);
    if (p < 0) return value;
    value[p] = row->rel_l2;
  }
  return value;
}

/* b over a, prompt by prompt, of two such lists. */
static Sample factor_of(const ReportData *d, const double *a, const double *b, Arena scratch) {
  double *factor = ARENA_NEW(&scratch, double, d->prompts);
  for (int p = 0; p < d->prompts; p++) factor[p] = b[p] / a[p];
  return sample_of(factor, (size_t)d->prompts, SAMPLE_LOGS, scratch);
}

/* The factor of `a` over `b` is below 1 where a is closer; it is told as what the closer one's
 * error is beside the other's. */
const char *by_prompt_closer(Arena *arena, const ReportData *d, const ReportPair *of_a,
                             const ReportPair *of_b, double a, double b) {
  const Language l = d->language;
  if (a == b) return say(l, "neither is closer");
  const char *closer = arena_printf(arena, say(l, "%s is closer"),
                                    md_text(arena, a < b ? of_a->other : of_b->other));
  if (d->prompts < 2) return arena_printf(arena, say(l, "%s (of this prompt alone)"), closer);
  const double *one = logits_of(arena, d, of_a), *two = logits_of(arena, d, of_b);
  Sample s = factor_of(d, two, one, *arena);
  if (isnan(s.value)) return arena_printf(arena, say(l, "%s (of these prompts)"), closer);
  if (sample_tells(&s, SAMPLE_LOGS)) {
    const bool first = s.value < 1;
    if (!first) s = factor_of(d, one, two, *arena);
    return arena_printf(arena, say(l, "%s is closer, prompt by prompt by a factor of %s"),
                        md_text(arena, first ? of_a->other : of_b->other),
                        md_interval(l, arena, md_factor, s.value, s.low, s.high));
  }
  const char *needed = population_needed(arena, d, s.needed);
  return arena_printf(
      arena,
      say(l, "which is closer cannot be told (prompt by prompt the error of %s is %s "
             "times that of %s%s%s)"),
      md_text(arena, of_a->other), md_interval(l, arena, md_factor, s.value, s.low, s.high),
      md_text(arena, of_b->other), *needed ? say(l, "; ") : "", needed);
}

/* Of those at `value` [count], whose labels are not NULL: which are not told from the one. "" where
 * all are; NULL where nothing is known of one. */
static const char *untold_from(const ReportData *d, double *const *value, const char *const *label,
                               int count, int one, Arena *arena) {
  const char **name = ARENA_NEW(arena, const char *, count), *list = "";
  double *p = ARENA_NEW(arena, double, count);
  int others = 0, untold = 0;
  for (int i = 0; i < count; i++) {
    if (i == one || !label[i]) continue;
    const Sample s = factor_of(d, value[one], value[i], *arena);
    if (s.prompts == 0) return NULL;
    name[others] = label[i], p[others++] = isnan(s.p) ? 1 : s.p;
  }
  interval_holm(p, (size_t)others, p, *arena);
  for (int i = 0; i < others; i++)
    if (p[i] > 1 - interval_level) name[untold++] = name[i];
  for (int i = 0; i < untold; i++)
    list = arena_printf(arena, "%s%s%s", list,
                        i == 0 ? "" : say(d->language, i == untold - 1 ? " and " : ", "), name[i]);
  return list;
}

void by_prompt_write_ends(FILE *out, const ReportData *d, const ReportPair *pair,
                          const char *const *label, int count, int least, int most, Arena scratch) {
  const Language l = d->language;
  if (d->prompts < 2) {
    fputs(say(l, ", of this prompt alone."), out);
    return;
  }
  double **value = ARENA_NEW(&scratch, double *, count);
  int ranked = 0;
  for (int i = 0; i < count; i++)
    if (label[i]) value[i] = logits_of(&scratch, d, &pair[i]), ranked++;
  const int end[] = {least, most};
  const char *from[2];
  for (int i = 0; i < 2; i++) from[i] = untold_from(d, value, label, count, end[i], &scratch);
  fputs(say(l, from[0] ? "." : ", of these prompts."), out);
  if (!from[0] || !from[1]) return;
  if (!*from[0] && !*from[1])
    fputs(say(l, " Prompt by prompt, all asked at once, each of the two is told from all others."),
          out);
  for (int i = 0; i < (ranked > 2 ? 2 : 1); i++) /* of two, each says the same */
    if (*from[i])
      fprintf(out, say(l, " Prompt by prompt, all asked at once, %s is not told from %s."),
              label[end[i]], from[i]);
}

/* --- curves ----------------------------------------------------------------------------------- */

/* Of a prompt's curve [layers], from the layer where a shape begins to where it ends: whether its
 * largest value is at `peak`, and its largest step up leads into `step`. False where a value is
 * missing or 0. */
static bool look_at(const double *curve, const DriftShape *s, bool *peak, bool *step) {
  int highest = s->first_layer, steepest = -1;
  for (int layer = s->first_layer; layer <= s->last_layer; layer++) {
    if (!(curve[layer] > 0) || isinf(curve[layer])) return false;
    if (curve[layer] > curve[highest]) highest = layer;
    if (layer == s->first_layer) continue;
    const double up = curve[layer] / curve[layer - 1];
    if (up > 1 && (steepest < 0 || up > curve[steepest] / curve[steepest - 1])) steepest = layer;
  }
  *peak = highest == s->peak_layer;
  *step = steepest == s->step_layer;
  return true;
}

Agreeing by_prompt_agreeing(const ReportData *d, const ReportPair *pair, const DriftShape *shape,
                            Arena scratch) {
  Agreeing found = {0};
  if (shape->first_layer < 0 || shape->last_layer >= d->layers || !d->prompts) return found;
  double *curve = nans(&scratch, (size_t)d->prompts * (size_t)d->layers);
  int p = 0;
  for (int64_t i = data_first_of(&d->pair_by, pair); i >= 0; i = rows_by_next(&d->pair_by, i)) {
    const PairStats *row = &d->pair_row[i];
    if (strcmp(row->tensor, shape->tensor) != 0 || row->layer < 0 || row->layer >= d->layers)
      continue;
    p = prompt_of(d, row, p);
    if (p < 0) return found;
    curve[(size_t)p * (size_t)d->layers + (size_t)row->layer] = row->token.median;
  }
  for (p = 0; p < d->prompts; p++) {
    bool peak, step;
    if (!look_at(curve + (size_t)p * (size_t)d->layers, shape, &peak, &step)) continue;
    found.prompts++, found.peak += peak, found.step += step;
  }
  return found;
}
