/* layers: how a pair's difference develops over the layers, and how far every mode is from the
 * float64 reference. */
#include <math.h>
#include <string.h>

#include "measure/drift.h"
#include "measure/shape.h"
#include "report/by_prompt.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/sections.h"
#include "report/shapes.h"
#include "report/words.h"

static const char *size_cell(Arena *arena, const ReportData *d, const ReportPair *pair,
                             const char *tensor, int layer) {
  Size size = words_size(d, pair, tensor, layer);
  return data_drift(d, pair, tensor, layer) ? finite_cell(d->language, arena, &size) : "—";
}

static const char *decibel_cell(Language l, Arena *arena, const Drift *row) {
  if (!row) return "—";
  return row->identical && isinf(row->sqnr_db) ? say(l, "identical")
                                               : md_decibel(arena, row->sqnr_db);
}

static const char *range_cell(Language l, Arena *arena, const Drift *row) {
  if (!row) return "—";
  if (row->identical) return say(l, "identical");
  return arena_printf(arena, "%s … %s", md_error(arena, row->rel_l2_min),
                      md_error(arena, row->rel_l2_max));
}

/* "1.04e-02 … 1.31e-02" */
static const char *interval_cell(Language l, Arena *arena, const Drift *row) {
  if (!row || isnan(row->rel_l2_low)) return "—";
  if (row->identical) return say(l, "identical");
  return arena_printf(arena, "%s … %s", md_error(arena, row->rel_l2_low),
                      md_error(arena, row->rel_l2_high));
}

/* From the layer before; not between sizes of which one leaves values out. */
static const char *growth_cell(Arena *arena, const Drift *before, const Drift *row) {
  bool whole = row->nonfinite == 0 && before && before->nonfinite == 0;
  return whole ? md_factor(arena, row->growth) : "—";
}

static bool any_followed(const ReportData *d, const ReportPair *pair, int layer) {
  for (int f = 0; f < d->followeds; f++)
    if (data_drift(d, pair, d->followed[f], layer)) return true;
  return false;
}

static void head_followed(Grid *grid, const ReportData *d) {
  grid_add(grid, say(d->language, "layer"));
  for (int f = 0; f < d->followeds; f++) grid_add(grid, md_code(grid->arena, d->followed[f]));
}

static void write_drift(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  const bool intervals = d->prompts > 1;
  Grid grid = grid_new(&scratch, "rrrrrrrrrr" + (FOLLOWED - d->followeds) + !intervals);
  head_followed(&grid, d);
  if (intervals) grid_add(&grid, say(d->language, "`block_out`, 95 %"));
  grid_add(&grid, say(d->language, "growth"));
  grid_add(&grid, say(d->language, "max abs"));
  grid_add(&grid, say(d->language, "SQNR, dB"));
  grid_add(&grid, say(d->language, "mean ULP"));
  for (int layer = 0; layer < d->layers; layer++) {
    if (!any_followed(d, pair, layer)) continue;
    grid_add(&grid, arena_printf(&scratch, "%d", layer));
    for (int f = 0; f < d->followeds; f++)
      grid_add(&grid, size_cell(&scratch, d, pair, d->followed[f], layer));
    const Drift *row = data_drift(d, pair, data_role(d, ROLE_BLOCK_OUT), layer);
    const Drift *before = data_drift(d, pair, data_role(d, ROLE_BLOCK_OUT), layer - 1);
    bool plain = row && !row->identical;
    if (intervals) grid_add(&grid, interval_cell(d->language, &scratch, row));
    grid_add(&grid, plain ? growth_cell(&scratch, before, row) : "—");
    grid_add(&grid, plain ? md_short(&scratch, row->max_abs) : "—");
    grid_add(&grid, plain ? md_decibel(&scratch, row->sqnr_db) : "—");
    grid_add(&grid, plain ? md_short(&scratch, row->ulp_mean) : "—");
  }
  grid_write(&grid, out);
}

static void write_range(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  Grid grid = grid_new(&scratch, "rrrrr" + (FOLLOWED - d->followeds));
  head_followed(&grid, d);
  for (int layer = 0; layer < d->layers; layer++) {
    if (!any_followed(d, pair, layer)) continue;
    grid_add(&grid, arena_printf(&scratch, "%d", layer));
    for (int f = 0; f < d->followeds; f++)
      grid_add(&grid,
               range_cell(d->language, &scratch, data_drift(d, pair, d->followed[f], layer)));
  }
  fprintf(out, say(d->language, "Smallest and largest over the %d prompts:\n\n"), d->prompts);
  grid_write(&grid, out);
}

static bool has_drift(const ReportData *d, const ReportPair *pair) {
  for (int layer = 0; layer < d->layers; layer++)
    if (any_followed(d, pair, layer)) return true;
  return false;
}

/* block_out, layer by layer: a token in the middle, all together, and the one that is worst. */
static void write_tokens(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  Grid grid = grid_new(&scratch, "rrrrrrrl");
  static const char *const heading[] =
      WORDS("layer", "median token", "95 %", "token at 90 %", "token at 99 %", "all together",
            "share of the worst token", "worst token");
  grid_head(d->language, &grid, heading);
  bool any = false;
  for (int layer = 0; layer < d->layers; layer++) {
    const Drift *row = data_drift(d, pair, data_role(d, ROLE_BLOCK_OUT), layer);
    if (!row || isnan(row->token_median)) continue;
    any |= row->token_median > 0 || row->token_worst >= 0;
    grid_add(&grid, arena_printf(&scratch, "%d", layer));
    grid_add(&grid, md_error(&scratch, row->token_median));
    grid_add(&grid,
             isnan(row->token_median_low)
                 ? "—"
                 : arena_printf(&scratch, "%s … %s", md_error(&scratch, row->token_median_low),
                                md_error(&scratch, row->token_median_high)));
    grid_add(&grid, md_error(&scratch, row->token_p90));
    grid_add(&grid, md_error(&scratch, row->token_p99));
    grid_add(&grid, size_cell(&scratch, d, pair, row->tensor, layer));
    grid_add(&grid, md_share(&scratch, row->token_worst_share));
    grid_add(&grid, row->token_worst < 0 ? "—"
                                         : arena_printf(&scratch, say(d->language, "%lld of %s"),
                                                        (long long)row->token_worst,
                                                        md_text(&scratch, row->worst_prompt)));
  }
  if (!any) return;
  fputs(
      say(d->language, "Relative error of a token of `block_out`, and of all tokens together:\n\n"),
      out);
  grid_write(&grid, out);
}

/* Sentence and table of what the layers do to the difference. */
static void write_shapes(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  ShapeLine line[FOLLOWED] = {{0}};
  for (int f = 0; f < d->followeds; f++)
    line[f] = (ShapeLine){md_code(&scratch, d->followed[f]), data_shape(d, pair, d->followed[f])};
  if (!d->shapes)
    fputs(say(d->language,
              "This results file holds no shapes, as those of an older program do not.\n\n"),
          out);
  if (!line[0].shape) return;
  const char *tokens = shapes_tokens(&scratch, d, pair, line[0].shape);
  fprintf(out, say(d->language, "**Shape** of `block_out`: %s.\n\n"),
          shapes_travel(d->language, &scratch, line[0].shape));
  if (*tokens) fprintf(out, say(d->language, "**Single tokens**: %s.\n\n"), tokens);
  shapes_table(d->language, out, line, d->followeds, scratch);
}

/* What the words about shapes mean here, and what one prompt cannot say. */
static void write_about_shapes(FILE *out, const ReportData *d) {
  if (!d->shapes) return;
  const DriftLimits *l = &d->limits;
  fprintf(
      out,
      say(d->language,
          "A shape is that of the *median token's error* over the layers, which are all that this "
          "model has: flat within a factor of %.3g; a turn counts from %.3g on; a jump is a step "
          "of at least %.3g that stands out by more than %.0f %% of the whole rise; saturated "
          "within %.0f %% of the end. Nothing is fitted but the line that is called so. "),
      l->flat, l->turn, l->jump, 100 * l->step_share, 100 * l->settle);
  if (d->prompts > 1)
    fprintf(out,
            say(d->language,
                "Figures are geometric means over prompts, brackets their 95 %% interval "
                "(Student's t of the logarithms); a shape is told where %.0f %% of the draws of "
                "prompts have it. All tokens together have an interval from %d prompts on, over "
                "the layers from %d: fewer may have none of the tokens that carry the error.\n\n"),
            100 * l->agreement, DRIFT_POOLED_LEAST, SHAPE_POOLED_LEAST);
  else
    fputs(say(d->language, "Of a single prompt they say nothing of others.\n\n"), out);
}

static void write_pair(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  bool fold = d->pairs > PAIRS_WHOLE;
  if (fold) md_fold(out, say(d->language, "Shape, figures and tables"));
  plot_drift(out, d, pair, scratch);
  plot_heat(out, d, pair, scratch);
  write_shapes(out, d, pair, scratch);
  write_tokens(out, d, pair, scratch);
  if (!fold)
    md_fold(out, arena_printf(&scratch, say(d->language, "Relative L2 of %s, layer by layer"),
                              md_count(d->language, &scratch, d->followeds, "tensor")));
  write_drift(out, d, pair, scratch);
  if (d->prompts > 1) write_range(out, d, pair, scratch);
  md_fold_end(out);
}

void section_drift(FILE *out, const ReportData *d, Arena scratch) {
  if (!d->pairs || !d->drifts) {
    fputs(say(d->language, "The results file holds no drift.\n\n"), out);
    return;
  }
  write_about_shapes(out, d);
  fprintf(out,
          say(d->language, "Relative L2 of %s%s; growth from the layer before, largest absolute "
                           "difference, SQNR and mean distance in ULP are of `block_out`.\n\n"),
          md_count(d->language, &scratch, d->followeds, "tensor"),
          d->prompts > 1 ? say(d->language, ", pooled over the prompts") : "");
  for (int p = 0; p < d->pairs; p++) {
    const ReportPair *pair = &d->pair[p];
    fprintf(out, "### %s\n\n", words_pair(d->language, &scratch, pair));
    if (data_identical(d, pair))
      fputs(say(d->language,
                "Nothing drifts: every tensor of every layer is identical in every bit.\n\n"),
            out);
    else if (!has_drift(d, pair))
      fputs(say(d->language, "The results file holds no drift of this pair.\n\n"), out);
    else
      write_pair(out, d, pair, scratch);
  }
}

static const char *worst_cell(Arena *arena, const ReportData *d, const ReportPair *pair) {
  Course course = words_course(d, pair, *arena);
  if (course.nonfinite >= 0)
    return arena_printf(arena, say(d->language, "not finite from layer %d on"), course.nonfinite);
  return course.worst_layer < 0
             ? "—"
             : arena_printf(arena, say(d->language, "%s in layer %d"),
                            md_error(arena, course.worst_l2), course.worst_layer);
}

static const char *top1_cell(Language l, Arena *arena, const Verdict *v) {
  const char *share = words_same_tokens(l, arena, v, true);
  if (v->top1_left_out == 0) return share;
  return arena_printf(arena, say(l, "%s of %lld of %lld"), share, (long long)v->top1_rows,
                      (long long)(v->top1_rows + v->top1_left_out));
}

/* A row for each mode: what is left at the end. */
static void write_ends(FILE *out, const ReportData *d, Arena scratch) {
  Grid grid = grid_new(&scratch, "lrrrrrrrr");
  static const char *const heading[] =
      WORDS("mode", "`block_out`", "SQNR, dB", "1 − cosine", "worst `block_out`", "`logits`",
            "SQNR, dB", "1 − cosine", "same top token");
  grid_head(d->language, &grid, heading);
  for (int a = 0; a < d->againsts; a++) {
    const ReportPair *pair = &d->against[a];
    const Drift *block_out = data_drift(d, pair, data_role(d, ROLE_BLOCK_OUT), d->layers - 1);
    const Drift *logits = data_drift(d, pair, data_role(d, ROLE_LOGITS), d->layers);
    grid_add(&grid, md_text(&scratch, pair->other));
    grid_add(&grid, size_cell(&scratch, d, pair, data_role(d, ROLE_BLOCK_OUT), d->layers - 1));
    grid_add(&grid, decibel_cell(d->language, &scratch, block_out));
    grid_add(&grid, block_out ? md_short(&scratch, 1 - block_out->cosine_min) : "—");
    grid_add(&grid, worst_cell(&scratch, d, pair));
    grid_add(&grid, size_cell(&scratch, d, pair, data_role(d, ROLE_LOGITS), d->layers));
    grid_add(&grid, decibel_cell(d->language, &scratch, logits));
    grid_add(&grid, logits ? md_short(&scratch, 1 - logits->cosine_min) : "—");
    grid_add(&grid, pair->verdict ? top1_cell(d->language, &scratch, pair->verdict) : "—");
  }
  fprintf(
      out,
      say(d->language, "Relative L2, SQNR and cosine of `block_out` in the last layer (%d) and of "
                       "the logits%s; the largest relative L2 of any `block_out`; the share of "
                       "positions at which the mode chooses the reference's next token.\n\n"),
      d->layers - 1,
      d->prompts > 1 ? say(d->language, ", pooled over the prompts (cosine: its smallest)") : "");
  grid_write(&grid, out);
}

static void write_shapes_of_modes(FILE *out, const ReportData *d, Arena scratch) {
  if (!d->shapes) return;
  ShapeLine *line = ARENA_NEW(&scratch, ShapeLine, d->againsts);
  for (int a = 0; a < d->againsts; a++)
    line[a] = (ShapeLine){md_text(&scratch, d->against[a].other),
                          data_shape(d, &d->against[a], data_role(d, ROLE_BLOCK_OUT))};
  fputs(
      say(d->language, "How the error of `block_out` develops over the layers, mode by mode:\n\n"),
      out);
  shapes_table(d->language, out, line, d->againsts, scratch);
}

static void write_errors_by_layer(FILE *out, const ReportData *d, Arena scratch) {
  char *align = ARENA_NEW(&scratch, char, d->againsts + 2);
  memset(align, 'r', (size_t)d->againsts + 1);
  Grid grid = grid_new(&scratch, align);
  grid_add(&grid, say(d->language, "layer"));
  for (int a = 0; a < d->againsts; a++) grid_add(&grid, md_text(&scratch, d->against[a].other));
  for (int layer = 0; layer < d->layers; layer++) {
    grid_add(&grid, arena_printf(&scratch, "%d", layer));
    for (int a = 0; a < d->againsts; a++)
      grid_add(&grid, size_cell(&scratch, d, &d->against[a], data_role(d, ROLE_BLOCK_OUT), layer));
  }
  md_fold(out, say(d->language, "Relative L2 of block_out, layer by layer"));
  grid_write(&grid, out);
  md_fold_end(out);
}

/* Which mode is nearest and which farthest, and whether other prompts would say so; those whose
 * logits are not all finite have no place among them. */
static void write_ranking(FILE *out, const ReportData *d, Arena scratch) {
  const Language l = d->language;
  const char **label = ARENA_NEW(&scratch, const char *, d->againsts), *unranked = "";
  double *error = ARENA_NEW(&scratch, double, d->againsts);
  int nearest = -1, farthest = -1;
  for (int a = 0; a < d->againsts; a++) {
    const ReportPair *pair = &d->against[a];
    Size logits = words_logits(d, pair);
    error[a] = pair->verdict ? pair->verdict->logits_rel_l2 : (double)NAN;
    if (!finite_whole(&logits))
      unranked = arena_printf(&scratch, "%s%s%s", unranked, *unranked ? say(l, ", ") : "",
                              md_text(&scratch, pair->other));
    if (isnan(error[a]) || !finite_whole(&logits)) continue;
    label[a] = md_text(&scratch, pair->other);
    if (nearest < 0 || error[a] < error[nearest]) nearest = a;
    if (farthest < 0 || error[a] > error[farthest]) farthest = a;
  }
  if (nearest != farthest) {
    fprintf(out,
            say(l, "At the logits %s is nearest to the reference (relative L2 %s) and %s farthest "
                   "from it (%s)"),
            label[nearest], md_error(&scratch, error[nearest]), label[farthest],
            md_error(&scratch, error[farthest]));
    by_prompt_write_ends(out, d, d->against, label, d->againsts, nearest, farthest, scratch);
    fputs("\n\n", out);
  }
  if (*unranked)
    fprintf(out, say(d->language, "Not ranked, as logits of theirs are not finite: %s.\n\n"),
            unranked);
}

void section_reference(FILE *out, const ReportData *d, Arena scratch) {
  if (!d->againsts) {
    fputs(say(d->language, "No mode was compared with the reference.\n\n"), out);
    return;
  }
  write_ranking(out, d, scratch);
  plot_reference(out, d, scratch);
  write_ends(out, d, scratch);
  write_shapes_of_modes(out, d, scratch);
  if (d->layers > 0) write_errors_by_layer(out, d, scratch);
}
