/* budget: the error budget of each pair that has one: what every layer makes and what it passes on. */
#include "measure/budget.h"

#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/sections.h"
#include "report/words.h"

enum { NAMED = 5 }; /* layers that a sentence names at most */

/* The rows of a pair, one a layer, prompts pooled. */
typedef struct LayerBudget {
  Budget *row; /* [layers]; base empty where there is none */
  int layers;
  int nonfinite, first_nonfinite; /* layers that have none since a value on the way is not finite; -1: there is none */
} LayerBudget;

static bool is_finite(const Budget *row) {
  return isfinite(row->base_l2) && isfinite(row->in_l2) && isfinite(row->total_l2) && isfinite(row->local_l2) &&
         isfinite(row->inherited_l2) && isfinite(row->interaction_l2);
}

static LayerBudget pooled(Arena *arena, const ReportData *d, const ReportPair *pair) {
  LayerBudget all = {ARENA_NEW(arena, Budget, d->layers), d->layers, 0, -1};
  const Budget **rows = ARENA_NEW(arena, const Budget *, d->budgets);
  for (int layer = 0; layer < d->layers; layer++) {
    size_t count = 0;
    for (size_t i = 0; i < d->budgets; i++)
      if (d->budget[i].layer == layer && data_is_pair(pair, d->budget[i].base, d->budget[i].other))
        rows[count++] = &d->budget[i];
    if (!count) continue;
    all.row[layer] = budget_pool(rows, count);
    if (is_finite(&all.row[layer])) continue;
    all.row[layer].base[0] = 0;
    if (!all.nonfinite++) all.first_nonfinite = layer;
  }
  return all;
}

static double local(const Budget *row) { return row->local_l2 / row->base_l2; }

/* The layers with the largest of some figure, largest first: "`7` (1.2e-02), …". */
static const char *largest(Arena *arena, const LayerBudget *all, double (*figure)(const Budget *),
                           const char *(*cell)(Arena *, double), double above) {
  const char *text = "";
  bool *named = ARENA_NEW(arena, bool, all->layers);
  for (int n = 0; n < NAMED; n++) {
    int best = -1;
    for (int layer = 0; layer < all->layers; layer++)
      if (all->row[layer].base[0] && !named[layer] && figure(&all->row[layer]) > above &&
          (best < 0 || figure(&all->row[layer]) > figure(&all->row[best])))
        best = layer;
    if (best < 0) break;
    named[best] = true;
    text = arena_printf(arena, "%s%s%d%s", text, n ? say(", ") : "", best,
                        arena_printf(arena, say(" (%s)"), cell(arena, figure(&all->row[best]))));
  }
  return text;
}

static double gain(const Budget *row) { return row->gain; }

static int count_above(const LayerBudget *all, double (*figure)(const Budget *), double above) {
  int count = 0;
  for (int layer = 0; layer < all->layers; layer++)
    count += all->row[layer].base[0] && figure(&all->row[layer]) > above;
  return count;
}

/* False where nothing differs anywhere: there is then nothing to list. */
static bool write_sentences(FILE *out, const LayerBudget *all, Arena scratch) {
  double total = 0, by_local = 0;
  int layers = 0;
  for (int layer = 0; layer < all->layers; layer++) {
    const Budget *row = &all->row[layer];
    if (!row->base[0]) continue;
    layers++;
    if (!(row->total_l2 > 0)) continue;
    total++;
    by_local += row->local_share;
  }
  if (all->nonfinite)
    fprintf(out, say("- **Without a budget**: %s, the first of them layer %d. Values there are not finite.\n"),
            md_count(&scratch, all->nonfinite, "layer"), all->first_nonfinite);
  if (!total && all->nonfinite) {
    fputs(layers ? say("- No other layer makes a difference, and none is passed on to it.\n\n") : "\n", out);
    return false;
  }
  if (!total) {
    fputs(say("No layer makes a difference, and none is passed on.\n\n"), out);
    return false;
  }
  fprintf(out, say("- **Which layers make error**, by the size of local beside `block_out`: %s.\n"),
          largest(&scratch, all, local, md_short, 0));
  int amplifying = count_above(all, gain, 1);
  if (amplifying)
    fprintf(out, say("- **Which layers amplify it**: %d of %d have a gain above 1; the largest: %s.\n"), amplifying,
            layers, largest(&scratch, all, gain, md_factor, 1));
  else
    fputs(say("- **Which layers amplify it**: none; every gain is at most 1.\n"), out);
  fprintf(out, say("- In the mean over the layers %s of a layer's total is its own doing.\n\n"),
          md_percent(&scratch, by_local / total));
  return true;
}

static void write_table(FILE *out, const LayerBudget *all, Arena scratch) {
  static const char *const heading[] = WORDS("layer", "error in", "total", "local", "inherited", "interaction", "local",
                                             "inherited", "interaction", "gain");
  Grid grid = grid_new(&scratch, "rrrrrrrrrr");
  for (int c = 0; c < grid.columns; c++)
    grid_add(&grid, c >= 6 && c <= 8 ? arena_printf(&scratch, say("%s, share"), say(heading[c])) : say(heading[c]));
  for (int layer = 0; layer < all->layers; layer++) {
    const Budget *row = &all->row[layer];
    if (!row->base[0]) continue;
    grid_add(&grid, arena_printf(&scratch, "%d", layer));
    const double size[] = {row->in_l2, row->total_l2, row->local_l2, row->inherited_l2, row->interaction_l2};
    for (int i = 0; i < 5; i++) grid_add(&grid, md_short(&scratch, size[i] / row->base_l2));
    const double share[] = {row->local_share, row->inherited_share, row->interaction_share};
    for (int i = 0; i < 3; i++)
      grid_add(&grid, isnan(share[i]) ? "—" : arena_printf(&scratch, "%.1f %%", 100 * share[i]));
    grid_add(&grid, md_factor(&scratch, row->gain));
  }
  grid_write(&grid, out);
}

static void write_pairs(FILE *out, const ReportData *d, const ReportPair *pair, int pairs, Arena scratch) {
  for (int p = 0; p < pairs; p++) {
    LayerBudget all = pooled(&scratch, d, &pair[p]);
    bool any = false;
    for (int layer = 0; layer < all.layers; layer++) any |= all.row[layer].base[0] != 0;
    if (!any && !all.nonfinite) continue;
    fprintf(out, "### %s\n\n", words_pair(&scratch, &pair[p]));
    if (!write_sentences(out, &all, scratch)) continue;
    plot_budget(out, d, &pair[p], all.row, all.layers, scratch);
    write_table(out, &all, scratch);
  }
}

bool asked_budget(const ReportData *d) { return d->budgets > 0; }

void section_budget(FILE *out, const ReportData *d, Arena scratch) {
  fprintf(
      out,
      say("At the end of each layer, total = local + inherited + interaction, as vectors%s. *Local* is what the layer "
          "makes by itself: the second side's block on the first side's input, less the first's. *Inherited* is what "
          "it "
          "passes on: the first side's block on the second's input, less the same. *Interaction* is how much the two "
          "depend on each other. Sizes are L2 norms beside that of the first side's `block_out`; shares are "
          "projections "
          "on the total, which add up to 100 %% (a negative one works against the total); *gain* is inherited beside "
          "the error that came in, which the run checks to be the total of the layer before.\n\n"),
      d->prompts > 1 ? say(", prompts pooled") : "");
  write_pairs(out, d, d->pair, d->pairs, scratch);
  if (d->pair != d->against) write_pairs(out, d, d->against, d->againsts, scratch);
}
