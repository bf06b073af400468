/* run: what belongs to the run and not to a pair: scales and values that are not finite, time, and how
 * to do it again. */
#include <math.h>
#include <string.h>

#include "report/markdown.h"
#include "report/sections.h"
#include "report/words.h"

const char *section_warning(Arena *arena, const ReportData *d) {
  const TensorStats *first_nonfinite = NULL, *first_nan = NULL;
  int64_t nonfinite = 0, nans = 0;
  int places = 0, nan_places = 0;
  for (size_t i = 0; i < d->tensors; i++) {
    const TensorStats *row = &d->tensor[i];
    if (row->nonfinite > 0 && !first_nonfinite) first_nonfinite = row;
    if (row->q8_nans > 0 && !first_nan) first_nan = row;
    nonfinite += row->nonfinite;
    nans += row->q8_nans;
    places += row->nonfinite > 0;
    nan_places += row->q8_nans > 0;
  }
  const char *words = "";
  if (first_nonfinite)
    words =
        arena_printf(arena, "Not finite, and left out of the statistics: %s in %s, first in %s of mode %s, prompt %s.",
                     md_count(arena, nonfinite, "value"), md_count(arena, places, "tensor"),
                     words_place(arena, first_nonfinite->tensor, first_nonfinite->layer),
                     md_text(arena, first_nonfinite->mode), md_text(arena, first_nonfinite->prompt));
  if (first_nan)
    words = arena_printf(arena, "%s%sTurned into 0 by quantisation: %s in %s, first in %s of mode %s, prompt %s.",
                         words, *words ? " " : "", md_count(arena, nans, "NaN"), md_count(arena, nan_places, "tensor"),
                         words_place(arena, first_nan->tensor, first_nan->layer), md_text(arena, first_nan->mode),
                         md_text(arena, first_nan->prompt));
  return words;
}

static void write_scales(FILE *out, const ReportData *d, Arena scratch) {
  Grid grid = grid_new(&scratch, "lrrrrrr");
  static const char *const heading[] = {"scale", "layers", "smallest", "at layer", "largest", "at layer", "ratio"};
  for (int c = 0; c < grid.columns; c++) grid_add(&grid, heading[c]);
  for (size_t i = 0; i < d->scales; i++) {
    const char *name = d->scale[i].name;
    bool met = false;
    for (size_t j = 0; j < i && !met; j++) met = !strcmp(d->scale[j].name, name);
    if (met) continue;
    const ScaleRow *smallest = &d->scale[i], *largest = smallest;
    int layers = 0;
    for (size_t j = i; j < d->scales; j++) {
      if (strcmp(d->scale[j].name, name)) continue;
      layers++;
      if (d->scale[j].scale < smallest->scale) smallest = &d->scale[j];
      if (d->scale[j].scale > largest->scale) largest = &d->scale[j];
    }
    grid_add(&grid, md_code(&scratch, name));
    grid_add(&grid, arena_printf(&scratch, "%d", layers));
    grid_add(&grid, md_short(&scratch, smallest->scale));
    grid_add(&grid, arena_printf(&scratch, "%d", smallest->layer));
    grid_add(&grid, md_short(&scratch, largest->scale));
    grid_add(&grid, arena_printf(&scratch, "%d", largest->layer));
    grid_add(&grid, md_factor(&scratch, largest->scale / smallest->scale));
  }
  fputs("Static scales, one a tensor and layer; an INT8 step is the scale itself. Every scale is in "
        "`tables/scales.csv`.\n\n",
        out);
  grid_write(&grid, out);
}

void section_health(FILE *out, const ReportData *d, Arena scratch) {
  const char *warning = section_warning(&scratch, d);
  if (*warning)
    fprintf(out, "> **Warning.** %s\n\n", warning);
  else if (d->tensors)
    fputs("Every value of every tensor is finite, and quantisation met no NaN.\n\n", out);
  if (d->scales)
    write_scales(out, d, scratch);
  else
    fputs("The results file holds no static scales.\n\n", out);
}

void section_performance(FILE *out, const ReportData *d, Arena scratch) {
  if (!d->performances) {
    fputs("The results file holds no times.\n\n", out);
    return;
  }
  Grid grid = grid_new(&scratch, "lrr");
  grid_add(&grid, "what");
  grid_add(&grid, "time, s");
  grid_add(&grid, "share");
  double total = NAN;
  for (size_t i = 0; i < d->performances; i++)
    if (!strcmp(d->performance[i].what, "total")) total = d->performance[i].time_s;
  for (size_t i = 0; i < d->performances; i++) {
    const Performance *row = &d->performance[i];
    grid_add(&grid, md_text(&scratch, row->what));
    grid_add(&grid, arena_printf(&scratch, "%.3f", row->time_s));
    grid_add(&grid, total > 0 ? md_percent(&scratch, row->time_s / total) : "—");
  }
  grid_write(&grid, out);
  for (size_t i = 0; i < d->performances; i++) {
    const Performance *row = &d->performance[i];
    if (row->bytes <= 0) continue;
    const char *size = md_bytes(&scratch, (double)row->bytes);
    if (!strcmp(row->what, "total"))
      fprintf(out, "Largest resident memory: %s.\n\n", size);
    else
      fprintf(out, "Written by %s: %s.\n\n", md_text(&scratch, row->what), size);
  }
}

typedef struct Line {
  About about;
  const char *label;
  bool code;
} Line;

static const Line reproduce_lines[] = {
    {ABOUT_PROGRAM, "program", false},
    {ABOUT_COMMIT, "commit", true},
    {ABOUT_PROGRAM_DIGEST, "program digest", true},
    {ABOUT_SPEC_PATH, "spec", true},
    {ABOUT_SPEC_DIGEST, "spec digest", true},
    {ABOUT_MODEL, "model", true},
    {ABOUT_WEIGHTS_DIGEST, "weights digest", true},
    {ABOUT_TEXT_DIGEST, "text digest", true},
    {ABOUT_REWRITE, "rewrite", false},
    {ABOUT_REWRITE_PROOF, "logits with and without the rewrite, relative difference", false},
    {ABOUT_SEED, "seed", false},
    {ABOUT_DATE, "date", false},
    {ABOUT_MACHINE, "machine", false},
    {ABOUT_BACKEND, "backend", false},
    {ABOUT_DEVICE, "device", false},
    {ABOUT_COMPILER, "compiler", false},
    {ABOUT_FLAGS, "flags", true},
    {ABOUT_BLAS, "BLAS of the reference", false},
};

void section_reproduce(FILE *out, const ReportData *d, Arena scratch) {
  if (d->about[ABOUT_COMMAND]) md_fence(out, "sh", d->about[ABOUT_COMMAND]);
  Grid grid = grid_new(&scratch, "ll");
  grid_add(&grid, "");
  grid_add(&grid, "");
  for (size_t i = 0; i < sizeof reproduce_lines / sizeof *reproduce_lines; i++) {
    const char *text = d->about[reproduce_lines[i].about];
    if (!text || !*text) continue;
    grid_add(&grid, reproduce_lines[i].label);
    grid_add(&grid, reproduce_lines[i].code ? md_code(&scratch, text) : md_text(&scratch, text));
  }
  if (grid.count > grid.columns) grid_write(&grid, out);
  const char *effective = d->about[ABOUT_SPEC_EFFECTIVE], *raw = d->about[ABOUT_SPEC_RAW];
  if (effective) {
    fputs("The spec with every default filled in:\n\n", out);
    md_fence(out, "yaml", effective);
  } else if (raw) {
    fputs("The spec:\n\n", out);
    md_fence(out, "yaml", raw);
  }
}
