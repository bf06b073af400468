/* micro: the operators alone: how wrong, where, and is that allowed? Runs are gathered by operator,
 * setting and output; every single run is in tables/micro.csv. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/micro_groups.h"
#include "report/sections.h"

/* --- the report's tables ---------------------------------------------------------------------- */

static const char *modes_cell(Arena *arena, const MicroRow *row) {
  return md_text(arena, row->modes);
}

static void write_errors(Language l, FILE *out, const MicroGroup *group, int count, const char *op,
                         Arena scratch) {
  static const char *const heading[] =
      WORDS("setting", "output", "modes", "runs", "values", "largest error, ULP", "mean, ULP",
            "not correctly rounded", "largest relative L2", "bound used", "beyond it");
  Grid grid = grid_new(&scratch, "lllrrrrrrrr");
  grid_head(l, &grid, heading);
  for (int i = 0; i < count; i++) {
    const MicroGroup *g = &group[i];
    if (strcmp(g->any->operator_name, op)) continue;
    grid_add(&grid, md_code(&scratch, g->any->setting));
    grid_add(&grid, md_code(&scratch, g->any->output));
    grid_add(&grid, modes_cell(&scratch, g->any));
    grid_add(&grid, arena_printf(&scratch, "%d", g->runs));
    grid_add(&grid, arena_printf(&scratch, "%lld", (long long)g->n));
    grid_add(&grid, md_factor(&scratch, g->ulp_max));
    grid_add(&grid, md_factor(&scratch, g->ulp_sum / (double)g->n));
    grid_add(&grid, md_percent(&scratch, g->misrounded / (double)g->n));
    grid_add(&grid, md_short(&scratch, g->rel_l2));
    grid_add(&grid, md_percent(&scratch, g->worst->used_max));
    grid_add(&grid, arena_printf(&scratch, "%lld", (long long)g->over));
  }
  grid_write(&grid, out);
}

/* The last output of each setting (scan: gated), input by input. */
static void write_inputs(FILE *out, const ReportData *d, const MicroGroup *group, int count,
                         const char *op, Arena scratch) {
  const MicroGroup **last = ARENA_NEW(&scratch, const MicroGroup *, count);
  char *align = arena_printf(&scratch, "l");
  int settings = 0;
  for (int i = 0; i < count; i++) {
    const MicroRow *row = group[i].any;
    if (strcmp(row->operator_name, op) || !strcmp(row->output, "ssm_state")) continue;
    bool same = settings && !strcmp(last[settings - 1]->any->setting, row->setting) &&
                strcmp(op, "linear") != 0;
    if (!same) align = arena_printf(&scratch, "%sr", align);
    last[same ? settings - 1 : settings++] = &group[i];
  }
  Grid grid = grid_new(&scratch, align);
  grid_add(&grid, say(d->language, "input"));
  for (int s = 0; s < settings; s++)
    grid_add(&grid, arena_printf(&scratch, "%s %s", md_code(&scratch, last[s]->any->setting),
                                 md_code(&scratch, last[s]->any->output)));
  for (size_t i = 0; i < d->micros; i++) {
    const MicroRow *row = &d->micro[i];
    bool met = strcmp(row->operator_name, op) != 0;
    for (size_t j = 0; j < i; j++)
      met =
          met || (!strcmp(d->micro[j].operator_name, op) && !strcmp(d->micro[j].input, row->input));
    if (met) continue;
    grid_add(&grid, md_text(&scratch, row->input));
    for (int s = 0; s < settings; s++) {
      MicroGroup own = {0};
      for (size_t r = 0; r < d->micros; r++)
        if (micro_same_group(&d->micro[r], last[s]->any) && !strcmp(d->micro[r].input, row->input))
          micro_group_add(&own, &d->micro[r]);
      grid_add(&grid, own.runs
                          ? arena_printf(&scratch, "%s, %s, %s", md_factor(&scratch, own.ulp_max),
                                         md_factor(&scratch, own.ulp_sum / (double)own.n),
                                         md_percent(&scratch, own.worst->used_max))
                          : "—");
    }
  }
  fputs(say(d->language, "Input by input, over all shapes: largest error and mean error in ULP, "
                         "and the share of the bound that is used:\n\n"),
        out);
  grid_write(&grid, out);
}

static void write_times(Language l, FILE *out, const MicroGroup *group, int count, const char *op,
                        Arena scratch) {
  static const char *const heading[] =
      WORDS("setting", "shape", "median, µs", "spread, µs", "runs", "GB/s", "times a copy");
  Grid grid = grid_new(&scratch, "llrrrrr");
  grid_head(l, &grid, heading);
  for (int i = 0; i < count; i++) {
    const MicroRow *row = group[i].largest;
    bool met = false;
    for (int j = 0; j < i; j++) met = met || group[j].largest->item == row->item;
    if (strcmp(row->operator_name, op) || met) continue;
    grid_add(&grid, md_code(&scratch, row->setting));
    grid_add(&grid, md_text(&scratch, row->shape));
    grid_add(&grid, md_fixed(&scratch, row->time_us, 1));
    grid_add(&grid, md_fixed(&scratch, row->time_mad_us, 1));
    grid_add(&grid, arena_printf(&scratch, "%lld", (long long)row->runs));
    grid_add(&grid, md_factor(&scratch, row->gb_s));
    grid_add(&grid, md_factor(&scratch, row->copy_ratio));
  }
  fputs(say(l, "Time at the largest shape, beside a plain copy that moves the same bytes (inputs "
               "read once, outputs written once); the spread is 1.4826 times the median absolute "
               "deviation:\n\n"),
        out);
  grid_write(&grid, out);
}

static const MicroWorst *worst_of(const ReportData *d, const MicroRow *row) {
  const MicroWorst *most = NULL;
  for (size_t i = 0; i < d->micro_worsts; i++) {
    const MicroWorst *w = &d->micro_worst[i];
    if (w->item == row->item && !strcmp(w->output, row->output) && (!most || w->used > most->used))
      most = w;
  }
  return most;
}

static void write_worst(FILE *out, const ReportData *d, const MicroGroup *group, int count,
                        const char *op, Arena scratch) {
  static const char *const heading[] =
      WORDS("setting", "input", "element", "got", "want", "error", "bound", "used", "made from");
  Grid grid = grid_new(&scratch, "lllrrrrrl");
  grid_head(d->language, &grid, heading);
  for (int i = 0; i < count; i++) {
    const MicroWorst *w =
        strcmp(group[i].any->operator_name, op) ? NULL : worst_of(d, group[i].worst);
    if (!w) continue;
    grid_add(&grid, md_code(&scratch, group[i].any->setting));
    grid_add(&grid, arena_printf(&scratch, "%s %s", md_text(&scratch, group[i].worst->input),
                                 md_text(&scratch, group[i].worst->shape)));
    grid_add(&grid,
             arena_printf(&scratch, "%s [%d, %d]", md_code(&scratch, w->output), w->row, w->col));
    grid_add(&grid, md_exact(&scratch, w->got));
    grid_add(&grid, md_exact(&scratch, w->want));
    grid_add(&grid, md_short(&scratch, w->error));
    grid_add(&grid, md_short(&scratch, w->bound));
    grid_add(&grid, md_percent(&scratch, w->used));
    grid_add(&grid, md_text(&scratch, w->inputs));
  }
  if (grid.count == grid.columns) return;
  fputs(say(d->language, "Of the ten largest errors of the run that uses most of its bound, the "
                         "one that uses most:\n\n"),
        out);
  grid_write(&grid, out);
}

/* --- the charts ------------------------------------------------------------------------------- */

/* Counts of a group's bins whose lower edges are `low`. */
static double count_of(const ReportData *d, const MicroGroup *g, const char *kind, double low) {
  double sum = 0;
  for (size_t i = 0; i < d->micro_bins; i++) {
    const MicroBin *bin = &d->micro_bin[i];
    if (bin->low != low || strcmp(bin->kind, kind) || strcmp(bin->output, g->any->output)) continue;
    for (size_t r = 0; r < d->micros; r++) {
      const MicroRow *row = &d->micro[r];
      if (row->item == bin->item && micro_same_group(row, g->any)) sum += (double)bin->count;
    }
  }
  return sum;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Lower edges of all bins of this kind that the operator fills, ascending. */
static int edges_of(const ReportData *d, const char *op, const char *kind, double *edge, int most) {
  int count = 0;
  for (size_t i = 0; i < d->micro_bins; i++) {
    const MicroBin *bin = &d->micro_bin[i];
    if (strcmp(bin->kind, kind)) continue;
    bool mine = false, met = false;
    for (size_t r = 0; r < d->micros && !mine; r++)
      mine = d->micro[r].item == bin->item && !strcmp(d->micro[r].operator_name, op);
    for (int e = 0; e < count; e++) met = met || edge[e] == bin->low;
    if (mine && !met && count < most) edge[count++] = bin->low;
  }
  qsort(edge, (size_t)count, sizeof *edge, compare);
  return count;
}

/* A line for each setting and output; a column for each bin; a bar's height is the logarithm of its
 * share. */
static void write_chart(FILE *out, const ReportData *d, const MicroGroup *group, int count,
                        const char *op, const char *kind, const char *words, Arena scratch) {
  enum { EDGES_MAX = 64 };
  static const char *const bar[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  double edge[EDGES_MAX];
  int edges = edges_of(d, op, kind, edge, EDGES_MAX);
  if (edges == 0) return;
  const char *text =
      arena_printf(&scratch, "%s %s", md_padded(&scratch, words, 40), say(d->language, "from"));
  for (int e = 0; e < edges; e++)
    text = arena_printf(&scratch, edge[e] >= 1024 ? "%s 2^%-3.0f" : "%s %5.4g", text,
                        edge[e] >= 1024  ? log2(edge[e])
                        : edge[e] < -100 ? -INFINITY
                                         : edge[e]);
  text = arena_printf(&scratch, "%s\n", text);
  for (int i = 0; i < count; i++) {
    if (strcmp(group[i].any->operator_name, op)) continue;
    double total = 0, part[EDGES_MAX];
    for (int e = 0; e < edges; e++) total += part[e] = count_of(d, &group[i], kind, edge[e]);
    text =
        arena_printf(&scratch, "%s%-32s %-12s", text, group[i].any->setting, group[i].any->output);
    for (int e = 0; e < edges; e++) {
      double share = total > 0 ? part[e] / total : 0;
      int height = share == 0
                       ? 0
                       : (int)fmin(8, fmax(1, 8 + 8 * log10(share) / 6)); /* a step: a factor 5.6 */
      text = arena_printf(&scratch, "%s     %s", text, bar[height]);
    }
    text = arena_printf(&scratch, "%s\n", text);
  }
  md_fence(out, "text", text);
}

/* --- the section ------------------------------------------------------------------------------ */

static void write_answer(FILE *out, const ReportData *d, const MicroGroup *group, int count,
                         Arena scratch) {
  const MicroRow *first;
  int64_t over = micro_over(d, &first), values = 0;
  const MicroGroup *most = group; /* there is one: body.c asks */
  int captured = 0, equal = 0;
  for (int i = 0; i < count; i++) {
    values += group[i].n;
    if (group[i].worst->used_max > most->worst->used_max) most = &group[i];
  }
  for (size_t i = 0; i < d->micros; i++) {
    captured += d->micro[i].as_in_run >= 0;
    equal += d->micro[i].as_in_run == 1;
  }
  if (over)
    fprintf(out, say(d->language, "> **Warning.** %s.\n\n"),
            md_text(&scratch, micro_broken(&scratch, d)));
  else
    fprintf(out,
            say(d->language,
                "All %lld values lie within the bound that can be proved for their float32 "
                "arithmetic; most of it is used by %s %s, output %s, on input %s: %s.\n\n"),
            (long long)values, md_text(&scratch, most->any->operator_name),
            md_code(&scratch, most->any->setting), md_code(&scratch, most->any->output),
            md_text(&scratch, most->worst->input), md_percent(&scratch, most->worst->used_max));
  if (captured)
    fprintf(out,
            say(d->language, "On inputs captured from the model %d of %s equal those of the full "
                             "run in every bit.\n\n"),
            equal, md_count(d->language, &scratch, captured, "output"));
  fputs(say(d->language,
            "An error is the distance from the float64 result on the very same inputs, before any "
            "rounding to the output's type; a ULP is the unit of the last place of that type "
            "there, of an int8 output its scale. Every run is in `tables/micro.csv`, the ten worst "
            "elements of each in `tables/micro_worst.csv`.\n\n"),
        out);
}

void section_micro(FILE *out, const ReportData *d, Arena scratch) {
  int count;
  const MicroGroup *group = micro_groups(&scratch, d, &count);
  write_answer(out, d, group, count, scratch);
  for (int i = 0; i < count; i++) {
    const char *op = group[i].any->operator_name;
    if (!micro_first_of_operator(group, i)) continue;
    fprintf(out, "### %s\n\n", md_text(&scratch, op));
    write_errors(d->language, out, group, count, op, scratch);
    write_inputs(out, d, group, count, op, scratch);
    write_worst(out, d, group, count, op, scratch);
    fputs(say(d->language, "Distribution of the errors, each bar on a logarithmic scale down to "
                           "one in a million; a dot is none:\n\n"),
          out);
    write_chart(out, d, group, count, op, "ulp", "ULP", scratch);
    write_chart(out, d, group, count, op, "log10_rel",
                say(d->language, "log10 of the relative error"), scratch);
    write_times(d->language, out, group, count, op, scratch);
  }
}
