/* swap: what each stage in which two modes differ does to the end of the model, from both ends;
 * and, where all combinations ran, what each does in the mean and what two do only together. */
#include <math.h>
#include <string.h>

#include "report/acts.h"
#include "report/effect.h"
#include "report/finite.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/population.h"
#include "report/sections.h"
#include "report/words.h"

enum { COMBINATIONS_SHOWN = 24 };

bool asked_swap(const ReportData *d) { return d->swaps > 0; }

static const char *factor_alone(Arena *arena, double factor) {
  return effect_factor(arena, factor, effect_decimals(factor));
}

/* "a factor of 0.800 (0.700 … 0.920)", and where that may be none: how many prompts would tell. */
static const char *factor_words(Arena *arena, const ReportData *d, double factor, double low,
                                double high, double needed) {
  if (isnan(low))
    return arena_printf(arena, say(d->language, "a factor of %s"), factor_alone(arena, factor));
  int decimals = (int)fmax(effect_decimals(low), effect_decimals(high));
  const char *words = arena_printf(
      arena, say(d->language, "a factor of %s (%s … %s)"), effect_factor(arena, factor, decimals),
      effect_factor(arena, low, decimals), effect_factor(arena, high, decimals));
  if (effect_clear(low, high, 1)) return words;
  const char *number = population_needed(arena, d, needed);
  return *number
             ? arena_printf(arena, say(d->language, "%s, which cannot be told from none: %s"),
                            words, number)
             : arena_printf(arena, say(d->language, "%s, which cannot be told from none"), words);
}

#define FACTOR_WORDS(arena, d, row, name)                                                          \
  factor_words(arena, d, (row)->name, (row)->name##_low, (row)->name##_high, (row)->name##_needed)
#define ACTS(row)                                                                                  \
  acts_of(FACTOR(row, block_out_factor), FACTOR(row, token_median_factor),                         \
          FACTOR(row, parting_factor))

static bool of_pair(const Swap *row, const Swap *pair) {
  return !strcmp(row->base, pair->base) && !strcmp(row->other, pair->other);
}

/* What stands behind a largest factor that is told, where others may be larger. */
static const char *rivals_words(Language l, Arena *arena, const char *const *rival, int count) {
  if (count == 0) return "";
  return arena_printf(arena,
                      say(l, count == 1
                                 ? " Which is larger, that or the factor of %s, is not told: "
                                   "their intervals overlap."
                                 : " Which is largest, that or the factors of %s, is not "
                                   "told: their intervals overlap."),
                      words_list(l, arena, rival, count));
}

/* Whether `row` is a rival of the largest one, which is told. */
#define IS_RIVAL(row, largest)                                                                     \
  ((row) != (largest) &&                                                                           \
   effect_clear((largest)->block_out_factor_low, (largest)->block_out_factor_high, 1) &&           \
   effect_may_be_less((largest)->block_out_factor_low, (largest)->block_out_factor_high,           \
                      (row)->block_out_factor_low, (row)->block_out_factor_high))

/* Stages that may alone change more than the first. */
static const char *rivals_alone(Arena *arena, const ReportData *d, const Swap *first) {
  const char **name = ARENA_NEW(arena, const char *, d->swaps);
  int count = 0;
  for (size_t i = 0; i < d->swaps; i++) {
    const Swap *row = &d->swap[i];
    if (of_pair(row, first) && !strcmp(row->start, first->start) && row->count == 1 &&
        !row->identical && !row->refused[0] && IS_RIVAL(row, first))
      name[count++] = row->stages;
  }
  return rivals_words(d->language, arena, name, count);
}

/* Effects of its order that may be larger in the mean. */
static const char *rivals_in_mean(Arena *arena, const ReportData *d, const SwapEffect *first) {
  const char **name = ARENA_NEW(arena, const char *, d->swap_effects);
  int count = 0;
  for (size_t i = 0; i < d->swap_effects; i++) {
    const SwapEffect *row = &d->swap_effect[i];
    if (!strcmp(row->base, first->base) && !strcmp(row->other, first->other) &&
        row->order == first->order && IS_RIVAL(row, first))
      name[count++] = row->stages;
  }
  return rivals_words(d->language, arena, name, count);
}

/* " Of the median token it is a factor of 0.990 (0.980 … 1.010): it acts on single tokens." */
static void write_median(FILE *out, const ReportData *d, double factor, const char *words,
                         Acts acts, Arena scratch) {
  if (isnan(factor)) return; /* a file of an older program */
  if (acts != ACTS_UNTOLD)
    words = arena_printf(&scratch, say(d->language, "%s; it acts on %s"), words,
                         acts_words(d->language, acts));
  fprintf(out, say(d->language, " Of the median token it is %s."), words);
}

#define WRITE_MEDIAN(out, d, row, scratch)                                                         \
  write_median(out, d, (row)->token_median_factor,                                                 \
               FACTOR_WORDS(&(scratch), d, row, token_median_factor), ACTS(row), scratch)

/* The row of the pair that starts from `start` with these stages swapped; NULL where there is
 * none. */
static const Swap *find(const ReportData *d, const Swap *pair, const char *start,
                        const char *stages) {
  for (size_t i = 0; i < d->swaps; i++)
    if (of_pair(&d->swap[i], pair) && !strcmp(d->swap[i].start, start) &&
        !strcmp(d->swap[i].stages, stages))
      return &d->swap[i];
  return NULL;
}

static const char *stages_cell(Language l, Arena *arena, const char *stages) {
  return *stages ? md_code(arena, stages) : say(l, "none");
}

static bool has_effects(const ReportData *d, const Swap *pair) {
  for (size_t i = 0; i < d->swap_effects; i++)
    if (!strcmp(d->swap_effect[i].base, pair->base) &&
        !strcmp(d->swap_effect[i].other, pair->other))
      return true;
  return false;
}

/* --- a stage alone ---------------------------------------------------------------------------- */

static void add_alone(Language l, Grid *grid, const Swap *row) {
  Arena *arena = grid->arena;
  grid_add(grid, stages_cell(l, arena, row->stages));
  grid_add(grid, row->rank ? arena_printf(arena, "%d", row->rank) : "—");
  if (row->identical) {
    grid_add(grid, say(l, "no bit changes"));
    for (int c = 3; c < grid->columns; c++) grid_add(grid, "—");
    return;
  }
  grid_add(grid, finite_figure(l, arena, row->moved));
  grid_add(grid, finite_figure(l, arena, row->block_out));
  grid_add(grid, FACTOR_CELL(l, arena, row, block_out_factor));
  grid_add(grid, isnan(row->token_median) ? "—" : finite_figure(l, arena, row->token_median));
  grid_add(grid, FACTOR_CELL(l, arena, row, token_median_factor));
  grid_add(grid, acts_words(l, ACTS(row)));
  grid_add(grid, FACTOR_CELL(l, arena, row, kl_factor));
  grid_add(grid, CHANGE_CELL(l, arena, row, bits_change));
}

static Grid swap_grid(Language l, Arena *arena, const char *first) {
  static const char *const heading[] =
      WORDS("rank", "moved", "error", "factor of error", "median token", "its factor", "acts on",
            "factor of KL", "change of bits");
  Grid grid = grid_new(arena, "lrrrrrrlrr");
  grid_add(&grid, say(l, first));
  for (int c = 1; c < grid.columns; c++) grid_add(&grid, say(l, heading[c - 1]));
  return grid;
}

/* The stages that change no bit alone: "`scan_u`, `gated`". */
static const char *idle_stages(Arena *arena, const ReportData *d, const Swap *pair,
                               const char *start) {
  const char *idle = "";
  for (size_t i = 0; i < d->swaps; i++) {
    const Swap *row = &d->swap[i];
    if (of_pair(row, pair) && !strcmp(row->start, start) && row->count == 1 && row->identical)
      idle = arena_printf(arena, "%s%s%s", idle, *idle ? say(d->language, ", ") : "",
                          md_code(arena, row->stages));
  }
  return idle;
}

/* What the stages do alone, beside what they do all at once. */
static void write_sentences(FILE *out, const ReportData *d, const Swap *itself, const Swap *whole,
                            Arena scratch) {
  const Swap *first = NULL;
  int stages = 0, refused = 0;
  double product = 1, all = whole->block_out / itself->block_out;
  for (size_t i = 0; i < d->swaps; i++) {
    const Swap *row = &d->swap[i];
    if (!of_pair(row, itself) || strcmp(row->start, itself->start) || row->count != 1) continue;
    stages++;
    refused += row->refused[0] != 0;
    if (!row->refused[0]) product *= row->block_out_factor;
    if (row->rank == 1 && !row->identical) first = row;
  }
  bool finite = isfinite(itself->block_out) && isfinite(whole->block_out);
  fprintf(out,
          finite ? say(d->language, "%s has an error of %s, %s of %s.")
                 : say(d->language, "The error of %s is %s, that of %s is %s."),
          md_text(&scratch, itself->start), finite_figure(d->language, &scratch, itself->block_out),
          md_text(&scratch, whole->start), finite_figure(d->language, &scratch, whole->block_out));
  if (finite && !isnan(itself->token_median))
    fprintf(out, say(d->language, " Of the median token these are %s and %s."),
            finite_figure(d->language, &scratch, itself->token_median),
            finite_figure(d->language, &scratch, whole->token_median));
  if (first) {
    fprintf(out,
            say(d->language, " The largest change that a stage alone makes is that of %s: %s."),
            md_code(&scratch, first->stages), FACTOR_WORDS(&scratch, d, first, block_out_factor));
    fputs(rivals_alone(&scratch, d, first), out);
    WRITE_MEDIAN(out, d, first, scratch);
  }
  const char *idle = idle_stages(&scratch, d, itself, itself->start);
  if (*idle) fprintf(out, say(d->language, " Alone, no bit of the end is changed by %s."), idle);
  if (stages > 1 && !refused && isfinite(product) && isfinite(all))
    fprintf(out,
            say(d->language, " The stages alone multiply to %s; between the two modes it is %s: "
                             "the other factor of %s is what they do only together."),
            factor_alone(&scratch, product), factor_alone(&scratch, all),
            factor_alone(&scratch, all / product));
  fputs("\n\n", out);
}

/* The prompts that some way of the pair leaves out. */
static void write_left_out(FILE *out, const ReportData *d, const Swap *pair, Arena scratch) {
  const Swap *first = NULL;
  int rows = 0;
  for (size_t i = 0; i < d->swaps; i++) {
    const Swap *row = &d->swap[i];
    if (!of_pair(row, pair) || !row->left_out[0]) continue;
    if (!rows++) first = row;
  }
  if (rows)
    fprintf(out,
            say(d->language,
                "> **Warning.** Prompts in which a figure is not finite are left out of "
                "%s; of the first: %s (column `left_out` of `tables/swap.csv`).\n\n"),
            md_count(d->language, &scratch, rows, "row"), md_text(&scratch, first->left_out));
}

static void write_alone(FILE *out, const ReportData *d, const Swap *pair, const char *start,
                        Arena scratch) {
  const char *to = !strcmp(start, pair->base) ? pair->other : pair->base, *refusals = "";
  const Swap *itself = find(d, pair, start, ""), *whole = find(d, pair, to, "");
  if (!itself || !whole) return;
  Grid grid = swap_grid(d->language, &scratch, WORD("stage swapped"));
  for (size_t i = 0; i < d->swaps; i++) {
    const Swap *row = &d->swap[i];
    if (!of_pair(row, pair) || strcmp(row->start, start) || !row->count) continue;
    if (row->count > 1 && has_effects(d, pair))
      continue; /* the combinations have a table of their own */
    if (!row->refused[0])
      add_alone(d->language, &grid, row);
    else
      refusals =
          arena_printf(&scratch, say(d->language, "%s- %s alone is refused: %s.\n"), refusals,
                       md_code(&scratch, row->stages), md_text(&scratch, row->refused));
  }
  fprintf(out, say(d->language, "#### From %s, a stage at a time set as in %s\n\n"),
          md_text(&scratch, start), md_text(&scratch, to));
  write_sentences(out, d, itself, whole, scratch);
  if (grid.count > grid.columns) grid_write(&grid, out);
  if (*refusals) fprintf(out, "%s\n", refusals);
}

/* --- combinations ----------------------------------------------------------------------------- */

static void add_effect(Language l, Grid *grid, const SwapEffect *row, Arena *arena) {
  grid_add(grid, md_code(arena, row->stages));
  grid_add(grid, row->rank ? arena_printf(arena, "%d", row->rank) : "—");
  grid_add(grid, arena_printf(arena, say(l, "%d of %d"), row->contexts, row->possible));
  grid_add(grid, FACTOR_CELL(l, arena, row, block_out_factor));
  grid_add(grid, FACTOR_CELL(l, arena, row, token_median_factor));
  grid_add(grid, acts_words(l, ACTS(row)));
  grid_add(grid, FACTOR_CELL(l, arena, row, kl_factor));
  grid_add(grid, CHANGE_CELL(l, arena, row, bits_change));
}

static void write_largest_stage(FILE *out, const ReportData *d, const SwapEffect *one,
                                Arena scratch) {
  fprintf(out, say(d->language, " In the mean %s changes the error most: %s."),
          md_code(&scratch, one->stages), FACTOR_WORDS(&scratch, d, one, block_out_factor));
  fputs(rivals_in_mean(&scratch, d, one), out);
  WRITE_MEDIAN(out, d, one, scratch);
}

/* `one`: the stage that changes most; NULL: none does. */
static void write_largest_interaction(FILE *out, const ReportData *d, const SwapEffect *one,
                                      const SwapEffect *two, Arena scratch) {
  fprintf(out, say(d->language, " The largest interaction is %s: %s."),
          md_code(&scratch, two->stages), FACTOR_WORDS(&scratch, d, two, block_out_factor));
  fputs(rivals_in_mean(&scratch, d, two), out);
  WRITE_MEDIAN(out, d, two, scratch);
  if (effect_clear(two->block_out_factor_low, two->block_out_factor_high, 1) && one &&
      !IS_RIVAL(one, two))
    fputs(say(d->language, " It is larger than the effect of any stage by itself."), out);
}

static void write_effects(FILE *out, const ReportData *d, const Swap *pair, Arena scratch) {
  Grid grid = grid_new(&scratch, "lrrrrlrr");
  static const char *const heading[] =
      WORDS("stage, or two together", "rank", "contexts", "factor of error", "the median token's",
            "acts on", "factor of KL", "change of bits");
  grid_head(d->language, &grid, heading);
  const SwapEffect *largest[3] = {NULL};
  for (size_t i = 0; i < d->swap_effects; i++) {
    const SwapEffect *row = &d->swap_effect[i];
    if (strcmp(row->base, pair->base) || strcmp(row->other, pair->other)) continue;
    if (row->rank == 1) largest[row->order] = row;
    add_effect(d->language, &grid, row, &scratch);
  }
  if (grid.count == grid.columns) return;
  fprintf(out, say(d->language, "#### Over all combinations, from %s to %s\n\n"),
          md_text(&scratch, pair->base), md_text(&scratch, pair->other));
  fputs(say(d->language, "A stage's effect is the mean over the settings of the other stages "
                         "(*contexts*); an interaction, a x b, is what the two do together beyond "
                         "what each does without the other: of error and KL a factor each."),
        out);
  if (largest[1]) write_largest_stage(out, d, largest[1], scratch);
  if (largest[2]) write_largest_interaction(out, d, largest[1], largest[2], scratch);
  fputs("\n\n", out);
  grid_write(&grid, out);
}

static void write_combinations(FILE *out, const ReportData *d, const Swap *pair, Arena scratch) {
  Grid grid = swap_grid(d->language, &scratch, WORD("stages set as in the other"));
  int shown = 0, ran = 0, refused = 0;
  for (size_t i = 0; i < d->swaps; i++) {
    const Swap *row = &d->swap[i];
    if (!of_pair(row, pair) || strcmp(row->start, pair->base) || row->count < 2) continue;
    refused += row->refused[0] != 0;
    if (row->refused[0]) continue;
    ran++;
    if (shown < COMBINATIONS_SHOWN) add_alone(d->language, &grid, row), shown++;
  }
  if (!ran) return;
  grid_write(&grid, out);
  if (refused || shown < ran)
    fprintf(out,
            say(d->language, refused == 1 ? "%d of %d combinations that ran are shown, %d is "
                                            "refused; all are in `tables/swap.csv`.\n\n"
                                          : "%d of %d combinations that ran are shown, %d are "
                                            "refused; all are in `tables/swap.csv`.\n\n"),
            shown, ran, refused);
}

void section_swap(FILE *out, const ReportData *d, Arena scratch) {
  fprintf(
      out,
      say(d->language,
          "Each row is a mode that ran: one of the pair with some stages set as in the other. "
          "*Moved* is the relative L2 of its last `block_out` against the mode that it starts "
          "from, *error* that against the float64 reference; KL is the mean of KL(fp64 ‖ mode) and "
          "bits are those of the token that comes, both a token and to base 2. Errors and KL are "
          "geometric means over prompts, bits means, *moved* is of all prompts as one; *factor* "
          "and *change* are beside the mode that the row starts from, prompt by prompt.%s\n\n"),
      d->prompts > 1
          ? arena_printf(
                &scratch,
                say(d->language,
                    " In brackets stands the 95 %% interval (Student's t) over prompts of %s; "
                    "bold is what it leaves no change out of, † what is not told any more "
                    "where all rows of the pair are asked at once (Holm)."),
                population_name(&scratch, d))
          : say(d->language,
                " There is one prompt alone, so no interval: the figures are that prompt's."));
  fputs(acts_meaning(d->language), out);
  for (size_t i = 0; i < d->swaps; i++) {
    const Swap *pair = &d->swap[i];
    bool before = false;
    for (size_t j = 0; j < i; j++) before |= of_pair(&d->swap[j], pair);
    if (before) continue;
    fprintf(out, say(d->language, "### %s and %s\n\n"), md_text(&scratch, pair->base),
            md_text(&scratch, pair->other));
    write_left_out(out, d, pair, scratch);
    write_alone(out, d, pair, pair->base, scratch);
    write_alone(out, d, pair, pair->other, scratch);
    if (!has_effects(d, pair)) continue;
    write_effects(out, d, pair, scratch);
    write_combinations(out, d, pair, scratch);
  }
}
