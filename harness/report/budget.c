/* budget: the error budget of each pair that has one: what every layer makes and what it passes
 * on. */
#include <math.h>

#include "report/acts.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/population.h"
#include "report/sections.h"
#include "report/words.h"

enum { NAMED = 5 }; /* layers that a sentence names at most */

/* The rows of a pair, one a layer, and the one of all layers. */
typedef struct LayerBudget {
  const BudgetLayer **row; /* [layers]; NULL where there is none, or no prompt is finite */
  const BudgetLayer *mean; /* NULL: none */
  int layers;
  int nonfinite, first_nonfinite; /* layers that have none since a value on the way is not finite;
                                     -1: there is none */
  const BudgetLayer *left_out;    /* the first layer that leaves prompts out; NULL: none does */
} LayerBudget;

static LayerBudget budget_of_pair(Arena *arena, const ReportData *d, const ReportPair *pair) {
  LayerBudget all = {.row = ARENA_NEW(arena, const BudgetLayer *, d->layers),
                     .layers = d->layers,
                     .first_nonfinite = -1};
  for (size_t i = 0; i < d->budget_layers; i++) {
    const BudgetLayer *row = &d->budget_layer[i];
    if (!data_is_pair(pair, row->base, row->other) || row->layer >= d->layers) continue;
    if (row->layer < 0) {
      all.mean = row;
      continue;
    }
    if (row->left_out[0] && !all.left_out) all.left_out = row;
    if (row->prompts > 0)
      all.row[row->layer] = row;
    else if (!all.nonfinite++)
      all.first_nonfinite = row->layer;
  }
  return all;
}

typedef Factor (*FigureOf)(const BudgetLayer *);

static Factor local(const BudgetLayer *row) { return FACTOR(row, local); }
static Factor local_median(const BudgetLayer *row) { return FACTOR(row, local_median); }
static Factor local_parting(const BudgetLayer *row) { return FACTOR(row, local_parting); }
static Factor gain(const BudgetLayer *row) { return FACTOR(row, gain); }

/* Two gains are never quite alike: one weighs tokens by their size. More on some than on others
 * only beyond the limit. */
static Acts acts(const BudgetLayer *row, double limit) {
  Acts acts = acts_of(FACTOR(row, gain), FACTOR(row, gain_median), FACTOR(row, gain_parting));
  bool far = row->gain_parting_low > limit || row->gain_parting_high < 1 / limit;
  return !far && (acts == ACTS_SINGLE_MORE || acts == ACTS_TYPICAL_MORE) ? ACTS_ALL : acts;
}

/* "1.2e-02", "1.2e-02, 1.1e-02 … 1.3e-02". */
static const char *figure_words(Language l, Arena *arena, Factor f,
                                const char *(*cell)(Arena *, double)) {
  if (isnan(f.low)) return cell(arena, f.value);
  return arena_printf(arena, say(l, "%s, %s … %s"), cell(arena, f.value), cell(arena, f.low),
                      cell(arena, f.high));
}

/* The layers with the largest of some figure, largest first: "`7` (1.2e-02, 1.1e-02 … 1.3e-02),
 * …". */
static const char *largest(Language l, Arena *arena, const LayerBudget *all, FigureOf figure,
                           const char *(*cell)(Arena *, double), double above) {
  const char *text = "";
  bool *named = ARENA_NEW(arena, bool, all->layers);
  for (int n = 0; n < NAMED; n++) {
    int best = -1;
    for (int layer = 0; layer < all->layers; layer++)
      if (all->row[layer] && !named[layer] && figure(all->row[layer]).value > above &&
          (best < 0 || figure(all->row[layer]).value > figure(all->row[best]).value))
        best = layer;
    if (best < 0) break;
    named[best] = true;
    text = arena_printf(
        arena, "%s%s%d%s", text, n ? say(l, ", ") : "", best,
        arena_printf(arena, say(l, " (%s)"), figure_words(l, arena, figure(all->row[best]), cell)));
  }
  return text;
}

/* How many layers have a gain above 1, of how many the interval says so, and how many have a gain
 * at all: a layer that is given no difference has none. */
static int amplifying(const LayerBudget *all, int *told, int *layers) {
  int count = 0;
  *told = *layers = 0;
  for (int layer = 0; layer < all->layers; layer++) {
    if (!all->row[layer]) continue;
    *layers += !isnan(all->row[layer]->gain);
    count += all->row[layer]->gain > 1;
    *told += all->row[layer]->gain_low > 1;
  }
  return count;
}

/* Whether the gain acts so, and amplifies. */
static bool amplifies(const BudgetLayer *row, Acts kind, double limit) {
  return acts(row, limit) == kind && (kind == ACTS_TYPICAL ? row->gain_median : row->gain) > 1;
}

/* "3, 7 and 5 more". */
static const char *layers_acting(Arena *arena, const ReportData *d, const LayerBudget *all,
                                 Acts kind) {
  const Language l = d->language;
  enum { LISTED = 12 };
  const char *text = "";
  int count = 0;
  for (int layer = 0; layer < all->layers; layer++) {
    if (!all->row[layer] || !amplifies(all->row[layer], kind, d->limits.parting)) continue;
    if (count++ < LISTED)
      text = arena_printf(arena, "%s%s%d", text, count > 1 ? say(l, ", ") : "", layer);
  }
  return count > LISTED ? arena_printf(arena, say(l, "%s and %d more"), text, count - LISTED)
                        : text;
}

/* Which layers make error in the median token, and which of them in single ones: where all tokens
 * together are above the median one by more than the limit, by the whole interval where there is
 * one. */
static void write_tokens(FILE *out, const ReportData *d, const LayerBudget *all, Arena scratch) {
  const char *median = largest(d->language, &scratch, all, local_median, md_short, 0);
  if (!*median) return;
  fprintf(out, say(d->language, "- **In the median token**, by the same size: %s.\n"), median);
  LayerBudget single = *all;
  single.row = ARENA_NEW(&scratch, const BudgetLayer *, all->layers);
  for (int layer = 0; layer < all->layers; layer++) {
    const BudgetLayer *row = all->row[layer];
    if (row && (d->prompts > 1 ? row->local_parting_low : row->local_parting) > d->limits.parting)
      single.row[layer] = row;
  }
  const char *layers = largest(d->language, &scratch, &single, local_parting, md_factor, 0);
  if (!*layers) return;
  fprintf(out,
          d->prompts > 1
              ? say(d->language,
                    "- **In single tokens**: local of all tokens together is above the median "
                    "token's, by more than a factor of %s over the whole interval, in %s.\n")
              : say(d->language, "- Local of all tokens together is above the median token's by "
                                 "more than a factor of %s in %s.\n"),
          md_factor(&scratch, d->limits.parting), layers);
}

static void write_gain(FILE *out, const ReportData *d, const LayerBudget *all, Arena scratch) {
  const Language l = d->language;
  int told, layers, count = amplifying(all, &told, &layers);
  if (!count) {
    fputs(layers ? say(l, "- **Which layers amplify it**: none; every gain is at most 1.\n")
                 : say(l, "- **Which layers amplify it**: none is given an error.\n"),
          out);
    return;
  }
  fprintf(
      out,
      say(l, count == 1
                 ? "- **Which layers amplify it**: %d of %d has a gain above 1; the largest: %s."
                 : "- **Which layers amplify it**: %d of %d have a gain above 1; the largest: %s."),
      count, layers, largest(l, &scratch, all, gain, md_factor, 1));
  if (d->prompts > 1)
    fprintf(out, say(l, " Of %d of these the whole interval lies above 1."), told);
  for (Acts kind = ACTS_UNTOLD + 1; kind < ACTS_KINDS; kind++) {
    const char *acting = layers_acting(&scratch, d, all, kind);
    if (*acting) fprintf(out, say(l, " Amplified for %s: %s."), acts_words(l, kind), acting);
  }
  fputc('\n', out);
}

/* False where nothing differs anywhere: there is then nothing to list. */
static bool write_sentences(FILE *out, const ReportData *d, const LayerBudget *all, Arena scratch) {
  const Language l = d->language;
  bool differs = false;
  int layers = 0;
  for (int layer = 0; layer < all->layers; layer++) {
    if (!all->row[layer]) continue;
    layers++;
    differs |= all->row[layer]->total > 0 || isfinite(all->row[layer]->local_share);
  }
  if (all->nonfinite)
    fprintf(out,
            say(l, "- **Without a budget**: %s, the first of them layer %d. Values there are not "
                   "finite.\n"),
            md_count(l, &scratch, all->nonfinite, "layer"), all->first_nonfinite);
  if (all->left_out && all->left_out->prompts > 0)
    fprintf(out, say(l, "- **Left out**, since a value is not finite, from layer %d on: %s.\n"),
            all->left_out->layer, md_text(&scratch, all->left_out->left_out));
  if (!differs && all->nonfinite) {
    fputs(layers ? say(l, "- No other layer makes a difference, and none is passed on to it.\n\n")
                 : "\n",
          out);
    return false;
  }
  if (!differs) {
    fputs(say(l, "No layer makes a difference at `block_out`, and none is passed on.\n\n"), out);
    return false;
  }
  const char *makers = largest(l, &scratch, all, local, md_short, 0);
  fprintf(out,
          say(l, "- **Which layers make error**, by the size of local beside `block_out`: %s.\n"),
          *makers ? makers : say(l, "none"));
  write_tokens(out, d, all, scratch);
  write_gain(out, d, all, scratch);
  if (all->mean && isnan(all->mean->local_share_low))
    fprintf(out,
            say(l, "- In the mean over the layers %s of a layer's total is its own doing.\n\n"),
            md_percent(&scratch, all->mean->local_share));
  else if (all->mean)
    fprintf(
        out,
        say(l,
            "- In the mean over the layers %s (%s … %s) of a layer's total is its own doing.\n\n"),
        md_percent(&scratch, all->mean->local_share),
        md_percent(&scratch, all->mean->local_share_low),
        md_percent(&scratch, all->mean->local_share_high));
  else
    fputc('\n', out);
  return true;
}

static const char *share_cell(Arena *arena, Factor share) {
  if (isnan(share.value)) return "—";
  if (isnan(share.low)) return arena_printf(arena, "%s %%", md_fixed(arena, 100 * share.value, 1));
  return arena_printf(arena, "%s ± %s %%", md_fixed(arena, 100 * share.value, 1),
                      md_fixed(arena, 50 * (share.high - share.low), 1));
}

static const char *gain_cell(Language l, Arena *arena, Factor gain) {
  return md_interval(l, arena, md_factor, gain.value, gain.low, gain.high);
}

static void write_table(Language l, FILE *out, const LayerBudget *all, Arena scratch) {
  static const char *const heading[] =
      WORDS("layer", "error in", "total", "local", "inherited", "interaction", "local", "inherited",
            "interaction", "gain", "total", "local", "gain");
  Grid grid = grid_new(&scratch, "rrrrrrrrrrrrr");
  for (int c = 0; c < grid.columns; c++) {
    const char *words = say(l, heading[c]);
    grid_add(&grid, c >= 6 && c <= 8 ? arena_printf(&scratch, say(l, "%s, share"), words)
                    : c >= 10        ? arena_printf(&scratch, say(l, "%s, median token"), words)
                                     : words);
  }
  for (int layer = 0; layer < all->layers; layer++) {
    const BudgetLayer *row = all->row[layer];
    if (!row) continue;
    grid_add(&grid, arena_printf(&scratch, "%d", layer));
    const double size[] = {row->in, row->total, row->local, row->inherited, row->interaction};
    for (int i = 0; i < 5; i++) grid_add(&grid, md_short(&scratch, size[i]));
    grid_add(&grid, share_cell(&scratch, FACTOR(row, local_share)));
    grid_add(&grid, share_cell(&scratch, FACTOR(row, inherited_share)));
    grid_add(&grid, share_cell(&scratch, FACTOR(row, interaction_share)));
    grid_add(&grid, gain_cell(l, &scratch, FACTOR(row, gain)));
    grid_add(&grid, isnan(row->total_median) ? "—" : md_short(&scratch, row->total_median));
    grid_add(&grid, isnan(row->local_median) ? "—" : md_short(&scratch, row->local_median));
    grid_add(&grid,
             isnan(row->gain_median) ? "—" : gain_cell(l, &scratch, FACTOR(row, gain_median)));
  }
  grid_write(&grid, out);
}

static void write_pairs(FILE *out, const ReportData *d, const ReportPair *pair, int pairs,
                        Arena scratch) {
  for (int p = 0; p < pairs; p++) {
    LayerBudget all = budget_of_pair(&scratch, d, &pair[p]);
    bool any = false;
    for (int layer = 0; layer < all.layers; layer++) any |= all.row[layer] != NULL;
    if (!any && !all.nonfinite) continue;
    fprintf(out, "### %s\n\n", words_pair(d->language, &scratch, &pair[p]));
    if (!write_sentences(out, d, &all, scratch)) continue;
    plot_budget(out, d, &pair[p], all.row, all.layers, scratch);
    write_table(d->language, out, &all, scratch);
  }
}

bool asked_budget(const ReportData *d) { return d->budget_layers > 0; }

void section_budget(FILE *out, const ReportData *d, Arena scratch) {
  fprintf(out,
          say(d->language,
              "At the end of each layer, total = local + inherited + interaction, as vectors. "
              "*Local* is what the layer makes by itself: the second side's block on the first "
              "side's input, less the first's. *Inherited* is what it passes on: the first side's "
              "block on the second's input, less the same. *Interaction* is how much the two "
              "depend on each other. Sizes are L2 norms beside that of the first side's "
              "`block_out`; shares are projections on the total, which add up to 100 %% (a "
              "negative one works against the total); *gain* is inherited beside the error that "
              "came in, which the run checks to be the total of the layer before.%s\n\n"),
          d->prompts > 1
              ? arena_printf(
                    &scratch,
                    say(d->language,
                        " Each is taken in each prompt; figures are means, of sizes and gains "
                        "geometric ones, with 95 %% intervals (Student's t) over prompts of %s."),
                    population_name(&scratch, d))
              : say(d->language,
                    " There is one prompt alone, so no interval: the figures are that prompt's."));
  fputs(say(d->language,
            "Sizes and gain of all tokens together may be those of a few. *Median "
            "token* is the same of the median token: sizes beside that of the token "
            "itself, the gain of a token over the tokens that are given an error.\n\n"),
        out);
  write_pairs(out, d, d->pair, d->pairs, scratch);
  if (d->pair != d->against) write_pairs(out, d, d->against, d->againsts, scratch);
}
