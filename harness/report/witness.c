/* witness: the two modes of each pair side by side: what was asked of each stage, which kernel
 * really ran for each tensor, and what that did to the values. */
#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/mode_layers.h"
#include "report/sections.h"
#include "report/words.h"

/* What each layer of a mode is, where it differs by layer. */
static void write_layers(FILE *out, const ReportData *d, const char *mode, Arena scratch) {
  const char *words = mode_layers_words(&scratch, d, mode);
  if (*words)
    fprintf(out, say(d->language, "**By layer**: %s runs %s.\n\n"), md_text(&scratch, mode), words);
}

static void write_stages(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  if (!data_mode(d, pair->base, 0) && !data_mode(d, pair->other, 0)) return;
  Grid grid = grid_new(&scratch, "lllc");
  grid_add(&grid, say(d->language, "stage"));
  grid_add(&grid, md_text(&scratch, pair->base));
  grid_add(&grid, md_text(&scratch, pair->other));
  grid_add(&grid, "");
  int differing = 0, stages = 0;
  for (int c = MODE_COLUMNS; c < table_modes.columns; c++) {
    bool in[LAYERS_MOST];
    const char *base = mode_layers_setting(&scratch, d, pair->base, c),
               *other = mode_layers_setting(&scratch, d, pair->other, c);
    if (!*base || !*other) continue; /* a stage of another family */
    const int layers = mode_layers_differ(d, pair, c, in);
    differing += layers > 0;
    stages++;
    grid_add(&grid, md_code(&scratch, table_modes.column[c].name));
    grid_add(&grid, base);
    grid_add(&grid, other);
    grid_add(&grid, !layers ? ""
                    : layers == d->layers
                        ? "**≠**"
                        : arena_printf(&scratch, say(d->language, "**≠** in %s"),
                                       mode_layers_list(d->language, &scratch, in, d->layers)));
  }
  fprintf(out,
          say(d->language, differing == 1
                               ? "**Stages**, as the modes ask for them: %d of %d differs.\n\n"
                               : "**Stages**, as the modes ask for them: %d of %d differ.\n\n"),
          differing, stages);
  grid_write(&grid, out);
}

/* The distinct kernels, or types, that one tensor of one mode had over layers and prompts. */
enum { KINDS_MOST = 8 }; /* more are counted, and not told apart */
typedef struct Seen {
  const char *text[KINDS_MOST];
  int count[KINDS_MOST], kinds, total;
  bool in[KINDS_MOST][LAYERS_MOST]; /* the layers */
} Seen;

static void seen_add(Seen *seen, const char *text, int layer) {
  int at = 0;
  while (at < seen->kinds && strcmp(seen->text[at], text)) at++;
  seen->total++;
  if (at == KINDS_MOST) return;
  seen->text[at] = text;
  if (at == seen->kinds) seen->kinds++;
  seen->count[at]++;
  if (layer >= 0 && layer < LAYERS_MOST) seen->in[at][layer] = true;
}

/* One of them: alone, or in how many; of a mode that differs by layer, in which of its `layers`. */
static const char *kind_words(Language l, Arena *arena, const Seen *seen, int kind,
                              const char *text, int layers) {
  int covered = 0;
  for (int layer = 0; layer < layers; layer++) covered += seen->in[kind][layer];
  if (covered && covered < layers)
    return arena_printf(arena, say(l, "%s in %s"), text,
                        mode_layers_list(l, arena, seen->in[kind], layers));
  return seen->kinds == 1
             ? text
             : arena_printf(arena, say(l, "%s in %d of %d"), text, seen->count[kind], seen->total);
}

static const char *seen_words(Language l, Arena *arena, const Seen *seen, bool code, int layers) {
  if (!seen->kinds) return "—";
  const char *words = "";
  for (int i = 0; i < seen->kinds; i++) {
    const char *text = code ? md_code(arena, seen->text[i]) : md_text(arena, seen->text[i]);
    words = arena_printf(arena, "%s%s%s", words, i ? say(l, "; ") : "",
                         kind_words(l, arena, seen, i, text, layers));
  }
  return words;
}

static void look(const ReportData *d, const char *mode, const char *tensor, Seen *kernel,
                 Seen *type) {
  *kernel = *type = (Seen){0};
  for (int64_t i = rows_by_first(&d->tensor_by, mode, tensor); i >= 0;
       i = rows_by_next(&d->tensor_by, i)) {
    const TensorStats *row = &d->tensor[i];
    seen_add(kernel, row->kernel, row->layer);
    seen_add(type, row->type, row->layer);
  }
}

/* "same", "differ", or in how many of the comparisons they differ. */
static const char *agreement(Language l, Arena *arena, int equal, int rows, const char *word) {
  if (rows == 0) return "—";
  if (equal == rows) return say(l, word);
  return equal == 0 ? "**≠**"
                    : arena_printf(arena, say(l, "**≠** in %d of %d"), rows - equal, rows);
}

static void write_kernels(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  Grid grid = grid_new(&scratch, "lllllll");
  const char *base = md_text(&scratch, pair->base), *other = md_text(&scratch, pair->other);
  const int layers[] = {data_mode_parted(d, pair->base) ? d->layers : 0,
                        data_mode_parted(d, pair->other) ? d->layers : 0};
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
      grid_add(&grid, seen_words(d->language, &scratch, &kernel[s], true, layers[s]));
      grid_add(&grid, seen_words(d->language, &scratch, &type[s], false, layers[s]));
    }
    grid_add(&grid, agreement(d->language, &scratch, tally.same_kernel, tally.rows, WORD("same")));
    grid_add(&grid,
             agreement(d->language, &scratch, tally.identical, tally.rows, WORD("identical")));
  }
  if (grid.count == grid.columns) {
    fputs(say(d->language,
              "The results file holds no tensor statistics, so there is no witness to show.\n\n"),
          out);
    return;
  }
  fprintf(out, say(d->language, "**Witness**: the kernels that ran, over %s and %s.\n\n"),
          md_count(d->language, &scratch, d->layers, "layer"),
          md_count(d->language, &scratch, d->prompts, "prompt"));
  grid_write(&grid, out);
}

typedef struct Shares {
  double on_grid, saturated;
} Shares;

/* Means over layers and prompts; NaN where the tensor has no scale. */
static Shares shares_of(const ReportData *d, const char *mode, const char *tensor) {
  Shares sum = {0, 0};
  int count = 0;
  for (int64_t i = rows_by_first(&d->tensor_by, mode, tensor); i >= 0;
       i = rows_by_next(&d->tensor_by, i)) {
    const TensorStats *row = &d->tensor[i];
    if (isnan(row->on_grid)) continue;
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
  for (int s = 0; s < 2; s++)
    grid_add(&grid, arena_printf(&scratch, say(d->language, "on grid, %s"), name[s]));
  for (int s = 0; s < 2; s++)
    grid_add(&grid, arena_printf(&scratch, say(d->language, "saturated, %s"), name[s]));
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
    fputs(say(d->language,
              "**Proof of effect**: shares of values on the INT8 grid, and saturated.\n\n"),
          out);
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
  fputs(say(d->language,
            "For each pair: the setting of every stage, as the modes ask for it; the *witness*, "
            "which is the kernel that really ran for each tensor and the type in which the tensor "
            "is stored; and what that did to the values. **≠** marks what differs. Values are "
            "*identical* where every float32 bit is, after dequantisation. A value is on the grid "
            "where quantising it at the tensor's static scale changes nothing, and saturated at or "
            "beyond the grid's end; the shares are means over layers and prompts.\n\n"),
        out);
  for (int p = 0; p < d->pairs; p++) {
    const ReportPair *pair = &d->pair[p];
    fprintf(out, "### %s\n\n%s\n\n", words_pair(d->language, &scratch, pair),
            words_effect(&scratch, d, pair));
    if (d->pairs > PAIRS_WHOLE)
      md_fold(out, say(d->language, "Stages, witness and proof of effect"));
    write_layers(out, d, pair->base, scratch);
    write_layers(out, d, pair->other, scratch);
    write_stages(out, d, pair, scratch);
    write_kernels(out, d, pair, scratch);
    write_proof(out, d, pair, scratch);
    if (d->pairs > PAIRS_WHOLE) md_fold_end(out);
  }
}
