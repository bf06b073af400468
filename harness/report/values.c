/* values: statistics and first values of the first and the last layer, both modes side by side. */
#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/sections.h"
#include "report/words.h"

typedef struct Shown {
  Role role;
  const char *before;
} Shown;

static const Shown layer_shown[] = {{ROLE_BLOCK_IN, WORD("**Input** ")},
                                    {ROLE_CONV_OUT, WORD("**Inside** ")},
                                    {ROLE_SCAN, WORD("**Inside** ")},
                                    {ROLE_ADDED, WORD("**Inside** ")},
                                    {ROLE_BLOCK_OUT, WORD("**Output** ")}};

static void add_row(Language l, Grid *grid, const char *what, double base, double other,
                    double diff, double rel) {
  bool equal = base == other;
  grid_add(grid, what);
  grid_add(grid, md_exact(grid->arena, base));
  grid_add(grid, md_exact(grid->arena, other));
  grid_add(grid, equal ? say(l, "equal") : md_exact(grid->arena, diff));
  grid_add(grid, equal ? "" : md_exact(grid->arena, rel));
}

/* A stored value: NaN is one. */
static const char *value_cell(Arena *arena, double x) {
  return isnan(x) ? "NaN" : md_exact(arena, x);
}

static void add_first_values(Language l, Grid *grid, const TensorStats *base,
                             const TensorStats *other) {
  for (int i = 0; i < FIRST_VALUES && base->cols > 0 && i < base->n; i++) {
    double b = base->first[i], o = other->first[i], d = o - b;
    bool equal = b == o || (isnan(b) && isnan(o));
    grid_add(grid, arena_printf(grid->arena, "[%d, %d]", i / base->cols, i % base->cols));
    grid_add(grid, value_cell(grid->arena, b));
    grid_add(grid, value_cell(grid->arena, o));
    grid_add(grid, equal ? say(l, "equal") : isfinite(d) ? md_exact(grid->arena, d) : "—");
    grid_add(grid, equal                   ? ""
                   : isfinite(d) && b != 0 ? md_exact(grid->arena, fabs(d) / fabs(b))
                                           : "—");
  }
}

static void head(Language l, Grid *grid, const ReportPair *pair) {
  grid_add(grid, "");
  grid_add(grid, md_text(grid->arena, pair->base));
  grid_add(grid, md_text(grid->arena, pair->other));
  grid_add(grid, say(l, "difference"));
  grid_add(grid, say(l, "relative"));
}

static void write_first_values(Language l, FILE *out, const ReportPair *pair,
                               const TensorStats *base, const TensorStats *other, Arena scratch) {
  Grid grid = grid_new(&scratch, "lrrrr");
  head(l, &grid, pair);
  add_first_values(l, &grid, base, other);
  md_fold(out, say(l, "First values"));
  grid_write(&grid, out);
  md_fold_end(out);
}

static void write_tensor(FILE *out, const ReportData *d, const ReportPair *pair,
                         const PairStats *row, const char *role, Arena scratch) {
  const TensorStats *base = data_tensor(d, row->prompt, pair->base, row->tensor, row->layer);
  const TensorStats *other = data_tensor(d, row->prompt, pair->other, row->tensor, row->layer);
  const char *shape = base ? arena_printf(&scratch, " [%d × %d]", base->rows, base->cols) : "";
  const char *types =
      !base || !other ? ""
      : !strcmp(base->type, other->type)
          ? arena_printf(&scratch, say(d->language, ", stored as %s"),
                         md_text(&scratch, base->type))
          : arena_printf(&scratch, say(d->language, ", stored as %s and %s"),
                         md_text(&scratch, base->type), md_text(&scratch, other->type));
  fprintf(out, "%s%s%s%s", say(d->language, role), md_code(&scratch, row->tensor), shape, types);
  const Size size = {row->rel_l2, row->identical != 0, row->n, row->nonfinite};
  if (row->identical && row->nonfinite == row->n) {
    fputs(say(d->language, ": identical in every bit, and no value is finite.\n\n"), out);
    return;
  }
  if (row->identical) {
    fprintf(out,
            say(d->language, ": identical in every bit%s (mean %s, std %s, min %s, max %s).\n\n"),
            finite_identical(d->language, &scratch, &size), md_exact(&scratch, row->mean_base),
            md_exact(&scratch, row->std_base), md_exact(&scratch, row->min_base),
            md_exact(&scratch, row->max_base));
    return;
  }
  fprintf(out, say(d->language, ": %s of the values differ; relative L2 %s.\n\n"),
          md_percent(&scratch, row->differing),
          finite_whole(&size) && size.rel_l2 > 0 ? md_exact(&scratch, row->rel_l2)
                                                 : finite_size(d->language, &scratch, &size));
  Grid grid = grid_new(&scratch, "lrrrr");
  head(d->language, &grid, pair);
  add_row(d->language, &grid, say(d->language, "mean"), row->mean_base, row->mean_other,
          row->mean_diff, row->mean_rel);
  add_row(d->language, &grid, say(d->language, "std"), row->std_base, row->std_other, row->std_diff,
          row->std_rel);
  add_row(d->language, &grid, say(d->language, "min"), row->min_base, row->min_other, row->min_diff,
          row->min_rel);
  add_row(d->language, &grid, say(d->language, "max"), row->max_base, row->max_other, row->max_diff,
          row->max_rel);
  grid_write(&grid, out);
  if (base && other) write_first_values(d->language, out, pair, base, other, scratch);
}

static void write_end(FILE *out, const ReportData *d, const ReportPair *pair, Role role,
                      const char *heading, int layer, Arena scratch) {
  const PairStats *row = data_pair(d, pair, d->prompt[0], data_role(d, role), layer);
  if (!row) return;
  fprintf(out, "#### %s\n\n", say(d->language, heading));
  write_tensor(out, d, pair, row, "", scratch);
}

static void write_layer(FILE *out, const ReportData *d, const ReportPair *pair, int layer,
                        Arena scratch) {
  bool headed = false;
  for (size_t i = 0; i < sizeof layer_shown / sizeof *layer_shown; i++) {
    const PairStats *row =
        data_pair(d, pair, d->prompt[0], data_role(d, layer_shown[i].role), layer);
    if (!row) continue;
    if (!headed) fprintf(out, say(d->language, "#### Layer %d\n\n"), layer);
    headed = true;
    write_tensor(out, d, pair, row, layer_shown[i].before, scratch);
  }
}

static void write_identical(Language l, FILE *out, int tensors, Arena scratch) {
  if (tensors == 1)
    fputs(say(l, "The one tensor compared is identical in every bit, so there is no difference to "
                 "list.\n\n"),
          out);
  else
    fprintf(
        out,
        say(l,
            "All %s compared are identical in every bit, so there is no difference to list.\n\n"),
        md_count(l, &scratch, tensors, "tensor"));
}

void section_values(FILE *out, const ReportData *d, Arena scratch) {
  if (!d->pairs || !d->pair_rows) {
    fputs(say(d->language, "The results file holds no statistics of pairs.\n\n"), out);
    return;
  }
  fprintf(out,
          say(d->language,
              "Prompt %s%s. All statistics are of dequantised values, in double; *difference* is "
              "the second less the first, *relative* its size over that of the first. Below the "
              "statistics stand the first values, [token, channel].%s\n\n"),
          md_text(&scratch, d->prompt[0]),
          d->prompts > 1 ? arena_printf(&scratch, say(d->language, ", the first of %d"), d->prompts)
                         : "",
          d->prompts > 1
              ? say(d->language, " Every other prompt and tensor is in `tables/pair_stats.csv` and "
                                 "`tables/tensor_stats.csv`.")
              : say(d->language, " Every other tensor is in `tables/pair_stats.csv` and "
                                 "`tables/tensor_stats.csv`."));
  for (int p = 0; p < d->pairs; p++) {
    const ReportPair *pair = &d->pair[p];
    fprintf(out, "### %s\n\n", words_pair(d->language, &scratch, pair));
    if (data_identical(d, pair)) {
      write_identical(d->language, out, data_tally(d, pair, NULL).rows, scratch);
      continue;
    }
    if (d->pairs > PAIRS_WHOLE) md_fold(out, say(d->language, "Statistics and first values"));
    write_end(out, d, pair, ROLE_EMBEDDING, WORD("Embedding"), LAYER_EMBEDDING, scratch);
    write_layer(out, d, pair, 0, scratch);
    if (d->layers > 1) write_layer(out, d, pair, d->layers - 1, scratch);
    write_end(out, d, pair, ROLE_LOGITS, WORD("Logits"), d->layers, scratch);
    if (d->pairs > PAIRS_WHOLE) md_fold_end(out);
  }
}
