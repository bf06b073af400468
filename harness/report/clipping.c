#include "report/clipping.h"

#include <math.h>
#include <string.h>

#include "report/finite.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/sections.h"
#include "report/words.h"

enum { LISTED = 8, DRAWN = 3 }; /* tensors in a mode's table; modes with a figure */

/* --- rows ------------------------------------------------------------------------------------- */

/* What a file holds of one mode. */
typedef struct ModeGrids {
  const char *mode;
  GridTensor *tensor;        /* [tensors], the largest share first, those with none beyond last */
  int tensors, beyond;       /* all; those with elements beyond */
  int rows, half, nonfinite; /* rows of all names; with at least half of the error beyond; with
                                values left out */
} ModeGrids;

/* Rows without a mode are those of weights. */
static bool is_weight(const Clipping *row) { return !*row->mode; }

static double share_of(const Clipping *row) {
  return isnan(row->error_share) ? 0 : row->error_share;
}

static bool same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static bool same_rows(const GridTensor *a, const GridTensor *b) {
  bool equal = a->rows == b->rows;
  for (size_t i = 0; equal && i < a->rows; i++) {
    const Clipping *x = a->row[i], *y = b->row[i];
    equal = x->layer == y->layer && !strcmp(x->prompt, y->prompt) && x->n == y->n &&
            x->beyond == y->beyond && x->nonfinite == y->nonfinite && x->channels == y->channels &&
            x->worst_channel == y->worst_channel && x->furthest_token == y->furthest_token &&
            x->furthest_channel == y->furthest_channel && same(x->scale, y->scale) &&
            same(x->furthest_value, y->furthest_value) && same(x->error_share, y->error_share) &&
            same(x->rel_l2, y->rel_l2) && same(x->rel_l2_clipped, y->rel_l2_clipped) &&
            same(x->rel_l2_rounded, y->rel_l2_rounded);
  }
  return equal;
}

static bool is_mode(const Clipping *row, const char *mode) {
  return !is_weight(row) && !strcmp(row->mode, mode);
}

/* A name each, as first met. */
static int collect(Arena *arena, const ReportData *d, const char *mode, GridTensor **tensors) {
  int count = 0;
  GridTensor *list = *tensors = ARENA_NEW(arena, GridTensor, d->clippings);
  for (size_t i = 0; i < d->clippings; i++) {
    const Clipping *row = &d->clipping[i];
    if (!is_mode(row, mode)) continue;
    int at = 0;
    while (at < count && strcmp(list[at].name[0], row->tensor) != 0) at++;
    if (at == count) {
      list[count++] = (GridTensor){.name = ARENA_NEW(arena, const char *, 1), .names = 1};
      list[at].name[0] = row->tensor;
    }
    list[at].rows++;
  }
  for (int t = 0; t < count; t++) {
    list[t].row = ARENA_NEW(arena, const Clipping *, list[t].rows);
    list[t].rows = 0;
    for (size_t i = 0; i < d->clippings; i++) {
      const Clipping *row = &d->clipping[i];
      if (!is_mode(row, mode) || strcmp(row->tensor, list[t].name[0]) != 0) continue;
      list[t].row[list[t].rows++] = row;
      if (row->beyond > 0 && (!list[t].worst || share_of(row) > share_of(list[t].worst)))
        list[t].worst = row;
    }
  }
  return count;
}

/* Tensors with the same rows become one; how many are left. */
static int merge(Arena *arena, GridTensor *list, int count) {
  int left = 0;
  for (int t = 0; t < count; t++) {
    int at = 0;
    while (at < left && !same_rows(&list[at], &list[t])) at++;
    if (at == left) {
      list[left++] = list[t];
      continue;
    }
    const char **name = ARENA_NEW(arena, const char *, list[at].names + 1);
    memcpy(name, list[at].name, (size_t)list[at].names * sizeof *name);
    name[list[at].names++] = list[t].name[0];
    list[at].name = name;
  }
  return left;
}

static double rank_of(const GridTensor *t) { return t->worst ? share_of(t->worst) : -1; }

static void sort(GridTensor *list, int count) {
  for (int i = 1; i < count; i++) {
    const GridTensor moved = list[i];
    int at = i;
    for (; at > 0 && rank_of(&list[at - 1]) < rank_of(&moved); at--) list[at] = list[at - 1];
    list[at] = moved;
  }
}

static ModeGrids grids_of(Arena *arena, const ReportData *d, const char *mode) {
  ModeGrids g = {.mode = mode};
  const int names = collect(arena, d, mode, &g.tensor);
  for (size_t i = 0; i < d->clippings; i++) {
    if (!is_mode(&d->clipping[i], mode)) continue;
    g.rows++;
    g.half += share_of(&d->clipping[i]) >= 0.5;
    g.nonfinite += d->clipping[i].nonfinite > 0;
  }
  g.tensors = merge(arena, g.tensor, names);
  sort(g.tensor, g.tensors);
  while (g.beyond < g.tensors && g.tensor[g.beyond].worst) g.beyond++;
  return g;
}

double clipping_share(const GridTensor *t, int layer) {
  double beyond = 0, all = 0;
  for (size_t i = 0; i < t->rows; i++) {
    const Clipping *row = t->row[i];
    if (row->layer != layer || !isfinite(row->rel_l2) || !isfinite(row->rel_l2_clipped)) continue;
    const double elements = (double)row->n - (double)row->nonfinite;
    beyond += elements * row->rel_l2_clipped * row->rel_l2_clipped;
    all += elements * row->rel_l2 * row->rel_l2;
  }
  return all > 0 ? beyond / all : NAN;
}

/* --- words ------------------------------------------------------------------------------------ */

/* The tensors where none lies beyond, each by its name. */
static const char *without_words(Language l, Arena *arena, const ModeGrids *g) {
  int names = 0;
  const char **name = ARENA_NEW(arena, const char *, g->rows);
  for (int t = g->beyond; t < g->tensors; t++)
    for (int n = 0; n < g->tensor[t].names; n++) name[names++] = g->tensor[t].name[n];
  return words_list(l, arena, name, names);
}

static void write_verdict(FILE *out, const ReportData *d, const ModeGrids *g, Arena scratch) {
  const Language l = d->language;
  const Clipping *worst = g->beyond ? g->tensor[0].worst : NULL;
  if (!worst)
    fprintf(out,
            say(l, "- **No element beyond** the grid's end in any of the %d tensors on a static "
                   "grid (over all layers and prompts).\n"),
            g->rows);
  else
    fprintf(out,
            say(l, "- **At least half of the squared error beyond the grid's end**: %d of the %d "
                   "tensors on a static grid (over all layers and prompts). The largest share is "
                   "that of %s in prompt %s: %s, in %lld of %lld elements.\n"),
            g->half, g->rows, words_place(&scratch, d, worst->tensor, worst->layer),
            md_text(&scratch, worst->prompt), md_share(&scratch, worst->error_share),
            (long long)worst->beyond, (long long)worst->n);
  if (worst && g->beyond < g->tensors)
    fprintf(out, say(l, "- No element lies beyond in %s.\n"), without_words(l, &scratch, g));
  if (g->nonfinite)
    fprintf(out, say(l, "- In %d of them values are not finite, and are left out.\n"),
            g->nonfinite);
  fputc('\n', out);
}

/* The end that the furthest element lies beyond. */
static double end_of(const Clipping *row) {
  return row->furthest_value < 0 ? -128 * row->scale : row->grid_end;
}

static const char *value_cell(Arena *arena, double x) {
  return isnan(x) ? "—" : arena_printf(arena, "%#.4g", x);
}

static const char *size_cell(Language l, Arena *arena, const Clipping *row, double rel_l2) {
  return finite_cell(l, arena, &(Size){rel_l2, false, row->n, row->nonfinite});
}

static void write_table(FILE *out, const ReportData *d, const ModeGrids *g, Arena scratch) {
  const Language l = d->language;
  Grid grid = grid_new(&scratch, "lrlrrrrrrrrrr");
  static const char *const head[] = {
      WORD("tensor"),   WORD("layer"),         WORD("prompt"),   WORD("values beyond"),
      WORD("channels"), WORD("worst channel"), WORD("furthest"), WORD("grid's end"),
      WORD("token"),    WORD("channel"),       WORD("share"),    WORD("clipped"),
      WORD("rounded")};
  grid_head(l, &grid, head);
  for (int t = 0; t < g->beyond && t < LISTED; t++) {
    const Clipping *row = g->tensor[t].worst;
    grid_add(&grid, words_list(l, &scratch, g->tensor[t].name, g->tensor[t].names));
    grid_add(&grid, arena_printf(&scratch, "%d", row->layer));
    grid_add(&grid, md_text(&scratch, row->prompt));
    grid_add(&grid, arena_printf(&scratch, "%lld", (long long)row->beyond));
    grid_add(&grid, arena_printf(&scratch, "%d", row->channels));
    grid_add(&grid, md_index(&scratch, row->worst_channel));
    grid_add(&grid, value_cell(&scratch, row->furthest_value));
    grid_add(&grid, value_cell(&scratch, end_of(row)));
    grid_add(&grid, md_index(&scratch, row->furthest_token));
    grid_add(&grid, md_index(&scratch, row->furthest_channel));
    grid_add(&grid, md_share(&scratch, row->error_share));
    grid_add(&grid, size_cell(l, &scratch, row, row->rel_l2_clipped));
    grid_add(&grid, size_cell(l, &scratch, row, row->rel_l2_rounded));
  }
  grid_write(&grid, out);
  if (g->beyond > LISTED)
    fprintf(out,
            say(l, "The %d with the largest share of %d; all of them in tables/clipping.csv.\n\n"),
            LISTED, g->beyond);
}

static bool write_mode(FILE *out, const ReportData *d, const char *mode, bool drawn,
                       Arena scratch) {
  const ModeGrids g = grids_of(&scratch, d, mode);
  fprintf(out, "### %s\n\n", md_text(&scratch, mode));
  write_verdict(out, d, &g, scratch);
  if (g.beyond) write_table(out, d, &g, scratch);
  return drawn && plot_clipping(out, d, mode, g.tensor, g.tensors, scratch);
}

/* All of them together: an int8 form has one scale, whatever the mode. */
static void write_weights(FILE *out, const ReportData *d, Arena scratch) {
  const Language l = d->language;
  const Clipping *most = NULL;
  int weights = 0, beyond = 0;
  for (size_t i = 0; i < d->clippings; i++) {
    const Clipping *row = &d->clipping[i];
    if (!is_weight(row)) continue;
    weights++;
    beyond += row->beyond > 0;
    if (row->beyond > 0 && row->furthest >= 1 && (!most || row->furthest > most->furthest))
      most = row;
  }
  if (weights == 0) return;
  fprintf(out, "### %s\n\n", say(l, "Weights"));
  if (!most)
    fprintf(out, say(l, "In %d of %d int8 weights an element lies beyond the grid's end.\n\n"),
            beyond, weights);
  else
    fprintf(out,
            say(l, "In %d of %d int8 weights an element lies beyond the grid's end, by at most %s "
                   "of that end (%s of layer %d).\n\n"),
            beyond, weights, md_short(&scratch, most->furthest - 1),
            md_code(&scratch, most->tensor), most->layer);
}

bool asked_clipping(const ReportData *d) { return d->clippings > 0; }

static bool was_met(const ReportData *d, size_t at) {
  for (size_t i = 0; i < at; i++)
    if (!strcmp(d->clipping[i].mode, d->clipping[at].mode)) return true;
  return false;
}

void section_clipping(FILE *out, const ReportData *d, Arena scratch) {
  fputs(say(d->language,
            "A static int8 grid holds -128 to 127 times its scale. An element whose float64 "
            "reference lies beyond an end is clipped; all others are rounded, and have what came "
            "in with the tensor. Squared errors add, so the share of the squared error in elements "
            "beyond tells the two apart: a larger scale mends the one, and not the other. Of each "
            "tensor the layer and the prompt where that share is largest; clipped and rounded are "
            "relative L2, of the elements beyond and of the rest. Tensors with the same figures "
            "everywhere share a row.\n\n"),
        out);
  int drawn = 0;
  for (size_t i = 0; i < d->clippings; i++) /* a run writes them in the order of the modes */
    if (!is_weight(&d->clipping[i]) && !was_met(d, i))
      drawn += write_mode(out, d, d->clipping[i].mode, drawn < DRAWN, scratch);
  write_weights(out, d, scratch);
}
