/* witness: the two modes of each pair side by side: what was asked of each stage, which kernel really ran
 * for each tensor, and what that did to the values. */
#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/sections.h"
#include "report/words.h"

/* The settings of table_modes: its columns after the mode's name. */
static const char *setting(const ModeRow *mode, int column) {
  return mode ? (const char *)mode + table_modes.column[column].offset : "float64";
}

static void write_stages(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  const ModeRow *base = data_mode(d, pair->base), *other = data_mode(d, pair->other);
  if (!base && !other) return;
  Grid grid = grid_new(&scratch, "lllc");
  grid_add(&grid, say(d->language, "stage"));
  grid_add(&grid, md_text(&scratch, pair->base));
  grid_add(&grid, md_text(&scratch, pair->other));
  grid_add(&grid, "");
  int differing = 0, stages = 0;
  for (int c = 1; c < table_modes.columns; c++) {
    if (!*setting(base, c) || !*setting(other, c)) continue; /* a stage of another family */
    bool differs = strcmp(setting(base, c), setting(other, c)) != 0;
    differing += differs;
    stages++;
    grid_add(&grid, md_code(&scratch, table_modes.column[c].name));
    grid_add(&grid, md_code(&scratch, setting(base, c)));
    grid_add(&grid, md_code(&scratch, setting(other, c)));
    grid_add(&grid, differs ? "**≠**" : "");
  }
  fprintf(out, say(d->language, "**Stages**, as the modes ask for them: %d of %d differ.\n\n"), differing, stages);
  grid_write(&grid, out);
}

/* The distinct kernels, or types, that one tensor of one mode had over layers and prompts. */
typedef struct Seen {
  const char *text[8];
  int count[8], kinds, total;
} Seen;

static void seen_add(Seen *seen, const char *text) {
  int at = 0;
  while (at < seen->kinds && strcmp(seen->text[at], text)) at++;
  seen->total++;
  if (at == 8) return;
  seen->text[at] = text;
  if (at == seen->kinds) seen->kinds++;
  seen->count[at]++;
}

static const char *seen_words(Language l, Arena *arena, const Seen *seen, bool code) {
  if (!seen->kinds) return "—";
  const char *words = "";
  for (int i = 0; i < seen->kinds; i++) {
    const char *text = code ? md_code(arena, seen->text[i]) : md_text(arena, seen->text[i]);
    words = seen->kinds == 1 ? text
                             : arena_printf(arena, say(l, "%s%s%s in %d of %d"), words, i ? say(l, "; ") : "", text,
                                            seen->count[i], seen->total);
  }
  return words;
}

static void look(const ReportData *d, const char *mode, const char *tensor, Seen *kernel, Seen *type) {
  *kernel = *type = (Seen){0};
  for (size_t i = 0; i < d->tensors; i++) {
    const TensorStats *row = &d->tensor[i];
    if (strcmp(row->tensor, tensor) || strcmp(row->mode, mode)) continue;
    seen_add(kernel, row->kernel);
    seen_add(type, row->type);
  }
}

/* "same", "differ", or in how many of the comparisons they differ. */
static const char *agreement(Language l, Arena *arena, int equal, int rows, const char *word) {
  if (rows == 0) return "—";
  if (equal == rows) return say(l, word);
  return equal == 0 ? "**≠**" : arena_printf(arena, say(l, "**≠** in %d of %d"), rows - equal, rows);
}

static void write_kernels(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  Grid grid = grid_new(&scratch, "lllllll");
  const char *base = md_text(&scratch, pair->base), *other = md_text(&scratch, pair->other);
  grid_add(&grid, say(d->language, "tensor"));
  grid_add(&grid, arena_printf(&scratch, say(d->language, "kernel in %s"), base));
  grid_add(&grid, say(d->language, "type"));
  grid_add(&grid, arena_printf(&scratch, say(d->language, "kernel in %s"), other));
  grid_add(&grid, say(d->language, "type"));
  grid_add(&grid, say(d->language, "kernels"));
  grid_add(&grid, say(d->language, "values"));
  int computed[TENSORS_MOST];
  tensors_computed(&d->traced, computed);
  for (int step = 0; step < d->traced.count; step++) {
    const char *tensor = d->traced.info[computed[step]].name;
    Seen kernel[2], type[2];
    look(d, pair->base, tensor, &kernel[0], &type[0]);
    look(d, pair->other, tensor, &kernel[1], &type[1]);
    Tally tally = data_tally(d, pair, tensor);
    if (!kernel[0].kinds && !kernel[1].kinds && !tally.rows) continue;
    grid_add(&grid, md_code(&scratch, tensor));
    for (int s = 0; s < 2; s++) {
      grid_add(&grid, seen_words(d->language, &scratch, &kernel[s], true));
      grid_add(&grid, seen_words(d->language, &scratch, &type[s], false));
    }
    grid_add(&grid, agreement(d->language, &scratch, tally.same_kernel, tally.rows, WORD("same")));
    grid_add(&grid, agreement(d->language, &scratch, tally.identical, tally.rows, WORD("identical")));
  }
  if (grid.count == grid.columns) {
    fputs(say(d->language, "The results file holds no tensor statistics, so there is no witness to show.\n\n"), out);
    return;
  }
  fprintf(out, say(d->language, "**Witness**: the kernels that ran, over %s and %s.\n\n"),
          md_count(d->language, &scratch, d->layers, "layer"), md_count(d->language, &scratch, d->prompts, "prompt"));
  grid_write(&grid, out);
}

typedef struct Shares {
  double on_grid, saturated;
} Shares;

/* Means over layers and prompts; NaN where the tensor has no scale. */
static Shares shares_of(const ReportData *d, const char *mode, const char *tensor) {
  Shares sum = {0, 0};
  int count = 0;
  for (size_t i = 0; i < d->tensors; i++) {
    const TensorStats *row = &d->tensor[i];
    if (isnan(row->on_grid) || strcmp(row->tensor, tensor) || strcmp(row->mode, mode)) continue;
    sum.on_grid += row->on_grid;
    sum.saturated += row->saturated;
    count++;
  }
  return count ? (Shares){sum.on_grid / count, sum.saturated / count} : (Shares){NAN, NAN};
}

static void write_proof(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  Grid grid = grid_new(&scratch, "lrrrr");
  const char *name[2] = {md_text(&scratch, pair->base), md_text(&scratch, pair->other)};
  grid_add(&grid, say(d->language, "tensor"));
  for (int s = 0; s < 2; s++) grid_add(&grid, arena_printf(&scratch, say(d->language, "on grid, %s"), name[s]));
  for (int s = 0; s < 2; s++) grid_add(&grid, arena_printf(&scratch, say(d->language, "saturated, %s"), name[s]));
  for (int id = 0; id < d->traced.count; id++) {
    const char *tensor = d->traced.info[id].name;
    Shares base = shares_of(d, pair->base, tensor), other = shares_of(d, pair->other, tensor);
    if (isnan(base.on_grid) && isnan(other.on_grid)) continue;
    grid_add(&grid, md_code(&scratch, tensor));
    grid_add(&grid, md_percent(&scratch, base.on_grid));
    grid_add(&grid, md_percent(&scratch, other.on_grid));
    grid_add(&grid, md_percent(&scratch, base.saturated));
    grid_add(&grid, md_percent(&scratch, other.saturated));
  }
  Tally tally = data_tally(d, pair, NULL);
  if (grid.count > grid.columns) {
    fputs(say(d->language, "**Proof of effect**: shares of values on the INT8 grid, and saturated.\n\n"), out);
    grid_write(&grid, out);
  }
  if (tally.rows)
    fprintf(out, say(d->language, "Bit-identical: %d of %s compared.\n\n"), tally.identical,
            md_count(d->language, &scratch, tally.rows, "tensor"));
}

void section_modes(FILE *out, const ReportData *d, Arena scratch) {
  if (!d->pairs) {
    fputs(say(d->language, "The results file holds no pair of modes.\n\n"), out);
    return;
  }
  fputs(
      say(d->language,
          "For each pair: the setting of every stage, as the modes ask for it; the *witness*, which is the kernel that "
          "really ran for each tensor and "
          "the type in which the tensor is stored; and what that did to the values. **≠** marks what differs. Values "
          "are "
          "*identical* where every "
          "float32 bit is, after dequantisation. A value is on the grid where quantising it at the tensor's static "
          "scale "
          "changes nothing, and "
          "saturated at or beyond the grid's end; the shares are means over layers and prompts.\n\n"),
      out);
  for (int p = 0; p < d->pairs; p++) {
    const ReportPair *pair = &d->pair[p];
    fprintf(out, "### %s\n\n%s\n\n", words_pair(d->language, &scratch, pair), words_effect(&scratch, d, pair));
    if (d->pairs > PAIRS_WHOLE) md_fold(out, say(d->language, "Stages, witness and proof of effect"));
    write_stages(out, d, pair, scratch);
    write_kernels(out, d, pair, scratch);
    write_proof(out, d, pair, scratch);
    if (d->pairs > PAIRS_WHOLE) md_fold_end(out);
  }
}
