/* run: what belongs to the run and not to a pair: scales and values that are not finite, time, and
 * how to do it again. */
#include <math.h>
#include <string.h>

#include "report/finite.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/sections.h"

static void write_scales(FILE *out, const ReportData *d, Arena scratch) {
  Grid grid = grid_new(&scratch, "lrrrrrr");
  static const char *const heading[] =
      WORDS("scale", "values", "smallest", "at layer", "largest", "at layer", "ratio");
  grid_head(d->language, &grid, heading);
  for (size_t i = 0; i < d->scales; i++) {
    const char *name = d->scale[i].name;
    bool met = false;
    for (size_t j = 0; j < i && !met; j++) met = !strcmp(d->scale[j].name, name);
    if (met) continue;
    const ScaleRow *smallest = &d->scale[i], *largest = smallest;
    int values = 0;
    for (size_t j = i; j < d->scales; j++) {
      if (strcmp(d->scale[j].name, name)) continue;
      values++;
      if (d->scale[j].scale < smallest->scale) smallest = &d->scale[j];
      if (d->scale[j].scale > largest->scale) largest = &d->scale[j];
    }
    grid_add(&grid, md_code(&scratch, name));
    grid_add(&grid, arena_printf(&scratch, "%d", values));
    grid_add(&grid, md_short(&scratch, smallest->scale));
    grid_add(&grid, arena_printf(&scratch, "%d", smallest->layer));
    grid_add(&grid, md_short(&scratch, largest->scale));
    grid_add(&grid, arena_printf(&scratch, "%d", largest->layer));
    grid_add(&grid, md_factor(&scratch, largest->scale / smallest->scale));
  }
  fputs(say(d->language, "Scales; an INT8 step is the scale itself. Static ones, one a layer: of "
                         "activations (`s_…`, from the calibration) and of weights (from their "
                         "largest absolute value). `conv_in` is what a mode takes from each prompt "
                         "by itself. Every scale is in `tables/scales.csv`.\n\n"),
        out);
  grid_write(&grid, out);
}

/* What GSL's own functions computed again; files of before do not say. */
static void write_checked(FILE *out, const ReportData *d) {
  size_t tensors = 0, pairs = 0;
  for (size_t i = 0; i < d->tensors; i++) tensors += d->tensor[i].checked == 1;
  for (size_t i = 0; i < d->pair_rows; i++) pairs += d->pair_row[i].checked == 1;
  if (!tensors && !pairs) return;
  if (tensors == d->tensors && pairs == d->pair_rows)
    fputs(say(d->language, "All statistics of tensors and pairs were computed by GSL's own "
                           "functions.\n\n"),
          out);
  else
    fprintf(
        out,
        say(d->language,
            "GSL's own functions computed a random %zu of %zu rows of tensors and %zu of %zu "
            "rows of pairs again, and every column agreed: the column `checked` names them.\n\n"),
        tensors, d->tensors, pairs, d->pair_rows);
}

void section_health(FILE *out, const ReportData *d, Arena scratch) {
  const char *warning = finite_warning(&scratch, d);
  if (*warning)
    fprintf(out, say(d->language, "> **Warning.** %s\n\n"), warning);
  else if (d->tensors)
    fputs(
        say(d->language, "Every value of every tensor is finite, and quantisation met no NaN.\n\n"),
        out);
  write_checked(out, d);
  if (d->scales)
    write_scales(out, d, scratch);
  else
    fputs(say(d->language, "The results file holds no scales.\n\n"), out);
}

static const char whole_run[] = "total"; /* its row of the table */

/* A step of the run by what it is, else by the mode's name. */
static const char *step_words(const ReportData *d, Arena *arena, const char *what) {
  static const char *const step[] = WORDS("load", "prepare", "rewrite proof", "calibrate",
                                          "statistics", "read sources", "error budget", "store");
  if (d->language == LANGUAGE_ENGLISH) return md_text(arena, what);
  if (!strcmp(what, whole_run)) return say(d->language, "altogether");
  for (size_t i = 0; i < sizeof step / sizeof *step; i++)
    if (!strcmp(step[i], what)) return say(d->language, step[i]);
  return md_text(arena, what);
}

void section_performance(FILE *out, const ReportData *d, Arena scratch) {
  if (!d->performances) {
    fputs(say(d->language, "The results file holds no times.\n\n"), out);
    return;
  }
  Grid grid = grid_new(&scratch, "lrr");
  grid_add(&grid, say(d->language, "what"));
  grid_add(&grid, say(d->language, "time, s"));
  grid_add(&grid, say(d->language, "share"));
  double total = NAN;
  for (size_t i = 0; i < d->performances; i++)
    if (!strcmp(d->performance[i].what, whole_run)) total = d->performance[i].time_s;
  for (size_t i = 0; i < d->performances; i++) {
    const Performance *row = &d->performance[i];
    grid_add(&grid, step_words(d, &scratch, row->what));
    grid_add(&grid, md_fixed(&scratch, row->time_s, 3));
    grid_add(&grid, total > 0 ? md_percent(&scratch, row->time_s / total) : "—");
  }
  grid_write(&grid, out);
  for (size_t i = 0; i < d->performances; i++) {
    const Performance *row = &d->performance[i];
    if (row->bytes <= 0) continue;
    const char *size = md_bytes(&scratch, (double)row->bytes);
    if (!strcmp(row->what, whole_run))
      fprintf(out, say(d->language, "Largest resident memory: %s.\n\n"), size);
    else
      fprintf(out, say(d->language, "Written by %s: %s.\n\n"), step_words(d, &scratch, row->what),
              size);
  }
}

typedef struct Line {
  About about;
  const char *label;
  bool code;
} Line;

static const Line reproduce_lines[] = {
    {ABOUT_PROGRAM, WORD("program"), false},
    {ABOUT_COMMIT, WORD("commit"), true},
    {ABOUT_PROGRAM_DIGEST, WORD("program digest"), true},
    {ABOUT_SPEC_PATH, WORD("spec"), true},
    {ABOUT_SPEC_DIGEST, WORD("spec digest"), true},
    {ABOUT_MODEL, WORD("model"), true},
    {ABOUT_WEIGHTS_DIGEST, WORD("weights digest"), true},
    {ABOUT_TEXT_DIGEST, WORD("text digest"), true},
    {ABOUT_REWRITE, WORD("rewrite"), false},
    {ABOUT_REWRITE_PROOF, WORD("logits with and without the rewrite, relative difference"), false},
    {ABOUT_SEED, WORD("seed"), false},
    {ABOUT_DATE, WORD("date"), false},
    {ABOUT_MACHINE, WORD("machine"), false},
    {ABOUT_BACKEND, WORD("backend"), false},
    {ABOUT_DEVICE, WORD("device"), false},
    {ABOUT_COMPILER, WORD("compiler"), false},
    {ABOUT_FLAGS, WORD("flags"), true},
};

void section_reproduce(FILE *out, const ReportData *d, Arena scratch) {
  if (d->about[ABOUT_COMMAND]) md_fence(out, "sh", d->about[ABOUT_COMMAND]);
  Grid grid = grid_new(&scratch, "ll");
  grid_add(&grid, "");
  grid_add(&grid, "");
  for (size_t i = 0; i < sizeof reproduce_lines / sizeof *reproduce_lines; i++) {
    const char *text = d->about[reproduce_lines[i].about];
    if (!text || !*text) continue;
    grid_add(&grid, say(d->language, reproduce_lines[i].label));
    grid_add(&grid, reproduce_lines[i].code ? md_code(&scratch, text) : md_text(&scratch, text));
  }
  if (grid.count > grid.columns) grid_write(&grid, out);
  const char *effective = d->about[ABOUT_SPEC_EFFECTIVE], *raw = d->about[ABOUT_SPEC_RAW];
  if (effective) {
    fputs(say(d->language, "The spec with every default filled in:\n\n"), out);
    md_fence(out, "yaml", effective);
  } else if (raw) {
    fputs(say(d->language, "The spec:\n\n"), out);
    md_fence(out, "yaml", raw);
  }
}
