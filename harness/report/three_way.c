/* three_way: is the difference of two more than their own errors? Both against a third. */
#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/sections.h"

bool asked_three_way(const ReportData *d) { return d->three_ways > 0; }

static bool same_three(const ThreeWay *a, const ThreeWay *b) {
  return !strcmp(a->base, b->base) && !strcmp(a->other, b->other) &&
         !strcmp(a->against, b->against);
}

/* What leaves a layer, and the logits. */
static bool is_shown(const ReportData *d, const ThreeWay *row) {
  const char *logits = data_role(d, ROLE_LOGITS);
  return !strcmp(row->tensor, data_role(d, ROLE_BLOCK_OUT)) ||
         (*logits && !strcmp(row->tensor, logits));
}

/* Of the last layer: which of the two is further from the third. */
static void write_end(FILE *out, const ReportData *d, const ThreeWay *row, Arena scratch) {
  const Language l = d->language;
  const char *base = md_text(&scratch, row->base), *other = md_text(&scratch, row->other),
             *against = md_text(&scratch, row->against);
  fprintf(out, say(l, "In the last layer %s is off %s by %s and %s by %s"), base, against,
          md_error(&scratch, row->error_base), other, md_error(&scratch, row->error_other));
  if (isnan(row->ratio))
    fputs(say(l, "; their ratio has no number.\n\n"), out);
  else if (isnan(row->ratio_low))
    fprintf(out, say(l, ", ×%s (of this prompt alone).\n\n"), md_factor(&scratch, row->ratio));
  else
    fprintf(out,
            say(l, row->ratio_low > 1    ? ": ×%s (%s … %s), so the second is further off.\n\n"
                   : row->ratio_high < 1 ? ": ×%s (%s … %s), so the second is nearer.\n\n"
                                         : ": ×%s (%s … %s), so neither can be told to be "
                                           "nearer.\n\n"),
            md_factor(&scratch, row->ratio), md_factor(&scratch, row->ratio_low),
            md_factor(&scratch, row->ratio_high));
}

static void write_rows(FILE *out, const ReportData *d, const ThreeWay *first, Arena scratch) {
  const Language l = d->language;
  const ThreeWay *last = NULL;
  Grid grid = grid_new(&scratch, "lrrrrrrrr");
  grid_add(&grid, say(l, "tensor"));
  grid_add(&grid, say(l, "layer"));
  grid_add(&grid, arena_printf(&scratch, say(l, "error of %s"), md_text(&scratch, first->base)));
  grid_add(&grid, arena_printf(&scratch, say(l, "error of %s"), md_text(&scratch, first->other)));
  grid_add(&grid, say(l, "ratio"));
  grid_add(&grid, say(l, "ratio of deviations"));
  grid_add(&grid, say(l, "overlap"));
  grid_add(&grid, say(l, "worst ratio"));
  grid_add(&grid, say(l, "worst ratio of max abs"));
  for (size_t i = 0; i < d->three_ways; i++) {
    const ThreeWay *row = &d->three_way[i];
    if (!same_three(row, first) || !is_shown(d, row)) continue;
    if (row->layer == d->layers - 1) last = row;
    grid_add(&grid, md_code(&scratch, row->tensor));
    grid_add(&grid, row->layer == d->layers ? "—" : arena_printf(&scratch, "%d", row->layer));
    grid_add(&grid, md_error(&scratch, row->error_base));
    grid_add(&grid, md_error(&scratch, row->error_other));
    grid_add(&grid,
             md_interval(l, &scratch, md_factor, row->ratio, row->ratio_low, row->ratio_high));
    grid_add(&grid, md_factor(&scratch, row->sigma_ratio));
    grid_add(&grid, md_factor(&scratch, row->overlap));
    grid_add(&grid, md_factor(&scratch, row->worst_l2));
    grid_add(&grid, md_factor(&scratch, row->worst_max_abs));
  }
  if (last) write_end(out, d, last, scratch);
  grid_write(&grid, out);
}

void section_three_way(FILE *out, const ReportData *d, Arena scratch) {
  const Language l = d->language;
  fputs(say(l, "Two that differ may both be as near to the truth as their precision allows. Errors "
               "are relative L2 against the third, prompts pooled; the ratio is that of the second "
               "to the first, geometric mean over prompts, with 95 % over prompts in brackets; "
               "deviations are those of all single errors, and the overlap is the Bhattacharyya "
               "coefficient of the two sets of errors, as normal ones: 1 where they are alike. "
               "Every tensor is in `tables/three_way.csv`.\n\n"),
        out);
  for (size_t i = 0; i < d->three_ways; i++) {
    const ThreeWay *row = &d->three_way[i];
    bool met = false;
    for (size_t k = 0; k < i && !met; k++) met = same_three(&d->three_way[k], row);
    if (met) continue;
    fprintf(out, say(l, "### %s and %s against %s\n\n"), md_text(&scratch, row->base),
            md_text(&scratch, row->other), md_text(&scratch, row->against));
    write_rows(out, d, row, scratch);
  }
}
