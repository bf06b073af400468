/* question: the first screen. What was asked, and what this run measured of it: for a few pairs a
 * small table each, for more of them a row each; then how far every mode is from float64, and which
 * mode is for which need. Each figure is a column of a table. */
#include <string.h>

#include "report/bits.h"
#include "report/events.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/retold.h"
#include "report/sections.h"
#include "report/shapes.h"
#include "report/sources.h"
#include "report/words.h"

/* --- what was run ----------------------------------------------------------------------------- */

/* "24 layers, D 768, …" of the results file, in the report's language; as it stands where it is
 * not so made. */
static const char *sizes_words(const ReportData *d, Arena *arena, const char *sizes) {
  int layers, vocabulary, from = 0, to = 0, end = 0;
  if (sscanf(sizes, "%d layer%*[s,] %nD %*d, E %*d, N %*d, R %*d, K %*d%n, vocabulary %d%n",
             &layers, &from, &to, &vocabulary, &end) != 2 ||
      !end)
    return md_text(arena, sizes);
  const char *widths = arena_printf(arena, "%.*s", to - from, sizes + from);
  return arena_printf(arena, say(d->language, "%s, %s, vocabulary %d%s"),
                      md_count(d->language, arena, layers, "layer"), md_text(arena, widths),
                      vocabulary, md_text(arena, sizes + end));
}

/* What was asked of what: model, prompts and backend in one paragraph. */
static void write_facts(FILE *out, const ReportData *d, Arena scratch) {
  enum { NAMED = 4 };
  const char *model = d->about[ABOUT_MODEL], *shape = d->about[ABOUT_MODEL_SHAPE],
             *rewrite = d->about[ABOUT_REWRITE];
  const char *backend = d->about[ABOUT_BACKEND], *device = d->about[ABOUT_DEVICE], *text = "";
  if (model) text = arena_printf(&scratch, say(d->language, "Model: %s"), md_code(&scratch, model));
  if (model && shape)
    text =
        arena_printf(&scratch, say(d->language, "%s (%s)"), text, sizes_words(d, &scratch, shape));
  if (model && rewrite)
    text = arena_printf(&scratch, say(d->language, "%s, rewrite %s"), text,
                        md_text(&scratch, rewrite));
  for (int p = 0; p < d->prompts && p < NAMED; p++) {
    const TensorStats *embedding =
        data_tensor(d, d->prompt[p], NULL, data_role(d, ROLE_EMBEDDING), LAYER_EMBEDDING);
    const char *tokens =
        embedding ? arena_printf(&scratch, say(d->language, " (%s)"),
                                 md_count(d->language, &scratch, embedding->rows, "token"))
                  : "";
    const char *before =
        p ? say(d->language, ", ")
          : arena_printf(&scratch, "%s%s", *text ? say(d->language, ". ") : "",
                         say(d->language, d->prompts > 1 ? "Prompts: " : "Prompt: "));
    text =
        arena_printf(&scratch, "%s%s%s%s", text, before, md_text(&scratch, d->prompt[p]), tokens);
  }
  if (d->prompts > NAMED)
    text = arena_printf(&scratch, say(d->language, "%s and %d more"), text, d->prompts - NAMED);
  if (backend)
    text = arena_printf(&scratch, say(d->language, "%s%sBackend: %s"), text,
                        *text ? say(d->language, ". ") : "", md_text(&scratch, backend));
  if (backend && device)
    text = arena_printf(&scratch, say(d->language, "%s (%s)"), text, md_text(&scratch, device));
  if (*text) fprintf(out, say(d->language, "%s.\n\n"), text);
}

/* --- a pair ----------------------------------------------------------------------------------- */

static const char *travel_words(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const DriftShape *shape = data_shape(d, pair, data_role(d, ROLE_BLOCK_OUT));
  if (!shape)
    return say(d->language,
               "not told: this results file holds no shapes, as those of an older program do not");
  return shapes_travel(d->language, arena, shape);
}

/* The conclusion in one line. */
static const char *conclusion(Arena *arena, const ReportData *d, const ReportPair *pair) {
  switch (words_effect_of(pair, data_tally(d, pair, NULL))) {
    case EFFECT_UNKNOWN: return say(d->language, "not compared");
    case EFFECT_NONE:
      return say(d->language, "did NOT take effect: the same kernels, and the same bits");
    case EFFECT_IDENTICAL: return say(d->language, "both took effect, and every bit is identical");
    case EFFECT_FAULT: return say(d->language, "a fault: the same kernels, and other values");
    case EFFECT_MADE_IDENTICAL: return say(d->language, "**identical in every bit**");
    default: break;
  }
  const DriftShape *shape = data_shape(d, pair, data_role(d, ROLE_BLOCK_OUT));
  Size logits = words_logits(d, pair);
  const char *end = logits.identical
                        ? arena_printf(arena, say(d->language, "identical at the logits%s"),
                                       finite_identical(d->language, arena, &logits))
                        : arena_printf(arena, say(d->language, "%s at the logits"),
                                       finite_size(d->language, arena, &logits));
  if (shape && !words_has_logits(d, pair)) return shapes_brief(d->language, arena, shape);
  return shape ? arena_printf(arena, say(d->language, "%s; %s"),
                              shapes_brief(d->language, arena, shape), end)
               : end;
}

static void add_line(Grid *grid, const char *question, const char *answer) {
  grid_add(grid, question);
  grid_add(grid, answer);
}

static void write_pair(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  Grid grid = grid_new(&scratch, "ll");
  const bool identical = data_identical(d, pair);
  const char *effect = words_effect(&scratch, d, pair), *reason = words_reason(d, pair);
  const DriftShape *shape = data_shape(d, pair, data_role(d, ROLE_BLOCK_OUT));
  const char *tokens = shape && !identical ? shapes_tokens(&scratch, d, pair, shape) : "";
  const char *cause = events_cause(&scratch, d, pair);
  bool explained = *reason && (identical || (pair->verdict && words_last(d, pair).identical));
  add_line(&grid, words_pair(d->language, &scratch, pair), conclusion(&scratch, d, pair));
  const char *show = sources_show(&scratch, d, pair);
  if (*show) effect = arena_printf(&scratch, "%s %s", effect, show);
  const char *left = sources_left(&scratch, d, pair, md_text);
  if (*left)
    effect = arena_printf(&scratch, say(d->language, "%s Not compared: %s."), effect, left);
  add_line(&grid,
           pair->made_elsewhere ? say(d->language, "Are they two computations?")
                                : say(d->language, "Did both take effect?"),
           explained ? arena_printf(&scratch, "%s %s", effect, reason) : effect);
  if (!identical) {
    const char *first = words_first(&scratch, d, pair);
    if (*first) add_line(&grid, say(d->language, "Where does it start?"), first);
    add_line(&grid, say(d->language, "How does it travel?"), travel_words(&scratch, d, pair));
    if (*tokens) add_line(&grid, say(d->language, "Single tokens?"), tokens);
    if (*cause) add_line(&grid, say(d->language, "Which value makes it?"), cause);
    const char *end = words_logits_end(&scratch, d, pair),
               *bits = pair->made_elsewhere ? "" : bits_words(&scratch, d, pair, md_text),
               *both = *end && *bits ? arena_printf(&scratch, say(d->language, "%s; %s"), end, bits)
                       : *end        ? end
                                     : bits;
    if (*both) add_line(&grid, say(d->language, "Does it matter at the end?"), both);
  }
  grid_write(&grid, out);
}

/* --- many pairs ------------------------------------------------------------------------------- */

/* A name that no line ends in. */
static const char *unbroken(Arena *arena, const char *text) {
  const char *whole = "";
  for (size_t length; *text; text += length + (text[length] == ' ')) {
    length = strcspn(text, " ");
    whole = arena_printf(arena, "%s%.*s%s", whole, (int)length, text, text[length] ? "\u00a0" : "");
  }
  return whole;
}

/* Where the two first differ, or why nowhere. */
static const char *first_cell(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const Verdict *v = pair->verdict;
  switch (words_effect_of(pair, data_tally(d, pair, NULL))) {
    case EFFECT_NONE: return say(d->language, "**did NOT take effect**");
    case EFFECT_MADE_IDENTICAL:
    case EFFECT_IDENTICAL: return say(d->language, "identical");
    case EFFECT_FAULT: return say(d->language, "**fault**");
    default: break;
  }
  if (!v || v->tensors == 0 || v->first_layer == -2) return "—";
  return words_place(arena, d, v->first_tensor, v->first_layer);
}

static void add_pair(Grid *grid, const ReportData *d, const ReportPair *pair, bool reference,
                     bool bits) {
  Arena *arena = grid->arena;
  const DriftShape *s = data_shape(d, pair, data_role(d, ROLE_BLOCK_OUT));
  Size logits = words_logits(d, pair);
  grid_add(grid, reference ? md_text(arena, pair->other)
                           : unbroken(arena, words_pair(d->language, arena, pair)));
  if (!reference) grid_add(grid, first_cell(arena, d, pair));
  grid_add(grid, s ? shapes_cell(d->language, arena, s) : "—");
  grid_add(grid, s ? shapes_growth_cell(d->language, arena, s) : "—");
  grid_add(grid, s ? md_error(arena, s->last) : "—");
  grid_add(grid, words_has_logits(d, pair) ? finite_cell(d->language, arena, &logits) : "—");
  grid_add(grid, pair->verdict ? words_same_tokens(d->language, arena, pair->verdict, false) : "—");
  if (bits) grid_add(grid, bits_cell(arena, d, pair));
}

/* A row a pair; of the reference's pairs a row a mode. */
static void write_rows(FILE *out, const ReportData *d, const ReportPair *pairs, int count,
                       bool reference, Arena scratch) {
  bool bits = d->evaluation_pairs > 0;
  Grid grid = grid_new(&scratch, reference ? bits ? "llrrrrr" : "llrrrr"
                                 : bits    ? "lllrrrrr"
                                           : "lllrrrr");
  grid_add(&grid, reference ? say(d->language, "against float64") : "");
  if (!reference) grid_add(&grid, say(d->language, "first differs at"));
  grid_add(&grid, say(d->language, "shape over the layers"));
  grid_add(&grid, say(d->language, "growth"));
  grid_add(&grid, say(d->language, "last layer"));
  grid_add(&grid, say(d->language, "`logits`"));
  grid_add(&grid, say(d->language, "same top token"));
  if (bits) grid_add(&grid, bits_name(d));
  bool lost = false;
  for (int p = 0; p < count; p++) {
    add_pair(&grid, d, &pairs[p], reference, bits);
    const DriftShape *s = data_shape(d, &pairs[p], data_role(d, ROLE_BLOCK_OUT));
    lost |= s && strstr(shapes_growth_cell(d->language, &scratch, s), "†");
  }
  grid_write(&grid, out);
  if (lost)
    fputs(say(d->language, "†: told of this pair alone; not where all pairs of the run are asked "
                           "at once (Holm).\n\n"),
          out);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* What the words above mean, and what the brackets hold. */
static void write_meaning(FILE *out, const ReportData *d, Arena scratch) {
  if (!d->shapes) return;
  if (strcmp(data_role(d, ROLE_BLOCK_OUT), "block_out") != 0)
    fprintf(out,
            say(d->language, "`block_out` stands here for %s, which is taken for what leaves a "
                             "layer (`stream:` of a source names another). "),
            md_code(&scratch, data_role(d, ROLE_BLOCK_OUT)));
  fputs(say(d->language, "Shape, growth and last layer are of the *median token's error*: the "
                         "relative error of a token of `block_out`, median over the tokens of a "
                         "prompt; × is a factor; `logits` is the relative L2 of all. A relative "
                         "error is divided by the side named first; against float64, by float64. "),
        out);
  if (d->prompts > 1)
    fprintf(
        out,
        say(d->language,
            "Figures are geometric means over the %d prompts; brackets hold 95 %% over prompts of "
            "this kind, and a shape is told where %.0f %% of the draws of prompts have it.\n\n"),
        d->prompts, 100 * d->limits.agreement);
  else
    fputs(
        d->sources
            ? say(d->language, "One prompt tells nothing of others: of dumps with several passes, "
                               "which are prompts, there are intervals.\n\n")
            : say(d->language,
                  "One prompt tells nothing of others: with `windows: N` there are intervals.\n\n"),
        out);
}

/* Which of many pairs differ the least and the most at the end. */
static void write_extremes(FILE *out, const ReportData *d, Arena scratch) {
  const char **label = ARENA_NEW(&scratch, const char *, d->pairs);
  double *error = ARENA_NEW(&scratch, double, d->pairs);
  int least = -1, most = -1;
  for (int p = 0; p < d->pairs; p++) {
    Size size = words_logits(d, &d->pair[p]);
    if (size.identical || !finite_whole(&size) || !(size.rel_l2 > 0)) continue;
    label[p] = words_pair(d->language, &scratch, &d->pair[p]);
    error[p] = size.rel_l2;
    if (least < 0 || error[p] < error[least]) least = p;
    if (most < 0 || error[p] > error[most]) most = p;
  }
  if (least == most) return;
  fprintf(out, say(d->language, " At the logits %s differ least (relative L2 %s) and %s most (%s)"),
          label[least], md_error(&scratch, error[least]), label[most],
          md_error(&scratch, error[most]));
  by_prompt_write_ends(out, d, d->pair, label, d->pairs, least, most, scratch);
}

/* The conclusion of many pairs: how many differ, and which the least and the most at the end. */
static void write_counts(FILE *out, const ReportData *d, Arena scratch) {
  int none = 0, identical = 0, fault = 0, same = 0;
  for (int p = 0; p < d->pairs; p++) {
    Effect effect = words_effect_of(&d->pair[p], data_tally(d, &d->pair[p], NULL));
    none += effect == EFFECT_NONE, identical += effect == EFFECT_IDENTICAL,
        fault += effect == EFFECT_FAULT, same += effect == EFFECT_MADE_IDENTICAL;
  }
  const int different = d->pairs - none - identical - fault - same;
  fprintf(out, say(d->language, different == 1 ? "**Of %s** %d differs" : "**Of %s** %d differ"),
          md_count(d->language, &scratch, d->pairs, "pair"), different);
  if (same)
    fprintf(out,
            say(d->language, same == 1 ? ", **%d is identical in every bit**"
                                       : ", **%d are identical in every bit**"),
            same);
  if (identical)
    fprintf(out,
            say(d->language, identical == 1 ? ", %d took effect and is identical in every bit"
                                            : ", %d took effect and are identical in every bit"),
            identical);
  if (none) fprintf(out, say(d->language, ", **%d did NOT take effect**"), none);
  if (fault)
    fprintf(out, say(d->language, fault == 1 ? ", **%d is a fault**" : ", **%d are a fault**"),
            fault);
  fputs(say(d->language, "."), out);
  write_extremes(out, d, scratch);
  fputs("\n\n", out);
}

static void write_modes(FILE *out, const ReportData *d, Arena scratch) {
  if (d->pair != d->against && d->againsts > 0 && d->shapes > 0)
    write_rows(out, d, d->against, d->againsts, true, scratch);
  const char *choice = choice_words(&scratch, d);
  if (*choice) fprintf(out, say(d->language, "**Which mode for which need?** %s\n\n"), choice);
}

/* A few pairs are shown whole; of more there is a row each, and of many these fold away behind a
 * picture. */
static void write_answer(FILE *out, const ReportData *d, Arena scratch) {
  enum { ROWS_SHOWN = 12 };
  const bool rows = d->pairs > PAIRS_WHOLE, fold = d->pairs > ROWS_SHOWN;
  for (int p = 0; !rows && p < d->pairs; p++) write_pair(out, d, &d->pair[p], scratch);
  if (rows) write_counts(out, d, scratch);
  if (rows && !fold) write_rows(out, d, d->pair, d->pairs, d->pair == d->against, scratch);
  write_modes(out, d, scratch);
  if (!rows) plot_answer(out, d, scratch);
  if (rows) plot_matrix(out, d, scratch);
  if (!fold) return;
  md_fold(out, say(d->language, "Every pair in a row"));
  write_rows(out, d, d->pair, d->pairs, d->pair == d->against, scratch);
  md_fold_end(out);
}

void section_question(FILE *out, const ReportData *d, Arena scratch) {
  const char *meant = sources_inputs(&scratch, d, true);
  write_warnings(out, d, scratch);
  if (d->about[ABOUT_QUESTION])
    fprintf(out, "> %s\n\n",
            md_text(&scratch, retold_question(d->language, d->about[ABOUT_QUESTION])));
  if (meant)
    fprintf(out, say(d->language, "Other inputs, as is meant (`inputs: any`): %s.\n\n"),
            md_text(&scratch, meant));
  write_answer(out, d, scratch);
  write_meaning(out, d, scratch);
  write_facts(out, d, scratch);
}
