/* grid: modes by alphas of the calibration by lengths: which alpha a mode is better off with, as
 * far as that can be told, and all points. */
#include <math.h>
#include <string.h>

#include "measure/interval.h"
#include "report/effect.h"
#include "report/finite.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/population.h"
#include "report/sections.h"
#include "report/words.h"

bool asked_grid(const ReportData *d) { return d->grids > 0; }

/* The points of a mode at one length. */
typedef struct Alphas {
  const GridPoint *row;
  size_t rows;
} Alphas;

typedef enum Told {
  TOLD_NOTHING, /* there is nothing to be told from */
  TOLD_SAME,    /* every alpha gives the same */
  TOLD_BETTER,  /* `best` has a lower KL than the calibration's own alpha */
  TOLD_OWN,     /* every other has a higher one */
  TOLD_NOT      /* `best` is the nearest to be told to have a lower one */
} Told;

typedef struct Answer {
  Told told;
  const GridPoint *own, *best;
} Answer;

static Alphas alphas_at(const ReportData *d, size_t first) {
  Alphas c = {&d->grid[first], 0};
  while (first + c.rows < d->grids && !strcmp(c.row[c.rows].mode, c.row->mode) &&
         c.row[c.rows].length == c.row->length)
    c.rows++;
  return c;
}

static bool is_told(const GridPoint *row) { return row->kl_factor_holm <= 1 - interval_level; }

static bool all_same(const Alphas *c) {
  for (size_t i = 1; i < c->rows; i++)
    if (c->row[i].as_alpha != c->row->as_alpha) return false;
  return true;
}

/* Among the points that are not run as the calibration's own. */
static void find_best(const Alphas *c, Answer *a) {
  const GridPoint *nearest = NULL;
  bool worse = true;
  for (size_t i = 0; i < c->rows; i++) {
    const GridPoint *row = &c->row[i];
    if (row->as_alpha == a->own->as_alpha) continue;
    worse &= row->kl_factor > 1 && is_told(row); /* not of NaN */
    if (isnan(row->kl_factor)) continue;
    if (!nearest || row->kl_factor < nearest->kl_factor) nearest = row;
    if (row->kl_factor < 1 && is_told(row) && (!a->best || row->kl_factor < a->best->kl_factor))
      a->best = row;
  }
  if (!nearest) return;
  a->told = a->best ? TOLD_BETTER : worse ? TOLD_OWN : TOLD_NOT;
  if (!a->best) a->best = nearest;
}

static Answer answer_of(const Alphas *c) {
  Answer a = {TOLD_NOTHING, NULL, NULL};
  for (size_t i = 0; i < c->rows; i++)
    if (c->row[i].own) a.own = &c->row[i];
  if (c->rows > 1 && all_same(c))
    a.told = TOLD_SAME;
  else if (c->rows > 1 && a.own)
    find_best(c, &a);
  return a;
}

/* --- in words --------------------------------------------------------------------------------- */

static const char *alpha_text(Arena *arena, double alpha) {
  return isnan(alpha) ? "—" : arena_printf(arena, "%.15g", alpha);
}

static const char *length_words(Language l, Arena *arena, const GridPoint *row) {
  return row->length ? md_count(l, arena, row->length, "token") : say(l, "whole prompts");
}

/* What keeps it from being told, where that is not one prompt alone. */
static const char *needed_words(Arena *arena, const ReportData *d, const GridPoint *row) {
  const Language l = d->language;
  if (effect_clear(row->kl_factor_low, row->kl_factor_high, 1))
    return say(l, ", beyond chance asked alone, and not with all points asked at once");
  const char *needed = population_needed(arena, d, row->kl_factor_needed);
  return *needed ? arena_printf(arena, say(l, "; asked alone, %s"), needed) : "";
}

static const char *answer_words(Arena *arena, const ReportData *d, const Alphas *c) {
  const Language l = d->language;
  const Answer a = answer_of(c);
  const char *what = arena_printf(arena, say(l, "%s, %s"), md_text(arena, c->row->mode),
                                  length_words(l, arena, c->row));
  if (a.told == TOLD_NOTHING || a.told == TOLD_SAME) return "";
  const char *own = alpha_text(arena, a.own->alpha), *best = alpha_text(arena, a.best->alpha);
  switch (a.told) {
    case TOLD_BETTER:
      return arena_printf(arena,
                          say(l, "- %s: **`alpha: %s`** has a KL of %s, the calibration's own %s "
                                 "has %s: a factor of %s, beyond chance with all points asked at "
                                 "once.\n"),
                          what, best, md_short(arena, a.best->kl), own, md_short(arena, a.own->kl),
                          effect_factor_within(l, arena, a.best->kl_factor, a.best->kl_factor_low,
                                               a.best->kl_factor_high));
    case TOLD_OWN:
      return arena_printf(arena,
                          say(l, "- %s: **the calibration's own `alpha: %s`** has the lowest KL, "
                                 "beyond chance with all points asked at once; next comes %s, a "
                                 "factor of %s.\n"),
                          what, own, best,
                          effect_factor_within(l, arena, a.best->kl_factor, a.best->kl_factor_low,
                                               a.best->kl_factor_high));
    default:
      return arena_printf(arena,
                          say(l, "- %s: no alpha is told to have a lower KL than the calibration's "
                                 "own %s; nearest comes `alpha: %s`, a factor of %s%s.\n"),
                          what, own, best,
                          effect_factor_within(l, arena, a.best->kl_factor, a.best->kl_factor_low,
                                               a.best->kl_factor_high),
                          needed_words(arena, d, a.best));
  }
}

const char *grid_summary(Arena *arena, const ReportData *d) {
  const Language l = d->language;
  const char *lines = "";
  bool asked = false;
  for (size_t i = 0, next; i < d->grids; i = next) {
    const Alphas c = alphas_at(d, i);
    const Answer a = answer_of(&c);
    next = i + c.rows;
    asked |= a.told == TOLD_OWN || a.told == TOLD_NOT;
    if (a.told != TOLD_BETTER) continue;
    const char *line = arena_printf(
        arena, say(l, "%s, %s: with alpha: %s the KL goes from %s to %s\n"),
        words_plain(arena, c.row->mode), length_words(l, arena, c.row),
        alpha_text(arena, a.best->alpha), md_short(arena, a.own->kl), md_short(arena, a.best->kl));
    lines = arena_printf(arena, "%s%s", lines, line);
  }
  if (*lines || !asked) return lines;
  return say(l, "over alphas: none is told to have a lower KL than the calibration's own\n");
}

/* Modes that every alpha leaves as they are, at the lengths of the first. */
static void write_same(FILE *out, const ReportData *d, Arena scratch) {
  const Language l = d->language;
  const char *before = NULL, *list = "";
  int count = 0;
  for (size_t i = 0, next; i < d->grids; i = next) {
    const Alphas c = alphas_at(d, i);
    next = i + c.rows;
    if (answer_of(&c).told != TOLD_SAME || (before && !strcmp(before, c.row->mode))) continue;
    before = c.row->mode;
    list = arena_printf(&scratch, "%s%s%s", list, count++ ? say(l, ", ") : "",
                        md_text(&scratch, before));
  }
  if (count)
    fprintf(out,
            say(l, "The same at every alpha, in every bit, and so computed once: %s. No scale that "
                   "is made from a quantile changes there, of those that the mode depends on.\n\n"),
            list);
}

static bool has_own(const ReportData *d) {
  for (size_t i = 0; i < d->grids; i++)
    if (d->grid[i].own) return true;
  return false;
}

static void write_answers(FILE *out, const ReportData *d, Arena scratch) {
  const Language l = d->language;
  bool any = false;
  if (!has_own(d)) {
    fputs(say(l, "The calibration's own alpha is not in the grid, so there is nothing beside which "
                 "a change could be told.\n\n"),
          out);
    return;
  }
  for (size_t i = 0, next; i < d->grids; i = next) {
    const Alphas c = alphas_at(d, i);
    const char *words = answer_words(&scratch, d, &c);
    next = i + c.rows;
    any |= *words != 0;
    fputs(words, out);
  }
  if (any) fputc('\n', out);
}

static void write_left_out(FILE *out, const ReportData *d, Arena scratch) {
  for (size_t i = 0; i < d->grids; i++) {
    const GridPoint *row = &d->grid[i];
    if (!row->left_out[0]) continue;
    fprintf(out,
            say(d->language, "> **Warning.** Left out of %s, %s, alpha %s, since a figure is not "
                             "finite: %s.\n\n"),
            md_text(&scratch, row->mode), length_words(d->language, &scratch, row),
            alpha_text(&scratch, row->alpha), md_text(&scratch, row->left_out));
    return;
  }
}

/* --- the table -------------------------------------------------------------------------------- */

static const char *alpha_cell(Language l, Arena *arena, const GridPoint *row, bool same) {
  if (same) return say(l, "every");
  const char *alpha = alpha_text(arena, row->alpha);
  if (row->own) alpha = arena_printf(arena, say(l, "%s (its own)"), alpha);
  if (isnan(row->alpha) || row->as_alpha == row->alpha) return alpha;
  return arena_printf(arena, say(l, "%s, as at %s"), alpha, alpha_text(arena, row->as_alpha));
}

/* What is told of a point at the end of the model, and what of its predictions: a table each, since
 * both are as wide as a page. */
typedef enum Part { PART_ERROR, PART_PREDICTIONS } Part;

/* `own`: the row at the calibration's own alpha, beside which changes are. */
static void add_row(Language l, Grid *grid, Part part, const GridPoint *row, const GridPoint *own,
                    bool same) {
  Arena *arena = grid->arena;
  const bool itself = same || row->own || (own && row->as_alpha == own->as_alpha);
  grid_add(grid, md_text(arena, row->mode));
  grid_add(grid, row->length ? arena_printf(arena, "%d", row->length) : say(l, "whole prompts"));
  grid_add(grid, alpha_cell(l, arena, row, same));
  if (part == PART_ERROR) {
    grid_add(grid, finite_figure(l, arena, row->block_out));
    grid_add(grid, itself ? "—" : FACTOR_CELL(l, arena, row, block_out_factor));
    grid_add(grid, itself ? "—" : FACTOR_CELL(l, arena, row, token_median_factor));
    return;
  }
  grid_add(grid, finite_figure(l, arena, row->kl));
  grid_add(grid, itself ? "—" : FACTOR_CELL(l, arena, row, kl_factor));
  grid_add(grid, isfinite(row->bits) ? md_fixed(arena, row->bits, 4)
                                     : finite_figure(l, arena, row->bits));
  grid_add(grid, itself ? "—" : CHANGE_CELL(l, arena, row, bits_change));
}

static void write_table(FILE *out, const ReportData *d, Part part, Arena scratch) {
  static const char *const heading[][7] = {
      [PART_ERROR] = {WORD("mode"), WORD("tokens"), WORD("alpha"), WORD("error"),
                      WORD("factor of error"), WORD("factor of the median token's error")},
      [PART_PREDICTIONS] = {WORD("mode"), WORD("tokens"), WORD("alpha"), WORD("KL"),
                            WORD("factor of KL"), WORD("bits"), WORD("change of bits")}};
  const Language l = d->language;
  Grid grid = grid_new(&scratch, part == PART_ERROR ? "lrlrrr" : "lrlrrrr");
  grid_head(l, &grid, heading[part]);
  for (size_t i = 0, next; i < d->grids; i = next) {
    const Alphas c = alphas_at(d, i);
    const Answer a = answer_of(&c);
    const bool same = a.told == TOLD_SAME;
    next = i + c.rows;
    for (size_t r = 0; r < (same ? 1 : c.rows); r++)
      add_row(l, &grid, part, &c.row[r], a.own, same);
  }
  grid_write(&grid, out);
}

void section_grid(FILE *out, const ReportData *d, Arena scratch) {
  const Language l = d->language;
  fprintf(
      out,
      say(l, "Each mode with the scales that a calibration at each alpha gives it, on the first so "
             "many tokens of every prompt, against the float64 reference at that length. Error is "
             "the relative L2 of the last `block_out`; error and KL are geometric means over "
             "prompts, factors and changes are beside the calibration's own alpha.%s\n\n"),
      d->prompts > 1
          ? arena_printf(&scratch,
                         say(l, " In brackets stands the 95 %% interval (Student's t) over prompts "
                                "of %s; bold leaves no change out, † not any more with all points "
                                "asked at once."),
                         population_name(&scratch, d))
          : say(l, " There is one prompt alone, so no interval: the figures are that prompt's."));
  write_left_out(out, d, scratch);
  write_same(out, d, scratch);
  write_answers(out, d, scratch);
  plot_grid(out, d, scratch);
  write_table(out, d, PART_ERROR, scratch);
  write_table(out, d, PART_PREDICTIONS, scratch);
}
