/* restore: which few layers matter, as a set: what each one restored brings the error down to, and
 * whether the limit is reached. */
#include <math.h>
#include <string.h>

#include "report/acts.h"
#include "report/effect.h"
#include "report/finite.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/population.h"
#include "report/sections.h"

bool asked_restore(const ReportData *d) { return d->restorations > 0; }

/* A restoration's rows: step 0 first, the one of step -1 last. */
typedef struct Curve {
  const Restoration *row;
  int rows;
} Curve;

static const char *unit(Arena *arena, int layer, const char *stages) {
  if (layer < 0) return "—";
  return *stages ? arena_printf(arena, "%d: %s", layer, md_code(arena, stages))
                 : arena_printf(arena, "%d", layer);
}

static const char *interval_cell(Language l, Arena *arena, double value, double low, double high) {
  if (isnan(low) || !isfinite(value)) return finite_figure(l, arena, value);
  return md_interval(l, arena, md_short, value, low, high);
}

static const char *bits_cell(Language l, Arena *arena, double value, double low, double high) {
  if (isnan(value)) return "—";
  if (isnan(low)) return md_fixed(arena, value, 4);
  return effect_interval(l, arena, md_fixed(arena, value, 4), md_fixed(arena, low, 4),
                         md_fixed(arena, high, 4));
}

/* "2, 8 and 5"; of stages: "2: `conv_out + scan_u` and 8: `scan_rest`". */
static const char *set_of(Language l, Arena *arena, const Curve *c) {
  const char *set = "";
  int last = c->rows - 2;
  for (int i = 1; i <= last; i++) {
    const char *before = i == 1 ? "" : i == last ? say(l, " and ") : say(l, ", ");
    set =
        arena_printf(arena, "%s%s%s", set, before, unit(arena, c->row[i].layer, c->row[i].stages));
  }
  return *set ? set : say(l, "none");
}

static const char *size_words(Language l, Arena *arena, double x) {
  return isfinite(x) ? md_short(arena, x) : say(l, "no finite value");
}

static void write_left_out(Language l, FILE *out, const Curve *c, Arena scratch) {
  for (int i = 0; i < c->rows; i++) {
    if (!c->row[i].left_out[0]) continue;
    fprintf(
        out,
        say(l, "> **Warning.** Left out with %s restored, since a figure is not finite: %s.\n\n"),
        c->row[i].step < 0 ? say(l, "everything") : arena_printf(&scratch, "%d", c->row[i].step),
        md_text(&scratch, c->row[i].left_out));
    return;
  }
}

/* --- whose error the choice and the limit are of ---------------------------------------------- */

static bool of_median(const Restoration *row) { return !strcmp(row->of, "median_token"); }
static double error_of(const Restoration *row) {
  return of_median(row) ? row->token_median : row->block_out;
}
static double beside(const Restoration *row) {
  return of_median(row) ? row->block_out : row->token_median;
}
static double next_of(const Restoration *row) {
  return of_median(row) ? row->next_token_median : row->next_block_out;
}
static double first_of(const Restoration *row) {
  return of_median(row) ? row->first_token_median : row->first_block_out;
}

static const char *subject(Language l, const Restoration *row) {
  return of_median(row) ? say(l, "the median token's error of the last `block_out`")
                        : say(l, "the error of the last `block_out`");
}

static Acts acts(const Restoration *row) {
  return acts_of(FACTOR(row, block_out_factor), FACTOR(row, token_median_factor),
                 FACTOR(row, parting_factor));
}

/* The other figure, and the units by whom they act on: " Acts on single tokens: 22, 5." */
static void write_beside(Language l, FILE *out, const Curve *c, Arena scratch) {
  const double before = beside(&c->row[0]), after = beside(&c->row[c->rows - 2]);
  if (c->rows > 2 && !isnan(before) && !isnan(after))
    fprintf(out,
            of_median(c->row) ? say(l, " That of all tokens together went from %s to %s.")
                              : say(l, " That of the median token went from %s to %s."),
            size_words(l, &scratch, before), size_words(l, &scratch, after));
  for (Acts kind = ACTS_UNTOLD + 1; kind < ACTS_KINDS; kind++) {
    const char *units = "";
    for (int i = 1; i < c->rows - 1; i++)
      if (acts(&c->row[i]) == kind)
        units = arena_printf(&scratch, "%s%s%s", units, *units ? say(l, ", ") : "",
                             unit(&scratch, c->row[i].layer, c->row[i].stages));
    if (*units) fprintf(out, say(l, " Acts on %s: %s."), acts_words(l, kind), units);
  }
}

static void write_sentence(Language l, FILE *out, const Curve *c, Arena scratch) {
  const Restoration *start = &c->row[0], *all = &c->row[c->rows - 1], *last = &c->row[c->rows - 2];
  const char *mode = md_text(&scratch, start->mode), *to = md_text(&scratch, start->to);
  const char *before = size_words(l, &scratch, error_of(start)),
             *after = size_words(l, &scratch, error_of(last));
  const char *limit = md_short(&scratch, start->limit), *set = set_of(l, &scratch, c);
  bool by_layer = !strcmp(start->by, "layer");
  if (start->reached) {
    fprintf(out,
            of_median(start)
                ? say(l, "The median token of %s is at %s, at most the limit of %s, as it is.\n\n")
                : say(l, "%s is at %s, at most the limit of %s, as it is.\n\n"),
            mode, before, limit);
    return;
  }
  const char *count = by_layer ? md_count(l, &scratch, last->step, "layer")
                               : md_count(l, &scratch, last->step, "stage set");
  if (last->reached)
    fprintf(
        out,
        say(l,
            "**%s** of %s, run under %s, brought %s from %s to %s, at most the limit of %s: %s."),
        count, mode, to, subject(l, start), before, after, limit, set);
  else
    fprintf(out,
            say(l, "**The limit of %s is not reached**: %s of %s, run under %s (%s), brought %s "
                   "from %s to %s."),
            limit, count, mode, to, set, subject(l, start), before, after);
  fprintf(out, say(l, " With every layer under %s it is %s%s."), to,
          size_words(l, &scratch, error_of(all)),
          all->reached ? "" : say(l, ", itself above the limit"));
  if (last->step > 0 && !isnan(first_of(last)))
    fprintf(out,
            say(l, last->step == 1 ? " The first %s restored in its place gives %s."
                                   : " The first %s restored in their place give %s."),
            count, size_words(l, &scratch, first_of(last)));
  write_beside(l, out, c, scratch);
  fputs("\n\n", out);
}

static void write_curve(Language l, FILE *out, const Curve *c, Arena scratch) {
  static const char *const heading[] =
      WORDS("restored", "layer", "error", "median token", "acts on", "KL", "bits", "tried",
            "second best", "with it", "the first ones instead");
  bool by_layer = !strcmp(c->row[0].by, "layer");
  Grid grid = grid_new(&scratch, by_layer ? "rlrrlrrrlrr" : "rlrrlrrrlr");
  grid_head(l, &grid, heading);
  for (int i = 0; i < c->rows; i++) {
    const Restoration *row = &c->row[i];
    grid_add(&grid, row->step < 0 ? say(l, "all") : arena_printf(&scratch, "%d", row->step));
    grid_add(&grid, unit(&scratch, row->layer, row->stages));
    grid_add(&grid,
             interval_cell(l, &scratch, row->block_out, row->block_out_low, row->block_out_high));
    grid_add(&grid, isnan(row->token_median)
                        ? "—"
                        : interval_cell(l, &scratch, row->token_median, row->token_median_low,
                                        row->token_median_high));
    grid_add(&grid, acts_words(l, acts(row)));
    grid_add(&grid,
             isnan(row->kl) ? "—" : interval_cell(l, &scratch, row->kl, row->kl_low, row->kl_high));
    grid_add(&grid, bits_cell(l, &scratch, row->bits, row->bits_low, row->bits_high));
    grid_add(&grid, row->candidates ? arena_printf(&scratch, "%d", row->candidates) : "—");
    grid_add(&grid, unit(&scratch, row->next_layer, row->next_stages));
    grid_add(&grid, row->next_layer < 0 ? "—" : finite_figure(l, &scratch, next_of(row)));
    if (by_layer) grid_add(&grid, row->step > 0 ? finite_figure(l, &scratch, first_of(row)) : "—");
  }
  grid_write(&grid, out);
}

void section_restore(FILE *out, const ReportData *d, Arena scratch) {
  fprintf(out,
          say(d->language,
              "Layers of a mode are run under another, one more at a time: each step tries every "
              "one that is left, beside those chosen before, and takes the one that takes most off "
              "the square of the last `block_out`'s error (by stage: for each stage restored; each "
              "alone and each two were tried). The error is the relative L2 against the float64 "
              "reference, of all tokens together or, where that is said, of the median token; "
              "error and KL are geometric means over prompts. Every row is a run of its own. A set "
              "found step by step need not be the best of its size.%s\n\n"),
          d->prompts > 1
              ? arena_printf(&scratch,
                             say(d->language, " In brackets stands the 95 %% interval (Student's "
                                              "t) over prompts of %s; the layers "
                                              "were chosen on these very prompts."),
                             population_name(&scratch, d))
              : say(d->language,
                    " There is one prompt alone, so no interval: the figures are that prompt's."));
  fputs(acts_meaning(d->language), out);
  for (size_t i = 0; i < d->restorations;) {
    Curve c = {&d->restoration[i], 0};
    do c.rows++, i++;
    while (i < d->restorations && d->restoration[i].step != 0);
    if (c.rows < 2) continue;
    bool by_layer = !strcmp(c.row->by, "layer");
    fprintf(out,
            by_layer ? say(d->language, "### %s, restored to %s by layer\n\n")
                     : say(d->language, "### %s, restored to %s by stage\n\n"),
            md_text(&scratch, c.row->mode), md_text(&scratch, c.row->to));
    if (of_median(c.row))
      fputs(
          say(d->language,
              "Limit and choice, the second best and what the first layers give are of the median "
              "token.\n\n"),
          out);
    write_left_out(d->language, out, &c, scratch);
    write_sentence(d->language, out, &c, scratch);
    write_curve(d->language, out, &c, scratch);
  }
}
