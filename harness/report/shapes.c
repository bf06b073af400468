#include "report/shapes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "measure/interval.h"
#include "report/language.h"
#include "report/markdown.h"

static bool is(const char *text, const char *word) { return !strcmp(text, word); }

/* "(2.10 … 2.18)" of factors; "" where there is no interval. */
static const char *bracket(Language l, Arena *arena, double low, double high) {
  return isnan(low) || isnan(high) ? ""
                                   : arena_printf(arena, say(l, " (%s … %s)"),
                                                  md_factor(arena, low), md_factor(arena, high));
}

/* "×2.14 (2.10 … 2.18)"; without the bracket where there is no interval; "—" where there is no
 * factor. */
static const char *factor_text(Language l, Arena *arena, double value, double low, double high) {
  return isnan(value)
             ? "—"
             : arena_printf(arena, "×%s%s", md_factor(arena, value), bracket(l, arena, low, high));
}

/* --- the shape -------------------------------------------------------------------------------- */

static const struct {
  const char *shape, *words; /* with %s: at a layer */
} named[] = {{"flat", WORD("stays flat")},
             {"accumulates", WORD("accumulates")},
             {"jumps", WORD("jumps at layer %s")},
             {"saturates", WORD("saturates at layer %s")},
             {"rises_falls", WORD("rises to layer %s and falls back")},
             {"falls", WORD("falls")},
             {"mixed", WORD("goes up and down, in no one direction")},
             {"identical", WORD("is identical in every bit")},
             {"starts_apart", WORD("has no common start")}};

static const char *layer_words(Language l, Arena *arena, int layer, int low, int high) {
  return low < 0 || low == high ? arena_printf(arena, "%d", layer)
                                : arena_printf(arena, say(l, "%d (%d … %d)"), layer, low, high);
}

/* "" where this program knows no such shape. */
static const char *phrase(Language l, Arena *arena, const char *shape, const char *layer) {
  for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
    if (!is(named[i].shape, shape)) continue;
    const char *words = say(l, named[i].words);
    return strstr(words, "%s") ? arena_printf(arena, words, layer) : words;
  }
  return "";
}

static const char *needed_words(Language l, Arena *arena, const DriftShape *s) {
  if (s->needed > 0)
    return arena_printf(arena, say(l, "; about %.0f prompts would tell"), s->needed);
  return s->needed < 0 ? say(l, "; no number of such prompts would tell") : "";
}

static const char *why_none(Language l, Arena *arena, const DriftShape *s) {
  if (is(s->reason, "few_layers"))
    return arena_printf(
        arena,
        say(l, "has no shape: from layer %d, where it starts, to the end there are too few layers"),
        s->first_layer);
  if (is(s->reason, "starts_apart"))
    return arena_printf(
        arena,
        say(l,
            "has no shape: the median token differs from layer %d on in one prompt, and only from "
            "layer %d on in another"),
        s->first_layer, s->latest_start);
  if (is(s->reason, "zeros"))
    return say(l, "has no shape: in at least one prompt half of the tokens or more are equal, at a "
                  "layer after the first that differs or in all");
  if (is(s->reason, "no_tokens")) return say(l, "has no shape: its rows are no tokens");
  if (is(s->reason, "not_finite"))
    return say(l, "has no shape: no prompt is finite in every layer");
  return say(l, "has no shape");
}

const char *shapes_name(Language l, Arena *arena, const DriftShape *s) {
  const char *own =
      phrase(l, arena, s->shape, layer_words(l, arena, s->layer, s->layer_low, s->layer_high));
  if (!*own) return why_none(l, arena, s);
  if (s->told) return own;
  const char *first = phrase(l, arena, s->shape, layer_words(l, arena, s->layer, -1, -1));
  const char *rival = phrase(l, arena, s->rival, layer_words(l, arena, s->rival_layer, -1, -1));
  const char *share = md_share(arena, s->agreement);
  const char *doubt =
      *rival
          ? arena_printf(
                arena,
                say(l,
                    "cannot tell between “%s” and “%s” (the first in %s of the draws of prompts)"),
                first, rival, share)
          : arena_printf(arena, say(l, "cannot tell: “%s” in only %s of the draws of prompts"),
                         first, share);
  return arena_printf(arena, "%s%s", doubt, needed_words(l, arena, s));
}

/* --- quantities ------------------------------------------------------------------------------- */

/* Of one prompt there is nothing to doubt, and of a flat curve nothing is asked. */
static bool growth_untold(const DriftShape *s) {
  return s->growth_low <= 1 && s->growth_high >= 1 && !is(s->shape, "flat");
}

/* A factor that is shown as 1.00, without an interval that says more. */
static bool is_one(Arena *arena, double factor, double low) {
  return isnan(low) && !isnan(factor) && !strcmp(md_factor(arena, factor), "1.00");
}

const char *shapes_growth(Language l, Arena *arena, const DriftShape *s) {
  if (isnan(s->growth)) {
    if (!(s->last > 0)) return "";
    return arena_printf(arena, say(l, "in the last layer the median token's error is %s%s"),
                        md_error(arena, s->last),
                        isnan(s->last_low) ? ""
                                           : arena_printf(arena, say(l, " (%s … %s)"),
                                                          md_error(arena, s->last_low),
                                                          md_error(arena, s->last_high)));
  }
  if (is_one(arena, s->growth, s->growth_low))
    return arena_printf(arena,
                        say(l, "from layer %d to layer %d the median token's error goes from %s to "
                               "%s: no growth"),
                        s->first_layer, s->last_layer, md_error(arena, s->first),
                        md_error(arena, s->last));
  const char *text = arena_printf(
      arena, say(l, "from layer %d to layer %d the median token's error goes from %s to %s: ×%s%s"),
      s->first_layer, s->last_layer, md_error(arena, s->first), md_error(arena, s->last),
      md_factor(arena, s->growth),
      isnan(s->growth_low)
          ? ""
          : arena_printf(arena, say(l, " (95 %% over %d prompts: %s … %s)"), s->prompts,
                         md_factor(arena, s->growth_low), md_factor(arena, s->growth_high)));
  if (!growth_untold(s)) return text;
  return arena_printf(arena, say(l, "%s, so that neither growth nor decline is told%s"), text,
                      s->told ? needed_words(l, arena, s) : "");
}

/* " (in 9 of 16 prompts)" */
static const char *in_prompts(Language l, Arena *arena, const Agreeing *of, int count) {
  return of && of->prompts > 1
             ? arena_printf(arena, say(l, " (in %d of %d prompts)"), count, of->prompts)
             : "";
}

const char *shapes_parts(Language l, Arena *arena, const DriftShape *s, const Agreeing *of) {
  if (isnan(s->rise)) return "";
  const char *in = in_prompts(l, arena, of, of ? of->peak : 0);
  const char *peak =
      s->peak_layer == s->first_layer
          ? arena_printf(arena, say(l, "The first of these layers is the largest%s"), in)
      : s->peak_layer == s->last_layer
          ? arena_printf(arena, say(l, "The last layer is the largest%s"), in)
          : arena_printf(arena,
                         say(l, "The largest is layer %d%s: up to it %s, from there to "
                                "the end %s"),
                         s->peak_layer, in,
                         factor_text(l, arena, s->rise, s->rise_low, s->rise_high),
                         factor_text(l, arena, s->fall, s->fall_low, s->fall_high));
  if (s->step_layer >= 0 && is_one(arena, s->step, s->step_low))
    return arena_printf(arena, say(l, "%s. No step up is more than ×1.00."), peak);
  if (s->step_layer < 0)
    return arena_printf(arena, say(l, "%s. No layer lies above the one before it."), peak);
  return arena_printf(
      arena,
      say(l, "%s. The largest step up leads into layer %d%s: %s, which is %s of all steps up."),
      peak, s->step_layer, in_prompts(l, arena, of, of ? of->step : 0),
      factor_text(l, arena, s->step, s->step_low, s->step_high), md_share(arena, s->step_share));
}

static const char *left_out_words(Language l, Arena *arena, const DriftShape *s) {
  return s->left_out > 0
             ? arena_printf(arena, say(l, " (left out, as not finite in every layer: %s)"),
                            md_count(l, arena, s->left_out, "prompt"))
             : "";
}

/* What is said is said of the only prompt there is; rows that are no tokens are so of any. */
static bool of_one(const DriftShape *s) {
  return s->prompts == 1 && !is(s->shape, "identical") && !is(s->reason, "no_tokens");
}

/* A curve of fewer steps has no quarter: what is called one (curve_quarter) is its last step, and
 * of a single step the whole growth. */
enum { QUARTER_STEPS = 4 };

const char *shapes_travel(Language l, Arena *arena, const DriftShape *s) {
  const char *text = shapes_name(l, arena, s), *growth = shapes_growth(l, arena, s);
  if (of_one(s)) text = arena_printf(arena, say(l, "%s (of this prompt alone)"), text);
  if (*growth) text = arena_printf(arena, say(l, "%s; %s"), text, growth);
  const char *quarter = factor_text(l, arena, s->quarter, s->quarter_low, s->quarter_high);
  if (!isnan(s->quarter) && s->last_layer - s->first_layer >= QUARTER_STEPS)
    text = arena_printf(arena, say(l, "%s; over the last quarter of the layers %s"), text, quarter);
  else if (!isnan(s->quarter) && s->last_layer - s->first_layer > 1)
    text = arena_printf(arena, say(l, "%s; over the last step, into layer %d, %s"), text,
                        s->last_layer, quarter);
  return arena_printf(arena, "%s%s", text, left_out_words(l, arena, s));
}

const char *shapes_cell(Language l, Arena *arena, const DriftShape *s) {
  const char *own =
      phrase(l, arena, s->shape, layer_words(l, arena, s->layer, s->layer_low, s->layer_high));
  const char *rival = phrase(l, arena, s->rival, layer_words(l, arena, s->rival_layer, -1, -1));
  if (!*own) return say(l, "has no shape");
  if (s->told) return own;
  own = phrase(l, arena, s->shape, layer_words(l, arena, s->layer, -1, -1));
  return *rival ? arena_printf(arena, say(l, "cannot tell: “%s” or “%s”"), own, rival)
                : say(l, "cannot tell");
}

/* Told of this pair alone, and not of it among all that the run asks about. */
static bool lost_among_all(const DriftShape *s) {
  return s->growth_p <= 1 - interval_level && s->growth_holm > 1 - interval_level;
}

const char *shapes_growth_cell(Language l, Arena *arena, const DriftShape *s) {
  return arena_printf(arena, "%s%s",
                      factor_text(l, arena, s->growth, s->growth_low, s->growth_high),
                      lost_among_all(s) ? " †" : "");
}

const char *shapes_brief(Language l, Arena *arena, const DriftShape *s) {
  const char *name = shapes_cell(l, arena, s);
  if (!isnan(s->growth))
    name = arena_printf(arena, say(l, "%s, %s"), name,
                        factor_text(l, arena, s->growth, s->growth_low, s->growth_high));
  return of_one(s) ? arena_printf(arena, say(l, "%s (of this prompt alone)"), name) : name;
}

/* --- single tokens ---------------------------------------------------------------------------- */

static bool has_worst(const Drift *row) {
  return row && row->token_worst >= 0 && !isnan(row->token_worst_share);
}

static const char *worst_words(Language l, Arena *arena, const Drift *row) {
  return arena_printf(
      arena, say(l, "in layer %d token %lld of prompt %s has %s of that prompt's squared error"),
      row->layer, (long long)row->token_worst, md_text(arena, row->worst_prompt),
      md_share(arena, row->token_worst_share));
}

/* Half of the tokens or more are equal somewhere: the layer in which one token has most of what
 * there is. */
static const char *sparse_words(Arena *arena, const ReportData *d, const ReportPair *pair,
                                const DriftShape *s) {
  const Drift *most = NULL;
  for (int layer = 0; layer < d->layers; layer++) {
    const Drift *row = data_drift(d, pair, s->tensor, layer);
    if (has_worst(row) && (!most || row->token_worst_share > most->token_worst_share)) most = row;
  }
  if (!most || most->token_worst_share < 0.5) return "";
  return arena_printf(arena,
                      say(d->language, "single tokens carry the difference in some layers: %s"),
                      worst_words(d->language, arena, most));
}

static const char *tokens_words(Arena *arena, const ReportData *d, const ReportPair *pair,
                                const DriftShape *s) {
  if (is(s->reason, "zeros") || is(s->reason, "starts_apart"))
    return sparse_words(arena, d, pair, s);
  if (!(s->parting >= d->limits.parting)) return "";
  const Drift *row = data_drift(d, pair, s->tensor, s->parting_layer);
  const char *off = arena_printf(
      arena, say(d->language, "all together are off by %s times the median token's error"),
      md_factor(arena, s->parting));
  const char *text =
      !has_worst(row) ? arena_printf(arena, say(d->language, "the error is uneven: in layer %d %s"),
                                     s->parting_layer, off)
      : row->token_worst_share >= 0.5
          ? arena_printf(arena, say(d->language, "single tokens carry the error: %s; %s"),
                         worst_words(d->language, arena, row), off)
          : arena_printf(arena, say(d->language, "the error is uneven: %s; %s"),
                         worst_words(d->language, arena, row), off);
  if (isnan(s->pooled_growth)) return text;
  return arena_printf(arena,
                      say(d->language, "%s. From the curve's first layer to its last the error of "
                                       "all tokens together changes by %s"),
                      text,
                      factor_text(d->language, arena, s->pooled_growth, s->pooled_growth_low,
                                  s->pooled_growth_high));
}

/* Whether prompts hold such tokens at all is chance: it is said of these. */
const char *shapes_tokens(Arena *arena, const ReportData *d, const ReportPair *pair,
                          const DriftShape *s) {
  const char *words = tokens_words(arena, d, pair, s);
  return *words && s->prompts > 1
             ? arena_printf(arena, say(d->language, "in these prompts %s"), words)
             : words;
}

/* --- the table -------------------------------------------------------------------------------- */

static const char *needed_cell(Language l, Arena *arena, const DriftShape *s) {
  return s->needed > 0   ? arena_printf(arena, "%.0f", s->needed)
         : s->needed < 0 ? say(l, "no number")
                         : "—";
}

enum { QUANTITIES = 21 };
static const char *const quantities[QUANTITIES] = WORDS(
    "shape", "share of draws with it", "else oftenest", "from layer", "error there",
    "error in the last layer", "growth", "p of no growth", "p, all pairs asked at once (Holm)",
    "largest at layer", "growth up to there", "from there to the end",
    "largest step up, into layer", "its factor", "its share of all steps up",
    "within its end from layer", "last quarter of the layers, at least a step", "fitted, a layer",
    "growth of all tokens together", "all tokens over the median one, at most",
    "prompts that would tell");

static const char *quantity(Language l, Arena *arena, const DriftShape *s, int q) {
  DriftShape own = *s;
  own.told = 1;
  switch (q) {
    case 0:
      return s->told || !*s->shape
                 ? shapes_name(l, arena, &own)
                 : arena_printf(arena, say(l, "not told: %s"), shapes_name(l, arena, &own));
    case 1: return md_share(arena, s->agreement);
    case 2:
      return *s->rival ? phrase(l, arena, s->rival, layer_words(l, arena, s->rival_layer, -1, -1))
                       : "—";
    case 3: return md_index(arena, s->first_layer);
    case 4: return md_error(arena, s->first);
    case 5: return md_interval(l, arena, md_error, s->last, s->last_low, s->last_high);
    case 6: return factor_text(l, arena, s->growth, s->growth_low, s->growth_high);
    case 7: return md_short(arena, s->growth_p);
    case 8: return md_short(arena, s->growth_holm);
    case 9: return md_index(arena, s->peak_layer);
    case 10: return factor_text(l, arena, s->rise, s->rise_low, s->rise_high);
    case 11: return factor_text(l, arena, s->fall, s->fall_low, s->fall_high);
    case 12: return md_index(arena, s->step_layer);
    case 13: return factor_text(l, arena, s->step, s->step_low, s->step_high);
    case 14: return md_share(arena, s->step_share);
    case 15: return md_index(arena, s->settled_layer);
    case 16: return factor_text(l, arena, s->quarter, s->quarter_low, s->quarter_high);
    case 17: return factor_text(l, arena, s->rate, NAN, NAN);
    case 18:
      return factor_text(l, arena, s->pooled_growth, s->pooled_growth_low, s->pooled_growth_high);
    case 19:
      return isnan(s->parting) ? "—"
             : is_one(arena, s->parting, NAN)
                 ? say(l, "no more than it")
                 : arena_printf(arena, say(l, "%s in layer %d"),
                                factor_text(l, arena, s->parting, NAN, NAN), s->parting_layer);
    default: return needed_cell(l, arena, s);
  }
}

/* Of any of them: of one prompt there are no draws. */
static bool is_known(Language l, const ShapeLine *line, int count, int q, Arena scratch) {
  for (int i = 0; i < count; i++)
    if (line[i].shape && strcmp(quantity(l, &scratch, line[i].shape, q), "—") != 0) return true;
  return false;
}

void shapes_table(Language l, FILE *out, const ShapeLine *line, int count, Arena scratch) {
  char *align = ARENA_NEW(&scratch, char, count + 2);
  int columns = 1;
  align[0] = 'l';
  for (int i = 0; i < count; i++)
    if (line[i].shape) align[columns++] = 'l';
  if (columns == 1) return;
  Grid grid = grid_new(&scratch, align);
  grid_add(&grid, "");
  for (int i = 0; i < count; i++)
    if (line[i].shape) grid_add(&grid, line[i].label);
  for (int q = 0; q < QUANTITIES; q++) {
    if (!is_known(l, line, count, q, scratch)) continue;
    grid_add(&grid, say(l, quantities[q]));
    for (int i = 0; i < count; i++)
      if (line[i].shape) grid_add(&grid, quantity(l, &scratch, line[i].shape, q));
  }
  grid_write(&grid, out);
}
