/* mend: a mode with other activation scales: what each does to its end, which of them to take, and
 * what every choice of a scale clips and rounds by itself. */
#include <math.h>
#include <string.h>

#include "report/effect.h"
#include "report/finite.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/population.h"
#include "report/sections.h"
#include "report/words.h"

bool asked_mend(const ReportData *d) { return d->mends > 0; }

/* A mode's rows: the first is the mode as it is. */
typedef struct Tried {
  const Mend *row;
  size_t rows;
} Tried;

static Tried tried_from(const ReportData *d, size_t first) {
  Tried t = {&d->mend[first], 0};
  while (first + t.rows < d->mends && !strcmp(t.row[t.rows].mode, t.row->mode)) t.rows++;
  return t;
}

static bool is_choice(const Mend *row, const char *choice) {
  return row->layer < 0 && !strcmp(row->choice, choice);
}

/* "as it is", "`alpha: 1`", "every scale at its least squared error",
 * "layer 1, `s_u` alone: as with `alpha: 1`". */
static const char *scales_words(Language l, Arena *arena, const Mend *row) {
  bool least = !strcmp(row->choice, "least");
  if (is_choice(row, "calibrated")) return say(l, "as it is");
  const char *alpha = md_code(arena, arena_printf(arena, "alpha: %s", row->choice));
  if (row->layer < 0) return least ? say(l, "every scale at its least squared error") : alpha;
  return arena_printf(arena,
                      least ? say(l, "layer %d, %s alone: at its least squared error")
                            : say(l, "layer %d, %s alone: as with %s"),
                      row->layer, md_code(arena, row->scale), alpha);
}

/* --- which one to take ------------------------------------------------------------------------ */

/* A factor that is told from none: by its interval; with one prompt by itself, from a fiftieth
 * on. */
static bool is_told(double factor, double low, double high) {
  return isnan(low) ? fabs(log(factor)) >= log(1.02) : effect_clear(low, high, 1);
}

static bool lessens(const Mend *row) {
  return row->block_out_factor < 1 &&
         is_told(row->block_out_factor, row->block_out_factor_low, row->block_out_factor_high);
}

/* The row that brings the last block_out nearest to the reference; NULL where none is told to do
 * so. */
static const Mend *best_of(const Tried *t) {
  const Mend *best = NULL;
  for (size_t i = 1; i < t->rows; i++)
    if (lessens(&t->row[i]) && (!best || t->row[i].block_out_factor < best->block_out_factor))
      best = &t->row[i];
  return best;
}

static bool is_layer_of(const MendLayer *at, const Mend *row) {
  return !strcmp(at->mode, row->mode) && !strcmp(at->choice, row->choice) &&
         at->layer == row->layer && !strcmp(at->scale, row->scale);
}

/* The error of block_out at a layer; NaN where there is none. */
static double at_layer(const ReportData *d, const Mend *row, int layer) {
  for (size_t i = 0; i < d->mend_layers; i++)
    if (is_layer_of(&d->mend_layer[i], row) && d->mend_layer[i].at_layer == layer)
      return d->mend_layer[i].rel_l2;
  return NAN;
}

/* The layer at which it is largest; -1 where none is finite. */
static int worst_layer(const ReportData *d, const Mend *row) {
  int worst = -1;
  double most = -1;
  for (size_t i = 0; i < d->mend_layers; i++)
    if (is_layer_of(&d->mend_layer[i], row) && d->mend_layer[i].rel_l2 > most)
      most = d->mend_layer[i].rel_l2, worst = d->mend_layer[i].at_layer;
  return worst;
}

static const char *worst_words(Language l, Arena *arena, const ReportData *d, const Mend *row) {
  int layer = worst_layer(d, row);
  if (layer < 0) return "—";
  return arena_printf(arena, say(l, "%s at layer %d"), md_short(arena, at_layer(d, row, layer)),
                      layer);
}

/* What it does to typical tokens and to the predictions. */
static const char *cost_words(Language l, Arena *arena, const Mend *row) {
  if (isnan(row->kl_factor) || isnan(row->bits_change)) return "";
  const char *bits = md_short(arena, row->bits_change);
  if (!isnan(row->bits_change_low))
    bits = effect_interval(l, arena, bits, md_short(arena, row->bits_change_low),
                           md_short(arena, row->bits_change_high));
  return arena_printf(
      arena,
      say(l, " The median token's error goes by a factor of %s, KL by %s; bits per "
             "token change by %s."),
      effect_factor_within(l, arena, row->token_median_factor, row->token_median_factor_low,
                           row->token_median_factor_high),
      effect_factor_within(l, arena, row->kl_factor, row->kl_factor_low, row->kl_factor_high),
      bits);
}

static void write_recommendation(Language l, FILE *out, const ReportData *d, const Tried *t,
                                 Arena scratch) {
  const Mend *best = best_of(t), *as_it_is = &t->row[0];
  const char *mode = md_text(&scratch, as_it_is->mode);
  if (!best) {
    fprintf(out,
            say(l, "**None of these scales makes the end of %s better** by more than chance, or "
                   "with one prompt by a fiftieth.\n\n"),
            mode);
    return;
  }
  fprintf(out,
          say(l, "**%s** brings the error of %s at the last `block_out` from %s to %s, a factor of "
                 "%s%s; the largest over the layers from %s to %s.%s\n\n"),
          scales_words(l, &scratch, best), mode, md_short(&scratch, as_it_is->block_out),
          md_short(&scratch, best->block_out),
          effect_factor_within(l, &scratch, best->block_out_factor, best->block_out_factor_low,
                               best->block_out_factor_high),
          isnan(best->block_out_factor_low) ? say(l, " (of this prompt alone)") : "",
          worst_words(l, &scratch, d, as_it_is), worst_words(l, &scratch, d, best),
          cost_words(l, &scratch, best));
}

/* "alpha: 1", "layer 1, s_u". */
static const char *plain_scales(Language l, Arena *arena, const Mend *row) {
  if (row->layer >= 0)
    return arena_printf(arena, say(l, "another scale %s in layer %d"),
                        words_plain(arena, row->scale), row->layer);
  if (is_choice(row, "least")) return say(l, "every scale at its least squared error");
  return arena_printf(arena, "alpha: %s", words_plain(arena, row->choice));
}

const char *mend_summary(Arena *arena, const ReportData *d) {
  const Language l = d->language;
  const char *lines = "";
  for (size_t i = 0, next; i < d->mends; i = next) {
    const Tried t = tried_from(d, i);
    next = i + t.rows;
    const Mend *best = is_choice(t.row, "calibrated") ? best_of(&t) : NULL;
    if (!best) continue;
    const char *line =
        arena_printf(arena, say(l, "%s: with %s the last block_out goes from %s to %s%s\n"),
                     words_plain(arena, best->mode), plain_scales(l, arena, best),
                     md_error(arena, t.row->block_out), md_error(arena, best->block_out),
                     isnan(best->block_out_factor_low) ? say(l, " (of this prompt alone)") : "");
    lines = arena_printf(arena, "%s%s", lines, line);
  }
  return lines;
}

/* What one scale of one layer does there, where it was found. */
static void write_single(Language l, FILE *out, const ReportData *d, const Tried *t,
                         Arena scratch) {
  const char *list = "";
  for (size_t i = 1; i < t->rows; i++) {
    const Mend *row = &t->row[i];
    if (row->layer < 0) continue;
    const char *one =
        arena_printf(&scratch, say(l, "layer %d, %s: scale %s in place of %s, %s → %s"), row->layer,
                     md_code(&scratch, row->scale), md_short(&scratch, row->value),
                     md_short(&scratch, row->value_before),
                     md_short(&scratch, at_layer(d, &t->row[0], row->layer)),
                     md_short(&scratch, at_layer(d, row, row->layer)));
    list = arena_printf(&scratch, "%s%s%s", list, *list ? say(l, "; ") : "", one);
  }
  if (*list)
    fprintf(out, say(l, "One scale alone, and the error of `block_out` at its own layer: %s.\n\n"),
            list);
}

static void write_warning(Language l, FILE *out, const Tried *t, Arena scratch) {
  for (size_t i = 1; i < t->rows; i++) {
    const Mend *row = &t->row[i];
    if (!is_choice(row, "least") || !(row->block_out_factor > 1) ||
        !is_told(row->block_out_factor, row->block_out_factor_low, row->block_out_factor_high))
      continue;
    fprintf(out,
            say(l,
                "Every scale at its least squared error makes the end worse, by a factor of %s%s, "
                "although each tensor by itself loses less so on the calibration's text.\n\n"),
            effect_factor_within(l, &scratch, row->block_out_factor, row->block_out_factor_low,
                                 row->block_out_factor_high),
            isnan(row->block_out_factor_low) ? say(l, " (of this prompt alone)") : "");
  }
}

/* --- tables ----------------------------------------------------------------------------------- */

static void write_left_out(Language l, FILE *out, const Tried *t, Arena scratch) {
  for (size_t i = 0; i < t->rows; i++) {
    if (!t->row[i].left_out[0]) continue;
    fprintf(out, say(l, "> **Warning.** Left out of %s, since a figure is not finite: %s.\n\n"),
            scales_words(l, &scratch, &t->row[i]), md_text(&scratch, t->row[i].left_out));
    return;
  }
}

/* The mode as it is first, then the best ones first; what is not finite last. */
static void sort_rows(const Tried *t, const Mend **row) {
  for (size_t i = 0; i < t->rows; i++) {
    size_t at = i;
    for (; at > 1 && !(row[at - 1]->block_out_factor <= t->row[i].block_out_factor) &&
           !isnan(t->row[i].block_out_factor);
         at--)
      row[at] = row[at - 1];
    row[at] = &t->row[i];
  }
}

static void write_ends(Language l, FILE *out, const ReportData *d, const Tried *t, Arena scratch) {
  static const char *const heading[] =
      WORDS("scales", "error", "factor of error", "factor of the median token's error",
            "factor of KL", "change of bits", "largest over the layers");
  const Mend **row = ARENA_NEW(&scratch, const Mend *, t->rows);
  Grid grid = grid_new(&scratch, "lrrrrrr");
  sort_rows(t, row);
  grid_head(l, &grid, heading);
  for (size_t i = 0; i < t->rows; i++) {
    grid_add(&grid, scales_words(l, &scratch, row[i]));
    grid_add(&grid, finite_figure(l, &scratch, row[i]->block_out));
    if (row[i]->identical) {
      grid_add(&grid, row[i] == &t->row[0] ? "—" : say(l, "no bit changes"));
      for (int c = 0; c < 3; c++) grid_add(&grid, "—");
    } else {
      grid_add(&grid, FACTOR_CELL(l, &scratch, row[i], block_out_factor));
      grid_add(&grid, FACTOR_CELL(l, &scratch, row[i], token_median_factor));
      grid_add(&grid, FACTOR_CELL(l, &scratch, row[i], kl_factor));
      grid_add(&grid, CHANGE_CELL(l, &scratch, row[i], bits_change));
    }
    grid_add(&grid, worst_words(l, &scratch, d, row[i]));
  }
  grid_write(&grid, out);
}

static const ScaleChoice *find_choice(const ReportData *d, const ScaleChoice *like,
                                      const char *choice) {
  for (size_t i = 0; i < d->scale_choices; i++)
    if (d->scale_choice[i].layer == like->layer && !strcmp(d->scale_choice[i].scale, like->scale) &&
        !strcmp(d->scale_choice[i].choice, choice))
      return &d->scale_choice[i];
  return NULL;
}

/* The layer in which the calibrated scale of this name loses most; NULL where that was met
 * before. */
static const ScaleChoice *worst_of_name(const ReportData *d, size_t first) {
  const ScaleChoice *worst = &d->scale_choice[first];
  for (size_t i = 0; i < d->scale_choices; i++) {
    const ScaleChoice *row = &d->scale_choice[i];
    if (strcmp(row->scale, worst->scale) != 0 || strcmp(row->choice, "calibrated") != 0) continue;
    if (i < first) return NULL;
    if (row->rel_l2 > worst->rel_l2) worst = row;
  }
  return worst;
}

static void write_local(Language l, FILE *out, const ReportData *d, Arena scratch) {
  static const char *const choice[] = {"0.999", "0.9999", "0.99999", "1", "least", "per_channel"};
  enum { CHOICES = sizeof choice / sizeof *choice, QUANTILES = 4 };
  static const char *const heading[] =
      WORDS("scale", "layer", "tensor", "grid's end", "values beyond", "clipped", "rounded");
  enum { HEADINGS = sizeof heading / sizeof *heading };
  Grid grid = grid_new(&scratch, "lrlrrrrrrrrrr");
  for (int i = 0; i < HEADINGS; i++) grid_add(&grid, say(l, heading[i]));
  for (int i = 0; i < QUANTILES; i++) grid_add(&grid, choice[i]);
  grid_add(&grid, say(l, "least"));
  grid_add(&grid, say(l, "per channel"));
  for (size_t i = 0; i < d->scale_choices; i++) {
    if (strcmp(d->scale_choice[i].choice, "calibrated") != 0) continue;
    const ScaleChoice *row = worst_of_name(d, i);
    if (!row) continue;
    grid_add(&grid, md_code(&scratch, row->scale));
    grid_add(&grid, arena_printf(&scratch, "%d", row->layer));
    grid_add(&grid, md_code(&scratch, row->tensor));
    grid_add(&grid, md_short(&scratch, row->grid_end));
    grid_add(&grid, arena_printf(&scratch, "%lld", (long long)row->beyond));
    grid_add(&grid, md_short(&scratch, row->rel_l2_clipped));
    grid_add(&grid, md_short(&scratch, row->rel_l2_rounded));
    for (int c = 0; c < CHOICES; c++) {
      const ScaleChoice *other = find_choice(d, row, choice[c]);
      grid_add(&grid, other ? md_short(&scratch, other->rel_l2) : "—");
    }
  }
  fputs(say(l, "### What each scale loses by itself\n\n"), out);
  fputs(say(l, "On the calibration text, the tensor of each scale under the float mode, quantised "
               "alone: the relative L2 of what the calibrated scale clips and rounds, and of both "
               "together with other scales: made from other quantiles, at the least squared error, "
               "and as a what-if with a scale for each channel (its rounding estimated). Of each "
               "scale the layer that loses most; all layers stand in `scale_choices.csv`.\n\n"),
        out);
  grid_write(&grid, out);
}

void section_mend(FILE *out, const ReportData *d, Arena scratch) {
  const Language l = d->language;
  fprintf(
      out,
      say(l,
          "The scales of int8 activations come from the calibration. Here a mode runs with others: "
          "those that another `alpha` gives, every scale at the least squared error of its tensor, "
          "and single scales of single layers, the three that lessen the error of their own layer "
          "most. The error is the relative L2 against the float64 reference; error and KL are "
          "geometric means over prompts, factors and changes are beside the mode as it is.%s\n\n"),
      d->prompts > 1
          ? arena_printf(&scratch,
                         say(l, " In brackets stands the 95 %% interval (Student's t) over prompts "
                                "of %s; bold leaves no change out, † not any more with all rows "
                                "asked at once. Single scales were chosen on these very prompts."),
                         population_name(&scratch, d))
          : say(l, " There is one prompt alone, so no interval: the figures are that prompt's."));
  for (size_t i = 0, next; i < d->mends; i = next) {
    const Tried t = tried_from(d, i);
    next = i + t.rows;
    if (!is_choice(t.row, "calibrated")) continue;
    fprintf(out, say(l, "### %s with other scales\n\n"), md_text(&scratch, t.row->mode));
    write_left_out(l, out, &t, scratch);
    write_recommendation(l, out, d, &t, scratch);
    write_single(l, out, d, &t, scratch);
    write_warning(l, out, &t, scratch);
    write_ends(l, out, d, &t, scratch);
  }
  if (d->scale_choices) write_local(l, out, d, scratch);
}
